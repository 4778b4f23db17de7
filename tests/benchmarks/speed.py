"""What an update, a run and a start cost, beside scikit-learn."""

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from irisbp.config.load import load_config
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.session import finish
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from tests.benchmarks.turns import Row, environment, is_installed, least, process

UPDATES = 7500

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
            finish(writer, training, "completed")

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


# A child inherits the peak of the process it is forked from, so a small one has to start it.
_PEAK = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "irisbp", "train", "--quiet", *sys.argv[1:]], check=True, stdout=-3)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _peak_mebibytes(folder: Path, *overrides: str) -> float:
    """The largest resident set of a whole `irisbp train`."""
    command = [sys.executable, "-c", _PEAK, *overrides]
    return (
        int(subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment()).stdout)
        / 1024
    )


def rows(folder: Path, rounds: int) -> Iterator[Row]:
    """Updates of the plain loop, whole commands, and memory."""
    sklearn = is_installed("scikit-learn")
    for what, overrides, solver, most in (
        ("SGD", [], "sgd", 0.2),
        ("Adam", ["optimizer=adam", "learning_rate=0.001"], "adam", 0.3),
    ):
        ours, theirs = _our_run(overrides, folder), _their_run(solver) if sklearn else None
        seconds = least({"": ours} | ({"scikit-learn": theirs} if theirs else {}), rounds)
        seconds = {name: total / UPDATES for name, total in seconds.items()}
        yield Row(
            f"{what}, each loss recorded: an update",
            seconds.pop(""),
            seconds,
            wanted=[("scikit-learn", most)],
        )
    numerics = {name: _our_run([f"numerics={name}"], folder) for name in ("portable", "native")}
    seconds = {name: total / UPDATES for name, total in least(numerics, max(1, rounds // 3)).items()}
    yield Row("SGD, portable numerics: an update", seconds.pop("portable"), seconds, wanted=[("native", 5.0)])
    yield from _commands(folder, rounds)
    few, many = _peak_mebibytes(folder), _peak_mebibytes(folder, "epochs=10000")
    yield Row("peak memory in MiB, 50 epochs", few, unit="", most=120.0)
    yield Row("peak memory in MiB, 10,000 epochs", many, {"50 epochs": few}, "", [("50 epochs", 1.1)])


def _commands(folder: Path, rounds: int) -> Iterator[Row]:
    """Whole processes: the article's run, plain and compiled with the code at hand, and the help."""
    plain = ("-m", "irisbp", "train", "--quiet")
    ways = {"plain": process(*plain, folder=folder), "help": process("-m", "irisbp", "--help", folder=folder)}
    ways |= {name: process("-c", name, folder=folder) for name in ("import irisbp", "pass")}
    if is_installed("scikit-learn"):
        ways["scikit-learn"] = process("-c", _THEIR_PROCESS, folder=folder)
    if is_installed("llvmlite"):
        compiled = (*plain, "engine=compiled")
        first = _first_use(compiled, folder)
        ways["compiled"] = process(*compiled, folder=folder, XDG_CACHE_HOME=str(folder / "cache"))
    seconds = least(ways, rounds)
    theirs = {name: seconds[name] for name in ("scikit-learn",) if name in seconds}
    what = "the article's run, whole process"
    yield Row(what, seconds["plain"], theirs, "s", [("scikit-learn", 0.5)])
    if "compiled" in seconds:
        yield Row(f"{what}, compiling first", first, {"plain": seconds["plain"]}, "s", most=5.0)
        beside = {"plain": seconds["plain"]} | theirs
        yield Row(f"{what}, compiled before", seconds["compiled"], beside, "s", most=0.6)
    yield Row("irisbp --help", seconds["help"], unit="s", most=0.12)
    beyond = seconds["import irisbp"] - seconds["pass"]
    yield Row("import irisbp, beyond python -c pass", beyond, unit="s", most=0.03)


def _first_use(command: tuple[str, ...], folder: Path) -> float:
    """The least seconds with no code kept."""
    runs = [process(*command, folder=folder, XDG_CACHE_HOME=str(folder / f"empty{k}")) for k in range(3)]
    return min(least({"": run}, 1)[""] for run in runs)
