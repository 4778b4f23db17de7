"""The cache of compiled code: files in a directory that only the user can change.

What is read from here is executed. So every directory from the root down is opened in the one before, and is
used only if nobody but the user and root can put something in its place: both check and use are of what was
opened, whatever becomes of the path meanwhile. A file is checked in the same way once it is open: its kind,
owner, mode and size. It begins with its key and a digest of everything in it, so that neither a file cut or
overwritten by accident nor the code of another structure is loaded. Whoever has the user's own rights can
make a valid file; that is no protection against them.

Where a system cannot open files in an open directory, or knows no owners (Windows), nothing is kept, and code
is compiled anew by each process, which takes half a second.
"""

import os
import stat
import struct
import sys
import tempfile
import warnings
from contextlib import suppress
from functools import cache
from hashlib import sha256
from operator import itemgetter
from pathlib import Path

from irisbp.errors import IrisbpWarning

_HAS_OWNERS = hasattr(os, "geteuid") and {os.open, os.mkdir, os.rename, os.unlink} <= os.supports_dir_fd
_FORM = b"irisbp code 2\n"
_DIGEST = 32  # bytes
_LARGEST = 1 << 26  # bytes; the largest network that is compiled takes some hundred thousand
_MOST_LINKS = 40  # on the way to a directory, as many as Linux follows
_OTHERS = stat.S_IWGRP | stat.S_IWOTH

# ELF-64: how it begins, what follows the 16 bytes of e_ident, and a section's header.
_ELF, _ELF_HEADER, _SECTION, _NO_BITS = b"\x7fELF\x02", "HHIQQQIHHHHHH", "IIQQQQIIQQ", 8


class _NotPrivate(Exception):
    """A directory is not the user's alone; the message says why, if the user should know."""


class CodeCache:
    """An open directory of compiled code; keys are digests of all that a code depends on, of 32 bytes."""

    def __init__(self, fd: int) -> None:
        """Take the descriptor of a directory that was checked."""
        self._fd = fd

    def read(self, key: bytes) -> bytes | None:
        """The code of a key; None if there is none, or it is damaged or not the user's."""
        with suppress(OSError):
            # A pipe in its place is not waited for.
            fd = os.open(_name(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._fd)
            with open(fd, "rb") as file:
                status = os.fstat(fd)
                if _is_own_file(status):
                    return _unsealed(key, file.read(status.st_size))
        return None

    def write(self, key: bytes, code: bytes) -> None:
        """Keep code, whole or not at all; a failure is no error."""
        content, temporary = _sealed(key, code), f".{_name(key)}.{os.urandom(8).hex()}"
        if len(content) > _LARGEST:
            return
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            fd = os.open(temporary, flags, 0o600, dir_fd=self._fd)
            try:
                with open(fd, "wb") as file:
                    file.write(content)
                os.rename(temporary, _name(key), src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except OSError:
                os.unlink(temporary, dir_fd=self._fd)


@cache
def code_cache() -> CodeCache | None:
    """The user's cache, opened once for the process; None if there is no directory for it."""
    return find_cache()


def find_cache() -> CodeCache | None:
    """A cache in $XDG_CACHE_HOME/irisbp, ~/.cache/irisbp, or a directory among temporary files.

    A warning says so if the first of these is not used since it lies in a directory of another user's.
    """
    if not _HAS_OWNERS:
        return None
    home = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(home):  # as the XDG Base Directory Specification says
        home = os.path.expanduser("~/.cache")
    folders = Path(home) / "irisbp", Path(tempfile.gettempdir()) / f"irisbp-{os.geteuid()}"
    for folder in folders:
        try:
            return CodeCache(_opened(folder))
        except _NotPrivate as error:
            if str(error) and folder == folders[0]:
                warnings.warn(f"compiled code in {folder} is not used: {error}", IrisbpWarning, stacklevel=2)
        except OSError:
            continue
    return None


def _name(key: bytes) -> str:
    return f"{key.hex()[:40]}.o"


def _opened(folder: Path) -> int:
    """The descriptor of a folder, made if it is missing; _NotPrivate or OSError if it cannot be trusted."""
    user, pending, links = os.geteuid(), list(reversed(folder.parts[1:])), 0
    here = os.open(os.sep, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _check_directory(os.fstat(here))
        while pending:
            name = pending.pop()
            target = _link(here, name)
            if target is None:
                above, here = here, _entered(here, name)
                os.close(above)
                _check_directory(os.fstat(here))
                continue
            links += 1
            if links > _MOST_LINKS or not pending:  # the folder itself is never a link
                raise _NotPrivate
            pending += reversed(Path(target).parts)  # an absolute one begins with the root
        status = os.fstat(here)
        if status.st_uid != user or status.st_mode & _OTHERS or not os.access(".", os.W_OK, dir_fd=here):
            raise _NotPrivate
    except BaseException:
        os.close(here)
        raise
    return here


def _link(above: int, name: str) -> str | None:
    """The target of a link in an open directory; None if there is none of this name."""
    try:
        status = os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISLNK(status.st_mode):
        return None
    _check_owner(status)  # then nobody else can exchange it
    return os.readlink(name, dir_fd=above)


def _entered(above: int, name: str) -> int:
    """A directory in an open one, opened; made if there is none."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=above)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another process may have been quicker
            os.mkdir(name, 0o700, dir_fd=above)
    return os.open(name, flags, dir_fd=above)


def _check_directory(status: os.stat_result) -> None:
    """_NotPrivate if others can exchange what the user has in a directory.

    In a sticky one, such as /tmp, everyone can make new names, but exchange only their own.
    """
    _check_owner(status)
    if status.st_mode & _OTHERS and not status.st_mode & stat.S_ISVTX:
        raise _NotPrivate


def _check_owner(status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise _NotPrivate("a directory on the way to it belongs to another user")


def _is_own_file(status: os.stat_result) -> bool:
    is_private = status.st_uid == os.geteuid() and not status.st_mode & _OTHERS
    return stat.S_ISREG(status.st_mode) and is_private and status.st_size <= _LARGEST


def _sealed(key: bytes, code: bytes) -> bytes:
    """The content of a file: the form, the key, the digest of everything else, and the code."""
    return _FORM + key + sha256(_FORM + key + code).digest() + code


def _unsealed(key: bytes, content: bytes) -> bytes | None:
    """The code in a file's content; None unless it is all there and the key's."""
    code = content[len(_FORM) + len(key) + _DIGEST :]
    return code if content == _sealed(key, code) and is_whole(code) else None


def is_whole(code: bytes) -> bool:
    """Return whether an ELF file has all of its sections; of what macOS has instead, nothing is known.

    LLVM reads beyond the end of a file that was cut, which a digest made anew would not show.
    """
    if not code.startswith(_ELF):
        return sys.platform == "darwin"
    order = ">" if code[5:6] == b"\2" else "<"
    try:
        table, size, count = itemgetter(5, 10, 11)(struct.unpack_from(order + _ELF_HEADER, code, 16))
        sections = [struct.unpack_from(order + _SECTION, code, table + k * size) for k in range(count)]
    except struct.error:
        return False
    ends = [offset + length for _, kind, _, _, offset, length, *_ in sections if kind != _NO_BITS]
    return max(ends, default=len(code) + 1) <= len(code)
