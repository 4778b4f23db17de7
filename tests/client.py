"""Hands a command line to the server of tests.server, and ends as the process that runs it there ends.

`python -I -S client.py SOCKET MODULE ARGUMENT...` stands for `python -m MODULE ARGUMENT...`: that has this
process's streams, directory, umask and environment. It imports next to nothing, so that it starts at once.
"""

import os
import sys
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket

FRESH = b"fresh"  # the server's answer to a call that needs an interpreter of its own


def main(place: str, module: str, *arguments: str) -> None:
    """Have the server run this command line, or become a fresh interpreter that does."""
    try:
        for number in range(3):
            os.fstat(number)
        call = _call(module, arguments)
    except OSError:  # a stream is missing, or the directory was removed
        answer = FRESH
    else:
        answer = _answer(place, call)
    if answer == FRESH:
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
    code = os.waitstatus_to_exitcode(int(answer))
    if code < 0:
        _die_by(-code)
    os._exit(code)


def _call(module: str, arguments: tuple[str, ...]) -> bytes:
    """Umask, directory, module, number of arguments, arguments and environment, each followed by a null."""
    umask = os.umask(0)
    os.umask(umask)
    words = map(os.fsencode, (module, str(len(arguments)), *arguments))
    environment = (name + b"=" + value for name, value in os.environb.items())
    return b"".join(part + b"\0" for part in (b"%d" % umask, os.getcwdb(), *words, *environment))


def _answer(place: str, call: bytes) -> bytes:
    """The wait status of the process that the server forked for this call, or FRESH."""
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    try:
        connection = socket(AF_UNIX, SOCK_STREAM)
        connection.connect(place)
        connection.sendmsg([len(call).to_bytes(4, "big")], [(SOL_SOCKET, SCM_RIGHTS, streams)])
        connection.sendall(call)
        return connection.recv(16) or sys.exit("the server of command lines has ended")
    except OSError as error:
        sys.exit(f"the server of command lines does not answer: {error.strerror}")


def _die_by(number: int) -> None:
    import signal

    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    main(*sys.argv[1:])
