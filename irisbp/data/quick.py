"""The quick way to read a large file that has no surprises: pandas' C parser, whose leniency is checked.

Where anything is unusual (a quote, a short row, a word among numbers), the answer is None, and the strict
reader finds out what it is.
"""

import csv
import io
import os
import sys
from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from irisbp.data.aside import parts_of, path_of
from irisbp.data.frames import exact_floats
from irisbp.data.kinds import number_of, plain_numbers
from irisbp.data.memory import give_back_memory
from irisbp.data.options import Dialect, Wanted
from irisbp.data.sheet import Sheet, read_rows, separator_of
from irisbp.nn.types import Array

LARGE = 2**18  # bytes; a smaller file is read before pandas is imported
_CELLS_AT_ONCE, _FEWEST_AT_ONCE = 2**17, 2**13  # in a frame; a column costs as much as some hundred cells
_MANY_COLUMNS = 2**7  # of which twice as many rows are read at once
_MANY_CELLS = 2**23  # in a table; the frames' memory is then given back before more is needed
_MOST_PARTS = 6
# No number with fewer zeros in a row and an exponent of two digits is too small for float64.
_ZEROS, _EIGHT_ZEROS = b"0" * 200, int.from_bytes(b"0" * 8, "little")


Cells = list[list[str] | Array]  # of each column: texts, or numbers


def quick_sheet(file: IO[bytes], wanted: Wanted) -> Sheet | None:
    """The sheet of a large file without surprises, None of any other."""
    # Pandas takes -999.0 for missing, too, if -999 is.
    if wanted.missing_numbers or not _is_plain(wanted.dialect) or not _is_large(file):
        return None
    names, rows = read_rows(file, wanted.dialect)
    sample = list(islice(rows, 50))
    if not sample or len(names) < 2:
        return None
    first = sample[0][0]
    kinds = _kinds(names, [cells for _, cells in sample], wanted)
    columns = _columns(file, first - 1, kinds, wanted)
    if columns is None:
        return None
    count = len(columns[0])
    if count * len(columns) >= _MANY_CELLS:
        give_back_memory(8 * count * len(columns))
    return Sheet(names, columns, range(first, first + count), [])


class QuickLines(NamedTuple):
    """Some lines of a file and their columns, numbers as such; is_last if no line is below them."""

    lines: list[str]
    columns: Cells
    is_last: bool


def quick_blocks(
    file: IO[bytes], names: Sequence[str], numbers: Container[str], wanted: Wanted, at_once: int
) -> Iterator[QuickLines]:
    """The lines below the header of a large file of commas, so many at a time.

    It ends before lines with a surprise, and leaves the file's position as it is.
    """
    path = path_of(file)
    plain = not wanted.missing_numbers and wanted.dialect.header is None and _is_plain(wanted.dialect)
    if path is None or not plain or separator_of(wanted.dialect) != "," or os.path.getsize(path) < LARGE:
        return
    kinds: list[type] = [float if name in numbers else object for name in names]
    with open(path, "rb") as other:
        header = other.readline().decode("utf-8-sig", "replace")
        if [name.strip() for name in header.split(",")] != names or len(names) < 2:
            return
        while lines := b"".join(islice(other, at_once)):
            columns = _columns(io.BytesIO(lines), 0, kinds, wanted)
            if columns is None:
                return
            texts = lines.decode().replace("\r\n", "\n").removesuffix("\n").split("\n")
            yield QuickLines(texts, columns, not other.peek(1))


def _columns(
    file: IO[bytes], above: int, kinds: list[type], wanted: Wanted
) -> list[list[str] | Array] | None:
    """The columns of a file below so many lines, None if there is a surprise."""
    frames = _frames(file, above, kinds, wanted)
    if not frames:
        return None
    columns = [_column(frames, k, kind) for k, kind in enumerate(kinds)]
    return columns if _is_sound(columns, file) else None


def _column(frames: list[Any], k: int, kind: type) -> list[str] | Array:
    """A column of all frames."""
    if kind is not float:
        return [cell for frame in frames for cell in frame[k].tolist()]
    parts = [frame[k].to_numpy() for frame in frames]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _is_plain(dialect: Dialect) -> bool:
    encoding = (dialect.encoding or "utf-8").lower()
    usual = dialect.has_plain_numbers and dialect.comment is None
    separator = separator_of(dialect)
    return (
        usual
        and not dialect.skip_rows
        and separator != " "
        and separator.isascii()
        and encoding in ("utf-8", "utf8")
    )


def _is_large(file: IO[bytes]) -> bool:
    return file.seek(0, 2) >= LARGE


class _Odd(Exception):
    """Something that pandas would read in a way of its own."""


class _Counts:
    """The separators and line ends of a text; _Odd at a quote, a NUL, or a return that ends no line."""

    def __init__(self, separator: str) -> None:
        self._separator, self._separators, self._lines = ord(separator), 0, 0
        self._last = b"\n"

    def take(self, part: bytes) -> None:
        """Count in the next part of the text, if any is left."""
        if b'"' in part or b"\0" in part:
            raise _Odd
        if b"\r" in part or self._last == b"\r":
            both = self._last + part
            if both.count(b"\r", 0, -1) != both.count(b"\r\n"):
                raise _Odd
        data = np.frombuffer(part, dtype=np.uint8)
        self._separators += int(np.count_nonzero(data == self._separator))
        self._lines += int(np.count_nonzero(data == ord("\n")))
        self._last = part[-1:] or self._last

    def check(self, rows: int, width: int, above: int) -> None:
        """_Odd unless each line has as many cells as there are columns, which a line cut short would not."""
        lines = self._lines + (self._last != b"\n")
        if lines != rows + above or self._separators != lines * (width - 1):
            raise _Odd


