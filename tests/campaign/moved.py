"""Projects that have been moved, with their tables or without, and tables of strangers: each command on each.

A stranger's run or sweep names a file of ours in the place of its table. Nothing of that file may be shown.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.campaign import Outcome
from tests.campaign.screens import Shown, start

FAULT = "projects, runs and sweeps that have been moved, and runs whose table is a file of ours"
PASSES_WHEN = "the table is found by its sha256, or a message names --data; nothing of another file is shown"
FULL, SHORT = 400, 6
_LIMIT = 60  # seconds
_PROCESSES = 2
_SECRET = "SECRET_TOKEN"

_ON_A_RUN = (
    "evaluate {run} --on training",
    "plot {run} --kind regions",
    "explain {run}",
    "runs verify {run} --quiet",
    "gradcheck {run} --point batch-7 --only-bad",
    "resume {part} --quiet",
    "train --from {sweep} --row 1 --quiet",
    "resume {begun} --quiet",
)


@dataclass(frozen=True)
class Layout:
    """A way to move the project in `a`: the directory to work in then, and where the runs are."""

    move: Callable[[Path], object]
    runs: str
    work: str
    data: str = ""  # options that say where the table is
    is_found: bool = True


def _run_alone(root: Path) -> None:
    """The runs leave their project, and the table is not where they look for it."""
    shutil.move(root / "a" / "runs", root / "elsewhere")


def _far_away(root: Path) -> None:
    _run_alone(root)
    (root / "deep" / "er").mkdir(parents=True)
    shutil.move(root / "elsewhere", root / "deep" / "er" / "runs")
    shutil.move(root / "a" / "data", root / "other")


def _changed(root: Path) -> None:
    path = root / "a" / "data" / "t.csv"
    path.write_bytes(path.read_bytes().replace(b"\n1", b"\n2", 1))


def _linked(root: Path) -> None:
    shutil.move(root / "a" / "runs", root / "scratch")
    (root / "a" / "runs").symlink_to(root / "scratch")


def _pipe(root: Path) -> None:
    (root / "a" / "data" / "t.csv").unlink()
    os.mkfifo(root / "a" / "data" / "t.csv")


def _sparse(root: Path) -> None:
    with open(root / "a" / "data" / "t.csv", "wb") as file:
        file.truncate(2**33)


LAYOUTS = {
    "not moved": Layout(lambda root: None, "runs", "a"),
    "renamed": Layout(lambda root: (root / "a").rename(root / "b"), "runs", "b"),
    "renamed, from elsewhere": Layout(lambda root: (root / "a").rename(root / "b"), "b/runs", "."),
    "deeper": Layout(lambda root: shutil.move(root / "a", root / "x" / "y" / "b"), "runs", "x/y/b"),
    "the runs alone": Layout(_run_alone, "../elsewhere", "a"),
    "the runs behind a link": Layout(_linked, "runs", "a"),
    "the table elsewhere, --data": Layout(_far_away, "deep/er/runs", ".", "--data other/t.csv"),
    "the table elsewhere": Layout(_far_away, "er/runs", "deep", is_found=False),
    "the table changed": Layout(_changed, "runs", "a", is_found=False),
    "a pipe as the table": Layout(_pipe, "runs", "a", is_found=False),
    "8 GiB as the table": Layout(_sparse, "runs", "a", is_found=False),
    "--data is another table": Layout(lambda root: None, "runs", "a", "--data data/v.csv", is_found=False),
}

# What a stranger names as the table; {secret} is a file of ours, with no sha256 that is known.
STRANGERS = ("{secret}", "/proc/self/environ", "/dev/zero", "/dev/stdin", "..", "../../../secret.txt")
DIGESTS = {"ours": "", "of nothing": sha256(b"").hexdigest(), "none": None}


def run(trials: int, folder: Path) -> Outcome:
    """Moved projects first, then strangers' runs and sweeps."""
    outcome = Outcome()
    model = folder / "model"
    _make_model(model)
    chosen = list(_drawn(trials))
    with ThreadPoolExecutor(_PROCESSES) as pool:
        for problem in pool.map(lambda one: _try(model, folder / f"trial{one[0]}", *one[1:]), chosen):
            outcome.check(not problem, problem)
    outcome.measured = f"{len(LAYOUTS)} layouts, {len(STRANGERS) * len(DIGESTS)} strange tables"
    return outcome


