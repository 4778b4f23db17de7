"""Seeds and folds that cannot be trained, among others that can: by every backend, killed and resumed."""

import csv
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.campaign import Outcome

FAULT = "seeds and folds of a sweep that cannot be trained, by every backend, stopped and resumed"
PASSES_WHEN = "each has its reason, the others the figures of a sweep without it; exit codes are right"
FULL, SHORT = 40, 1

_SMOKE = str(Path(__file__).parents[2] / "configs" / "smoke.yaml")
_SPLITS = ("data.validation=0.2", "data.validation=0.4", "data.folds=5")
_BACKENDS: Mapping[str, str] = {"loky": "joblib", "dask": "distributed", "ray": "ray"}
_ENGINES = ("engine=plain", "engine=compiled", "numerics=portable")


def run(trials: int, folder: Path) -> Outcome:
    """Sweeps of random tables, in which b differs in one row: a split that holds it out cannot be trained."""
    outcome, members = Outcome(), 0
    full = trials >= FULL
    backends = [name for name, module in _BACKENDS.items() if importlib.util.find_spec(module)]
    for number in range(trials):
        random, place = Random(number), folder / str(number)
        place.mkdir()
        special = random.randrange(30)
        rows = [f"{random.random()},{1e-310 if k == special else 0},{'pq'[k % 2]}" for k in range(30)]
        (place / "table.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
        backend = backends[number // 2 % len(backends)] if full else "loky"
        engine = (
            _ENGINES[number % len(_ENGINES)] if full and importlib.util.find_spec("llvmlite") else _ENGINES[0]
        )
        failure, failed = _one(place, random, backend, engine, full)
        members += failed
        outcome.check(not failure, f"sweep {number}, {backend}, {engine}: {failure}")
    outcome.measured = f"{members} runs that cannot be trained, by {', '.join(backends)}"
    return outcome


def _one(place: Path, random: Random, backend: str, engine: str, full: bool) -> tuple[str, int]:
    """What is wrong, and how many runs failed."""
    split = random.choice(_SPLITS)
    folds = ["data.fold=0,1,2,3,4"] if split.startswith("data.folds") else []
    grid = [_SMOKE, "data.source=table.csv", "data.target=y", split, *folds, "seed=0:8", "epochs=3", engine]
    jobs = ["--jobs", random.choice(["1", "2"]) if full else "1", "--backend", backend]
    code, errors = _irisbp(place, "sweep", *grid, "--run-dir", "x", *jobs)
    if code == 2 and "deviation is beyond float64" in errors and not (place / "x").exists():
        return "", 0  # of this table no split at all can be trained
    rows = _rows(place / "x")
    failed = [row for row in rows if row["status"] == "failed"]
    others = [row for row in rows if row["status"] == "completed"]
    if code != (3 if failed else 0) or "Traceback" in errors or "resumes it" in errors:
        return f"exit code {code}: {errors}", len(failed)
    if any(not row["reason"] or row["loss"] != "nan" for row in failed) or len(failed + others) != len(rows):
        return "a failed row without a reason, or with a loss", len(failed)
    for arguments, wanted in (
        (["resume", "x"], 3 if failed else 0),
        (["sweep", *grid, "--run-dir", "x", "--resume", "--allow-failed"], 0),
        (["sweep", *grid, "--run-dir", "y", *jobs, "--fail-fast"], 2 if failed else 0),
        (["resume", "y"], 3 if failed else 0),
    ):
        code, errors = _irisbp(place, *arguments)
        if code != wanted or "Traceback" in errors:
            return f"{' '.join(arguments)}: exit code {code}, not {wanted}: {errors}", len(failed)
    if (place / "x" / "results.csv").read_bytes() != (place / "y" / "results.csv").read_bytes():
        return "another results.csv after --fail-fast and resume", len(failed)
    return _without_failures(place, grid, rows), len(failed)


def _without_failures(place: Path, grid: list[str], rows: list[dict[str, str]]) -> str:
    """What is wrong with the rows of a seed, beside those of a sweep of that seed alone."""
    whole = {row["seed"] for row in rows} - {row["seed"] for row in rows if row["status"] == "failed"}
    if not whole:
        return ""
    seed = min(whole)
    only = [f"seed={seed}" if argument.startswith("seed=") else argument for argument in grid]
    if not any(argument.startswith("data.fold=") for argument in only):
        only.append("learning_rate=0.1,0.2")
    _irisbp(place, "sweep", *only, "--run-dir", "z", "--jobs", "1")
    mine = [row for row in rows if row["seed"] == seed]
    alone = _rows(place / "z")[: len(mine)]
    same = all(row["loss"] == other["loss"] for row, other in zip(mine, alone, strict=True))
    return "" if same else f"seed {seed} has another loss without the others"


def _rows(place: Path) -> list[dict[str, str]]:
    with (place / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _irisbp(place: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "irisbp", *arguments, "--quiet"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stderr
