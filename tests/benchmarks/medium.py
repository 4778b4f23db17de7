"""A medium network, 64-256-256-10, in batches of 128 of 20,000 rows: irisbp's plain loop and its peers.

Each peer is a process of its own, `python -m tests.benchmarks.medium PEER ACTIVATION`, which trains for a
burst whenever it is told to and says what an update took. So no peer's threads are in another's way.
"""

import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from irisbp.config.load import load_config
from irisbp.data.table import Table
from irisbp.nn.types import Array, Indices
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Block
from tests.benchmarks.turns import Row, environment, is_installed

ROWS, BATCH, WIDTHS, RATE = 20_000, 128, (64, 256, 256, 10), 0.01
_BURST = 0.3  # seconds
_PAUSE = 0.2  # seconds, until the threads of who worked last have gone to sleep


def rows(rounds: int) -> list[Row]:
    """A row for each activation: the best two updates of all bursts."""
    peers = ["irisbp", *filter(is_installed, ("PyTorch", "scikit-learn"))]
    return [_row(activation, peers, rounds) for activation in ("relu", "sigmoid")]


def _row(activation: str, peers: list[str], rounds: int) -> Row:
    workers = {name: _start(name, activation) for name in peers}
    best = dict.fromkeys(peers, float("inf"))
    for _ in range(rounds):
        for name, worker in workers.items():
            time.sleep(_PAUSE)
            best[name] = min(best[name], _burst(worker))
    for worker in workers.values():
        worker.communicate()
    what = f"64-256-256-10, batches of 128, {activation}: an update"
    return Row(what, best.pop("irisbp"), best, wanted=[("PyTorch", 0.85)])


def _start(peer: str, activation: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.benchmarks.medium", peer, activation]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment())


def _burst(worker: "subprocess.Popen[str]") -> float:
    """Seconds per update, the least of one burst."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def _data() -> tuple[Array, Indices]:
    draws = np.random.default_rng(0)
    return draws.normal(size=(ROWS, WIDTHS[0])), draws.integers(0, WIDTHS[-1], ROWS)


def _irisbp(activation: str) -> Callable[[], object]:
    """`irisbp train` without its files: progress and the watch for what is not finite included."""
    inputs, labels = _data()
    names = tuple(f"x{k}" for k in range(WIDTHS[0]))
    table = Table("drawn", names, inputs, "class", tuple(map(str, labels.tolist())), "")
    overrides = [
        "epochs=1000000", f"batch_size={BATCH}", f"learning_rate={RATE}", "initializer=glorot_uniform",
        f"network.hidden=[{WIDTHS[1]},{WIDTHS[2]}]", f"network.activation={activation}", "threads=2",
    ]  # fmt: skip
    # A block is two batches; what an epoch ends with is no block, and a short one.
    records = train(prepare(load_config(None, overrides), table))
    blocks = (record for record in records if isinstance(record, Block) and len(record.rows) == 2 * BATCH)
    return lambda: next(blocks)


def _pytorch(activation: str) -> Callable[[], object]:
    import torch  # takes its number of threads from OMP_NUM_THREADS
    from torch import nn

    torch.set_default_dtype(torch.float64)
    inputs, labels = map(torch.tensor, _data())
    function = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[activation]
    a, b, c, d = WIDTHS
    model = nn.Sequential(nn.Linear(a, b), function(), nn.Linear(b, c), function(), nn.Linear(c, d))
    loss_of, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=RATE)
    place = 0

    def updates() -> None:
        nonlocal place
        for k in (place, place + BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(inputs[k : k + BATCH]), labels[k : k + BATCH]).backward()
            optimizer.step()
        place = (place + 2 * BATCH) % (ROWS - 2 * BATCH)

    return updates


def _sklearn(activation: str) -> Callable[[], object]:
    from sklearn.neural_network import MLPClassifier

    inputs, labels = _data()
    model = MLPClassifier(
        WIDTHS[1:-1],
        activation="logistic" if activation == "sigmoid" else "relu",
        solver="sgd",
        alpha=0.0,
        batch_size=BATCH,
        learning_rate_init=RATE,
        momentum=0.0,
        shuffle=False,
    )
    warnings.simplefilter("ignore")
    model.partial_fit(inputs[:BATCH], labels[:BATCH], classes=np.arange(WIDTHS[-1]))
    return lambda: model.partial_fit(inputs[: 2 * BATCH], labels[: 2 * BATCH])


def _work(peer: str, activation: str) -> None:
    """Train for a burst at every line of stdin, and print the least seconds of an update."""
    makers = {"irisbp": _irisbp, "PyTorch": _pytorch, "scikit-learn": _sklearn}
    two_updates = makers[peer](activation)
    two_updates()
    for _ in sys.stdin:
        best, ends = float("inf"), time.perf_counter() + _BURST
        while (began := time.perf_counter()) < ends:
            two_updates()
            best = min(best, time.perf_counter() - began)
        print(best / 2, flush=True)


if __name__ == "__main__":
    _work(*sys.argv[1:])
