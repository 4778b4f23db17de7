"""Every write that irisbp makes into a run goes through one open directory.

A whole file appears at once or not at all: a temporary file, opened exclusively and never through a
link, is written, synced and renamed, and the directory is synced. The lock on the directory itself
means one writer; it ends with its process, however that ends.
"""

import hashlib
import os
import re
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from irisbp.errors import Busy, RunError, StorageError
from irisbp.rundir.directory import DIRECTORY, OpenDirectory, flags, storing

try:
    import fcntl
except ImportError:  # Windows and Pyodide have none
    fcntl = None  # type: ignore[assignment]


_NEW_FILE = flags("O_WRONLY", "O_CREAT", "O_EXCL", "O_NOFOLLOW", "O_CLOEXEC")
_NO_LINK = DIRECTORY | flags("O_NOFOLLOW")
_CHUNK = 1 << 20  # bytes that are read at once


class Mark(NamedTuple):
    """The length of a growing file at some moment, in bytes, and the sha256 of all of it up to there."""

    length: int
    sha256: str


def _check_system() -> None:
    """RunError where there are no file locks: two processes could write at once."""
    if fcntl is None:
        raise RunError("this system has no locks for run directories (fcntl): train in memory instead")


class Directory(OpenDirectory):
    """An open and locked directory, to write into. No other process writes while it is open."""

    _fd: int

    def __init__(self, path: Path, *, within: int | None = None) -> None:
        """Open an existing directory: RunError if it is none, Busy if it is held.

        With within, the descriptor of the open directory that holds it, no link above it is followed.
        """
        self.path = path
        _check_system()
        try:
            self._fd = os.open(path if within is None else path.name, _NO_LINK, dir_fd=within)
        except (FileNotFoundError, NotADirectoryError):
            what = "is a link, which is not followed" if path.is_symlink() else "is not a directory"
            raise RunError(f"{path} {what}") from None
        except OSError as error:
            raise StorageError("open", path, error) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise Busy(f"{path} is in use by another process") from None
        except OSError as error:
            self.close()
            raise StorageError("lock", path, error) from None

    @classmethod
    def create(cls, path: Path) -> "Directory":
        """Make a directory (and those above it) that must not exist; FileExistsError if it does."""
        _check_system()
        try:
            with suppress(FileNotFoundError, NotADirectoryError):
                os.lstat(path)  # a path that is too long is refused before half of it is made
            for folder in reversed(path.parents):
                if not os.path.isdir(folder):
                    _make_folder_if_missing(folder)
            _make_folder(path)
        except (FileExistsError, NotADirectoryError):
            if not os.path.lexists(path):  # a directory above is a file
                raise RunError(f"cannot make {path}: {path.parent} is not a directory") from None
            raise
        except OSError as error:
            raise StorageError("make", path, error) from None
        return cls(path)

    @classmethod
    def behind(cls, path: Path) -> "Directory":
        """Open the directory that a path leads to, if need be through links."""
        return cls(Path(os.path.realpath(path)))

    def write(self, name: str, content: bytes) -> str:
        """Put a whole file in place, durably; returns its sha256."""
        temporary = _temporary(name)
        with storing("write", self.path / name):
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=self._fd)
            try:
                fd = os.open(temporary, _NEW_FILE, 0o666, dir_fd=self._fd)
                try:
                    _write_all(fd, content)
                    os.fsync(fd)
                finally:
                    os.close(fd)
                os.rename(temporary, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except OSError:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=self._fd)
                raise
            os.fsync(self._fd)
        return hashlib.sha256(content).hexdigest()

    def start(self, name: str) -> "GrowingFile":
        """A new file to append to; its name is durable once the directory is synced."""
        with storing("write", self.path / name):
            fd = os.open(name, _NEW_FILE, 0o666, dir_fd=self._fd)
        return GrowingFile(self.path / name, fd)

    def reopen(self, name: str, mark: Mark) -> "GrowingFile":
        """A file that begins as the mark says, to append to from there; RunError if it does not.

        Nothing is changed yet: truncate removes what follows the mark.
        """
        path = self.path / name
        fd = self._open_regular(name, os.O_RDWR)
        try:
            digest, left = hashlib.sha256(), mark.length
            while left and (chunk := _read(fd, path, min(left, _CHUNK))):
                digest.update(chunk)
                left -= len(chunk)
            if left or digest.hexdigest() != mark.sha256:
                raise RunError(f"{path}: its first {mark.length} bytes are not those that the run wrote")
        except BaseException:
            os.close(fd)
            raise
        return GrowingFile(path, fd, mark.length, digest)

    def discard(self, names: Iterable[str]) -> None:
        """Remove files; durable once the directory is synced."""
        for name in names:
            self._remove(name, os.unlink)

    def sync(self) -> None:
        """Make the names in it durable."""
        with storing("write", self.path):
            os.fsync(self._fd)

    def moved(self) -> str:
        """A note if its path leads here no more, with where it is now if the system says so; else empty."""
        here = os.fstat(self._fd)
        with suppress(OSError):
            if os.path.samestat(here, os.stat(self.path)):
                return ""
        with suppress(OSError):
            now = os.readlink(f"/proc/self/fd/{self._fd}")  # Linux has it
            if os.path.samestat(here, os.stat(now)):
                return f"{self.path} was moved meanwhile: everything is in {now}"
        return f"{self.path} was moved or removed meanwhile: what was written since is not there"

    def folder(self, name: str) -> "Directory":
        """A directory in this one, made if there is none."""
        with storing("make", self.path / name), suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._fd)
        return Directory(self.path / name, within=self._fd)

    def discard_folder(self, name: str, own: Container[str]) -> None:
        """Remove our own files in a folder, and the folder too if nothing else is in it."""
        with self.folder(name) as folder:
            folder.discard([each for each in folder.names() if each in own])
            is_empty = not folder.names()
        if is_empty:
            self._remove(name, os.rmdir)

    def clear(
        self,
        is_own: Callable[[str], bool],
        folders: Mapping[str, Container[str]] | None = None,
        *,
        proof: str = "config.yaml",
    ) -> None:
        """Remove our own files, and folders with files of the names given for them; else RunError.

        Nothing is removed if there is anything but regular files with such names, or temporary ones of
        theirs. proof is the file that identifies the directory as ours.
        """
        folders = folders or {}
        with ExitStack() as stack:
            found = self._own(is_own, folders)
            inside = [
                (folder, folder._own(folders[folder.path.name].__contains__))
                for folder in [stack.enter_context(self.folder(name)) for name in found if name in folders]
            ]
            # What makes the directory look finished goes first; what makes it a run goes last, once all
            # else is gone durably, so that at any moment it can still be recognized as ours.
            files = set(found) - set(folders)
            for name in sorted(files - {proof}, key=lambda name: (name != "manifest.json", name)):
                self._remove(name, os.unlink)
            for folder, names in inside:
                for name in names:
                    folder._remove(name, os.unlink)
                self._remove(folder.path.name, os.rmdir)
            self.sync()
            if proof in files:
                self._remove(proof, os.unlink)

    def _own(self, is_own: Callable[[str], bool], folders: Container[str] = ()) -> list[str]:
        """All names in here; RunError if one is neither a regular file of our own nor one of folders."""
        with storing("read", self.path), os.scandir(self._fd) as entries:
            found = {
                entry.name: entry.is_file(follow_symlinks=False)
                if is_own(final_name(entry.name))
                else entry.name in folders and entry.is_dir(follow_symlinks=False)
                for entry in entries
            }
        others = [name for name, ours in sorted(found.items()) if not ours]
        if others:
            raise RunError(
                f"{self.path} holds {others[0]}, which irisbp did not write there; nothing was removed"
            )
        return sorted(found)

    def _remove(self, name: str, remove: Callable[..., None]) -> None:
        with storing("remove", self.path / name):
            remove(name, dir_fd=self._fd)


