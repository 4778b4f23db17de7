"""Paths that lead elsewhere, never end, or are not what they look like: as arguments, and inside a run."""

import hashlib
import os
import random
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.campaign import Outcome
from tests.campaign.screens import Shown, start

FAULT = "paths with links, pipes, `../` and other surprises"
PASSES_WHEN = (
    "nothing outside is touched; ends within 20 s with exit code 0, 2, 3 or 74 and one clear message"
)
FULL = 960
SHORT = 6
_PROCESSES = 2
_LIMIT = 20  # seconds

Trick = Callable[[Path, Path], str]
"""Lays a trap in a folder, next to what must not be touched, and returns the path that leads into it."""


def _names(text: str) -> Trick:
    return lambda work, outside: text


def _link(target: str) -> Trick:
    def trick(work: Path, outside: Path) -> str:
        (work / "trap").symlink_to(target.format(outside=outside))
        return "trap"

    return trick


def _fifo(work: Path, outside: Path) -> str:
    os.mkfifo(work / "trap")
    return "trap"


def _socket(work: Path, outside: Path) -> str:
    here = os.open(work, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/trap")  # its own path may be too long
    os.close(here)
    return "trap"


def _hard_link(work: Path, outside: Path) -> str:
    os.link(outside / "victim.csv", work / "trap")
    return "trap"


def _full_directory(work: Path, outside: Path) -> str:
    (work / "trap").mkdir()
    (work / "trap" / "mine.txt").write_text("mine")
    return "trap"


def _unreadable_name(work: Path, outside: Path) -> str:
    (work / os.fsdecode(b"trap\xff")).mkdir()
    return os.fsdecode(b"trap\xff")


ARGUMENTS: dict[str, Trick] = {
    "a run outside": _names("../outside/run"),
    "a file outside": _names("../outside/victim.csv"),
    "outside, absolute": lambda work, outside: f"{outside}/folder",
    "up and down again": _names("run/../../outside/folder/"),
    "300 characters": _names("n" * 300),
    "5000 bytes": _names("d/" * 2500),
    "link to a folder": _link("{outside}/folder"),
    "link to a run": _link("{outside}/run"),
    "link to a file": _link("{outside}/victim.csv"),
    "dangling link": _link("{outside}/none"),
    "link to itself": _link("trap"),
    "link to /dev/zero": _link("/dev/zero"),
    "fifo": _fifo,
    "socket": _socket,
    "/dev/zero": _names("/dev/zero"),
    "/dev/full": _names("/dev/full"),
    "/dev/stdin": _names("/dev/stdin"),
    "/proc/self/fd/1": _names("/proc/self/fd/1"),
    "folder that is not empty": _full_directory,
    "hard link": _hard_link,
    "a file with a slash": _names("samples.csv/"),
    "a file as a folder": _names("samples.csv/below"),
    "this folder": _names("."),
    "the root": _names("/"),
    "nothing": _names(""),
    "dots": _names("..."),
    "space at the end": _names("space "),
    "new line": _names("new\nline"),
    "undecodable": _unreadable_name,
    "home": _names("~"),
    "minus": _names("./-"),
}

COMMANDS = (
    "train {} epochs=1",
    "train epochs=1 --run-dir {}",
    "train epochs=1 --run-dir {} --overwrite",
    "train epochs=1 --name {}",
    "train epochs=1 --name {} --overwrite",
    "train epochs=1 data.source={} data.target=t",
    "config show {}",
    "config validate {}",
    "evaluate {}",
    "evaluate run --data {}",
    "predict {} sepal_length=1",
    "predict run {}",
    "predict run samples.csv --output {}",
    "plot {} --kind confusion",
    "plot run --kind confusion --output {}",
    "plot run {} --output {}",
    "runs list {}",
    "runs show {}",
    "runs diff run {}",
    "runs verify {}",
    "explain {}",
    "explain --growth --output {}",
    "gradcheck {} --point batch --only-bad",
)

FORMS: dict[str, Callable[[Path, Path, Path], object]] = {
    "link to a file": lambda path, outside, kept: path.symlink_to(outside / "victim.csv"),
    "link to the run's own file": lambda path, outside, kept: path.symlink_to(kept),
    "link to a folder": lambda path, outside, kept: path.symlink_to(outside / "folder"),
    "dangling link": lambda path, outside, kept: path.symlink_to(outside / "none"),
    "link to itself": lambda path, outside, kept: path.symlink_to(path.name),
    "link to /dev/zero": lambda path, outside, kept: path.symlink_to("/dev/zero"),
    "hard link": lambda path, outside, kept: os.link(outside / "victim.csv", path),
    "fifo": lambda path, outside, kept: os.mkfifo(path),
    "folder": lambda path, outside, kept: path.mkdir(),
    "full folder": lambda path, outside, kept: shutil.copytree(outside / "folder", path),
}

INSIDE = (
    "config.yaml",
    "steps.csv",
    "epochs.csv",
    "parameters.npz",
    "manifest.json",
    ".manifest.json.tmp",
    ".config.yaml.tmp",
    "evaluation.json",
    ".evaluation.json.tmp",
    "plots",
    "plots/confusion.png",
    "plots/.confusion.png.tmp",
    "mine.txt",
)

ON_A_RUN = (
    "evaluate run",
    "train epochs=1 --run-dir run --overwrite",
    "train epochs=1 --run-dir run --overwrite",
    "plot run --kind confusion --kind loss-and-accuracy",
    "runs show run",
    "runs list .",
    "runs diff run ../outside/run",
    "runs verify run",
    "explain run",
    "predict run samples.csv",
    "gradcheck run --point batch --only-bad",
    "config show run/config.yaml",
)


def run(trials: int, folder: Path) -> Outcome:
    """Half of the trials with a trap as an argument, half with a trap inside a run."""
    outcome = Outcome()
    model = folder / "model"
    _make_model(model)
    chosen = list(_drawn(trials))
    with ThreadPoolExecutor(_PROCESSES) as pool:
        for problems in pool.map(lambda one: _try(model, folder / str(one[0]), *one[1:]), chosen):
            outcome.check(not problems, problems)
    outcome.measured = f"{len(ARGUMENTS)} paths, {len(INSIDE) * len(FORMS)} traps in a run"
    return outcome


def _drawn(trials: int) -> Iterator[tuple[int, str, str, str]]:
    """Numbers, traps and commands, in an order that chance has drawn."""
    draw = random.Random(20251)
    given = [(name, "", command) for name in ARGUMENTS for command in COMMANDS]
    inside = [(name, form, command) for name in INSIDE for form in FORMS for command in ON_A_RUN]
    draw.shuffle(given)
    draw.shuffle(inside)
    for k in range(trials):
        trap = given[k // 2 % len(given)] if k % 2 == 0 else inside[k // 2 % len(inside)]
        yield k, *trap


def _make_model(model: Path) -> None:
    """What every trial starts from: a folder to work in, with a run, and another one to leave alone."""
    (model / "work").mkdir(parents=True)
    (model / "outside" / "folder").mkdir(parents=True)
    (model / "work" / "samples.csv").write_text(
        "sepal_length,sepal_width,petal_length,petal_width\n5,3,2,1\n"
    )
    (model / "outside" / "victim.csv").write_text("a,t\n1,x\n2,y\n")
    (model / "outside" / "folder" / "precious.txt").write_text("precious")
    start(["train", "epochs=2", "--run-dir", "run", "--quiet"], model / "work", "pipe")
    shutil.copytree(model / "work" / "run", model / "outside" / "run")


def _try(model: Path, folder: Path, trap: str, form: str, command: str) -> str:
    """What went wrong, or nothing."""
    shutil.copytree(model, folder)
    work, outside = folder / "work", folder / "outside"
    path = ""
    if form:
        _lay(work / "run" / trap, outside, form)
    else:
        path = ARGUMENTS[trap](work, outside)
    before = _tree(outside), _tree(work)
    words = [word.replace("{}", path) for word in command.split(" ")]
    shown = start([os.fsencode(word) for word in words], work, "pipe", _LIMIT)
    problems = _problems(shown)
    problems += _touched(*before, outside, work, may_write=not form, overwrite="--overwrite" in command)
    shutil.rmtree(folder)
    return f"{command}, {trap} {form}: {'; '.join(problems)}" if problems else ""


def _lay(path: Path, outside: Path, form: str) -> None:
    """Put a trap in the place of a run's file."""
    kept = outside.parent / "kept"
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        path.rename(kept)
    FORMS[form](path, outside, kept)


def _problems(shown: Shown) -> list[str]:
    problems = []
    if shown.code not in (0, 2, 3, 74):
        problems.append(f"exit code {shown.code}" if shown.code is not None else "it hangs")
    if "Traceback" in shown.text or "Warning" in shown.text:
        problems.append(f"a traceback: {shown.text[-200:]}")
    messages = len(re.findall("^irisbp: .", shown.text, re.MULTILINE))
    if shown.code and messages != 1:
        problems.append(f"{messages} messages: {shown.text[-200:]}")
    return problems


def _touched(
    outside_was: dict[str, str],
    work_was: dict[str, str],
    outside: Path,
    work: Path,
    *,
    may_write: bool,
    overwrite: bool,
) -> list[str]:
    """What is no longer as it was; a path given may be a place to write, but never over anything.

    --overwrite may replace a run, and evaluate its evaluation.json, wherever that run lies.
    """
    now, problems = _tree(outside), []
    changed = {name for name in outside_was if now.get(name) != outside_was[name]}
    new = now.keys() - outside_was.keys()
    if may_write:
        changed = {name for name in changed if not (overwrite and name.startswith("run/"))}
        new = set()
    if changed or new:
        problems.append(f"outside: {', '.join(sorted(changed | new))}")
    here = _tree(work)
    lost = [name for name in work_was if not name.startswith("run/") and here.get(name) != work_was[name]]
    if lost:
        problems.append(f"lost: {', '.join(lost)}")
    if work_was.get("run/mine.txt") != here.get("run/mine.txt"):
        problems.append("lost: run/mine.txt")
    return problems


def _tree(folder: Path) -> dict[str, str]:
    """What lies in a folder: kinds, links' targets, digests of files."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place, name)
            found[str(path.relative_to(folder))] = (
                f"link to {os.readlink(path)}"
                if path.is_symlink()
                else hashlib.sha256(path.read_bytes()).hexdigest()
                if path.is_file()
                else f"{path.stat().st_mode:o}"
            )
    return found
