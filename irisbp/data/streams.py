"""All bytes of a stream, up to what a table may have."""

import io
import sys
from functools import cache
from typing import IO

from irisbp.errors import DataError, StorageError

MOST_BYTES = 2**32  # of a table, unpacked
_MOST_IN_A_LINE = 2**24  # 2^17 columns of 128 characters
_AT_ONCE = 2**20


@cache
def read_stdin() -> bytes:
    """All of stdin, which can be read once; DataError if it is a terminal: nothing would come from there."""
    if sys.stdin is None:
        raise DataError("stdin is closed: there is no table in it")
    if sys.stdin.isatty():
        raise DataError("stdin is a terminal, not a table: give a file, or let a table come in by < or |")
    try:
        return bounded(sys.stdin.buffer, MOST_BYTES)
    except OSError as error:
        raise StorageError("read", "stdin", error) from None
    except DataError as error:
        raise DataError(f"stdin: {error}") from None


def bounded(file: IO[bytes], most: int) -> bytes:
    """All of a stream, or DataError if it, or a line of it, is longer than a table may have."""
    found, in_line = io.BytesIO(), 0
    while part := file.read(_AT_ONCE):
        found.write(part)
        if found.tell() > most:
            raise DataError(f"more than {most} bytes; if it is a packed table, unpack it first")
        last = max(part.rfind(b"\n"), part.rfind(b"\r"))
        in_line = in_line + len(part) if last < 0 else len(part) - last
        if in_line > _MOST_IN_A_LINE:
            raise DataError(f"a line of more than {_MOST_IN_A_LINE} bytes; that is no table")
    return found.getvalue()
