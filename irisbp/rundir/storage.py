"""Every write that irisbp makes into a run goes through one open directory.

A whole file appears at once or not at all: a temporary file, opened exclusively and never through a
link, is written, synced and renamed, and the directory is synced. The lock on the directory itself
means one writer; it ends with its process, however that ends.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

from irisbp.errors import Busy, RunError, StorageError

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TEMPORARY = ".tmp"


@contextmanager
def _storing(action: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(action, path, error) from None


class Directory:
    """An open, locked directory; a context manager. No other process writes while it is open."""

    def __init__(self, path: Path, *, within: int | None = None) -> None:
        """Open an existing directory: RunError if it is none, Busy if it is held.

        With within, the descriptor of the open directory that holds it, no link above it can lead away.
        """
        self.path = path
        try:
            self._fd = os.open(path if within is None else path.name, _DIRECTORY, dir_fd=within)
        except (FileNotFoundError, NotADirectoryError):
            raise RunError(f"{path} is not a directory") from None
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
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError:
            if not os.path.lexists(path):  # it is something above that is in the way
                raise RunError(f"cannot make {path}: {path.parent} is not a directory") from None
            raise
        except OSError as error:
            raise StorageError("make", path, error) from None
        return cls(path)

    def __enter__(self) -> "Directory":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the directory and its lock."""
        os.close(self._fd)

    def write(self, name: str, content: bytes) -> str:
        """Put a whole file in place, durably; returns its sha256."""
        temporary = f".{name}{_TEMPORARY}"
        with _storing("write", self.path / name):
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=self._fd)
            try:
                with open(os.open(temporary, _NEW_FILE, 0o666, dir_fd=self._fd), "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(temporary, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except OSError:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=self._fd)
                raise
            os.fsync(self._fd)
        return hashlib.sha256(content).hexdigest()

    def start(self, name: str) -> "GrowingFile":
        """A new file to append to."""
        with _storing("write", self.path / name):
            fd = os.open(name, _NEW_FILE, 0o666, dir_fd=self._fd)
        return GrowingFile(self.path / name, fd)

    def folder(self, name: str) -> "Directory":
        """A directory in this one, made if there is none."""
        with _storing("make", self.path / name), suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._fd)
        return Directory(self.path / name, within=self._fd)

    def clear(self, own: Iterable[str], folders: Mapping[str, Iterable[str]] | None = None) -> None:
        """Remove files of these names, and folders with files of their names; else RunError.

        Nothing is removed if there is anything but regular files of these names.
        """
        folders = folders or {}
        with ExitStack() as stack:
            found = self._own(own, folders)
            inside = [
                (folder, folder._own(folders[folder.path.name]))
                for folder in [stack.enter_context(self.folder(name)) for name in found if name in folders]
            ]
            # What makes the directory look finished goes first.
            for name in sorted(set(found) - set(folders), key=lambda name: (name != "manifest.json", name)):
                self._remove(name, os.unlink)
            for folder, names in inside:
                for name in names:
                    folder._remove(name, os.unlink)
                self._remove(folder.path.name, os.rmdir)

    def _own(self, files: Iterable[str], folders: Iterable[str] = ()) -> list[str]:
        """All names in here; RunError if one is neither a regular file of files nor one of folders."""
        regular = {name for own in files for name in (own, f".{own}{_TEMPORARY}")}
        with _storing("read", self.path), os.scandir(self._fd) as entries:
            found = {
                entry.name: entry.is_file(follow_symlinks=False)
                if entry.name in regular
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
        with _storing("remove", self.path / name):
            remove(name, dir_fd=self._fd)


def write_new_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that must not exist yet; it appears when it is whole, or not at all."""
    if os.path.lexists(path):
        raise RunError(f"{path}: exists; choose another file")
    temporary = path.with_name(f".{path.name}{_TEMPORARY}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    try:
        with _storing("write", path):
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
    after a full disk, and print what it thinks of it.
    """

    _ENOUGH = 1 << 16  # bytes that are worth a system call

    def __init__(self, path: Path, fd: int) -> None:
        self._path, self._fd = path, fd
        self._waiting = bytearray()
        self._digest = hashlib.sha256()

    def append(self, text: str) -> None:
        """Append UTF-8 text."""
        self._waiting += text.encode("utf-8")
        if len(self._waiting) >= self._ENOUGH:
            self._write()

    def close(self) -> str:
        """Make everything durable; returns the sha256 of the whole."""
        try:
            self._write()
            with _storing("write", self._path):
                os.fsync(self._fd)
        finally:
            os.close(self._fd)
        return self._digest.hexdigest()

    def _write(self) -> None:
        self._digest.update(self._waiting)
        with _storing("write", self._path), memoryview(self._waiting) as waiting:
            written = 0
            while written < len(waiting):
                written += os.write(self._fd, waiting[written:])
        self._waiting.clear()
