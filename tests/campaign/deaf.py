"""Signals in every phase of a command, and arguments that might keep it busy: it has to hear, or to refuse.

A signal is sent to a real process once it handles signals, after delays that go through its phases: imports,
a config, a table of each format, and the start of a sweep's processes.
"""

import gzip
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.campaign import Outcome

FAULT = "SIGTERM while a config or a table is read or processes start; arguments of 100,000 characters"
PASSES_WHEN = "exit code 143 within 3 s; or exit code 2 with one short message, within 2 s of start-up"
FULL, SHORT = 80, 2

_ROWS = 100_000
_HEARD_WITHIN = 3.0  # seconds
_REFUSED_WITHIN = 2.0  # seconds of the processor beyond start-up
_LONG = 100_000
_QUICK = ["--quiet", "--overwrite", "--run-dir", "r"]

_REFUSED: list[list[str]] = [
    ["train", "a." * 50_000 + "b=1"],
    ["sweep", "optimizer." + "x." * 45_000 + "y=1,2"],
    ["train", "a" * _LONG + "=1"],
    ["train", "a" + "-" * _LONG + "=1"],
    ["train", "seed=" + "[" * _LONG],
    ["sweep", "seed=" + "{a: " * (_LONG // 4)],
    ["train", "seed=" + "'" * _LONG],
    ["sweep", "seed=0:1" + "0" * _LONG],
    ["sweep", "seed=0:\u0661\u0660"],
    ["sweep", "learning_rate=" + "," * _LONG],
    ["evaluate", "r", "--assert", "loss<=1e999"],
    ["evaluate", "r", "--assert", "loss<=" + "9" * _LONG],
    ["evaluate", "r", "--assert", "loss<=\u0663"],
    ["derive", "(" * _LONG],
    ["train", "c" * _LONG],
]


@dataclass(frozen=True)
class _Phase:
    """A command, and how long after it handles signals it may be told to stop, at most."""

    name: str
    arguments: list[str]
    seconds: float


def run(trials: int, folder: Path) -> Outcome:
    """The refusals first, then signals at moments that are spread over each phase."""
    outcome = Outcome()
    full = trials >= FULL
    refused = _REFUSED if full else _REFUSED[:1]
    began = _spent(folder, ["config", "show"])[0]
    for arguments in refused:
        seconds, code, told = _spent(folder, arguments)
        short = told.startswith("irisbp: ") and "Traceback" not in told
        holds = code == 2 and short and seconds - began < _REFUSED_WITHIN
        name = " ".join(argument[:30] for argument in arguments)
        outcome.check(holds, f"{name}: exit {code}, {seconds - began:.1f} s: {told[:200]}")
    phases = _phases(folder, _ROWS if full else 1000)
    each = -(-(trials - len(refused)) // len(phases))
    slowest = 0.0
    for number in range(each):
        for phase in phases if full else phases[:1]:
            code, seconds, told = _stopped(folder, phase, phase.seconds * (number + 0.5) / each)
            slowest = max(slowest, seconds)
            holds = code == 143 and seconds < _HEARD_WITHIN and "Traceback" not in told
            outcome.check(holds, f"{phase.name}, {number}: exit {code} after {seconds:.1f} s: {told[:200]}")
    outcome.measured = f"heard within {slowest:.2f} s"
    return outcome


def _phases(folder: Path, rows: int) -> list[_Phase]:
    lines = [f"{k},{k % 7},{k * 0.1:.3f},{'ab'[k % 2]}" for k in range(rows)]
    text = "\n".join(["x,y,z,kind", *lines, ""])
    (folder / "t.csv").write_text(text)
    (folder / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "c.yaml").write_text("epochs: 1000000\n" + "#" * 30_000 + "\n")
    endless = ["epochs=1000000000", "record=epochs", *_QUICK]
    tables = [["train", f"data.source={name}", "data.target=kind"] for name in ("t.csv", "t.csv.gz")]
    sweep = ["sweep", "seed=0:200", "epochs=100000", "engine=plain", "network.hidden=[40]"]
    return [
        _Phase("a config", ["train", "c.yaml", *_QUICK], 1.0),
        _Phase("processes start", [*sweep, "--jobs", "24", *_QUICK], 6.0),
        *(_Phase(f"a table, {words[1]}", [*words, *endless], 4.0) for words in tables),
    ]


def _stopped(folder: Path, phase: _Phase, delay: float) -> tuple[int, float, str]:
    """The exit code, the seconds from the signal to the end, and what stands on stderr."""
    command = [sys.executable, "-m", "irisbp", *phase.arguments]
    with subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        while not _handles_signals(process.pid) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(delay)
        sent = time.monotonic()
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=60)[1]
    return process.returncode, time.monotonic() - sent, told


def _handles_signals(pid: int) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next((line for line in lines if line.startswith("SigCgt")), "SigCgt: 0")
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def _spent(folder: Path, arguments: list[str]) -> tuple[float, int, str]:
    """The seconds of the processor, the exit code, and what stands on stderr."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "irisbp", *arguments]
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, done.returncode, done.stderr
