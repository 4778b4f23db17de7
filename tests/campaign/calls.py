"""The system calls by which a process changes files, seen and changed from inside.

In a forked child, and for good: the functions of `os` are replaced. A hook may kill, or raise, before a
call is made; kill_points compares what is seen here with what strace sees.
"""

import fcntl
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

_BY_PATH = ("open", "mkdir", "rename", "replace", "unlink", "remove", "rmdir", "link", "symlink", "chmod")
_BY_FILE = ("write", "fsync", "fdatasync", "ftruncate")


@dataclass(frozen=True)
class Call:
    """One call: its name, the paths below the watched directory, and where in irisbp it was made.

    A write has its data and the offset at which they go into the file, an ftruncate its length as offset.
    """

    name: str
    paths: tuple[str, ...]
    site: str
    data: bytes = b""
    offset: int = 0
    perform: Callable[..., Any] | None = None

    def __str__(self) -> str:
        return f"{self.name} {' to '.join(self.paths)} ({self.site})"


Hook = Callable[[int, Call], None]


def watch(root: Path, hook: Hook | None) -> list[Call]:
    """Watch this process from now on; the list grows as it makes calls below root.

    The hook is given each call and its number, from 1, before the call is made.
    """
    calls: list[Call] = []
    for name in (*_BY_PATH, *_BY_FILE):
        original = getattr(os, name)
        describe = _by_path if name in _BY_PATH else _by_file
        setattr(
            os, name, partial(_call, calls, hook, partial(describe, os.path.realpath(root)), name, original)
        )
    return calls


def _call(
    calls: list[Call],
    hook: Hook | None,
    describe: Callable[..., Call | None],
    name: str,
    original: Callable[..., Any],
    *arguments: Any,
    **options: Any,
) -> Any:
    call = describe(name, *arguments, **options)
    if call is not None:
        calls.append(call)
        if hook:
            hook(len(calls), replace(call, perform=partial(_perform, original, *arguments, **options)))
    return original(*arguments, **options)


def _perform(original: Callable[..., Any], *arguments: Any, half: bool = False, **options: Any) -> Any:
    if half:
        fd, data = arguments
        return original(fd, data[: len(data) // 2])
    return original(*arguments, **options)


def _by_path(
    root: str,
    name: str,
    path: Any,
    *others: Any,
    dir_fd: int | None = None,
    src_dir_fd: int | None = None,
    dst_dir_fd: int | None = None,
    **options: Any,
) -> Call | None:
    if name == "open" and not (others[0] if others else options["flags"]) & (os.O_CREAT | os.O_TRUNC):
        return None
    paths = [(path, src_dir_fd if dir_fd is None else dir_fd)]
    if name in ("rename", "replace", "link"):
        paths.append((others[0], dst_dir_fd))
    below = [_below(root, path, folder) for path, folder in paths]
    if None in below:
        return None
    return Call(name, tuple(str(path) for path in below), _site())


def _by_file(root: str, name: str, fd: Any, value: Any = b"") -> Call | None:
    fd = fd if isinstance(fd, int) else fd.fileno()
    path = _below(root, os.readlink(f"/proc/self/fd/{fd}"), None)
    if path is None:
        return None
    if name == "ftruncate":
        return Call(name, (path,), _site(), offset=value)
    if name != "write":
        return Call(name, (path,), _site())
    appends = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND
    offset = os.fstat(fd).st_size if appends else os.lseek(fd, 0, os.SEEK_CUR)
    return Call(name, (path,), _site(), bytes(value), offset)


def _below(root: str, path: Any, folder: int | None) -> str | None:
    """A path relative to root, or None if it does not lie in it."""
    within = os.getcwd() if folder is None else os.readlink(f"/proc/self/fd/{folder}")
    whole = os.path.normpath(os.path.join(within, os.fsdecode(path)))
    parent, name = os.path.split(whole)
    whole = os.path.join(os.path.realpath(parent), name)
    return os.path.relpath(whole, root) if whole.startswith(root) else None


def _site() -> str:
    """The innermost line of irisbp that is being run."""
    frame = sys._getframe(1)
    while frame.f_back and f"{os.sep}irisbp{os.sep}" not in frame.f_code.co_filename.replace("campaign", ""):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


@dataclass(frozen=True)
class Kill:
    """A hook that kills the process at a call: before it, after it, or (a write) when half is written."""

    number: int
    how: str = "before"

    def __call__(self, number: int, call: Call) -> None:
        """Kill, if it is the one."""
        if number != self.number:
            return
        if self.how != "before":
            assert call.perform
            with suppress(OSError):  # what it would have met
                call.perform(**{"half": True} if self.how == "half" else {})
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Stop:
    """A hook that sends this process a SIGINT at a call."""

    number: int

    def __call__(self, number: int, call: Call) -> None:
        """Interrupt, if it is the one."""
        if number == self.number:
            os.kill(os.getpid(), signal.SIGINT)


@dataclass(frozen=True)
class Fail:
    """A hook that makes a call fail, and all later ones too if that is to last."""

    number: int
    code: int
    lasting: bool

    def __call__(self, number: int, call: Call) -> None:
        """Fail, if it is the one."""
        if number == self.number or (self.lasting and number > self.number):
            raise OSError(self.code, os.strerror(self.code))
