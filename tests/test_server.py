"""A process of the tests' server is like one that an interpreter was started for."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from irisbp.cli import app
from tests import pages
from tests.conftest import CONFIGS, Irisbp
from tests.server import Server

SMOKE = str(CONFIGS / "smoke.yaml")

Done = subprocess.CompletedProcess[str]
Both = Callable[..., tuple[Done, Done]]

_STATE = """
import gc, json, locale, os, resource, signal, sys, threading
from multiprocessing import process

def stream(file):
    names = ("name", "mode", "encoding", "errors", "newlines", "line_buffering", "write_through")
    kind = type(file.buffer).__name__
    return [*(getattr(file, name) for name in names), file.fileno(), file.isatty(), kind]

umask = os.umask(0)
main = sys.modules["__main__"]
state = {
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "flags": sys.flags, "umask": umask,
    "directory": [os.getcwd(), process.ORIGINAL_DIR], "environment": dict(os.environ),
    "streams": [stream(file) for file in (sys.stdin, sys.stdout, sys.stderr)],
    "originals": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "group": [os.getpgid(0), os.getsid(0)], "limits": [resource.getrlimit(n) for n in range(16)],
    "main": [__name__, __spec__.name, __file__, main.__dict__ is globals()],
    "gc": [gc.isenabled(), gc.get_threshold()], "depth": sys.getrecursionlimit(),
    "locale": locale.setlocale(locale.LC_ALL), "threads": threading.active_count(),
}
text = json.dumps(state)
"""


@pytest.fixture
def both(tmp_path: Path, server: Server) -> Both:
    """Run a program as a module, as a process of the server and of an interpreter's own."""

    def run(program: str, *arguments: str, **options: Any) -> tuple[Done, Done]:
        (tmp_path / "probe.py").write_text(program)
        options = dict[str, Any](cwd=tmp_path, capture_output=True, text=True, timeout=60) | options
        commands = [*server.command[:-1], "probe"], [sys.executable, "-m", "probe"]
        served, fresh = (subprocess.run([*command, *arguments], **options) for command in commands)
        return served, fresh

    return run


def test_it_finds_what_a_fresh_process_finds(both: Both) -> None:
    served, fresh = both(f"{_STATE}print(text)", "a b", "\udcff", "")
    assert json.loads(served.stdout) == json.loads(fresh.stdout)
    assert (served.stderr, served.returncode) == (fresh.stderr, fresh.returncode) == ("", 0)


def test_its_environment_and_umask_are_the_caller_s(both: Both) -> None:
    for served in both(
        f"{_STATE}print(text)", env=os.environ | {"COLUMNS": "33", "PWD": "\udcff"}, umask=0o027
    ):
        state = json.loads(served.stdout)
        assert (state["environment"]["COLUMNS"], state["environment"]["PWD"]) == ("33", "\udcff")
        assert state["umask"] == 0o027


def test_its_terminal_is_the_caller_s(both: Both) -> None:
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0) as mine, open(theirs, "wb", buffering=0) as other:
        streams = {"stdin": other, "stdout": other, "stderr": other, "capture_output": False}
        both(f"{_STATE}print(json.dumps([state['streams'], os.get_terminal_size()]), end='|')", **streams)
        served, fresh = mine.read(10_000).decode().split("|")[:2]
    assert json.loads(served) == json.loads(fresh)
    assert json.loads(served)[0][0][8] is True


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("print('a')", 0),
        ("import sys; sys.stdout.write('a'); sys.exit()", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit(259)", 3),
        ("import sys; sys.exit('why')", 1),
        ("raise ValueError('why')", 1),
        ("import os; os._exit(4)", 4),
        ("import os; print('lost', end=''); os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("import atexit, sys; atexit.register(print, 'late'); sys.exit(5)", 5),
        ("import threading, time; threading.Timer(0.1, print, ['late']).start()", 0),
        ("import sys; sys.stdout = open('/dev/full', 'w'); print('a')", 120),
        ("import sys; print(sys.stdin.read())", 0),
    ],
)
def test_it_ends_as_a_fresh_process_ends(both: Both, program: str, code: int) -> None:
    served, fresh = both(program, input="asked")
    assert (served.returncode, served.stdout) == (fresh.returncode, fresh.stdout)
    assert served.stderr.splitlines()[-1:] == fresh.stderr.splitlines()[-1:]
    assert served.returncode == code


