"""What a power loss may leave of a run, rebuilt from its calls; each such state is recovered.

Data last once their file has been synced, names once their directory has. Until then each change by
itself may be there or not, whatever the order: a write, moreover, as half of its bytes, or as zeros of its
length; a rename with its file under both names. All states at all moments are tried; where a moment has
too many, a sample. A run that has been called finished has to be there without any recovery.

Then the proof that this finds anything: without any one of the syncs, a state has to fail.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from math import prod
from os.path import dirname
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.campaign import Outcome
from tests.campaign.calls import Call
from tests.campaign.runs import CONFIGS, Case, Files, cases, difference, put, recovered, scratch, some, spread

FAULT = "power loss: every subset of the writes that were not yet synced"
PASSES_WHEN = "once resumed, the same files; leaving out any one sync is noticed"
FULL, SHORT = 1000, 8

_MOST = 4096  # states of one moment
_FEW = 64  # ... enough to notice a missing sync
_AT_ONCE = 24  # states tried before it is asked whether one has failed

_Left = tuple[tuple[str, bytes], ...] | None  # None: there is no directory


class _State(NamedTuple):
    """The files that are left, and whether the command had come to its end before."""

    left: _Left
    ended: bool


@dataclass
class _Change:
    """A change to a directory's names or to a file's data, and after which call it lasts.

    Files are numbers, since names come and go; a directory is -1.
    """

    number: int
    names: dict[str, int | None] = field(default_factory=dict)
    file: int = 0
    data: bytes | None = None
    offset: int = 0
    lasts: float = float("inf")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What may become of it."""
        if self.data:
            return ("kept", "lost", "half", "zeros")
        return ("kept", "lost", "both") if len(self.names) == 2 else ("kept", "lost")


def run(trials: int, folder: Path) -> Outcome:
    """Lose power, recover, compare; then leave out the syncs, one after the other."""
    outcome = Outcome()
    full = trials >= FULL
    found = [case for name in CONFIGS for case in cases(name, folder)] if full else cases("r", folder, 1)
    found = [case for case in found if "finished" not in case.name]
    logs = [case.calls(folder) for case in found]
    every = {
        (case.name, state): case
        for case, log in zip(found, logs, strict=True)
        for state in _states(case, log)
    }
    jobs = [(case, state) for (_, state), case in every.items()]
    for failure in spread(partial(_lose, folder), jobs if full else some(jobs, trials)):
        outcome.check(not failure, failure)
    if full:
        sites = sorted({call.site for log in logs for call in log if call.name == "fsync"})
        unnoticed = [site for site in sites if not _is_noticed(site, found, logs, set(every), folder)]
        for site in sites:
            outcome.check(site not in unnoticed, f"without the sync at {site} nothing fails")
        outcome.measured = f"{len(sites) - len(unnoticed)} of {len(sites)} syncs noticed when left out"
    return outcome


def _is_noticed(
    site: str, found: list[Case], logs: list[list[Call]], known: set[tuple[str, _State]], folder: Path
) -> bool:
    """Whether a state fails that is possible only without a sync."""
    without = [[call for call in log if call.site != site or call.name != "fsync"] for log in logs]
    jobs = [
        (case, state)
        for case, log in zip(found, without, strict=True)
        for state in _states(case, log, _FEW)
        if (case.name, state) not in known
    ]
    Random(0).shuffle(jobs)
    return any(
        any(spread(partial(_lose, folder), jobs[start : start + _AT_ONCE]))
        for start in range(0, len(jobs), _AT_ONCE)
    )


def _lose(folder: Path, job: tuple[Case, _State]) -> str:
    case, (state, ended) = job
    left = dict(state or ())
    with scratch(folder) as root:
        if state is not None:
            put(root / "run", left)
        failure = recovered(case.config, root / "run", case.expected)
    if ended:  # what has been called finished stays finished
        kept = {name: content for name, content in left.items() if name in case.expected}
        failure = failure or difference(case.expected, kept)
    sizes = {name: len(content) for name, content in left.items()} if left else "nothing"
    return failure and f"{case.name}, left {sizes}: {failure}"


def _states(case: Case, log: Sequence[Call], most: int = _MOST) -> set[_State]:
    """Every state that there may be after a power loss at some moment."""
    start = dict(enumerate(case.start.values(), 1))
    names = dict(zip(case.start, start, strict=True))
    changes = _changes(log, names)
    states: set[_State] = set()
    for now in range(len(log) + 1):
        past = [change for change in changes if change.number <= now]
        open_ends = [("kept",) if change.lasts <= now else change.outcomes for change in past]
        for outcomes in _some_of(open_ends, most):
            left = _left(bool(case.start), names, start, list(zip(past, outcomes, strict=True)))
            states.add(_State(left, ended=now == len(log)))
    return states


def _some_of(open_ends: list[tuple[str, ...]], most: int) -> Iterator[tuple[str, ...]]:
    if prod(map(len, open_ends)) <= most:
        yield from product(*open_ends)
        return
    random = Random(0)
    for _ in range(most):
        yield tuple(map(random.choice, open_ends))


def _changes(log: Sequence[Call], start: Files | dict[str, int]) -> list[_Change]:
    """The log as changes, each with the number of the call after which it lasts."""
    names: dict[str, int] = {f"run/{name}": k for k, name in enumerate(start, 1)}
    changes: list[_Change] = []
    for number, call in enumerate(log, 1):
        path = call.paths[0]
        if call.name == "mkdir":
            changes.append(_Change(number, {path: -1}))
        elif call.name == "open" and path not in names:
            names[path] = len(start) + number
            changes.append(_Change(number, {path: names[path]}))
        elif call.name == "rename":
            names[call.paths[1]] = names.pop(path)
            changes.append(_Change(number, {path: None, call.paths[1]: names[call.paths[1]]}))
        elif call.name == "unlink" and path in names:
            del names[path]
            changes.append(_Change(number, {path: None}))
        elif call.name in ("write", "ftruncate"):
            data = call.data if call.name == "write" else None
            changes.append(_Change(number, file=names[path], data=data, offset=call.offset))
        elif call.name == "fsync":
            _make_last(changes, path, names.get(path), number)
    return changes


def _make_last(changes: list[_Change], path: str, file: int | None, number: int) -> None:
    for change in changes:
        synced = (
            {dirname(name) or "." for name in change.names} == {path} if change.names else change.file == file
        )
        if synced:
            change.lasts = min(change.lasts, number)


def _left(
    existed: bool, names: dict[str, int], start: dict[int, bytes], changes: list[tuple[_Change, str]]
) -> _Left:
    """What is there if each change has had its outcome."""
    found: dict[str, int | None] = {f"run/{name}": file for name, file in names.items()}
    found["run"] = -1 if existed else None
    contents = dict(start)
    for change, outcome in changes:
        if outcome == "lost":
            continue
        if not change.names:
            contents[change.file] = _changed(contents.get(change.file, b""), change, outcome)
        found |= {name: file for name, file in change.names.items() if outcome == "kept" or file is not None}
    if found.pop("run") is None:
        return None
    return tuple(
        sorted((name[4:], contents.get(file, b"")) for name, file in found.items() if file and file > 0)
    )


def _changed(content: bytes, change: _Change, outcome: str) -> bytes:
    if change.data is None:  # cut, or made longer by zeros
        return content[: change.offset].ljust(change.offset, b"\0")
    data = change.data
    if outcome == "half":
        data = data[: len(data) // 2]
    elif outcome == "zeros":
        data = bytes(len(data))
    end = change.offset + len(data)
    return content[: change.offset].ljust(change.offset, b"\0") + data + content[end:]
