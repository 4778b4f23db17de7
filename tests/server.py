"""Command lines as processes that start at once: forks of one process that has imported what they need.

`python -m irisbp` spends nearly half a second on imports, and the tests start it hundreds of times. Here a
server imports them once, and forks a process for each call. The fork has the caller's streams, directory,
umask and environment, and runs `__main__` as `python -m irisbp` would; it exits, or dies, as any does.
What is read only when an interpreter or a library starts cannot be had from a fork: a call whose environment
differs from the server's in more than AT_USE gets a fresh interpreter.
"""

import atexit
import gc
import io
import os
import pkgutil
import runpy
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing import process
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from tests.client import FRESH

_CLIENT = Path(__file__).with_name("client.py")

# Nothing that is read as Python or a library starts: it is read when it is used, or by others.
AT_USE = frozenset(
    {b"COLUMNS", b"LINES", b"CI", b"PATH", b"PWD", b"OLDPWD", b"SHLVL", b"_", b"PYTEST_CURRENT_TEST"}
)
_APART = {"irisbp.__main__", "irisbp.sklearn"}  # each call's own; no command's


class Server:
    """Runs command lines from now to the end of the `with` block.

    Elsewhere than on Linux, where it may not be safe to fork, every call is a fresh interpreter.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._folder = tempfile.TemporaryDirectory(prefix="irisbp-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Server":
        if sys.platform == "linux":
            self._start()
        return self

    def _start(self) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{self._folder.name}/socket")
            listener.listen(64)
            number = listener.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.server", str(number)],
                cwd=_CLIENT.parent.parent,
                stdin=subprocess.PIPE,
                env=self._environment,
                pass_fds=(number,),
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()  # its stdin ends, and so does it
        self._folder.cleanup()

    @property
    def command(self) -> list[str]:
        """What stands for `python -m irisbp`."""
        if self._process is None:
            return [sys.executable, "-m", "irisbp"]
        return [sys.executable, "-I", "-S", str(_CLIENT), f"{self._folder.name}/socket", "irisbp"]

    def folder(self) -> Path:
        """A folder for PATH, whose `irisbp` is this command."""
        folder = Path(self._folder.name, "bin")
        folder.mkdir(exist_ok=True)
        script = folder / "irisbp"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(self.command)} "$@"\n')
        script.chmod(0o755)
        return folder


@dataclass(frozen=True)
class Call:
    """What a client asks for: a process with these streams, in this directory, and so on."""

    streams: list[int]
    umask: int
    directory: bytes
    module: str
    arguments: list[str]
    environment: dict[bytes, bytes]

    @classmethod
    def received(cls, connection: socket.socket) -> "Call | None":
        """The call of a client, as tests.client writes it; None if the client is gone before its end."""
        head, streams, _, _ = socket.recv_fds(connection, 4, 3)
        with connection.makefile("rb") as file:
            parts = file.read(int.from_bytes(head, "big")).split(b"\0")[:-1]
        if not parts:
            return None
        umask, directory, module, count, *rest = parts
        arguments, entries = rest[: int(count)], rest[int(count) :]
        environment = {name: value for name, _, value in (entry.partition(b"=") for entry in entries)}
        words = [os.fsdecode(argument) for argument in arguments]
        return cls(streams, int(umask), directory, module.decode(), words, environment)

    def close(self) -> None:
        """Close the streams here: a pipe ends when all who can write to it have closed it."""
        for number in self.streams:
            os.close(number)

    def needs_an_interpreter(self, environment: Mapping[bytes, bytes]) -> bool:
        """Tell if a variable differs that Python or a library may have read when the server started."""
        names = (self.environment.keys() | environment.keys()) - AT_USE
        return any(self.environment.get(name) != environment.get(name) for name in names)

    def begin(self, interrupt: Any) -> None:
        """Make this fork what a fresh `python -m irisbp` is; interrupt is the handler that Python set."""
        for number, stream in enumerate(self.streams):
            os.dup2(stream, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.chdir(self.directory)
        os.umask(self.umask)
        os.environb.clear()
        os.environb.update(self.environment)
        signal.signal(signal.SIGINT, interrupt)
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            stream = _stream(number, getattr(sys, name))
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        sys.argv[1:] = self.arguments
        sys.orig_argv[1:] = ["-m", self.module, *self.arguments]
        process.ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]
        sys.path.insert(0, os.getcwd())
        np.random.seed()  # Python's own generator does so itself


def _stream(number: int, like: Any) -> Any:
    """A standard stream, opened as Python opens it; encoding and buffers are as in the server."""
    unbuffered, mode = like.write_through, "w" if number else "r"
    buffering = 0 if unbuffered and number else -1
    buffer: Any = open(number, f"{mode}b", buffering, closefd=False)  # noqa: SIM115
    getattr(buffer, "raw", buffer).name = like.name
    stream: Any = io.TextIOWrapper(
        buffer,
        like.encoding,
        like.errors,
        newline="\n",
        line_buffering=not unbuffered and (number == 2 or buffer.isatty()),
        write_through=unbuffered,
    )
    stream.mode = mode
    return stream


def _import_everything() -> None:
    """Import all that a command may, in the order of names."""
    import irisbp

    for module in pkgutil.walk_packages(irisbp.__path__, "irisbp."):
        if module.name not in _APART:
            import_module(module.name)
    import_module("pandas")


class _Forks:
    """The server itself: it waits for calls, and for the processes that it forked."""

    def __init__(self, listener: socket.socket, environment: Mapping[bytes, bytes]) -> None:
        self._listener, self._environment = listener, environment
        self._connections: dict[int, socket.socket] = {}  # by the id of the process
        self._selector = selectors.PollSelector()
        self._selector.register(0, selectors.EVENT_READ, self._end)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def next_call(self) -> Call:
        """In each process that is forked: its call. The server itself ends where its stdin does."""
        while True:
            for key, _ in self._selector.select():
                call: Call | None = key.data()
                if call:
                    return call

    def _accept(self) -> Call | None:
        connection, _ = self._listener.accept()
        call = Call.received(connection)
        if call is None or call.needs_an_interpreter(self._environment):
            connection.sendall(FRESH if call else b"")
            connection.close()
        elif (pid := os.fork()) == 0:
            for mine in (self._listener, connection, *self._connections.values()):
                mine.close()
            return call
        else:
            self._watch(pid, connection)
        if call:
            call.close()
        return None

    def _watch(self, pid: int, connection: socket.socket) -> None:
        self._connections[pid] = connection
        ended = os.pidfd_open(pid)
        self._selector.register(ended, selectors.EVENT_READ, partial(self._report, pid, ended))
        self._selector.register(connection, selectors.EVENT_READ, partial(self._kill, pid))

    def _report(self, pid: int, ended: int) -> None:
        _, status = os.waitpid(pid, 0)
        self._selector.unregister(ended)
        os.close(ended)
        connection = self._connections.pop(pid)
        with suppress(KeyError):
            self._selector.unregister(connection)
        with suppress(OSError):
            connection.sendall(b"%d" % status)
        connection.close()

    def _kill(self, pid: int) -> None:
        """The client is gone: a timeout killed it, for one."""
        self._selector.unregister(self._connections[pid])
        os.kill(pid, signal.SIGKILL)

    def _end(self) -> NoReturn:
        for pid in self._connections:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)


def main(listener: str) -> None:
    """Serve, and be irisbp in each process that is forked."""
    del sys.path[0]  # this project's folder, for the tests; begin() inserts the caller's
    # Whoever has the terminal ends the tests, and they end this.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    environment = dict(os.environb)
    _import_everything()
    gc.collect()
    gc.freeze()  # what is here stays, and is not looked through again in every fork
    call = _Forks(socket.socket(fileno=int(listener)), environment).next_call()
    call.begin(interrupt)
    _leave(_run(call.module))


def _run(module: str) -> int:
    """Run a module as `python -m` does; returns the exit code that Python gives such an end."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """End as Python does, but for freeing the memory: that would copy each page of the server's first."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            sys.excepthook(*sys.exc_info())
            code = 120
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1])
