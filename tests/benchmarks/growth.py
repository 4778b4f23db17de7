"""Whether cost and memory grow with a run's length: `python -m tests.benchmarks.growth FOLDER [MOST]`.

Trains the article's network, recorded, for 10^4 to 10^7 updates: more epochs, more rows, and in an ensemble
more runs. What an update costs and what a process holds should be the same at every size. Draws both into
FOLDER as cost.png and memory.png. Takes some minutes.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np

from irisbp.config.load import load_config
from irisbp.data.source import read_table
from irisbp.data.table import Table
from irisbp.nn.engines.many.compiled import train_ensemble
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Sgd
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.session import finish
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from tests.benchmarks.turns import environment

UPDATES = (10**4, 10**5, 10**6, 10**7)
_SAMPLES = 150  # of iris
_PIECES, _LATE = 20, 5  # of a run; the least of its last ones counts, where growth would show
_LEAST = 10**5  # updates that are measured, in as many runs as it takes
_ROUNDS = 5
Series = list[tuple[int, float]]  # how many updates, and what they cost


def main(folder: Path, most: int = UPDATES[-1]) -> None:
    """Measure up to so many updates, print and draw."""
    sizes_of_runs = [n for n in UPDATES if n <= most]
    cost: dict[str, Series] = {}
    memory: dict[str, Series] = {}
    for engine in ("plain", "compiled"):
        for what, sizes in (("epochs", _epochs), ("rows", _rows)):
            name = f"{engine}, more {what}"
            measured = _in_turns(engine, {n: sizes(n) for n in sizes_of_runs})
            cost[name] = [(n, nanoseconds) for n, (nanoseconds, _) in measured.items()]
            if what == "epochs":
                memory[name] = [(n, mebibytes) for n, (_, mebibytes) in measured.items()]
    cost["compiled, more runs"] = list(_runs(sizes_of_runs))
    for name, series in (cost | {f"{name}, MiB": each for name, each in memory.items()}).items():
        print(f"{name}: " + ", ".join(f"{n:.0e} {value:,.1f}" for n, value in series))
    _draw(folder / "cost.png", "ns of processor time per update", cost, log=True)
    _draw(folder / "memory.png", "peak memory, MiB", memory, log=False)


def _epochs(updates: int) -> tuple[int, int]:
    return _SAMPLES, round(updates / _SAMPLES)


def _rows(updates: int) -> tuple[int, int]:
    """Up to a million rows, for ten epochs."""
    return updates // 10, 10


def _in_turns(engine: str, sizes: dict[int, tuple[int, int]]) -> dict[int, tuple[float, float]]:
    """The least nanoseconds per update and the most MiB of runs of each size; the longest are run once."""
    found: dict[int, list[list[float]]] = {n: [] for n in sizes}
    for _ in range(_ROUNDS):
        for n, (rows, epochs) in sizes.items():
            if not found[n] or n < UPDATES[-1] or engine == "compiled":
                found[n].append(_in_process(engine, rows, epochs))
    return {n: (min(c for c, _ in each), max(m for _, m in each)) for n, each in found.items()}


def _in_process(engine: str, rows: int, epochs: int) -> list[float]:
    """Nanoseconds per update and peak MiB of a process that does nothing else."""
    command = [sys.executable, "-m", "tests.benchmarks.growth", engine, str(rows), str(epochs)]
    done = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True)
    return [float(figure) for figure in done.stdout.split()]


def _train(engine: str, rows: int, epochs: int) -> None:
    """Print the cost of a run's late pieces in processor time, and the process's peak."""
    table, pieces = _table(rows), list[float]()
    for _ in range(max(1, _LEAST // (rows * epochs))):
        pieces += list(_pieces(engine, table, epochs))[-_LATE:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(min(pieces) * 1e9, peak)


def _pieces(engine: str, table: Table, epochs: int) -> Iterator[float]:
    """Seconds of processor time per update in each piece of one run."""
    training = prepare(load_config(None, [f"epochs={epochs}", f"engine={engine}", "record=epochs"]), table)
    piece, done = training.steps // _PIECES, 0
    with tempfile.TemporaryDirectory() as name, Directory(Path(name)) as directory:
        writer = RunWriter(directory, training)
        began = time.process_time()
        for record in train(training):
            writer.take(record)
            updates = training.progress.step - done
            if updates >= piece:
                now = time.process_time()
                yield (now - began) / updates
                began, done = now, done + updates
        finish(writer, training, "completed")


def _table(rows: int) -> Table:
    """Iris, again and again."""
    iris = read_table(None)
    chosen = np.arange(rows) % _SAMPLES
    targets = tuple(iris.targets[k] for k in chosen.tolist())
    return Table(iris.source, iris.features, iris.values[chosen], iris.target, targets, iris.digest)


def _runs(sizes: list[int]) -> Iterator[tuple[int, float]]:
    """An ensemble's updates, all runs counted; every eight of them fill the lanes."""
    network, dataset, epochs = Network(4, (3,), 3), prepare(load_config(None)).dataset, 50
    for updates in sizes:
        runs = 8 * ceil(updates / (8 * _SAMPLES * epochs))
        draws = np.random.default_rng(0)
        orders = np.array([[draws.permutation(_SAMPLES)] for _ in range(runs)])
        least = float("inf")
        for _ in range(_ROUNDS):
            parameters = draws.normal(size=(runs, network.parameter_count))
            optimizers = [Sgd((network.parameter_count,)) for _ in range(runs)]
            began = time.process_time()
            train_ensemble(
                network, parameters, optimizers, dataset.inputs, orders, dataset.labels[orders],
                np.full((runs, epochs), 0.1),
            )  # fmt: skip
            least = min(least, time.process_time() - began)
        yield runs * _SAMPLES * epochs, least / (runs * _SAMPLES * epochs) * 1e9


def _draw(path: Path, label: str, measured: dict[str, Series], *, log: bool) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, series in measured.items():
        axes.plot(*zip(*series, strict=True), marker="o", label=name)
    axes.set_xscale("log")
    if log:
        axes.set_yscale("log")
    axes.set_ylim(bottom=None if log else 0)
    axes.set_xlabel("updates")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    if len(sys.argv) <= 3:
        main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
    else:
        _train(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
