"""All bytes of a stream, up to what a table may have."""

import sys
from functools import cache
from typing import IO

from irisbp.errors import DataError, StorageError

MOST_BYTES = 2**32  # of a table, unpacked
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
    """All of a stream, or DataError if it is longer than a table may be."""
    parts, count = list[bytes](), 0
    while part := file.read(_AT_ONCE):
        count += len(part)
        if count > most:
            raise DataError(f"more than {most} bytes; that is no table")
        parts.append(part)
    return b"".join(parts)
