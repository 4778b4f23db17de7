"""The formats of a table's file: text, packed text, and what pandas reads; others by their names.

A packed file is unpacked up to a limit, so that a small one cannot fill the memory.
"""

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

from irisbp.data.apart import ENDINGS, csv_apart
from irisbp.data.options import STDIN, Dialect, Wanted
from irisbp.data.quick import quick_sheet
from irisbp.data.sheet import Sheet, read_sheet
from irisbp.data.streams import MOST_BYTES, bounded, read_stdin
from irisbp.errors import DataError, StorageError
from irisbp.nearest import did_you_mean

_OF_A_FRAME = "frame.csv"
_ALWAYS, _MOST_TIMES = 2**26, 100  # bytes of text, and bytes of it for each packed one; gzip reaches 1,032
_TABS = (".tsv", ".tab")
_OTHERS = {
    ".arff": "an ARFF file", ".json": "JSON", ".jsonl": "JSON", ".ndjson": "JSON", ".pkl": "a pickle",
    ".pickle": "a pickle", ".npz": "a NumPy file", ".npy": "a NumPy file", ".libsvm": "a libsvm file",
    ".svm": "a libsvm file", ".sqlite": "a database", ".db": "a database", ".mat": "a MATLAB file",
    ".rds": "an R file", ".rdata": "an R file", ".sav": "an SPSS file", ".dta": "a Stata file",
    ".h5": "an HDF5 file", ".html": "HTML", ".xml": "XML",
}  # fmt: skip
_PACKED: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),  # type: ignore[dict-item, return-value]
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
_ADDRESS = re.compile(r"(?:^|/)(https?|ftp|s3|gs):/+(.*)")  # a path has one slash of the two
_DAMAGED = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    RuntimeError,
    NotImplementedError,
)


def open_table(path: Path) -> IO[bytes]:
    """The file, opened; DataError if it is not a regular one. `-` is stdin, which is read to its end."""
    if str(path) == STDIN:
        return io.BytesIO(read_stdin())
    if match := _ADDRESS.search(str(path)):
        raise DataError(f"{match[1]}://{match[2]}: an address, not a file; download it first")
    try:
        if path.exists() and not path.is_file():
            raise DataError(
                f"{path} is {'a directory' if path.is_dir() else 'not a regular file'}, not a table"
            )
        return open(path, "rb")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file{did_you_mean(path, folder=False)}") from None
    except OSError as error:
        raise StorageError("read", path, error) from None


def sheet_of(file: IO[bytes], wanted: Wanted) -> Sheet:
    """The cells of a table's file, whatever its format."""
    text, inner = text_of(file, wanted.source)
    asked = with_dialect(wanted, inner)
    return quick_sheet(text, asked) or read_sheet(text, asked.dialect)


def with_dialect(wanted: Wanted, name: str) -> Wanted:
    """The request in the dialect of a file of this name: tabs where it is called so, ours of a frame."""
    dialect = wanted.dialect
    if name == _OF_A_FRAME:
        dialect = Dialect(skip_rows=dialect.skip_rows, header=dialect.header)
    elif dialect.separator is None and Path(name).suffix.lower() in _TABS:
        dialect = replace(dialect, separator="\t")
    return replace(wanted, dialect=dialect)


def text_of(file: IO[bytes], source: str) -> tuple[IO[bytes], str]:
    """The text of a file, unpacked or made of a frame, and the name that it has then."""
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in _OTHERS:
        raise DataError(f"this is {_OTHERS[suffix]}, not a table of cells; save it as CSV")
    if suffix in ENDINGS:
        return io.BytesIO(csv_apart(file, suffix)), _OF_A_FRAME
    if suffix in _PACKED:
        return io.BytesIO(_unpacked(file, _PACKED[suffix])), path.stem
    if suffix == ".zip":
        return _from_zip(file)
    return file, source


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _most(file: IO[bytes]) -> int:
    """The number of bytes that a packed file may have when it is unpacked."""
    return min(MOST_BYTES, max(_ALWAYS, _size(file) * _MOST_TIMES))


def _unpacked(file: IO[bytes], unpack: Callable[[IO[bytes]], IO[bytes]]) -> bytes:
    most = _most(file)
    try:
        return bounded(unpack(file), most)
    except _DAMAGED as error:
        raise DataError(f"damaged: it cannot be unpacked ({error})") from None


def _from_zip(file: IO[bytes]) -> tuple[IO[bytes], str]:
    most = _most(file)
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise DataError(f"{len(names)} files in one zip file; a table is a zip file of one")
            with archive.open(names[0]) as inner:
                return io.BytesIO(bounded(inner, most)), names[0]
    except _DAMAGED as error:
        raise DataError(f"damaged: it cannot be unpacked ({error})") from None