class _Counted:
    """A part of a file, whose bytes are counted on their way to pandas, which takes them as they are."""

    def __init__(self, file: IO[bytes], counts: _Counts, start: int = 0, end: int = sys.maxsize) -> None:
        file.seek(start)
        self._file, self._counts, self._left = file, counts, end - start

    def __iter__(self) -> Iterator[bytes]:
        """By this pandas knows a file; it only reads."""
        return iter(self._file)

    def read(self, size: int) -> bytes:
        """The next bytes."""
        part = self._file.read(min(size, self._left))
        self._left -= len(part)
        self._counts.take(part)
        return part


def _kinds(names: list[str], sample: list[list[str]], wanted: Wanted) -> list[type]:
    """Float for columns that begin with numbers only, object for others and the target."""
    texts = {wanted.target, *wanted.categorical}
    return [
        object if name in texts or not _has_numbers(column, wanted) else float
        for name, column in zip(names, zip(*sample, strict=True), strict=True)
    ]


def _has_numbers(cells: Sequence[str], wanted: Wanted) -> bool:
    plain = plain_numbers(cells, wanted.dialect)
    return plain is not None or all(_is_number(cell, wanted) for cell in cells)


def _is_number(cell: str, wanted: Wanted) -> bool:
    text = cell.strip()
    return text in wanted.missing_texts or number_of(text, wanted.dialect) is not None


def _frames(file: IO[bytes], above: int, kinds: list[type], wanted: Wanted) -> list[Any]:
    """Pandas' reading of the rows, in frames; none if it finds another kind of cell, or is lenient."""
    missing = {k: list(wanted.missing_texts) for k, kind in enumerate(kinds) if kind is float}
    options: dict[str, Any] = {
        "sep": separator_of(wanted.dialect),
        "header": None,
        "names": range(len(kinds)),
        "index_col": False,
        "dtype": dict(enumerate(kinds)),
        "quoting": csv.QUOTE_NONE,
        "encoding": "utf-8",
        "compression": None,
    }
    # First as if no cell were missing, which takes half the time.
    for missing_cells in ({"na_filter": False}, {"na_values": missing, "keep_default_na": False}):
        with suppress(ValueError, OverflowError, Warning):
            try:
                return _read(file, above, **options, **missing_cells, **exact_floats())
            except _Odd:
                break
    return []


def _read(file: IO[bytes], above: int, **options: Any) -> list[Any]:
    """The frames of a file, whose parts are read side by side, one for each core, if it is on the disk."""
    path, size = path_of(file), file.seek(0, 2)
    if path is None or size < LARGE:
        return _read_part(file, 0, size, above, **options)
    ends = _ends(file, min(os.cpu_count() or 1, _MOST_PARTS))

    def read(k: int) -> list[Any]:
        with open(path, "rb", buffering=0) as part:
            start = ends[k - 1] if k else 0
            return _read_part(part, start, ends[k], 0 if k else above, **options)

    with ThreadPoolExecutor(len(ends)) as pool:
        return [frame for frames in pool.map(read, range(len(ends))) for frame in frames]


def _read_part(file: IO[bytes], start: int, end: int, above: int, **options: Any) -> list[Any]:
    """The frames of a part of a file, of some thousand rows: their text stays in the cache."""
    import pandas as pd

    counts, width = _Counts(options["sep"]), len(options["names"])
    part: Any = _Counted(file, counts, start, end)
    rows = max(_CELLS_AT_ONCE // width, _FEWEST_AT_ONCE * (2 if width > _MANY_COLUMNS else 1))
    with pd.read_csv(part, skiprows=above, chunksize=rows, **options) as reader:
        frames = list(reader)
    counts.check(sum(map(len, frames)), width, above)
    return frames


def _ends(file: IO[bytes], count: int) -> list[int]:
    """Ends of lines that cut a file in parts of about the same size."""
    size, ends = file.seek(0, 2), set[int]()
    for k in range(1, count):
        file.seek(size * k // count)
        file.readline()
        ends.add(file.tell())
    return sorted(ends | {size})


def _is_sound(columns: "list[list[str] | Array]", file: IO[bytes]) -> bool:
    """No short row, which pandas pads at its end, and no number that float64 has no room for."""
    last, zeros = columns[-1], False
    if np.isnan(last).any() if isinstance(last, np.ndarray) else not all(map(str.strip, set(last))):
        return False
    for column in columns:
        if isinstance(column, np.ndarray):
            if np.isinf(column).any():
                return False
            zeros = zeros or not column.all()
    return not zeros or not any(map(_may_vanish, _overlapping(parts_of(file))))


def _overlapping(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts, each with the end of the one before."""
    end = b""
    for part in parts:
        yield end + part
        end = part[-len(_ZEROS) :]


def _may_vanish(chunk: bytes) -> bool:
    """A run of zeros, or a negative exponent of three digits."""
    words = np.frombuffer(chunk, dtype="<u8", count=len(chunk) // 8)
    if (words == _EIGHT_ZEROS).any() and _ZEROS in chunk:
        return True
    if b"e" not in chunk and b"E" not in chunk:
        return False
    data = np.frombuffer(chunk, dtype=np.uint8)
    at = np.flatnonzero(data[:-4] | 32 == ord("e"))
    at = at[data[at + 1] == ord("-")]
    return bool(np.all([_is_digit(data[at + k]) for k in (2, 3, 4)], axis=0).any())


def _is_digit(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return (data >= ord("0")) & (data <= ord("9"))
