"""Several processes want one run at the same moment; one has it, until it is killed."""

import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

from irisbp.errors import IrisbpError
from irisbp.rundir.storage import Directory
from tests.campaign import Outcome
from tests.campaign.runs import Process, started, training, write_config

FAULT = "2 to 8 processes on one run at once, the holder killed"
PASSES_WHEN = "one writes, all others exit with code 75; the lock ends with its holder"
FULL, SHORT = 200, 3

_LONG = """
    seed: 1
    rng: numpy
    learning_rate: 0.1
    epochs: 1000000
    initializer: normal
    optimizer: sgd
    record: epochs
    checkpoint_every: 10
    """
_PATIENCE = 10.0  # seconds, on a machine that has others to serve, too


def run(trials: int, folder: Path) -> Outcome:
    """Start them, see who stays, kill it."""
    outcome, random = Outcome(), Random(0)
    config, place = write_config(folder, "long", _LONG), folder / "run"
    slowest = 0.0
    for number in range(trials):
        count = random.randint(2, 8)
        # Whoever was killed while it cleared the place or began has left nothing to resume.
        possible = ["train", "resume"] if (place / "config.yaml").exists() else ["train"]
        kinds = [random.choice(possible) for _ in range(count)]
        began = time.monotonic()
        failure = _round(config, place, kinds)
        slowest = max(slowest, time.monotonic() - began)
        outcome.check(not failure, f"round {number}, {kinds}: {failure}")
    outcome.measured = f"slowest round {slowest:.1f} s"
    return outcome


def _round(config: Path, place: Path, kinds: list[str]) -> str:
    commands = [
        training(config, place) if kind == "train" else ["resume", str(place), "--quiet"] for kind in kinds
    ]
    with ExitStack() as stack:
        processes = [stack.enter_context(started(command)) for command in commands]
        codes = _codes_of_all_but_one(processes)
        if codes != [75] * (len(processes) - 1):
            return f"exit codes {codes} of {len(processes)} processes"
        holder = next(process for process in processes if not process.ended)
        try:
            Directory(place).close()
            return "the lock is free though one of them holds the run"
        except IrisbpError as error:
            if error.exit_code != 75:
                return str(error)
        if holder.kill().code != -9:
            return "the holder had ended by itself"
    try:
        Directory(place).close()
    except IrisbpError as error:
        return f"after the kill: {error}"
    return ""


def _codes_of_all_but_one(processes: list[Process]) -> list[int]:
    """Their exit codes, once no more than one is left; or those there are when patience ends."""
    codes: list[int] = []
    end = time.monotonic() + _PATIENCE
    while len(codes) < len(processes) - 1 and time.monotonic() < end:
        codes += [process.wait().code for process in processes if process.is_over()]
        time.sleep(0.005)
    return codes
