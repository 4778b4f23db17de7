"""Large tables: reading beside pandas, whole commands, and memory."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from irisbp.data.options import Wanted
from irisbp.data.source import read_table
from tests.benchmarks.turns import Row, is_installed, least, peak_mebibytes, process

_MEGABYTE = 1e6 / 2**20  # in MiB
_THEIR_PROCESS = """
import sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
frame = pd.read_csv(sys.argv[1])
X, y = StandardScaler().fit_transform(frame.drop(columns="kind")), frame["kind"]
MLPClassifier((3,), activation="logistic", solver="sgd", alpha=0.0, batch_size=1, learning_rate_init=0.1,
              momentum=0.0, max_iter=1).fit(X, y)
"""


def _long(path: Path) -> Path:
    """200,000 rows of 19 numbers and a class."""
    draws = np.random.default_rng(0)
    frame = pd.DataFrame(draws.normal(size=(200_000, 19))).add_prefix("x")
    classes = (frame.to_numpy() @ draws.normal(size=(19, 3))).argmax(axis=1)
    frame.assign(kind=np.array(["a", "b", "c"])[classes]).to_csv(path, index=False)
    return path


def _wide(path: Path) -> Path:
    """20,000 rows of 784 grey values, most of them 0, and a class, as of small pictures."""
    draws = np.random.default_rng(0)
    values = draws.integers(0, 256, (20_000, 784)) * (draws.random((20_000, 784)) < 0.2)
    frame = pd.DataFrame(values).add_prefix("pixel")
    frame.assign(kind=draws.integers(0, 10, 20_000)).to_csv(path, index=False)
    return path


def rows(folder: Path, rounds: int) -> Iterator[Row]:
    """Reading, training, predicting, evaluating, and the memory of a whole run."""
    long, wide = _long(folder / "long.csv"), _wide(folder / "wide.csv")
    for what, path in (("200,000 x 20", long), ("20,000 x 785", wide)):
        yield _reading(what, path, 2 * rounds)
    yield from _commands(long, folder, max(1, rounds // 2))
    empty = peak_mebibytes(folder, "epochs=1")
    for what, path, numbers in (("200,000 x 20", long, 200_000 * 19), ("20,000 x 785", wide, 20_000 * 784)):
        keys = (f"data.source={path}", "data.target=kind", "epochs=1", "learning_rate=0.01")
        most = 3 * numbers * 8 / 2**20 + 100 * _MEGABYTE
        beyond = peak_mebibytes(folder, *keys) - empty
        yield Row(f"training {what}: MiB beyond a run of iris", beyond, unit="", most=most)


def _reading(what: str, path: Path, rounds: int) -> Row:
    names = pd.read_csv(path, nrows=0).columns
    kinds = {name: "str" if name == "kind" else "float64" for name in names}
    exact = {} if pd.__version__ >= "3.1" else {"float_precision": "round_trip"}
    ways = {
        "": lambda: read_table(Wanted(str(path), "kind")),
        "pandas": lambda: pd.read_csv(path, dtype=kinds, **exact),  # type: ignore[call-overload]
    }
    seconds = least(ways, rounds)
    return Row(f"reading {what}", seconds.pop(""), seconds, "s", [("pandas", 1.5)])


def _commands(path: Path, folder: Path, rounds: int) -> Iterator[Row]:
    """Whole processes on the long table; predicting and evaluating beyond what one row takes."""
    keys = (f"data.source={path}", "data.target=kind", "epochs=1")
    train = ("-m", "irisbp", "train", "--quiet")
    ways = {"": process(*train, *keys, folder=folder)}
    if is_installed("scikit-learn"):
        ways["scikit-learn"] = process("-c", _THEIR_PROCESS, str(path), folder=folder)
    seconds = least(ways, rounds)
    what = "training on 200,000 x 20, whole process"
    yield Row(what, seconds.pop(""), seconds, "s", [("scikit-learn", 0.6)])
    process(*train, *keys, "--run-dir", "large", folder=folder)()
    one = folder / "one.csv"
    one.write_text("".join(path.open().readlines()[:2]))
    for command in (("predict", "large"), ("evaluate", "large", "--data")):
        start = ("-m", "irisbp", *command)
        ways = {file.name: process(*start, str(file), folder=folder) for file in (path, one)}
        seconds = {name: min(_processor_time(run) for _ in range(rounds)) for name, run in ways.items()}
        beyond = seconds[path.name] - seconds[one.name]
        what = f"{command[0]}, 200,000 rows, beyond one row: processor time"
        yield Row(what, beyond, unit="s", most=2.0)


def _processor_time(run: Callable[[], None]) -> float:
    """The seconds that a process takes of all cores, which other processes hardly lengthen."""
    before = os.times()
    run()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