def _drawn(trials: int) -> Iterator[tuple[int, str, str, str]]:
    """Numbers, layouts or strange tables, and commands, in an order that chance has drawn."""
    draw = random.Random(20260)
    moved = [(name, "", command) for name in LAYOUTS for command in _ON_A_RUN]
    strange = [(path, digest, command) for path in STRANGERS for digest in DIGESTS for command in _ON_A_RUN]
    draw.shuffle(moved)
    draw.shuffle(strange)
    for k in range(trials):
        kind = moved if k % 2 == 0 else strange
        yield k, *kind[k // 2 % len(kind)]


def _make_model(model: Path) -> None:
    """A project with a run and a sweep, an unfinished one of each, and a file that is not theirs."""
    project = model / "a"
    (project / "data").mkdir(parents=True)
    (model / "x" / "y").mkdir(parents=True)
    rows = "".join(f"{k % 7}.5,{k * k % 11},{'ab'[k % 3 > 0]}\n" for k in range(30))
    (project / "data" / "t.csv").write_text(f"u,v,kind\n{rows}")
    (project / "data" / "v.csv").write_text(f"u,v,kind\n{rows}1,2,a\n")
    (model / "secret.txt").write_text(f"{_SECRET}=one,{_SECRET}=two\n{_SECRET},{_SECRET}\n{_SECRET},x\n")
    config = "epochs: 2\nrecord: epochs\ndata: {source: data/t.csv, target: kind, validation: 0.2}\n"
    (project / "my.yaml").write_text(config)
    for name in ("run", "part", "sweep", "begun"):
        words = ["train", "my.yaml"] if name in ("run", "part") else ["sweep", "my.yaml", "seed=0:3"]
        shown = start([*words, "--name", name, "--quiet"], project, "pipe", _LIMIT)
        assert shown.code == 0, shown.text
    for name in ("part", "begun"):
        _unfinish(project, name)
    for manifest in project.glob("runs/*/manifest.json"):  # the model itself is no place to find the table in
        manifest.write_text(manifest.read_text().replace(str(model), "/none"))


def _unfinish(project: Path, name: str) -> None:
    """Leave of a run or a sweep what it writes first."""
    folder = project / "runs" / name
    kept = {"sweep.yaml", "config.yaml"}
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()
    if name == "part":  # a run writes its first checkpoint before its first record
        _first_checkpoint(project, folder)


def _first_checkpoint(project: Path, folder: Path) -> None:
    """Begin the run again, and leave it at its first checkpoint."""
    from irisbp.config.load import load_config
    from irisbp.rundir.storage import Directory
    from irisbp.rundir.writer import RunWriter
    from irisbp.training.setup import prepare

    training = prepare(load_config(project / "my.yaml"))
    (folder / "config.yaml").unlink()
    with Directory(folder) as directory:
        RunWriter(directory, training)


def _try(model: Path, root: Path, name: str, digest: str, command: str) -> str:
    """The problems of one command on one layout, or nothing."""
    shutil.copytree(model, root, symlinks=True)
    try:
        problem = _stranger(root, name, digest, command) if digest else _moved(root, LAYOUTS[name], command)
    finally:
        shutil.rmtree(root)
    return problem and f"{name} {digest}, {command}: {problem}"


def _call(command: str, runs: str, work: Path) -> Shown:
    names = {name: f"{runs}/{name}" for name in ("run", "part", "sweep", "begun")}
    return start(command.format(**names).split(), work, "pipe", _LIMIT)


def _moved(root: Path, layout: Layout, command: str) -> str:
    layout.move(root)
    shown = _call(f"{command} {layout.data}", layout.runs, root / layout.work)
    if shown.code is None or "Traceback" in shown.text:
        return f"hangs, or a traceback: {shown.text[-300:]}"
    if layout.is_found:
        return "" if shown.code == 0 else f"exit code {shown.code}: {shown.text[-300:]}"
    is_told = shown.code == 2 and ("--data" in shown.text or "is not a table of" in shown.text)
    return "" if is_told else f"exit code {shown.code}: {shown.text[-300:]}"


def _stranger(root: Path, path: str, digest: str, command: str) -> str:
    """A run whose config and manifest are a stranger's: sound, but for what they name as the table."""
    project = root / "a"
    for name in ("run", "part", "sweep", "begun"):
        _rewrite(project / "runs" / name, path.format(secret=root / "secret.txt"), DIGESTS[digest])
    shown = _call(command, "runs", project)
    if shown.code is None or "Traceback" in shown.text:
        return f"hangs, or a traceback: {shown.text[-300:]}"
    if _SECRET in shown.text or "PATH=" in shown.text:
        return f"shown: {shown.text[-300:]}"
    return "" if shown.code == 2 else f"exit code {shown.code}: {shown.text[-300:]}"


def _rewrite(folder: Path, path: str, digest: str | None) -> None:
    """Put another path into a run or a sweep, another sha256, and the sums that make it sound."""
    name = "sweep.yaml" if (folder / "sweep.yaml").exists() else "config.yaml"
    text = (folder / name).read_text()
    was = text.split("tables:")[1].split(": ")[1].split("}")[0] if "tables:" in text else ""
    text = text.replace("../../data/t.csv", path)
    text = _with_digest(text, was, digest) if was else text
    (folder / name).write_text(text)
    for checkpoint in folder.glob("checkpoint-*") if digest is None else ():
        checkpoint.unlink()
    manifest = folder / "manifest.json"
    if manifest.exists():
        content = json.loads(manifest.read_text())
        content["files"][name] = sha256(text.encode()).hexdigest()
        if "sha256" in content["data"] and digest != "":
            content["data"]["sha256"] = digest or ""
        elif name == "sweep.yaml":
            content["data"] = {} if digest is None else {path: digest or was}
        manifest.write_text(json.dumps(content))


def _with_digest(text: str, was: str, digest: str | None) -> str:
    if digest is None:
        return text.split("tables:")[0]
    return text.replace(was, digest) if digest else text
