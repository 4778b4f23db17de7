"""The cache of compiled code: what lies there is damaged, foreign, no file at all, or exchanged all the time.

The object of a stranger's would end the process with an exit code of its own. What needs another user is
tried as root only; the table says so where it was not.
"""

import ctypes
import functools
import os
import random
import shutil
import signal
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from irisbp.nn.codegen import cache
from tests.campaign import Outcome
from tests.campaign.runs import Done, scratch, spread, started

FAULT = "compiled code in the cache that is damaged, foreign, no file, or exchanged in a loop"
PASSES_WHEN = "the run has the bytes of one without a cache, within 20 s; foreign code never runs"
FULL, SHORT = 250, 6

_ANOTHER = 65534  # the user nobody
_EXIT, _SEEN = 99, 20  # the foreign code's exit code; seconds
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2
_COMMAND = ("train", "epochs=1", "engine=compiled", "network.hidden=[]", "--quiet", "--run-dir")
_FOREIGN = f"""
declare void @_exit(i32)
define void @train() {{
  call void @_exit(i32 {_EXIT})
  unreachable
}}
"""

Spoil = Callable[[Path, "Kept"], object]
"""Spoils the file of a cache, or the folder that it lies in."""


class Kept(NamedTuple):
    """A home with the code of a run in its cache, the run's steps, and objects that are not that code."""

    home: Path
    key: bytes
    code: bytes
    foreign: bytes
    steps: bytes


class _Trial(NamedTuple):
    """What is spoilt, and how; warns says whether the user is told that the cache is another one's."""

    name: str
    spoil: Spoil
    warns: bool = False
    exchanges: bool = False


def run(trials: int, folder: Path) -> Outcome:
    """Each way of spoiling once, in an order that chance has drawn, then exchanges for the rest."""
    outcome = Outcome()
    kept = _kept(folder)
    once, loops = _ways(kept)
    # All of them, and loops for the rest; if there is not room for all, each loop once before them.
    rest = max(trials - len(once), len(loops))
    chosen = [*islice(cycle(range(len(loops))), rest)]
    chosen += range(len(loops), len(loops) + min(max(trials - rest, 0), len(once)))
    for told in spread(partial(_try, folder, kept), chosen):
        outcome.check(not told, told)
    strangers = "" if os.geteuid() == 0 else "; nothing as another user: that needs root"
    outcome.measured = f"{len(chosen) - rest} ways, {rest} loops of exchanges{strangers}"
    return outcome


