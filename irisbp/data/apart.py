"""Parquet, Feather and Excel files as CSV, by a process of its own.

Their readers are written in C++ and Rust, and a damaged file may end them, or have them ask for any amount of
memory. There, that is one clear error. No pickle is loaded and no formula computed.
"""

import ctypes
import io
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

from irisbp.data.frames import csv_of
from irisbp.errors import DataError

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

_READERS = {".parquet": "read_parquet", ".feather": "read_feather"}
EXCEL = (".xlsx", ".xls", ".xlsb", ".ods")
ENDINGS = (*_READERS, *EXCEL)
# Addresses, not memory: the libraries reserve more than they use.
_FEWEST_BYTES, _BYTES_FOR_EACH = 2**31, 40
_FEWEST_SECONDS, _BYTES_PER_SECOND = 60, 200_000
_REFUSED, _NOT_INSTALLED, _TOO_LARGE = 2, 3, 4
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_NO_READER = "reading it needs the extra `tables`: pip install 'irisbp[tables]'"
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")


def csv_apart(file: IO[bytes], ending: str) -> bytes:
    """The content of a file of this ending as CSV; DataError for one that is damaged or asks for too much."""
    file.seek(0)
    root = Path(__file__).parents[2]
    code = f"import sys; sys.path.append({str(root)!r}); from irisbp.data.apart import main; main({ending!r})"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        input=file.read(),
        capture_output=True,
        env=os.environ | _ONE_THREAD,
        start_new_session=True,  # a Ctrl-C is for this process, which decides what becomes of it
    )
    if done.returncode == 0:
        return done.stdout
    if done.returncode == _NOT_INSTALLED:
        raise DataError(_NO_READER)
    if done.returncode in (_TOO_LARGE, -signal.SIGABRT, -signal.SIGXCPU, -signal.SIGKILL):
        raise DataError("damaged, or too large: its cells need more memory or time than such a file should")
    told = done.stderr.decode(errors="replace") if done.returncode == _REFUSED else ""
    raise DataError(f"damaged, or not the format that its name says ({told or 'its reader broke down'})")


def _end_with_parent() -> None:
    """Have the system end this process when its parent ends: Linux alone can; elsewhere its bounds end it."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def main(ending: str) -> NoReturn:
    """Read a file from stdin, write it as CSV to stdout, and exit with 0, or with another code."""
    _end_with_parent()
    content = sys.stdin.buffer.read()
    _limit(len(content))
    try:
        sys.stdout.buffer.write(as_csv(io.BytesIO(content), ending))
        sys.stdout.buffer.flush()
        code = 0
    except ImportError:
        code = _NOT_INSTALLED
    except MemoryError:  # Arrow's own is one, too
        code = _TOO_LARGE
    except BaseException as error:  # a panic in Rust code is no Exception
        code = _REFUSED
        sys.stderr = io.StringIO()  # what a library has to say at its end
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        os.write(2, reason.encode(errors="replace"))
    os._exit(code)


def _limit(size: int) -> None:
    """Bound what a file of so many bytes may cost."""
    if resource is None:
        return
    bounds = (
        (resource.RLIMIT_AS, _FEWEST_BYTES + _BYTES_FOR_EACH * size),
        (resource.RLIMIT_CPU, _FEWEST_SECONDS + size // _BYTES_PER_SECOND),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in bounds:
        soft, hard = resource.getrlimit(kind)
        bound = most if soft == resource.RLIM_INFINITY else min(soft, most)
        resource.setrlimit(kind, (bound, hard))


def as_csv(content: io.BytesIO, ending: str) -> bytes:
    """The content of a file of this ending as CSV, read in this process; whatever its reader raises."""
    import pandas as pd

    options: dict[str, Any] = {}
    if ending in EXCEL:  # its first rows may be titles: they are judged as those of a CSV file are
        options = {"engine": "calamine", "header": None, "dtype": object, "keep_default_na": False}
    reader = _READERS.get(ending, "read_excel")
    frame = getattr(pd, reader)(content, **options)
    if frame.index.name or not isinstance(frame.index, pd.RangeIndex):  # columns of the file, as any
        names = [name or "" for name in frame.index.names]
        frame = frame.reset_index(names=names, allow_duplicates=True)
    return csv_of(frame, header=ending not in EXCEL)
