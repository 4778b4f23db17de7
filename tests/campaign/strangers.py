"""Runs and sweeps as a stranger may send them: every file and entry of a manifest spoilt, most sealed again.

What is changed gets its sha256 in the manifest anew, so that nothing is refused for that alone. Each trap is
laid for each command that reads it.
"""

import hashlib
import json
import os
import random
import re
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from irisbp.rundir.arrays import pack, unpack
from tests.campaign import Outcome
from tests.campaign.runs import Done, forked, scratch, some, spread, started

FAULT = "runs and sweeps as a stranger may send them: every file and every entry spoilt, and sealed again"
PASSES_WHEN = "one clear message or the figures, in 20 s and 1.5 GiB; other runs are still listed"
FULL, SHORT = 6_000, 10

_LONGEST = 20  # seconds
_MEMORY = 3 << 29  # bytes beyond what a process of the campaign has at its start
_LONGEST_TOLD = 3000  # characters

RUN_COMMANDS = (
    "runs list .",
    "runs show {}",
    "runs show {} --json",
    "runs diff {} other",
    "runs verify {} --quiet",
    "evaluate {}",
    "predict {} sepal_length=1 sepal_width=1 petal_length=1 petal_width=1",
    "plot {} --output pictures --kind loss-and-accuracy --kind distributions",
    "explain {} --step 3",
    "gradcheck {} --point class-0 --only-bad",
    "resume {} --quiet",
    "train seed=1 epochs=3 data.validation=0.2 early_stopping.patience=3 --run-dir {} --resume --quiet",
)
SWEEP_COMMANDS = (
    "runs list .",
    "runs show {}",
    "plot {} --output pictures",
    "train --from {} --row 1 --run-dir new --quiet",
    "resume {} --quiet",
    "sweep seed=0:3 learning_rate=0.1,0.2 epochs=2 --run-dir {} --resume --quiet",
)
_SUBJECTS = {
    "run": ("train", "seed=1", "epochs=3", "data.validation=0.2", "early_stopping.patience=3"),
    "sweep": ("sweep", "seed=0:3", "learning_rate=0.1,0.2", "epochs=2", "--jobs", "1"),
}

Spoil = Callable[[Path], object]


class _Trap(NamedTuple):
    """What is spoilt in which subject, and the command that meets it."""

    name: str
    subject: str
    spoil: Spoil
    command: str


def run(trials: int, folder: Path) -> Outcome:
    """Every trap before every command, or so many of them."""
    outcome = Outcome()
    model = folder / "model"
    _make_model(model)
    count = len(_traps(model))
    for problem in spread(partial(_try, folder, model), some([*range(count)], trials)):
        outcome.check(not problem, problem)
    outcome.measured = f"of {count:,} traps before a command"
    return outcome


@cache
def _traps(model: Path) -> list[_Trap]:
    """All of them; a process of the pool inherits them, since most cannot be sent to it."""
    return [
        _Trap(name, subject, spoil, command)
        for subject, commands in (("run", RUN_COMMANDS), ("begun", RUN_COMMANDS), ("sweep", SWEEP_COMMANDS))
        for name, spoil in _spoils(model / subject)
        for command in commands
    ]


def _make_model(model: Path) -> None:
    """A finished run, the same one before its end, another one, and a finished sweep."""
    model.mkdir()
    for name, command in (("run", "run"), ("other", "run"), ("sweep", "sweep")):
        done = forked([*_SUBJECTS[command], "--run-dir", str(model / name), "--quiet"])
        assert done.code == 0, done.told
    shutil.copytree(model / "run", model / "begun")
    for name in ("manifest.json", "parameters.npz", "best_parameters.npz"):
        (model / "begun" / name).unlink()


