"""The house: which room may import which, and what is loaded late."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import irisbp
from irisbp.public import HOMES
from tests.conftest import CONFIGS
from tests.making import make_run

ROOT = Path(__file__).parent.parent / "irisbp"

# From the ground up: a room imports those below its own line, and nothing beside or above it.
FLOORS = (
    ("errors", "public"),
    ("annotations", "characters", "html", "nearest"),
    ("nn",),
    ("config", "data", "derivations"),
    ("training", "gradients"),
    ("rundir",),
    ("runs",),
    ("sweeps",),
    ("explanations",),
    ("show",),
    ("cli", "sklearn"),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# What is optional, or takes long to load, is loaded in the functions that use it.
MOST_LATE_IMPORTS, MOST_TYPE_CHECKING = 40, 5


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _files() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def _room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(_tree(path)):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "irisbp" and len(parts) > 1 and parts[1] in FLOOR:
                yield node.lineno, parts[1]  # type: ignore[attr-defined]


def _late_imports(path: Path) -> list[ast.stmt]:
    return [
        inner
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]


def test_every_room_has_its_floor() -> None:
    assert {_room(path) for path in _files()} <= set(FLOOR)


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    own = _room(path)
    wrong = [
        f"line {line}: {own} imports {room}"
        for line, room in _imported_rooms(path)
        if room != own and FLOOR[room] >= FLOOR[own]
    ]
    assert not wrong


def test_few_imports_are_late() -> None:
    late = {path: len(_late_imports(path)) for path in _files()}
    assert sum(late.values()) <= MOST_LATE_IMPORTS, {str(p): n for p, n in late.items() if n}


def test_few_imports_are_for_types_only() -> None:
    blocks = [
        path
        for path in [*_files(), ROOT / "__init__.py"]
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    assert len(blocks) <= MOST_TYPE_CHECKING, blocks


def _docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def test_a_docstring_opens_with_what_the_thing_does_or_is() -> None:
    opening = re.compile(r"(What|Whether|How|Where|Who|Whoever|Why|True if|Tell)\b")
    wrong = [
        f"{path.relative_to(ROOT)}: {text.splitlines()[0]}"
        for path in [*_files(), ROOT / "__init__.py"]
        for text in _docstrings(path)
        if opening.match(text)
    ]
    assert not wrong


def test_public_names_are_known_to_type_checkers_too() -> None:
    stub = ast.parse((ROOT / "__init__.pyi").read_text())
    declared = {
        alias.asname: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert declared == HOMES
    for name in irisbp.__all__:
        assert getattr(irisbp, name).__module__.startswith("irisbp")
        assert name in dir(irisbp)
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        getattr(irisbp, "trian")  # noqa: B009


_WITHOUT_POSIX = """
import os, signal, sys
import numpy, pandas, pydantic, rich.progress, yaml, sympy, mpmath, matplotlib.figure
import importlib.resources, tempfile, zipfile, csv
for name in ("resource", "fcntl"):
    sys.modules[name] = None
for name in ("SIGALRM", "setitimer", "pthread_sigmask", "set_wakeup_fd", "SIGKILL"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC", "sysconf", "getuid", "geteuid", "fchmod",
             "sched_getaffinity", "fork"):
    if hasattr(os, name):
        delattr(os, name)
system_open = os.open
def open_file(path, flags, mode=0o777, *, dir_fd=None):
    assert dir_fd is None and not os.path.isdir(path), path
    return system_open(path, flags, mode)
os.open = open_file
import irisbp
run = irisbp.train(epochs=2)
frame = run.dataset.table
sample = dict(zip(run.features, frame.values[0].tolist()))
assert run.evaluate().samples == 150
assert run.predict(sample)["predicted"].tolist()[0] in run.classes
assert len(run.steps) == 300
run.plot("loss-and-accuracy"); run.plot("paths")
"""
_VERBS = """
assert irisbp.derive("(y - w * x) ** 2", wrt="w", at={"w": 2.0, "x": 3.0, "y": 9.0}).derivative == -18.0
assert irisbp.gradcheck(run, point="certain-1-e-40").passed
assert irisbp.explain(run, step=7).gradient("x1a3").chain.count == 3
"""
_RECORDING = """
try:
    irisbp.train(epochs=2, directory="x")
except irisbp.RunError as error:
    print(error)
"""


_READING = """
recorded = irisbp.open_run("run")
assert (recorded.status, len(recorded.steps), len(recorded.epochs)) == ("completed", 750, 5)
assert recorded.evaluate().samples == 150
assert irisbp.list_runs(".")["status"].tolist() == ["completed"]
assert not irisbp.diff("run", "run").first_difference.differ
assert irisbp.explain(recorded, step=7).gradient("x1a3").chain.count == 3
assert irisbp.open_sweep("sweep").status == "completed"
"""


def test_what_needs_no_locks_works_without_posix(tmp_path: Path) -> None:
    make_run(tmp_path / "run", config=CONFIGS / "smoke.yaml")
    irisbp.sweep(CONFIGS / "smoke.yaml", {"seed": [1, 2]}, directory=tmp_path / "sweep", jobs=1)
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_POSIX + _VERBS + _READING + _RECORDING],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout == "this system has no locks for run directories (fcntl): train in memory instead\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "sweep"]


_IRIS_ALONE = """
import sys
from irisbp.cli.train import prepare
from irisbp.config.load import load_config
prepare(load_config(None, []))
readers = {"irisbp.data.files", "irisbp.data.reading", "irisbp.data.known", "pandas", "numpy.random"}
assert not readers & set(sys.modules), readers & set(sys.modules)
"""


def test_a_run_on_iris_loads_nothing_that_reads_files() -> None:
    subprocess.run([sys.executable, "-c", _IRIS_ALONE], check=True)
