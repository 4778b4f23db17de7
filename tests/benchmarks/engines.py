"""What an update costs in each engine, and elsewhere; in more detail, `python -m tests.benchmarks.engines`.

The article's 7,500 updates of one run, then of 1,000 runs with data in orders of their own. All take turns,
and the best of some rounds counts, since what disturbs a measurement only adds to it. C is compiled here by
`cc`; JAX runs in float64, compiled before it is timed. What is not installed is named as missing.
"""

import ctypes
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from irisbp.config.load import load_config
from irisbp.nn.engines.many.compiled import train_ensemble
from irisbp.nn.engines.many.plain import PlainLoopOfRuns
from irisbp.nn.engines.one.compiled import CompiledLoop
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Sgd
from irisbp.nn.types import Array, Indices
from irisbp.sweeps.trainers.group import train_group
from irisbp.sweeps.trainers.lockstep import Team, join
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from tests.benchmarks.turns import Row, least

EPOCHS, ROUNDS, RUNS, RATE = 50, 15, 1000, 0.1
NETWORK = Network(4, (3,), 3)
Timed = Callable[[], Array]  # trains anew; the final parameters


def main() -> None:
    """Measure, check that all arrive at the same parameters, print."""
    training = prepare(load_config(None))
    order = training.order
    inputs, labels = training.dataset.inputs[order], training.dataset.labels[order]
    start = training.parameters.copy()
    with tempfile.TemporaryDirectory() as folder:
        _print("one run", _single(inputs, labels, start, Path(folder)), EPOCHS * len(order))
    _print(f"{RUNS} runs", _many(inputs, labels), EPOCHS * len(order) * RUNS)


def rows(folder: Path, rounds: int) -> list[Row]:
    """One run, and many, beside C and JAX."""
    training = prepare(load_config(None))
    order = training.order
    inputs, labels = training.dataset.inputs[order], training.dataset.labels[order]
    updates = EPOCHS * len(order)
    one = _least_per_update(_single(inputs, labels, training.parameters.copy(), folder), updates, rounds)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        candidates = _many(inputs, labels) | _in_numpy(pool)
        many = _least_per_update(candidates, updates * RUNS, 2 * rounds)
    peers = [name for name in one if name.startswith(("C,", "JAX", "scikit"))]
    found = []
    if "compiled" in one:
        beside = {name: one[name] for name in peers}
        wanted = [("JAX, scan", 0.15), ("C, cc -O3", 1.0)]
        found.append(Row("compiled, one run: an update", one["compiled"], beside, "ns", wanted))
    for name, most in (("NumPy", 45e-9), ("NumPy, from configs to outcomes", None), ("compiled", 25e-9)):
        if name in many:
            beside = {peer: many[peer] for peer in many if peer.startswith("JAX")}
            found.append(
                Row(f"{name}, {RUNS:,} runs: an update of a run", many[name], beside, "ns", most=most)
            )
    return found


def _least_per_update(candidates: "dict[str, Timed | str]", updates: int, rounds: int) -> dict[str, float]:
    timed = {name: each for name, each in candidates.items() if not isinstance(each, str)}
    return {name: seconds / updates for name, seconds in least(timed, rounds).items()}


def _print(title: str, candidates: "dict[str, Timed | str]", updates: int) -> None:
    timed = {name: each for name, each in candidates.items() if not isinstance(each, str)}
    ends = {name: each() for name, each in timed.items()}
    best = dict.fromkeys(timed, float("inf"))
    for _ in range(ROUNDS if updates < 10**6 else 5):
        for name, each in timed.items():
            began = time.perf_counter()
            each()
            best[name] = min(best[name], time.perf_counter() - began)
    table = Table(title, "ns per update", "parameters differ by")
    reference = next(iter(ends.values()))
    for name, candidate in candidates.items():
        if isinstance(candidate, str):
            table.add_row(name, "missing", candidate)
        else:
            differ = f"{np.abs(ends[name] - reference).max():.0e}" if ends[name].size else "not compared"
            table.add_row(name, f"{best[name] / updates * 1e9:.1f}", differ)
    Console(width=100).print(table)


def _descent(shape: tuple[int, ...]) -> Sgd:
    optimizer = Sgd(shape)
    optimizer.learning_rate[...] = RATE
    return optimizer


def _single(inputs: Array, labels: Indices, start: Array, folder: Path) -> "dict[str, Timed | str]":
    all_inputs, all_labels = np.tile(inputs, (EPOCHS, 1)), np.tile(labels, EPOCHS)

    def at_once() -> Timed:
        parameters = start.copy()
        loop = CompiledLoop(NETWORK, parameters, _descent(start.shape))

        def run() -> Array:
            parameters[:] = start
            for block in range(0, len(all_labels), loop.block):
                loop.advance(all_inputs[block : block + loop.block], all_labels[block : block + loop.block])
            return parameters

        return run

    def engine(kind: type[PlainLoop] | type[CompiledLoop]) -> Timed:
        def run() -> Array:
            parameters = start.copy()
            loop = kind(NETWORK, parameters, _descent(start.shape))
            for _ in range(EPOCHS):
                loop.run(inputs, labels)
            return parameters

        return run

    def whole(engine: str) -> Timed:
        def run() -> Array:
            training = prepare(load_config(None, [f"engine={engine}"]))
            for _ in train(training):
                pass
            return training.parameters

        return run

    return {
        "plain": engine(PlainLoop),
        "compiled": at_once() if find_spec("llvmlite") else "llvmlite",
        "compiled, epoch by epoch, into lists": engine(CompiledLoop) if find_spec("llvmlite") else "llvmlite",
        "plain, all of prepare and train": whole("plain"),
        "compiled, likewise": whole("compiled") if find_spec("llvmlite") else "llvmlite",
        "C, cc -O3": _c(inputs, labels, start, folder, "-O3"),
        "C, cc -O3 -march=native": _c(inputs, labels, start, folder, "-O3", "-march=native"),
        "JAX, scan": _jax(inputs, labels, start) if find_spec("jax") else "jax",
        "scikit-learn": _sklearn(inputs, labels) if find_spec("sklearn") else "scikit-learn",
    }


