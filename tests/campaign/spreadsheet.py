"""Names that a spreadsheet would run, through a training and a prediction by real processes."""

import csv
import json
import random
import re
import subprocess
import sys
from pathlib import Path

from tests.campaign import Outcome

FAULT = "classes, columns and cells that a spreadsheet would execute"
PASSES_WHEN = "no cell of any CSV is a formula, and no two names become the same"
FULL, SHORT = 60, 1

_SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "'=",
    "'-",
    "''@",
    "'",
    "",
    "\uff1d",
    '"=',
    "=\n",
    "-1",
    "+1",
    "01",
    "=,",
)
_ENDS = (
    "1+1",
    "cmd|' /C calc'!A0",
    'HYPERLINK("http://x","y")',
    "x",
    "",
    "1",
    "SUM(A1:A9)",
    "\u00e4, b",
    '"',
    "'",
)


def run(trials: int, folder: Path) -> Outcome:
    """A table of such names for each trial."""
    outcome = Outcome()
    for trial in range(trials):
        wrong = _try(random.Random(trial), folder / str(trial))
        outcome.check(not wrong, f"table {trial}: {wrong}")
    return outcome


def _try(draws: random.Random, folder: Path) -> str:
    folder.mkdir()
    names = sorted({draws.choice(_STARTS) + draws.choice(_ENDS) for _ in range(9)} - {""})
    classes = [name for name in names if name.strip()] or ["=a"]
    columns = ["f", "=c", "-d", "'=c"]
    with (folder / "t.csv").open("w", newline="") as file:
        rows = [
            [f"{k}.5", draws.choice(names), -k, classes[k % len(classes)]] for k in range(3 * len(classes))
        ]
        csv.writer(file).writerows([columns, *rows])
    keys = ["data.source=t.csv", 'data.target="\'=c"', "data.features=[f]", "epochs=1"]
    told = _irisbp(folder, "train", str(_SMOKE), *keys, "--name", "x", "--quiet")
    told = told or _irisbp(folder, "predict", "runs/x", "t.csv", "--output", "out.csv")
    if told:
        return told
    known = json.loads((folder / "runs/x/manifest.json").read_text())["classes"]
    with (folder / "runs/x/steps.csv").open(newline="") as file:
        steps = list(csv.reader(file, strict=True))
    with (folder / "out.csv").open(newline="") as file:
        out = list(csv.reader(file, strict=True))
    for row in (*steps, *out):
        for cell in row:
            if _is_run(cell):
                return f"a formula: {cell!r}"
    truth = [
        str(rows[int(step[2])][3]).strip() for step in steps[1:]
    ]  # a class is its cell without outer blanks
    if [_original(step[3]) for step in steps[1:]] != truth or set(truth) != set(known):
        return "steps.csv has other names"
    if [_original(cell) for cell in out[0][:4]] != columns:
        return f"columns {out[0]}"
    back = [[_original(cell) for cell in row[:4]] for row in out[1:]]
    return "" if back == [list(map(str, row)) for row in rows] else "other cells come back"


def _original(cell: str) -> str:
    """What the README says of a cell, the other way round."""
    return cell[1:] if cell.startswith("'") and _is_run(cell.lstrip("'")) else cell


def _is_run(cell: str) -> bool:
    """What a spreadsheet would compute: behind a sign, only with something to compute."""
    always = cell[:1] in ("=", "@", "\t", "\r", "\n", "\uff1d")
    signed = cell[:1] in ("+", "-") and any(c.isalpha() or c in "()[]{}\"'|" for c in cell)
    return always or (signed and not _is_number(cell))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?\d+(\.\d+)?(e-?\d+)?", text) is not None


def _irisbp(folder: Path, *arguments: str) -> str:
    """What the command says on stderr, if it fails."""
    command = [sys.executable, "-m", "irisbp", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    return f"{arguments[0]}: {done.stderr}" if done.returncode else ""
