"""The quick way to read a large file that has no surprises: pandas' C parser, whose leniency is checked.

Where anything is unusual (a quote, a short row, a word among numbers), the answer is None, and the strict
reader finds out what it is.
"""

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

import numpy as np

from irisbp.data.frames import exact_floats
from irisbp.data.kinds import number_of
from irisbp.data.options import Dialect, Wanted
from irisbp.data.sheet import Sheet, read_rows, separator_of
from irisbp.nn.types import Array

LARGE = 2**18  # bytes; a smaller file is read before pandas is imported
_AT_ONCE = 2**22
# As only numbers below float64's range are written.
_TINY, _ZEROS = re.compile(rb"[eE]-0*\d{3}"), b"0" * 300


def quick_sheet(file: IO[bytes], wanted: Wanted) -> Sheet | None:
    """The sheet of a large file without surprises, None of any other."""
    if not _is_plain(wanted.dialect) or not _is_large(file):
        return None
    names, rows = read_rows(file, wanted.dialect)
    sample = list(islice(rows, 50))
    scan = _Scan.of(file, separator_of(wanted.dialect))
    if not sample or scan.odd or len(names) < 2:
        return None
    kinds = _kinds(names, [cells for _, cells in sample], wanted)
    frame = _frame(file, sample[0][0] - 1, kinds, wanted)
    if frame is None or not scan.fits(len(frame), len(names), sample[0][0] - 1):
        return None
    columns = [frame[k].to_numpy() if kind is float else frame[k].tolist() for k, kind in enumerate(kinds)]
    if not _is_sound(columns, file):
        return None
    first = sample[0][0]
    return Sheet(names, columns, range(first, first + len(frame)), [])


def _is_plain(dialect: Dialect) -> bool:
    encoding = (dialect.encoding or "utf-8").lower()
    usual = dialect.has_plain_numbers and dialect.comment is None
    return usual and not dialect.skip_rows and dialect.separator != " " and encoding in ("utf-8", "utf8")


def _is_large(file: IO[bytes]) -> bool:
    return file.seek(0, 2) >= LARGE


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_AT_ONCE):
        yield chunk


@dataclass
class _Scan:
    """Counts over a file's bytes; odd is true if there is a quote or a NUL."""

    separators: int = 0
    lines: int = 0
    odd: bool = False

    @classmethod
    def of(cls, file: IO[bytes], separator: str) -> "_Scan":
        scan, last = cls(), b"\n"
        for chunk in _chunks(file):
            if b'"' in chunk or b"\0" in chunk:
                return cls(odd=True)
            data = np.frombuffer(chunk, dtype=np.uint8)
            scan.separators += int(np.count_nonzero(data == ord(separator)))
            scan.lines += int(np.count_nonzero(data == ord("\n")))
            last = chunk[-1:]
        scan.lines += last != b"\n"
        return scan

    def fits(self, rows: int, width: int, above: int) -> bool:
        """Return true if each line has as many cells as there are columns, none of them being cut short."""
        return self.lines == rows + above and self.separators == self.lines * (width - 1)


def _kinds(names: list[str], sample: list[list[str]], wanted: Wanted) -> list[type]:
    """Float for columns that begin with numbers only, object for others and the target."""
    texts = {wanted.target, *wanted.categorical}
    return [
        object if name in texts or not all(_is_number(cell, wanted) for cell in column) else float
        for name, column in zip(names, zip(*sample, strict=True), strict=True)
    ]


def _is_number(cell: str, wanted: Wanted) -> bool:
    text = cell.strip()
    return text in wanted.missing_texts or number_of(text, wanted.dialect) is not None


def _frame(file: IO[bytes], above: int, kinds: list[type], wanted: Wanted) -> Any:
    """Pandas' reading of the rows, None if it finds another kind of cell."""
    import pandas as pd

    missing = {k: list(wanted.missing_texts) for k, kind in enumerate(kinds) if kind is float}
    options: dict[str, Any] = {
        "sep": separator_of(wanted.dialect),
        "header": None,
        "names": range(len(kinds)),
        "index_col": False,
        "skiprows": above,
        "dtype": dict(enumerate(kinds)),
        "quoting": csv.QUOTE_NONE,
        "encoding": "utf-8",
    }
    # First as if no cell were missing, which takes half the time.
    for missing_cells in ({"na_filter": False}, {"na_values": missing, "keep_default_na": False}):
        file.seek(0)
        with suppress(ValueError, OverflowError, pd.errors.ParserError, pd.errors.ParserWarning):
            return pd.read_csv(file, **options, **missing_cells, **exact_floats())
    return None


def _is_sound(columns: "list[list[str] | Array]", file: IO[bytes]) -> bool:
    """No short row, which pandas pads at its end, and no number that float64 has no room for."""
    last, zeros = columns[-1], False
    if np.isnan(last).any() if isinstance(last, np.ndarray) else not all(last):
        return False
    for column in columns:
        if isinstance(column, np.ndarray):
            if np.isinf(column).any():
                return False
            zeros = zeros or not column.all()
    return not zeros or not any(map(_may_vanish, _chunks(file)))


def _may_vanish(chunk: bytes) -> bool:
    has_exponents = b"e-" in chunk or b"E-" in chunk
    return _ZEROS in chunk or (has_exponents and _TINY.search(chunk) is not None)