def _spoils(subject: Path) -> Iterator[tuple[str, Spoil]]:
    for path in sorted(subject.iterdir()):
        for name, form in _FORMS.items():
            yield f"{path.name}: {name}", partial(_form, form, path.name)
        for name, content in _contents():
            yield f"{path.name}: {name}", partial(_replaced, path.name, content)
        if path.suffix == ".npz":
            for name, array in unpack(path, path.read_bytes()).items():
                for what in _ARRAYS:
                    yield f"{path.name}: {name} {what}", partial(_array, path.name, name, _ARRAYS[what])
                del array
        if path.suffix == ".csv":
            for what, row in _ROWS.items():
                yield f"{path.name}: {what}", partial(_row, path.name, row)
    if (subject / "manifest.json").exists():
        entries = json.loads((subject / "manifest.json").read_bytes())
        for place in _places(entries):
            for value in _VALUES:
                yield (
                    f"manifest.json: {'.'.join(map(str, place))}={value[:30]}",
                    partial(_entry, place, value),
                )
    name = "sweep.yaml" if (subject / "sweep.yaml").exists() else "config.yaml"
    for was, now in _KEYS:
        yield f"{name}: {now}", partial(_key, name, was, now)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(8 << 30)


_FORMS: dict[str, Spoil] = {
    "8 GiB": _huge,
    "missing": lambda path: None,
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "link to itself": lambda path: path.symlink_to(path.name),
}
_ARRAYS: dict[str, Callable[[Any], Any]] = {
    "is nan": lambda array: np.full(array.shape, np.nan) if array.dtype == float else array + 1,
    "is 1e308": lambda array: np.full(array.shape, 1e308) if array.dtype == float else array * 0,
    "has a row more": lambda array: np.zeros((array.shape[0] + 1, *array.shape[1:])) if array.ndim else array,
    "is whole": lambda array: np.ones(array.shape, np.int64),
    "is negative": lambda array: -array if array.dtype != np.uint8 else array[:0],
}
_ROWS = {
    "a row of text": b"a,b,c,d,e,f\n",
    "a row of one cell": b"1\n",
    "a row of 1e999": b"1,1e999,1e999,1e999,1e999,1e999\n",
    "a number of many digits": b"9" * 5000 + b",0.1,1,1,1,1\n",
    "an open quote": b'1,"0.1,1.0,1.0,,\n',
    "null bytes": b"1,\0,1,1,,\n",
}
_VALUES = (
    "1" + "0" * 400, "1" + "0" * 5000, "-1", "1e999", "-1e999", "NaN", '"x"', '""', "null", "true", "[]",
    "{}", "[" * 150 + "]" * 150, "[" * 100_000, "1e15", "9223372036854775808", f"[{'1,' * 100_000}1]",
    json.dumps("x" * 1_000_000), '"\\u001b[31m\\u202e"', '"../../x"', '{"a": 1}', "0", "1",
)  # fmt: skip
_KEYS = (
    (r"epochs: \d+", "epochs: 1000000000"),
    (r"epochs: \d+", "epochs: 1"),
    (r"hidden:\n *- 3", "hidden: [1000000]"),
    (r"hidden:\n *- 3", "hidden: []"),
    (r"batch_size: 1", "batch_size: 7"),
    (r"batch_size: 1", "batch_size: all"),
    (r"learning_rate: \S+", "learning_rate: 1e300"),
    (r"seed: \d+", "seed: 9223372036854775807"),
    (r"validation: \S+", "validation: 0.5"),
    (r"source: \S+", "source: /dev/zero"),
    (r"record: steps", "record: epochs"),
    (r"epochs: \d+", "epochs: [" + "[" * 5000),
    (r"learning_rate: \S+", 'learning_rate: 0:1000000000'),
    (r"seed: \S+", "seed: 0:1000000"),
)  # fmt: skip


def _contents() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "null bytes", bytes(100_000)
    yield "brackets", b"[" * 1_000_000
    yield "a line of 20 MB", b"x" * 20_000_000
    yield "random", random.Random(0).randbytes(5000)
    yield "many values", b'{"status": [' + b"1," * 3_000_000 + b"1]}"
    yield "a number", b"1" * 10_000


