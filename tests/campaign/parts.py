"""Sweeps that are killed and stopped at random moments, until they are done; and idle processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.campaign import Outcome
from tests.campaign.random_signals import has, wait_until

FAULT = "KILL, TERM and INT at random moments of sweeps, resumed with other numbers of processes"
PASSES_WHEN = "the same files, whatever was cut, killed and resumed; what was trained is kept"
FULL, SHORT = 60, 1

_SWEEPS: Mapping[str, tuple[str, ...]] = {
    "side by side": ("seed=0:20", "epochs=200", "data.shuffle=every_epoch"),
    "stopping early": ("seed=0:30", "epochs=120", "data.validation=0.2", "early_stopping={patience: 40}"),
    "some diverge": ("seed=0:10", "learning_rate=0.1,1e307", "network.hidden=[]", "epochs=200"),
    "several groups": ("seed=0:20", "optimizer=sgd,adam", "epochs=60", "rng=r"),
    "alone": ("seed=0:4", "numerics=portable", "batch_size=all", "epochs=300"),
}
_FILES = ("sweep.yaml", "results.csv", "summary.csv", "curves.npz")
_KINDS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
_MOST = 4  # interruptions of one sweep
_SMOKE = str(Path(__file__).parents[2] / "configs" / "smoke.yaml")


def run(trials: int, folder: Path) -> Outcome:
    """Interrupt, resume with another number of processes, interrupt; compare in the end."""
    outcome, kept, resumed = Outcome(), 0, 0
    full = trials >= FULL
    names = list(_SWEEPS) if full else list(_SWEEPS)[:1]
    whole = {name: _whole(name, folder / f"whole-{k}") for k, name in enumerate(names)}
    for number in range(trials):
        name, place = names[number % len(names)], folder / f"sweep-{number}"
        failure, states = _one(_SWEEPS[name], place, Random(number), full)
        kept, resumed = kept + states, resumed + 1
        if not failure and _files(place) != whole[name]:
            failure = "other files"
        outcome.check(not failure, f"{name}, sweep {number}: {failure}")
    outcome.measured = f"{kept} interruptions left runs half trained, which went on from there"
    if full:
        outcome.measured += f"; 50 equal runs on 2 jobs: {idle_share(folder / 'idle'):.0%} idle"
    return outcome


def idle_share(place: Path) -> float:
    """The part of the time in which one of two processes has no work, with 50 equal runs.

    From the first moment at which two are at work to the last at which one is, as the kernel accounts for it.
    """
    process = _start(("seed=0:50", "epochs=1500"), place, jobs=2)
    busy, idle, before = 0.0, 0.0, dict[int, float]()
    while process.poll() is None:
        time.sleep(0.25)
        now = {child: _processor_seconds(child) for child in _children(process.pid)}
        used = {child: now[child] - before[child] for child in now if child in before}
        working = [child for child, seconds in used.items() if seconds > 0.02]
        if busy or len(working) == 2:
            busy += len(working)
            idle += max(0, 2 - len(working)) if working else 0
        before = now
    return idle / (busy + idle) if busy else 1.0


def _children(parent: int) -> list[int]:
    """The processes that a sweep has started, but for their trackers."""
    listed = subprocess.run(["pgrep", "-P", str(parent), "-f", "popen_loky"], capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _whole(name: str, place: Path) -> dict[str, bytes]:
    """The files of the sweep, trained at one go in one process."""
    process = _start(_SWEEPS[name], place, jobs=1)
    _, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(errors)
    return _files(place)


def _files(place: Path) -> dict[str, bytes]:
    return {name: (place / name).read_bytes() for name in _FILES}


def _start(arguments: tuple[str, ...], place: Path, jobs: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "irisbp", "sweep", _SMOKE, *arguments]
    options = ["--run-dir", str(place), "--resume", "--jobs", str(jobs), "--quiet"]
    return subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _one(arguments: tuple[str, ...], place: Path, random: Random, full: bool) -> tuple[str, int]:
    """What is wrong, and how many interruptions left runs that had begun."""
    states, most = 0, _MOST if full else 1
    for interruption in range(most + 1):
        process = _start(arguments, place, jobs=random.choice([1, 2, 3]) if full else 1)
        kind = random.choice(list(_KINDS))
        if interruption < most:
            _wait(place, process, random.choice(["sweep.yaml", "state-*", "state-*", "part-*"]))
            wait_until(lambda: has(process.pid, "SigCgt", signal.SIGTERM), process)  # noqa: B023
            time.sleep(random.uniform(0, 0.7))
            process.send_signal(kind)
        _, errors = process.communicate(timeout=300)
        if process.returncode == 0:
            left = [path.name for path in place.glob("*-0*.npz")]
            return (f"left {left}" if left else ""), states
        states += bool(list(place.glob("state-*.npz")))
        if process.returncode != _KINDS[kind] or "Traceback" in errors or len(errors.splitlines()) > 2:
            return f"exit code {process.returncode}: {errors}", states
    return "it did not end", states


def _wait(place: Path, process: "subprocess.Popen[str]", pattern: str) -> None:
    """Wait for a new file of this kind, or for the end."""
    before = {path: path.stat().st_mtime_ns for path in place.glob(pattern)} if pattern[-1] == "*" else {}
    while process.poll() is None:
        found = {path: path.stat().st_mtime_ns for path in place.glob(pattern) if path.exists()}
        if any(before.get(path) != written for path, written in found.items()):
            return
        time.sleep(0.01)