_PARENT = "import os; print(os.getppid())"


@pytest.mark.parametrize(
    ("variables", "is_served"),
    [
        ({}, True),
        ({"COLUMNS": "33"}, True),
        ({"PYTHONHASHSEED": "0"}, False),
        ({"FORCE_COLOR": "1"}, False),
        ({"MPLBACKEND": "agg"}, False),
        ({"OPENBLAS_NUM_THREADS": "1"}, False),
    ],
)
def test_what_an_interpreter_reads_as_it_starts(
    both: Both, variables: dict[str, str], is_served: bool
) -> None:
    served, fresh = both(_PARENT, env=os.environ | variables)
    assert fresh.stdout == f"{os.getpid()}\n"
    assert (served.stdout != fresh.stdout) == is_served


def test_a_missing_stream_is_missing(server: Server, tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text("import sys; print(sys.stdin)")
    command = [*server.command[:-1], "probe"]
    done = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *command], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_two_calls_share_nothing(both: Both, server: Server) -> None:
    program = (
        "import random, numpy, irisbp; print(random.random(), numpy.random.random(), hasattr(irisbp, 'x'))"
    )
    program += "; irisbp.x = 1"
    first, second = (both(program)[0].stdout.split() for _ in range(2))
    assert first[2] == second[2] == "False"
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_it_ends_with_its_caller(server: Server, tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    with subprocess.Popen(
        [*server.command[:-1], "probe"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        process.kill()
        assert process.stdout.read() == ""  # it ends when all who could write are gone
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


def test_a_server_that_has_ended() -> None:
    with Server(os.environ) as server:
        command = server.command
        assert subprocess.run([*command, "--version"], capture_output=True, text=True).stdout == "0.1.0\n"
    done = subprocess.run([*command, "--version"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("the server of command lines does not answer: ")


COMMANDS = {
    "train": (SMOKE, "--run-dir", "new"),
    "resume": ("x",),
    "sweep": (SMOKE, "seed=0,1", "--run-dir", "sweep", "--quiet"),
    "evaluate": ("x",),
    "predict": ("x", "sepal_length=5", "sepal_width=3", "petal_length=1", "petal_width=0.2"),
    "table": ("t.csv",),
    "gradcheck": ("x",),
    "explain": ("x",),
    "derive": ("sin(x) * x", "--wrt", "x", "--at", "x=0.5"),
    "plot": ("x", "--kind", "confusion"),
    "runs": ("list", "."),
    "config": ("show", SMOKE),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_from_a_fresh_interpreter_prints_the_same(
    irisbp: Irisbp, tmp_path: Path, command: str
) -> None:
    """Here every command really starts, with its own imports and no more."""
    for place in (tmp_path / "served", tmp_path / "fresh"):
        place.mkdir()
        assert irisbp("train", SMOKE, "--run-dir", "x", cwd=place).returncode == 0
        (place / "t.csv").write_text("a,b,kind\n1,2,x\n2,3,y\n3,1,x\n4,4,y\n")
    arguments = [command, *COMMANDS[command]]
    served = irisbp(*arguments, cwd=tmp_path / "served")
    fresh = subprocess.run(
        [sys.executable, "-m", "irisbp", *arguments], cwd=tmp_path / "fresh", capture_output=True, text=True
    )
    assert (served.returncode, fresh.returncode) == (0, 0), served.stderr + fresh.stderr
    assert pages.agree(served.stdout, fresh.stdout)
    assert pages.agree(served.stderr, fresh.stderr)
    for file in (tmp_path / "served").glob("*/*.csv"):
        assert file.read_bytes() == (tmp_path / "fresh" / file.relative_to(tmp_path / "served")).read_bytes()


def test_every_command_is_among_them() -> None:
    assert typer.main.get_command(app).commands.keys() == COMMANDS.keys()  # type: ignore[attr-defined]
