"""A table that was trained on, wherever it is now: nothing in a file is read as a table before its sha256 is.

A run may come from anyone, and the path in it may lead to any file of ours.
"""

import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from irisbp.data.options import STDIN
from irisbp.data.streams import MOST_BYTES, read_stdin

_MOST_TAILS = 16  # parts of a path that are looked for elsewhere
_AT_ONCE = 2**20  # bytes
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def ends_in(path: str, folders: Sequence[Path]) -> Iterator[str]:
    """The places in some folders that end as a path does, with as much of it as may be there."""
    parts = [part for part in re.split(r"[/\\]+", path) if part][-_MOST_TAILS:]
    for folder in folders:
        yield from (os.path.abspath(folder.joinpath(*parts[k:])) for k in range(len(parts)))


def open_if(path: str, sha256: str | None) -> IO[bytes] | None:
    """A regular file, opened, if it has this sha256 (None: any); None if not, or if it cannot be opened."""
    with suppress(OSError, ValueError):
        file = _open(path)
        if sha256 is None or (file is not None and sha256_of(file) == sha256):
            return file
        if file is not None:
            file.close()
    return None


def is_recorded(path: str, sha256: str | None) -> bool:
    """Return whether there is a file with this sha256 at a path."""
    file = open_if(path, sha256) if sha256 is not None else None
    if file is not None:
        file.close()
    return file is not None


def sha256_of(file: IO[bytes]) -> str | None:
    """The sha256 of an open file, whose position is then its start; None if it is not as long as it says.

    So is a file of the kernel, such as /proc/self/environ. OSError if it cannot be read.
    """
    left = file.seek(0, os.SEEK_END)
    file.seek(0)
    digest = hashlib.sha256()
    while left and (part := file.read(min(left, _AT_ONCE))):
        digest.update(part)
        left -= len(part)
    is_whole = not left and not file.read(1)
    file.seek(0)
    return digest.hexdigest() if is_whole else None


def why_not(path: str) -> str:
    """The reason why a file is not the table with a sha256, as the end of a sentence."""
    if path == STDIN:
        return "its sha256 differs"
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        return "no such file" if missing else getattr(error, "strerror", None) or str(error)
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if status.st_size > MOST_BYTES:
        return f"it has more than {MOST_BYTES} bytes"
    return "its sha256 differs" if os.access(path, os.R_OK) else "it cannot be read"


def _open(path: str) -> IO[bytes] | None:
    """A file, opened without waiting; None if it is not a regular one, or longer than a table may be."""
    if path == STDIN:
        return io.BytesIO(read_stdin())
    if not _is_table(os.stat(path)):
        return None
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NO_WAITING))  # noqa: SIM115
    if _is_table(os.fstat(file.fileno())):
        return file
    file.close()
    return None


def _is_table(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES
