"""The quick way to read a large file that has no surprises: pandas' C parser, whose leniency is checked.

Where anything is unusual (a quote, a short row, a word among numbers), the answer is None, and the strict
reader finds out what it is.
"""

import csv
import io
import os
import re
import warnings
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from irisbp.annotations import DataFrame
from irisbp.data.aside import aside, parts_of, path_of
from irisbp.data.frames import read_exactly
from irisbp.data.kinds import number_of, plain_numbers
from irisbp.data.memory import give_back_memory
from irisbp.data.options import Dialect, Wanted
from irisbp.data.sheet import Sheet, read_rows, separator_of
from irisbp.nn.types import Array

LARGE = 2**18  # bytes; a smaller file is read before pandas is imported
_MANY_COLUMNS = 2**7
_MANY_CELLS = 2**23  # in a table; the frames' memory is then given back before more is needed
_MINUS_ZERO = re.compile(rb"-0+[^0-9.eE]")  # as a whole number, which would lose its sign
# No number with fewer zeros in a row and an exponent of two digits is too small for float64.
_ZEROS, _EIGHT_ZEROS = b"0" * 200, int.from_bytes(b"0" * 8, "little")


Cells = list[list[str] | Array]  # of each column: texts, or numbers
_Dtype = type[float] | type[object] | None  # None: pandas finds it, which is quicker than asking for floats


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
    kinds: list[_Dtype] = [float if name in numbers else object for name in names]
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


def _columns(file: IO[bytes], above: int, kinds: list[_Dtype], wanted: Wanted) -> Cells | None:
    """The columns of a file below so many lines, None if there is a surprise."""
    frame = _frame(file, above, kinds, wanted)
    if frame is None:
        return None
    columns = [frame[k].tolist() if kind is object else frame[k].to_numpy() for k, kind in enumerate(kinds)]
    return columns if _is_sound(columns, file, has_found=None in kinds) else None


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


def _counted(file: IO[bytes], separator: str) -> "_Counts | None":
    """The counts of a file, None if it is odd."""
    counts = _Counts(separator)
    with suppress(_Odd):
        for part in parts_of(file):
            counts.take(part)
        return counts
    return None


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

    def fit(self, rows: int, width: int, above: int) -> bool:
        """Return whether each line has as many cells as there are columns, as one cut short would not."""
        lines = self._lines + (self._last != b"\n")
        return lines == rows + above and self._separators == lines * (width - 1)


def _kinds(names: list[str], sample: list[list[str]], wanted: Wanted) -> list[_Dtype]:
    """Object for the target and columns that do not begin with numbers only.

    Of numbers, pandas would take whole ones for integers, so only where one has a point it finds the kind.
    """
    texts = {wanted.target, *wanted.categorical}
    return [
        object if name in texts or not _has_numbers(column, wanted)
        else None if any("." in cell and number_of(cell, wanted.dialect) is not None for cell in column)
        else float
        for name, column in zip(names, zip(*sample, strict=True), strict=True)
    ]  # fmt: skip


def _has_numbers(cells: Sequence[str], wanted: Wanted) -> bool:
    plain = plain_numbers(cells, wanted.dialect)
    return plain is not None or all(_is_number(cell, wanted) for cell in cells)


def _is_number(cell: str, wanted: Wanted) -> bool:
    text = cell.strip()
    return text in wanted.missing_texts or number_of(text, wanted.dialect) is not None


def _frame(file: IO[bytes], above: int, kinds: list[_Dtype], wanted: Wanted) -> DataFrame | None:
    """Pandas' reading of the rows; None if it finds another kind of cell, or is lenient."""
    options: dict[str, Any] = {
        "sep": separator_of(wanted.dialect),
        "header": None,
        "names": range(len(kinds)),
        "index_col": False,
        "skiprows": above,
        "quoting": csv.QUOTE_NONE,
        "encoding": "utf-8",
        "compression": None,
    }
    with aside(partial(_counted, separator=options["sep"]), file) as counts:
        frame, found = _read(file, kinds, wanted, options), counts()
    fits = found is not None and frame is not None and found.fit(len(frame), len(kinds), above)
    return frame if fits else None


def _read(file: IO[bytes], kinds: list[_Dtype], wanted: Wanted, options: dict[str, Any]) -> DataFrame | None:
    """The first reading that succeeds; of a file on the disk, pandas reads parts side by side."""
    numbers, path = [k for k, kind in enumerate(kinds) if kind is not object], path_of(file)
    filtered = {"na_values": {k: list(wanted.missing_texts) for k in numbers}, "keep_default_na": False}
    # The texts of missing cells cost half a millisecond for each column, and a file of parts is read once
    # more if one fails; so it is tried without them only where there are many columns, or no parts.
    ways = (filtered,) if path and len(kinds) <= _MANY_COLUMNS else ({"na_filter": False}, filtered)
    given = {k: kind for k, kind in enumerate(kinds) if kind is not None}
    for way in ways:
        file.seek(0)
        with suppress(ValueError, OverflowError, Warning), warnings.catch_warnings():
            warnings.filterwarnings("error", message="Columns ")  # that have cells of several kinds
            frame = read_exactly(path or file, dtype=given, **options, **way)
            if all(frame[k].dtype == np.float64 for k in numbers):
                return frame
    return None


def _is_sound(columns: Cells, file: IO[bytes], has_found: bool) -> bool:
    """No short row, which pandas pads at its end, and no number that float64 has no room for.

    Nor -0 where pandas has found the kinds of columns: some of its parts might take it for an integer.
    """
    last, zeros = columns[-1], False
    if np.isnan(last).any() if isinstance(last, np.ndarray) else not all(map(str.strip, set(last))):
        return False
    for column in columns:
        if isinstance(column, np.ndarray):
            if np.isinf(column).any():
                return False
            zeros = zeros or not column.all()
    return not zeros or not any(
        _may_vanish(part) or (has_found and _MINUS_ZERO.search(part)) for part in _overlapping(parts_of(file))
    )


def _overlapping(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts, each with the end of the one before; the last one ends a line."""
    end = b""
    for part in parts:
        yield end + part
        end = part[-len(_ZEROS) :]
    yield end + b"\n"


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