def _c(inputs: Array, labels: Indices, start: Array, folder: Path, *options: str) -> "Timed | str":
    library = folder / f"{len(options)}.so"
    source = Path(__file__).with_name("article.c")
    try:
        command = ["cc", *options, "-shared", "-fPIC", "-o", str(library), str(source), "-lm"]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return str(error)
    train_in_c = ctypes.CDLL(str(library)).train

    def run() -> Array:
        parameters, losses = start.copy(), np.zeros(len(labels))
        arrays = (inputs, labels, parameters, parameters[15:], losses)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        train_in_c(EPOCHS, len(labels), ctypes.c_double(RATE), *pointers)
        return parameters

    return run


def _jax_epochs(jax: Any, jnp: Any) -> Any:
    """All epochs as a scan over samples within one over epochs; each sample's loss is returned."""

    def update(parameters: Any, sample: Any) -> Any:
        x, label = sample

        def loss(parameters: Any) -> Any:
            hidden = jax.nn.sigmoid(x @ parameters[:12].reshape(4, 3) + parameters[12:15])
            logits = hidden @ parameters[15:24].reshape(3, 3) + parameters[24:]
            return jax.nn.logsumexp(logits) - logits[label]

        value, gradient = jax.value_and_grad(loss)(parameters)
        return parameters - RATE * gradient, value

    def epochs(parameters: Any, inputs: Any, labels: Any) -> Any:
        def epoch(parameters: Any, _: Any) -> Any:
            return jax.lax.scan(update, parameters, (inputs, labels))

        return jax.lax.scan(epoch, parameters, None, length=EPOCHS)

    return epochs


def _jax(inputs: Array, labels: Indices, start: Array) -> Timed:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(_jax_epochs(jax, jnp))
    there = [jnp.asarray(array) for array in (start, inputs, labels)]
    return lambda: np.asarray(jax.block_until_ready(compiled(*there))[0])


def _sklearn(inputs: Array, labels: Indices) -> Timed:
    from sklearn.neural_network import MLPClassifier

    def run() -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MLPClassifier(
                (3,), activation="logistic", solver="sgd", alpha=0.0, batch_size=1, momentum=0.0,
                learning_rate_init=RATE, shuffle=False, max_iter=EPOCHS, tol=0.0, n_iter_no_change=1000,
            ).fit(inputs, labels)  # fmt: skip
        return np.empty(0)

    return run


def _many(inputs: Array, labels: Indices) -> "dict[str, Timed | str]":
    draws = np.random.default_rng(0)
    start = draws.normal(size=(RUNS, NETWORK.parameter_count))
    rows = np.array([draws.permutation(len(labels)) for _ in range(RUNS)])

    def ours() -> Array:
        parameters = start.copy()
        optimizers = [Sgd((NETWORK.parameter_count,)) for _ in range(RUNS)]
        orders = rows[:, np.newaxis]
        rates = np.full((RUNS, EPOCHS), RATE)
        train_ensemble(NETWORK, parameters, optimizers, inputs, orders, labels[orders], rates)
        return parameters

    candidates: dict[str, Timed | str] = {"compiled": ours if find_spec("llvmlite") else "llvmlite"}
    candidates["JAX, vmap over scan"] = _jax_many(inputs, labels, start, rows) if find_spec("jax") else "jax"
    return candidates


def _in_numpy(pool: ProcessPoolExecutor) -> dict[str, Timed]:
    """In two processes: with the data at hand, as the others have it, and with all that a sweep has to do."""
    config = load_config(None)
    configs = [config.model_copy(update={"seed": seed}) for seed in range(RUNS)]
    halves = configs[: RUNS // 2], configs[RUNS // 2 :]

    def side_by_side() -> Array:
        return np.concatenate(list(pool.map(_train_half, (0, 1))))

    def whole() -> Array:
        list(pool.map(train_group, halves))
        return np.empty(0)

    side_by_side()  # prepares both halves
    return {"NumPy": side_by_side, "NumPy, from configs to outcomes": whole}


def _train_half(half: int) -> Array:
    """The parameters (runs, parameters) of half of the runs after their epochs."""
    team = _half(half)
    parameters, orders = team.parameters.copy(), team.order
    labels = np.stack(
        [member.labels[order] for member, order in zip(team.members, orders.T, strict=True)], axis=1
    )
    loop = PlainLoopOfRuns(NETWORK, parameters, _descent(parameters.shape), team.inputs, batch_size=1)
    for _ in range(EPOCHS):
        loop.run(orders, labels)
    return parameters.T


@cache
def _half(half: int) -> Team:
    config, runs = load_config(None), RUNS // 2
    seeds = range(half * runs, (half + 1) * runs)
    return join([prepare(config.model_copy(update={"seed": seed})) for seed in seeds])


def _jax_many(inputs: Array, labels: Indices, start: Array, rows: Indices) -> Timed:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(jax.vmap(_jax_epochs(jax, jnp)))
    there = [jnp.asarray(array) for array in (start, inputs[rows], labels[rows])]
    return lambda: np.asarray(jax.block_until_ready(compiled(*there))[0])


if __name__ == "__main__":
    main()
