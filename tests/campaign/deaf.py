"""Inputs that take long to read, or never end: a SIGTERM is heard at any moment while they are read."""

import gzip
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.campaign import Outcome

FAULT = "SIGTERM at random moments while hostile or large inputs are read, and while processes start"
PASSES_WHEN = "the process has ended after 2 s, with exit code 143, or 2 if it had refused the input"
FULL, SHORT = 200, 5

_WITHIN = 2.0  # seconds
_LATEST = 6.0  # seconds after the start of the process
_KEYS = ["data.target=kind", "epochs=1", "--quiet"]
_COMMANDS = [
    ["config", "show", ".".join(["a"] * 50_000) + "=1"],
    ["config", "show", *(f"k{k}=1" for k in range(10_000))],
    ["train", "data.source=large.csv", *_KEYS],
    ["train", "data.source=odd.csv", *_KEYS],
    ["table", "large.csv", "--target", "kind"],
    ["table", "zeros.csv.gz", "--target", "kind"],
    ["config", "validate", "deep.yaml"],
    ["config", "validate", "wide.yaml"],
    ["runs", "show", "sparse"],
    ["sweep", "seed=0:400", "epochs=3000", "--jobs", "3000", "--run-dir", "sweep"],
]


def run(trials: int, folder: Path) -> Outcome:
    """Each command in turn, ended at a moment that is drawn."""
    outcome, draws, slowest = Outcome(), random.Random(0), 0.0
    _write_inputs(folder, rows=2_000 if trials <= SHORT else 1_000_000)
    for trial in range(trials):
        command = _COMMANDS[(trial * 3) % len(_COMMANDS)]
        if command[0] == "sweep":
            command = [*command[:-1], f"sweep-{trial}"]
        delay = draws.uniform(0.5, _LATEST)
        seconds, code = _ended(command, folder, delay)
        slowest = max(slowest, seconds)
        shown = " ".join(command)[:80]
        outcome.check(
            seconds < _WITHIN and code in (0, 2, 143), f"{shown} after {delay:.2f} s: {code}, {seconds:.2f} s"
        )
    outcome.measured = f"at most {slowest:.2f} s"
    return outcome


def _ended(command: list[str], folder: Path, delay: float) -> tuple[float, int]:
    """The seconds from the signal to the end, and the exit code."""
    with subprocess.Popen(
        [sys.executable, "-m", "irisbp", *command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        return time.monotonic() - began, process.wait()


def _write_inputs(folder: Path, rows: int) -> None:
    lines = "".join(f"{k % 7}.5,{k % 11}.25,{'abc'[k % 3]}\n" for k in range(rows))
    (folder / "large.csv").write_text(f"a,b,kind\n{lines}")
    (folder / "odd.csv").write_text(f'a,b,kind\n"1",2,"a"\n{lines}')  # for which there is no quick way
    (folder / "zeros.csv.gz").write_bytes(gzip.compress(bytes(200 * rows)))
    (folder / "deep.yaml").write_text("a: " + "[" * 30_000)
    (folder / "wide.yaml").write_text("".join(f"k{k}: 1\n" for k in range(3_000)))
    (folder / "sparse").mkdir()
    for name in ("manifest.json", "config.yaml"):
        with (folder / "sparse" / name).open("wb") as file:
            file.truncate(1 << 28)
