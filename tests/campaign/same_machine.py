"""What surrounds a process and is none of a run's business: threads, hashes, places, languages, terminals."""

import os
import pty
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

from tests.campaign import Outcome
from tests.campaign.runs import CONFIGS, Case, cases, difference, files, scratch, some, spread

FAULT = "other threads, hash seeds, directories, locales, time zones, umasks, terminals"
PASSES_WHEN = "the same files, trained in one go or resumed"
FULL, SHORT = 20, 1


@dataclass(frozen=True)
class _Surroundings:
    environment: dict[str, str] = field(hash=False)
    umask: int
    elsewhere: bool
    terminal: bool


def run(trials: int, folder: Path) -> Outcome:
    """Train and resume in each of the surroundings."""
    outcome = Outcome()
    full = trials >= FULL
    found = [case for name in CONFIGS for case in cases(name, folder)] if full else cases("r", folder, 1)
    fresh = [case for case in found if not case.start]
    resumed = [case for case in found if case.name.endswith("resume")]
    jobs = [
        (kind[number % len(kind)], surroundings)
        for number, surroundings in enumerate(some(_all_surroundings(), trials))
        for kind in ((fresh, resumed) if full else (resumed,))
    ]
    for failure in spread(partial(_repeat, folder), jobs):
        outcome.check(not failure, failure)
    return outcome


def _all_surroundings() -> list[_Surroundings]:
    locales = ("C", "POSIX", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8")
    zones = ("UTC", "Asia/Kathmandu", "America/St_Johns")
    return [
        _Surroundings(
            {
                "OPENBLAS_NUM_THREADS": threads,
                "PYTHONHASHSEED": seed,
                "LC_ALL": locale,
                "LANG": locale,
                "TZ": zone,
            },
            umask,
            elsewhere,
            terminal,
        )
        for threads, seed, locale, zone, umask, elsewhere, terminal in product(
            "12", ("0", "1", "random"), locales, zones, (0o022, 0o077), (False, True), (False, True)
        )
    ]


def _repeat(folder: Path, job: tuple[Case, _Surroundings]) -> str:
    case, surroundings = job
    with scratch(folder) as root:
        arguments = case.begin(root)
        place = root if surroundings.elsewhere else Path.cwd()
        repository = str(Path(__file__).parents[2])
        environment = os.environ | {"TERM": "xterm", "PYTHONPATH": repository} | surroundings.environment
        main, side = pty.openpty() if surroundings.terminal else (os.open(os.devnull, os.O_RDWR),) * 2
        if surroundings.terminal:
            arguments = [argument for argument in arguments if argument not in ("--quiet", "--json")]
        command = [sys.executable, "-m", "irisbp", *arguments]
        process = subprocess.Popen(
            command, env=environment, cwd=place, umask=surroundings.umask, stdout=side, stderr=side
        )
        os.close(side)
        if surroundings.terminal:
            _swallow(main)
            os.close(main)
        code = process.wait(60)
        failure = f"exit code {code}" if code else difference(case.expected, files(root / "run"))
    return failure and f"{case.name}, {surroundings}: {failure}"


def _swallow(terminal: int) -> None:
    """Read what is shown, until whoever shows it is gone."""
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        return
