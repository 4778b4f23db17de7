"""Work on a large file that is done aside, in a thread, while something else reads the file, too.

Hashing and counting bytes hold no lock of Python's, so they cost no time where there is a second core.
"""

import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, TypeVar

LARGE = 2**22  # bytes; less is done before a thread has started
_AT_ONCE = 2**20  # bytes, which stay in the cache while they are looked at
T = TypeVar("T")


def path_of(file: IO[bytes]) -> str | None:
    """The absolute path of an open file on the disk; None if the path is not its own (any more)."""
    try:
        path = os.path.abspath(file.name)
        return path if os.path.samestat(os.fstat(file.fileno()), os.stat(path)) else None
    except (AttributeError, TypeError, OSError):
        return None


def parts_of(file: IO[bytes]) -> Iterator[bytes]:
    """A file's content from its start, part by part."""
    file.seek(0)
    while part := file.read(_AT_ONCE):
        yield part


@contextmanager
def aside(work: Callable[[IO[bytes]], T], file: IO[bytes]) -> Iterator[Callable[[], T]]:
    """Work on a file, done meanwhile if it is large and on the disk; the call that is given waits for it.

    Another handle is opened for it, so that the file's position stays what it is.
    """
    path = path_of(file) if file.seek(0, io.SEEK_END) >= LARGE else None
    if path is None:
        found = work(file)
        yield lambda: found
        return
    with open(path, "rb", buffering=0) as other, ThreadPoolExecutor(1) as pool:
        yield pool.submit(work, other).result
