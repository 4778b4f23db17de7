"""An open directory of a run or a sweep, through which all its files are read.

The files are those of the directory that was opened, whatever becomes of its path. A link in a file's place
is not followed, a pipe or a device is not read, and a file is not read if no such file can be as long.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR, ELOOP, ENXIO
from io import BufferedReader, FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from irisbp.config.yaml import LARGEST_FILE
from irisbp.errors import RunError, StorageError
from irisbp.nearest import did_you_mean
from irisbp.rundir.arrays import LARGEST_ARCHIVE

# The most bytes of each kind of file. A manifest names the columns and the classes of a table, of which there
# may be many; files of other kinds are read piece by piece.
_LARGEST = {".yaml": LARGEST_FILE, ".json": 1 << 28, ".npz": LARGEST_ARCHIVE}
_BUFFER = 1 << 16  # bytes that are read at once


def flags(*names: str) -> int:
    """Flags of os.open, without those that a system lacks."""
    return sum(getattr(os, name, 0) for name in names)


DIRECTORY = flags("O_RDONLY", "O_DIRECTORY", "O_CLOEXEC")
_OLD_FILE = flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")  # do not wait for a pipe in its place
# Where files cannot be opened in an open directory, as on Windows, they are opened by its path.
_OPENS_IN_DIRECTORY = hasattr(os, "fwalk") and hasattr(os, "O_DIRECTORY")


@contextmanager
def storing(action: str, path: Path) -> Iterator[None]:
    """An OSError in the block becomes a StorageError that names the action and the path."""
    try:
        yield
    except OSError as error:
        raise StorageError(action, path, error) from None


def check_that_it_is_a_directory(path: Path, kind: str = "run") -> None:
    """RunError, which says that there is no run (or another kind) at a path, if it leads to no directory."""
    if not os.path.isdir(path):
        hint = did_you_mean(path, folder=True)
        what = "it is a file" if os.path.exists(path) else f"no such directory{hint}"
        raise RunError(f"{path} is not a {kind}: {what}")


class OpenDirectory:
    """An open directory; a context manager. Names are of files in it, never of files below or above."""

    def __init__(self, path: Path, kind: str = "run") -> None:
        """Open the directory that a path leads to; RunError if it leads to none, which is no such kind."""
        check_that_it_is_a_directory(path, kind)
        self.path = path
        self._fd: int | None = None
        if _OPENS_IN_DIRECTORY:
            with storing("open", path):
                self._fd = os.open(path, DIRECTORY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the directory; a lock on it is released."""
        if self._fd is not None:
            os.close(self._fd)

    def names(self) -> list[str]:
        """The names of everything in here, sorted."""
        with storing("read", self.path):
            return sorted(os.listdir(self.path if self._fd is None else self._fd))

    def status(self, name: str) -> os.stat_result | None:
        """The status of a file, or of the link in its place; None if it cannot be seen."""
        with suppress(OSError):
            return os.stat(self._place(name), dir_fd=self._fd, follow_symlinks=False)
        return None

    def has(self, name: str) -> bool:
        """Return whether there is anything of this name."""
        return self.status(name) is not None

    def open(self, name: str, most: int | None = None) -> BufferedReader:
        """A regular file, to be read piece by piece; StorageError is raised where that fails.

        RunError if there is none, or if it has more than so many bytes: by default, than a file of its kind.
        """
        path = self.path / name
        most = _LARGEST.get(path.suffix) if most is None else most
        file: BufferedReader = BufferedReader(_File(self._open_regular(name, os.O_RDONLY), path), _BUFFER)
        if most is not None and os.fstat(file.fileno()).st_size > most:
            file.close()
            raise RunError(f"{path} has more than {most} bytes: it is no file of this kind")
        return file

    def read(self, name: str, most: int | None = None) -> bytes:
        """A regular file's content; RunError as in open."""
        with self.open(name, most) as file:
            return file.read(os.fstat(file.fileno()).st_size)  # no more, if another process appends to it

    def sha256(self, name: str, most: int | None = None) -> str:
        """The sha256 of a regular file's content; RunError as in open."""
        with self.open(name, most) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def sizes(self) -> dict[str, int]:
        """The size in bytes of every file in here and in the folders below, by its path from here."""
        found, folders = dict[str, int](), [""]
        for folder in folders:
            with suppress(OSError), self._entries(folder) as entries:  # it may be gone by now
                for entry in entries:
                    place = os.path.join(folder, entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(place)
                    else:
                        found[place] = entry.stat(follow_symlinks=False).st_size
        return found

    @contextmanager
    def _entries(self, folder: str) -> "Iterator[Iterator[os.DirEntry[str]]]":
        """The entries of a folder below, or of this one."""
        if self._fd is None:
            with os.scandir(self.path / folder) as entries:
                yield entries
            return
        fd = os.open(folder or ".", DIRECTORY | flags("O_NOFOLLOW"), dir_fd=self._fd)
        try:
            with os.scandir(fd) as entries:
                yield entries
        finally:
            os.close(fd)

    def _open_regular(self, name: str, access: int) -> int:
        path, place = self.path / name, self._place(name)
        try:
            if self._fd is None and not stat.S_ISREG(os.lstat(place).st_mode):
                raise RunError(f"{path} is not a regular file")
            fd = os.open(place, access | _OLD_FILE, dir_fd=self._fd)
        except FileNotFoundError:
            raise RunError(f"{path} is missing") from None
        except OSError as error:
            if error.errno in (ELOOP, EISDIR, ENXIO):  # a link, a directory, a socket
                raise RunError(f"{path} is not a regular file") from None
            raise StorageError("open", path, error) from None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise RunError(f"{path} is not a regular file")
        return fd

    def _place(self, name: str) -> str | Path:
        """A file's path for system calls; RunError if the name, maybe a manifest's, leads elsewhere."""
        if os.path.basename(name) != name or name in ("", ".", "..") or "\0" in name:
            raise RunError(f"{self.path}: {name} is not the name of a file in it")
        return self.path / name if self._fd is None else name


class _File(FileIO):
    """A file that raises a StorageError, which names it, where it cannot be read."""

    def __init__(self, fd: int, path: Path) -> None:
        super().__init__(fd, "rb")
        self.name = path

    def readinto(self, buffer: Any) -> int | None:
        with storing("read", Path(self.name)):
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with storing("read", Path(self.name)):
            return super().readall()
