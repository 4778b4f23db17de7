"""SIGKILL at every system call that changes a file, of training and of resuming.

Before the call, after it, and, where it is a write, with half of its bytes written.
"""

import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.campaign import Outcome
from tests.campaign.calls import Kill
from tests.campaign.runs import CONFIGS, Case, cases, forked, recovered, scratch, some, spread

FAULT = "SIGKILL at every system call, with whole and partial writes"
PASSES_WHEN = "the files are those of an uninterrupted run"
FULL, SHORT = 2000, 8

_Trial = tuple[Case, Kill]

_CHANGING = re.compile(
    r"^(?:\d+ +)?(open|openat|creat|write|pwrite64|writev|pwritev2?|fsync|fdatasync|rename|renameat2?|unlink"
    r"|unlinkat|mkdir|mkdirat|rmdir|truncate|ftruncate|link|linkat|symlink|symlinkat|fallocate|copy_file_range"
    r"|sendfile|fchmod|chmod|fchmodat|utimensat|setxattr|fsetxattr|mknod|mknodat)\("
)


def run(trials: int, folder: Path) -> Outcome:
    """Kill, recover, compare."""
    outcome = Outcome()
    full = trials >= FULL
    found = [case for name in CONFIGS for case in cases(name, folder)] if full else cases("r", folder, 1)
    points = [(case, kill) for case in found for kill in _kills(case, folder)]
    for failure in spread(partial(_kill, folder), points if full else some(points, trials)):
        outcome.check(not failure, failure)
    if full and shutil.which("strace"):
        unseen = _unseen(found[0], folder)
        outcome.check(not unseen, unseen)
        outcome.measured = "strace sees the same calls"
    return outcome


def _kills(case: Case, folder: Path) -> list[Kill]:
    return [
        Kill(number, how)
        for number, call in enumerate(case.calls(folder), 1)
        for how in (("before", "half", "after") if call.name == "write" else ("before", "after"))
    ]


def _kill(folder: Path, trial: _Trial) -> str:
    case, kill = trial
    with scratch(folder) as root:
        done = forked(case.begin(root), root=root, hook=kill)
        if done.code != -9:
            return f"{case.name}, {kill}: not killed: exit code {done.code}: {done.told}"
        failure = recovered(case.config, root / "run", case.expected)
    return failure and f"{case.name}, {kill}: {failure}"


def _unseen(case: Case, folder: Path) -> str:
    """What strace sees in a real process and the watch does not, or the other way round."""
    with scratch(folder) as root:
        log = folder / "strace"
        arguments = case.begin(root)
        watched = [f"{call.name} {call.paths[-1]}" for call in case.calls(folder)]
        command = ["strace", "-f", "-y", "-qq", "-s", "0", "-o", str(log), sys.executable, "-m", "irisbp"]
        subprocess.run([*command, *arguments], check=True, capture_output=True, timeout=120)
        traced = [seen for line in log.read_text().splitlines() if (seen := _traced(line, root))]
    if traced == watched:
        return ""
    return f"watched {sorted(set(watched) - set(traced))}, traced {sorted(set(traced) - set(watched))}"


def _traced(line: str, root: Path) -> str | None:
    """A line of strace as a watched call would be told, if it is about a file below root."""
    match = _CHANGING.match(line)
    if not match or (match[1].startswith("open") and not re.search(r"O_CREAT|O_TRUNC", line)):
        return None
    arguments = line[match.end() :].rpartition(" = ")[0]
    absolute = re.findall(rf'["<]({re.escape(str(root))}[^">]*)[">]', arguments)
    if not absolute:
        return None
    relative = re.findall(r'"([^"/][^"]*)"', arguments) if match[1] != "write" else []
    path = Path(absolute[-1], *relative[-1:]).relative_to(root)
    return f"{re.sub('at2?$', '', match[1])} {path}"