def _kept(folder: Path) -> Kept:
    """A home whose cache has the code of one run, made as any user would."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    done = _train(folder / "first", home)
    (file,) = (home / ".cache" / "irisbp").iterdir()
    content = file.read_bytes()
    begins = content.index(b"\x7fELF")
    digests = len(content) - len(content[begins:]) - 32
    key = content[digests - 32 : digests]
    assert done.code == 0, done.told
    assert content == cache._sealed(key, content[begins:])
    return Kept(home, key, content[begins:], _foreign(), (folder / "first" / "steps.csv").read_bytes())


def _foreign() -> bytes:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(reloc="static", codemodel="jitdefault")
    found: bytes = machine.emit_object(llvm.parse_assembly(_FOREIGN))
    return found


def _train(run: Path, home: Path) -> Done:
    """One run with a home of its own, and directories for temporary files of its own."""
    temporary = run.with_suffix(".tmp")
    temporary.mkdir()

    def at_home() -> None:
        warnings.resetwarnings()  # in a test they are errors
        os.environ.pop("XDG_CACHE_HOME", None)
        os.environ["HOME"], tempfile.tempdir = str(home), str(temporary)

    with started([*_COMMAND, str(run)], first=at_home) as process:
        return process.wait()


@functools.cache
def _ways(kept: Kept) -> tuple[list[_Trial], list[_Trial]]:
    """Ways of spoiling, and loops; a process of the pool inherits them, since some cannot be sent to it."""
    once = [*_files(kept), *_folders()]
    random.Random(15).shuffle(once)
    return once, [*_loops()]


def _try(folder: Path, kept: Kept, number: int) -> str:
    """What went wrong, or nothing."""
    once, loops = _ways(kept)
    trial = [*loops, *once][number]
    with scratch(folder) as root:
        home = root / "home"
        shutil.copytree(kept.home, home, symlinks=True)
        home.chmod(0o700)
        path = home / ".cache" / "irisbp" / cache._name(kept.key)
        trial.spoil(path, kept)
        began = time.monotonic()
        if trial.exchanges:
            with _exchanging(path, os.geteuid() if trial.spoil is _other_file else _ANOTHER):
                done = _train(root / "run", home)
        else:
            done = _train(root / "run", home)
        seconds = time.monotonic() - began
        problems = [f"exit code {done.code}: {done.told}"] if done.code else []
        told = done.told.count("is not used: a directory on the way to it belongs to another user")
        if told != trial.warns or len(done.told.splitlines()) != trial.warns:
            problems.append(f"told: {done.told}")
        if not done.code and (root / "run" / "steps.csv").read_bytes() != kept.steps:
            problems.append("other numbers")
        if seconds > _SEEN:
            problems.append(f"{seconds:.1f} s")
    return f"{trial.name}: {'; '.join(problems)}" if problems else ""


def _files(kept: Kept) -> Iterator[_Trial]:
    """What may lie in the place of the file."""
    whole, length = cache._sealed(kept.key, kept.code), len(kept.code)
    for k in (*range(0, length, length // 20), length - 1, length - 64):
        yield _Trial(f"cut to {k}", partial(_content, whole[:k]))
        yield _Trial(
            f"cut to {k} and sealed again", partial(_content, cache._sealed(kept.key, kept.code[:k]))
        )
        middle = kept.code[:k] + kept.code[k + 100 :]
        yield _Trial(f"100 bytes cut at {k}", partial(_content, cache._sealed(kept.key, middle)))
    draw = random.Random(1)
    for bit in draw.sample(range(8 * len(whole)), 30):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        yield _Trial(f"bit {bit}", partial(_content, bytes(flipped)))
    other = sha256(b"another structure").digest()
    yield _Trial("another structure's", partial(_content, cache._sealed(other, kept.foreign)))
    yield _Trial("of an earlier form", partial(_content, sha256(kept.foreign).digest() + kept.foreign))
    yield _Trial("without a seal", partial(_content, kept.foreign))
    yield _Trial("no object", partial(_content, cache._sealed(kept.key, b"?" * 5000)))
    forms: dict[str, Callable[[Path], object]] = {
        "fifo": os.mkfifo,
        "folder": Path.mkdir,
        "socket": _socket,
        "link to a foreign object": lambda path: path.symlink_to(path.parents[2] / "foreign.o"),
        "link to itself": lambda path: path.symlink_to(path.name),
        "link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
        "8 GiB": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 8 << 30),
    }
    for name, form in forms.items():
        yield _Trial(name, partial(_in_place, form))
    for mode in (0o620, 0o602, 0o666):
        yield _Trial(f"mode {mode:o}", partial(_foreign_file, mode, None))
    if os.geteuid() == 0:
        yield _Trial("another user's file", partial(_foreign_file, 0o600, _ANOTHER))


def _folders() -> Iterator[_Trial]:
    """What may be wrong with the directories on the way: their foreign file is valid."""
    for up, name in enumerate((".cache/irisbp", ".cache", "home"), 1):
        for mode in (0o770, 0o707, 0o777):
            yield _Trial(f"{name} has mode {mode:o}", partial(_folder, up, mode, None))
        if os.geteuid() == 0:
            yield _Trial(f"{name} is another user's", partial(_folder, up, 0o755, _ANOTHER), warns=True)
            name = f"{name} is another user's, sticky"
            yield _Trial(name, partial(_folder, up, 0o1777, _ANOTHER), warns=True)
    yield _Trial("the folder is sticky for all", partial(_folder, 1, 0o1777, None))
    yield _Trial("the folder is a link", _linked)
    yield _Trial("the folder is a file", lambda path, kept: _replace(path.parent, Path.touch))
    yield _Trial("the folder is a pipe", lambda path, kept: _replace(path.parent, os.mkfifo))
    yield _Trial("links without end", lambda path, kept: _replace(path.parents[1], _to_itself))
    if os.geteuid() == 0:
        yield _Trial("a link of another user's", _foreign_link, warns=True)


def _loops() -> Iterator[_Trial]:
    yield _Trial("the user's own file and a damaged one, exchanged", _other_file, exchanges=True)
    if os.geteuid() == 0:
        yield _Trial("exchanged in another user's folder", _exchangeable, warns=True, exchanges=True)
        yield _Trial("exchanged where all may write", _writable, exchanges=True)


def _content(content: bytes, path: Path, kept: Kept) -> None:
    path.write_bytes(content)


def _in_place(form: Callable[[Path], object], path: Path, kept: Kept) -> None:
    _leave_foreign(path.parents[2] / "foreign.o", kept)
    path.unlink()
    form(path)


def _leave_foreign(path: Path, kept: Kept) -> None:
    path.write_bytes(cache._sealed(kept.key, kept.foreign))
    path.chmod(0o600)


def _foreign_file(mode: int, owner: int | None, path: Path, kept: Kept) -> None:
    _leave_foreign(path, kept)
    path.chmod(mode)
    if owner is not None:
        os.chown(path, owner, owner)


def _folder(up: int, mode: int, owner: int | None, path: Path, kept: Kept) -> None:
    folder = path.parents[up - 1]
    _leave_foreign(path, kept)
    folder.chmod(mode)
    if owner is not None:
        os.chown(folder, owner, owner)


def _replace(path: Path, form: Callable[[Path], object]) -> None:
    shutil.rmtree(path)
    form(path)


def _to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _linked(path: Path, kept: Kept) -> None:
    _leave_foreign(path, kept)
    path.parent.rename(path.parents[1] / "elsewhere")
    path.parent.symlink_to("elsewhere")


def _foreign_link(path: Path, kept: Kept) -> None:
    _leave_foreign(path, kept)
    path.parents[1].rename(path.parents[2] / "elsewhere")
    path.parents[1].symlink_to("elsewhere")
    os.chown(path.parents[1], _ANOTHER, _ANOTHER, follow_symlinks=False)


def _socket(path: Path) -> None:
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/{path.name}")  # its own path may be too long
    os.close(here)


def _other_file(path: Path, kept: Kept) -> None:
    """A second file, with which the first is to be exchanged."""
    path.with_name("other").write_bytes(cache._sealed(kept.key, kept.code[:1000]))


def _exchangeable(path: Path, kept: Kept) -> None:
    """A folder with a foreign object, beside the user's, in a directory of the other user's."""
    other = path.parent.with_name("other")
    other.mkdir(mode=0o700)
    _leave_foreign(other / path.name, kept)
    os.chown(path.parents[1], _ANOTHER, _ANOTHER)


def _writable(path: Path, kept: Kept) -> None:
    _exchangeable(path, kept)
    os.chown(path.parents[1], 0, 0)
    path.parents[1].chmod(0o777)


@contextmanager
def _exchanging(path: Path, user: int) -> Iterator[None]:
    """Another process, of a user's, exchanges the file, or its folder, with `other` beside it, in a loop."""
    own = path if path.with_name("other").exists() else path.parent
    pid = os.fork()
    if not pid:
        here = os.open(own.parent, os.O_RDONLY | os.O_DIRECTORY)
        if user != os.geteuid():
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        exchange = ctypes.CDLL(None).renameat2
        names = os.fsencode(own.name), b"other"
        signal.alarm(60)
        while True:
            exchange(here, names[0], here, names[1], _EXCHANGE)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
