"""Calls that fail as they do on a full, broken or closed disk; and disks that really are full.

Every call that changes a file fails once, or from then on; a file system of a few blocks, a limit to the
size of files and a file system that cannot be written do it for real.
"""

import errno
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.campaign import Outcome
from tests.campaign.calls import Fail
from tests.campaign.runs import (
    CONFIGS,
    Case,
    Done,
    cases,
    difference,
    files,
    recovered,
    scratch,
    some,
    spread,
    started,
)

FAULT = "full disk, broken disk, quota: every call fails, once or from then on"
PASSES_WHEN = "exit code 74, one line naming the path; once resumed, the same files"
FULL, SHORT = 3000, 8

_CODES = (errno.ENOSPC, errno.EIO, errno.EDQUOT)

_Trial = tuple[Case, Fail]


def run(trials: int, folder: Path) -> Outcome:
    """Let calls fail, then let the real thing fail."""
    outcome = Outcome()
    full = trials >= FULL
    found = [case for name in CONFIGS for case in cases(name, folder)] if full else cases("r", folder, 1)
    points = [
        (case, Fail(number, code, lasting))
        for case in found
        for number in range(1, len(case.calls(folder)) + 1)
        for code in _CODES
        for lasting in (False, True)
    ]
    for failure in spread(partial(_fail, folder), points if full else some(points, trials)):
        outcome.check(not failure, failure)
    if not full:
        return outcome
    for failure in _limited(found[0], folder):
        outcome.check(not failure, failure)
    mounted = [*_mounted(found[0], folder)]
    for failure in mounted:
        outcome.check(not failure, failure)
    outcome.measured = (
        f"{len(mounted)} on small or closed file systems" if mounted else "nothing can be mounted here"
    )
    return outcome


def _fail(folder: Path, trial: _Trial) -> str:
    case, fail = trial
    with scratch(folder) as root, started(case.begin(root), root=root, hook=fail) as process:
        failure = _wrong(process.wait(), root) or recovered(case.config, root / "run", case.expected)
    return failure and f"{case.name}, {fail}: {failure}"


def _wrong(done: Done, root: Path) -> str:
    """What is wrong with how a process ended whose disk failed."""
    one_line = done.told.count("\n") == 1 and str(root / "run") in done.told
    if done.code == 74 and done.refused and one_line:
        return ""
    return f"exit code {done.code}, told: {done.told.strip()!r}"


def _limited(case: Case, folder: Path) -> Iterator[str]:
    """Files may have so many bytes and no more."""
    for most in (0, 100, 1000, 3000, 10_000, 20_000):
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
        with scratch(folder) as root:
            failure = _on_a_bad_disk(case, root, limit) or recovered(case.config, root / "run", case.expected)
        yield failure and f"RLIMIT_FSIZE {most}: {failure}"


def _on_a_bad_disk(case: Case, root: Path, first: Callable[[], object] | None = None) -> str:
    with started(case.begin(root), first=first) as process:
        return _wrong(process.wait(), root)


def _mounted(case: Case, folder: Path) -> Iterator[str]:
    """File systems of a few blocks of 4 KB, and one that is closed."""
    for blocks in (1, 2, 3, 4, 6, 8, 10):
        with scratch(folder) as root, _tmpfs(root, f"size={4 * blocks}k") as mounted:
            if not mounted:
                return
            failure = _on_a_bad_disk(case, root)
            _mount("-o", "remount,size=1m", str(root))
            failure = failure or recovered(case.config, root / "run", case.expected)
            yield failure and f"{blocks} blocks: {failure}"
    with scratch(folder) as root, _tmpfs(root, "size=1m"):
        _mount("-o", "remount,ro", str(root))
        yield _on_a_bad_disk(case, root)
    with scratch(folder) as root, _tmpfs(root, "size=1m"):
        yield from _closed(case, root, folder)


def _closed(case: Case, root: Path, folder: Path) -> Iterator[str]:
    """A run is resumed where it cannot be written, and then where it can."""
    resumed = next(each for each in cases(case.config.stem, folder) if each.name.endswith("resume"))
    resumed.begin(root)
    _mount("-o", "remount,ro", str(root))
    with started(["resume", str(root / "run"), "--quiet"]) as process:
        failure = _wrong(process.wait(), root) or difference(resumed.start, files(root / "run"))
    yield failure and f"resumed where nothing can be written: {failure}"
    _mount("-o", "remount,rw", str(root))
    yield recovered(case.config, root / "run", case.expected)


@contextmanager
def _tmpfs(root: Path, options: str) -> Iterator[bool]:
    mounted = _mount("-t", "tmpfs", "-o", options, "tmpfs", str(root))
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(root)], check=True)


def _mount(*arguments: str) -> bool:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