def _form(form: Spoil, name: str, folder: Path) -> None:
    (folder / name).unlink()
    form(folder / name)


def _replaced(name: str, content: bytes, folder: Path) -> None:
    (folder / name).write_bytes(content)
    _seal(folder, name)


def _seal(folder: Path, name: str) -> None:
    """Put a file's sha256 into the manifest."""
    path = folder / "manifest.json"
    if path.exists() and name != path.name:
        entries = json.loads(path.read_bytes())
        if name in entries["files"]:
            entries["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            path.write_text(json.dumps(entries))


def _array(name: str, array: str, changed: Callable[[Any], Any], folder: Path) -> None:
    arrays = unpack(folder / name, (folder / name).read_bytes())
    with np.errstate(all="ignore"):
        arrays[array] = changed(arrays[array])
    _replaced(name, pack(arrays), folder)


def _row(name: str, row: bytes, folder: Path) -> None:
    header, _, rest = (folder / name).read_bytes().partition(b"\n")
    _replaced(name, header + b"\n" + row + rest, folder)


def _places(entries: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every entry of the manifest, by the keys that lead to it; of lists the first."""
    items = entries.items() if isinstance(entries, dict) else list(enumerate(entries))[:1]
    for key, value in items:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from _places(value, (*above, key))


def _entry(place: tuple[Any, ...], value: str, folder: Path) -> None:
    path = folder / "manifest.json"
    entries = deepcopy(json.loads(path.read_bytes()))
    within = entries
    for key in place[:-1]:
        within = within[key]
    within[place[-1]] = "HERE"
    path.write_text(json.dumps(entries, indent=2).replace('"HERE"', value))


def _key(name: str, was: str, now: str, folder: Path) -> None:
    text = (folder / name).read_text()
    _replaced(name, re.sub(was, lambda _: now, text, count=1).encode(), folder)


def _try(folder: Path, model: Path, number: int) -> str:
    """What went wrong, or nothing."""
    trap = _traps(model)[number]
    with scratch(folder) as root:
        for name in (trap.subject, "other"):
            shutil.copytree(model / name, root / name)
        trap.spoil(root / trap.subject)
        began = time.monotonic()
        done, listed = _command(root, trap.command.replace("{}", trap.subject).split())
        seconds = time.monotonic() - began
    problems = _problems(done)
    if trap.command.startswith("runs list") and (done.code or "other" not in listed):
        problems.append("the other run is not listed")
    if seconds > 3 * _LONGEST:
        problems.append(f"{seconds:.0f} s")
    return f"{trap.command} after {trap.subject}/{trap.name}: {'; '.join(problems)}" if problems else ""


def _command(root: Path, words: list[str]) -> tuple[Done, str]:
    """Run a command there, with little memory; its stdout, too."""

    def limited() -> None:
        os.chdir(root)
        os.dup2(os.open("stdout", os.O_CREAT | os.O_WRONLY), 1)
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
        limit = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CPU, (_LONGEST, _LONGEST))

    with started(words, first=limited) as process:
        done = process.wait()
    return done, (root / "stdout").read_text(errors="replace") if (root / "stdout").exists() else ""


def _problems(done: Done) -> list[str]:
    problems = []
    if done.code not in (0, 1, 2, 3, 4, 74):
        problems.append(f"exit code {done.code}")
    if "Traceback" in done.told or "Warning" in done.told or "not enough memory" in done.told:
        problems.append(done.told[-600:])
    messages = len(re.findall("^irisbp: .", done.told, re.MULTILINE))
    if done.code not in (0, 1) and messages != 1 and not problems:
        problems.append(f"{messages} messages: {done.told[-300:]}")
    if len(done.told) > _LONGEST_TOLD:
        problems.append(f"{len(done.told)} characters: {done.told[:300]}")
    return problems