def write_new_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that must not exist yet; it appears when it is whole, or not at all."""
    if os.path.lexists(path):
        raise RunError(f"{path}: exists; choose another file")
    temporary = path.with_name(_temporary(path.name))
    with suppress(FileNotFoundError):
        temporary.unlink()
    try:
        with storing("write", path):
            with open(os.open(temporary, _NEW_FILE, 0o666), "wb") as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


class GrowingFile:
    """A file that is appended to, and digested on the way; some of it waits in memory until closed.

    The buffer is ours, since Python's own would try to write once more while it is being torn down
    after a full disk, and print a message of its own.
    """

    _ENOUGH = 1 << 16  # bytes that are worth a system call

    def __init__(self, path: Path, fd: int, length: int = 0, digest: "hashlib._Hash | None" = None) -> None:
        """Append at fd's offset, which is length; digest is the sha256 of the bytes before it."""
        self._path, self._fd, self._length = path, fd, length
        self._waiting = bytearray()
        self._digest = digest or hashlib.sha256()

    def append(self, text: str) -> None:
        """Append UTF-8 text."""
        self._waiting += text.encode("utf-8")
        if len(self._waiting) >= self._ENOUGH:
            self._write()

    def truncate(self) -> None:
        """Remove any bytes after the end that this file knows of."""
        with storing("write", self._path):
            os.ftruncate(self._fd, self._length)

    def sync(self) -> Mark:
        """Make everything durable; returns the length and sha256 up to there."""
        self._write()
        with storing("write", self._path):
            os.fsync(self._fd)
        return Mark(self._length, self._digest.hexdigest())

    def close(self) -> None:
        """Close the file; what has not been synced may be lost."""
        os.close(self._fd)

    def _write(self) -> None:
        with storing("write", self._path):
            _write_all(self._fd, self._waiting)
        self._digest.update(self._waiting)
        self._length += len(self._waiting)
        self._waiting.clear()


def final_name(name: str) -> str:
    """The final name of a temporary file; any other name is returned as it is."""
    match = re.fullmatch(r"\.(.+)\.tmp", name, re.DOTALL)
    return match[1] if match else name


def _temporary(name: str) -> str:
    return f".{name}.tmp"


def _write_all(fd: int, content: bytes | bytearray) -> None:
    with memoryview(content) as waiting:
        written = 0
        while written < len(waiting):
            written += os.write(fd, waiting[written:])


def _read(fd: int, path: Path, most: int) -> bytes:
    with storing("read", path):
        return os.read(fd, most)


def _make_folder_if_missing(path: Path) -> None:
    with suppress(FileExistsError):  # another process may have been quicker
        _make_folder(path)


def _make_folder(path: Path) -> None:
    """Make a directory, durably."""
    os.mkdir(path)
    above = os.open(path.parent, flags("O_RDONLY", "O_DIRECTORY", "O_CLOEXEC"))
    try:
        os.fsync(above)
    finally:
        os.close(above)
