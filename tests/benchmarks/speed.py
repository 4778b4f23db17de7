"""What an update, a run and a start cost: `python -m tests.benchmarks.speed`.

Machines differ and are busy, so each figure is compared with scikit-learn's in the same minute: the
two take turns, and the ratio of the medians is what counts.
"""

import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from irisbp.config.load import load_config
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.training import prepare, train

UPDATES = 7500
ROUNDS = 9

_THEIR_PROCESS = """
import warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier
X, y = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0, ddof=1)
MLPClassifier((3,), activation="logistic", solver="sgd", alpha=0.0, batch_size=1, learning_rate_init=0.1,
              momentum=0.0, shuffle=False, max_iter=50, tol=0.0, n_iter_no_change=1000).fit(X, y)
"""


def _our_run(overrides: list[str], folder: Path) -> Callable[[], None]:
    """The article's run with its whole recording: config, every sample's loss, parameters, manifest."""

    def run() -> None:
        training = prepare(load_config(None, overrides))
        with tempfile.TemporaryDirectory(dir=folder) as name, Directory(Path(name)) as directory:
            writer = RunWriter(directory, training)
            for record in train(training):
                writer.take(record)
            writer.finish("completed")

    return run


def _their_run(solver: str) -> Callable[[], None]:
    from sklearn.neural_network import MLPClassifier

    training = prepare(load_config(None))
    inputs, labels = training.dataset.inputs, training.dataset.labels

    def run() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MLPClassifier(
                (3,), activation="logistic", solver=solver, alpha=0.0, batch_size=1,
                learning_rate_init=0.1 if solver == "sgd" else 0.001, momentum=0.0, shuffle=False,
                max_iter=50, tol=0.0, n_iter_no_change=1000,
            ).fit(inputs, labels)  # fmt: skip

    return run


def _process(*command: str, folder: Path) -> Callable[[], None]:
    def run() -> None:
        subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True)

    return run


def _medians(*runs: Callable[[], None]) -> list[float]:
    """Seconds of each, taking turns, after one round that does not count."""
    seconds: list[list[float]] = [[] for _ in runs]
    for k in range(ROUNDS + 1):
        for times, run in zip(seconds, runs, strict=True):
            began = time.perf_counter()
            run()
            if k:
                times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in seconds]


# A child inherits the peak of the process it is forked from, so a small one has to start it.
_PEAK = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "irisbp", "train", "--quiet", *sys.argv[1:]], check=True, stdout=-3)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _peak_mebibytes(folder: Path, *overrides: str) -> float:
    """The largest resident set of a whole `irisbp train`."""
    command = [sys.executable, "-c", _PEAK, *overrides]
    return int(subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout) / 1024


def main() -> None:
    """Measure, print the table, and exit with 1 if a bound is passed."""
    with tempfile.TemporaryDirectory() as name:
        rows = list(_rows(Path(name)))
    table = Table("what", "irisbp", "scikit-learn", "measured", "at most")
    for what, ours, theirs, measured, bound in rows:
        style = "bold red" if measured > bound else ""
        table.add_row(what, ours, theirs, f"{measured:.2f}", f"{bound:g}", style=style)
    Console(width=100).print(table)
    sys.exit(any(measured > bound for *_, measured, bound in rows))


def _rows(folder: Path) -> Iterator[tuple[str, str, str, float, float]]:
    """What, our figure, theirs, and what of them is bounded: a ratio, seconds or MiB."""
    for what, overrides, solver in (
        ("SGD, per update, recorded: ratio", [], "sgd"),
        ("Adam, per update, recorded: ratio", ["optimizer=adam", "learning_rate=0.001"], "adam"),
    ):
        ours, theirs = _medians(_our_run(overrides, folder), _their_run(solver))
        figures = [f"{seconds / UPDATES * 1e6:.1f} us" for seconds in (ours, theirs)]
        yield what, figures[0], figures[1], ours / theirs, 0.3
    portable, native = _medians(_our_run(["numerics=portable"], folder), _our_run([], folder))
    figures = [f"{seconds / UPDATES * 1e6:.1f} us" for seconds in (portable, native)]
    yield "SGD, portable: ratio to native", figures[0], f"native {figures[1]}", portable / native, 5.0
    ours, theirs, helping = _medians(
        _process("-m", "irisbp", "train", "--quiet", folder=folder),
        _process("-c", _THEIR_PROCESS, folder=folder),
        _process("-m", "irisbp", "--help", folder=folder),
    )
    yield "whole process, the article's run: ratio", f"{ours:.2f} s", f"{theirs:.2f} s", ours / theirs, 0.5
    yield "irisbp --help: seconds", f"{helping:.2f} s", "", helping, 0.25
    few, many = _peak_mebibytes(folder), _peak_mebibytes(folder, "epochs=10000")
    yield "peak memory, 50 epochs: MiB", f"{few:.0f} MiB", "", few, 120.0
    yield "peak memory, 10,000 epochs for 50: ratio", f"{many:.0f} MiB", "", many / few, 1.1


if __name__ == "__main__":
    main()
