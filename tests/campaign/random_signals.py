"""Signals at random moments, again and again, until a run is done all the same."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from tests.campaign import Outcome
from tests.campaign.runs import Files, difference, files, recovery, reference, scratch, spread, write_config

FAULT = "KILL, TERM, INT and two INT at random moments of real processes"
PASSES_WHEN = "the same files, the right exit codes; a second INT ends the process within 0.5 s"
FULL, SHORT = 200, 1

_TRAINED_FOR_A_SECOND = """
    seed: 4
    rng: numpy
    learning_rate: 0.05
    epochs: EPOCHS
    initializer: normal
    optimizer: adam
    data: {shuffle: every_epoch, validation: 0.2}
    record: steps
    checkpoint_every: 20
    """
_KINDS = {"INT": 130, "TERM": 143, "INT INT": 130, "KILL": -9}
_MOST = 6  # interruptions of one run


@dataclass
class _Seen:
    """What one run went through."""

    interruptions: list[str] = field(default_factory=list)
    slowest: float = 0.0
    stopped: int = 0
    failure: str = ""


def run(trials: int, folder: Path) -> Outcome:
    """Interrupt, recover, interrupt; compare in the end."""
    outcome = Outcome()
    full = trials >= FULL
    text = _TRAINED_FOR_A_SECOND.replace("EPOCHS", "600" if full else "100")
    config = write_config(folder, "second", text)
    job = partial(_one, config, reference(config, folder), folder, *((_MOST, 0.5) if full else (1, 0.05)))
    interruptions, stopped, slowest = 0, 0, 0.0
    for number, seen in enumerate(spread(job, range(trials))):
        outcome.check(not seen.failure, f"run {number}, {seen.interruptions}: {seen.failure}")
        interruptions += len(seen.interruptions)
        stopped += seen.stopped
        slowest = max(slowest, seen.slowest)
    if full:
        outcome.check(interruptions >= 500, f"only {interruptions} interruptions")
    outcome.measured = (
        f"{interruptions} interruptions, {stopped} of them told how to go on;"
        f" slowest second INT {slowest:.2f} s"
    )
    return outcome


def _one(config: Path, expected: Files, folder: Path, most: int, longest: float, number: int) -> _Seen:
    random, seen = Random(number + 1), _Seen()
    with scratch(folder) as root:
        while not seen.failure:
            count = len(seen.interruptions)
            kind = list(_KINDS)[(number + count) % len(_KINDS)] if count < most else ""
            process = subprocess.Popen(
                [sys.executable, "-m", "irisbp", *recovery(config, root / "run")],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            with process:
                _interrupt(process, kind, root / "run", random, longest, seen)
                told = process.communicate(timeout=60)[1]
            if process.returncode == 0:
                seen.failure = difference(expected, files(root / "run"))
                return seen
            seen.interruptions.append(kind)
            seen.stopped += "irisbp resume" in told
            if process.returncode != _KINDS.get(kind) or len(told.splitlines()) > 2 or "Traceback" in told:
                seen.failure = f"exit code {process.returncode}: {told}"
    return seen


def _interrupt(
    process: "subprocess.Popen[str]", kind: str, place: Path, random: Random, longest: float, seen: _Seen
) -> None:
    """Wait for a random time, and send the signals, unless the process ends before."""
    # Before irisbp has begun, a signal is Python's own affair; often it is to have begun to train, too.
    before = sorted(place.glob("checkpoint-*"))
    if kind and random.random() < 0.8:
        wait_until(lambda: sorted(place.glob("checkpoint-*")) != before, process)
    if kind not in ("", "KILL"):
        wait_until(lambda: has(process.pid, "SigCgt", signal.SIGTERM), process)
    time.sleep(random.uniform(0, longest) if kind else 0)
    for number, name in enumerate(kind.split()):
        if number:  # signals do not queue: the second must not find the first one pending
            wait_until(lambda: not has(process.pid, "ShdPnd", signal.SIGINT), process)
            time.sleep(random.uniform(0.01, 0.03))
        sent = time.monotonic()
        process.send_signal(getattr(signal, f"SIG{name}"))
    if kind == "INT INT":
        process.wait(60)
        seen.slowest = max(seen.slowest, time.monotonic() - sent)
        if seen.slowest > 0.5:
            seen.failure = f"the second INT took {seen.slowest:.2f} s"


def wait_until(holds: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    while process.poll() is None and not holds():
        time.sleep(0.002)


def has(pid: int, which: str, number: int) -> bool:
    """Whether a signal is in one of a process's sets, such as SigCgt, those that it has a handler for."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    members = next((line for line in status.splitlines() if line.startswith(which)), f"{which}: 0")
    return bool(int(members.split()[1], 16) >> (number - 1) & 1)
