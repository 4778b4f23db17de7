"""BLAS with another number of threads: by the cores that a process may use, and by OPENBLAS_NUM_THREADS.

Each command is a new interpreter, since BLAS counts cores and reads its environment when it is loaded.
"""

import os
import subprocess
import sys
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import irisbp
from tests.campaign import Outcome
from tests.campaign.runs import Files, difference, files, put, scratch, spread

FAULT = "another number of cores, and OPENBLAS_NUM_THREADS from 1 to 4"
PASSES_WHEN = "the same files and the same JSON of every command, with `threads` 1 and 2"
FULL, SHORT = 189, 1

_ROOT, _IRIS = Path(__file__).parents[2], Path(irisbp.__file__).parent / "data" / "iris.csv"
_ON_ONE_CORE = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
_IRISBP = "import runpy; runpy.run_module('irisbp', run_name='__main__')"

_WIDE = ["network.hidden=[300,200]", "batch_size=64", "optimizer=adam", "clip_norm=1"]
_CONFIGS = {
    "batches": _WIDE,
    "samples": ["network.hidden=[150,150]"],
    "two threads": [*_WIDE, "threads=2"],
}
_IN_ALL = ["epochs=2", "data.validation=0.2", "initializer=glorot_uniform", "--run-dir", "out", "--quiet"]
# What is done with the run of a config; the first ones train the config itself.
_TRAINING = {
    "train": ["train"],
    "sweep": ["sweep", "seed=0:3", "--jobs", "1"],
    "sweep, two processes": ["sweep", "seed=0:3", "--jobs", "2"],
}
_COMMANDS = {
    "verify": ["runs", "verify", "run", "--json"],
    "evaluate": ["evaluate", "run", "--on", "all", "--json"],
    "predict": ["predict", "run", str(_IRIS)],
    "explain": ["explain", "run", "--step", "2", "--json"],
    "gradcheck": ["gradcheck", "run", "--point", "class-1", "--json"],
    "plot": ["plot", "run", "--output", "out", "--kind", "regions", "--kind", "distributions"],
}


class _Surroundings(NamedTuple):
    """threads is OPENBLAS_NUM_THREADS, None if it is not set."""

    one_core: bool
    threads: str | None


class _Trial(NamedTuple):
    config: str
    command: str
    where: _Surroundings


_HERE = _Surroundings(one_core=False, threads="2")
_OTHERS = [
    _Surroundings(one_core, threads)
    for one_core, threads in product((True, False), (None, "1", "3", "4"))
    if one_core or threads
]


def run(trials: int, folder: Path) -> Outcome:
    """All commands on all runs in all surroundings; in short, one run is verified on one core."""
    outcome, full = Outcome(), trials >= FULL
    names, commands = list(_CONFIGS), [*_TRAINING, *_COMMANDS]
    if not full:
        names, commands = ["batches"], ["verify"]
    runs = {name: _done({}, _Trial(name, "train", _HERE), folder) for name in names}
    pairs = list(product(names, commands))
    expected = spread(partial(_job, runs, folder), [_Trial(*pair, _HERE) for pair in pairs])
    by_pair = dict(zip(pairs, expected, strict=True))
    jobs = [_Trial(*pair, where) for pair in pairs for where in (_OTHERS if full else _OTHERS[:1])]
    for trial, found in zip(jobs, spread(partial(_job, runs, folder), jobs), strict=True):
        failure = difference(by_pair[trial.config, trial.command], found)
        outcome.check(not failure, f"{trial}: {failure}")
    return outcome


def _job(runs: dict[str, Files], folder: Path, trial: _Trial) -> Files:
    return _done(runs[trial.config], trial, folder)


def _done(run: Files, trial: _Trial, folder: Path) -> Files:
    """What a command writes, without a manifest and its times, and prints."""
    with scratch(folder) as root:
        put(root / "run", run)
        arguments = _COMMANDS.get(trial.command) or [
            *_TRAINING[trial.command], *_CONFIGS[trial.config], *_IN_ALL
        ]  # fmt: skip
        one_core, threads = trial.where
        environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
        environment |= {"PYTHONPATH": str(_ROOT)} | ({"OPENBLAS_NUM_THREADS": threads} if threads else {})
        done = subprocess.run(
            [sys.executable, "-c", (_ON_ONE_CORE if one_core else "") + _IRISBP, *arguments],
            env=environment, cwd=root, capture_output=True, timeout=600,
        )  # fmt: skip
        if trial.command == "train":
            return files(root / "out")
        found = files(root / "out") | {"exit code": b"%d" % done.returncode}
        found.pop("manifest.json", None)
        return found if trial.command in _TRAINING else found | {"stdout": done.stdout}
