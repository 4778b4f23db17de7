"""A text file as rows of cells, strictly: what the csv module reads, with the line of every row.

A row of another width, a stray quote or a byte of another encoding is an error with its place. Lines are
counted from 1, as an editor shows them.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO

from irisbp.data.dialect import check_head, check_names, check_width
from irisbp.data.options import Dialect
from irisbp.data.problems import Misread
from irisbp.errors import DataError, StorageError
from irisbp.nn.types import Array

Row = tuple[int, list[str]]  # its line, and its cells
_MOST_COLUMNS = 2**17  # some hundred bytes and microseconds each
_HEAD = 20  # rows to recognise a dialect by
_BINARY = {
    b"\x1f\x8b": "a file packed by gzip (which a name in .gz says)",
    b"\xfd7zXZ": "a file packed by xz (which a name in .xz says)",
    b"BZh91AY&SY": "a file packed by bzip2 (which a name in .bz2 says)",
    b"PK\x03\x04": "a zip file, or an Excel file (which a name in .zip or .xlsx says)",
    b"\xd0\xcf\x11\xe0": "an Excel file (which a name in .xls says)",
    b"PAR1": "a Parquet file (which a name in .parquet says)",
    b"ARROW1": "a Feather file (which a name in .feather says)",
    b"\x80\x02": "a pickle", b"\x80\x03": "a pickle", b"\x80\x04": "a pickle", b"\x80\x05": "a pickle",
    b"\x93NUMPY": "a NumPy file",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "a database",
}  # fmt: skip
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Sheet:
    """Named columns of cells, or of numbers where all of a column's cells are; lines is each row's.

    blank has the lines of rows without anything in them, which are left out.
    """

    names: list[str]
    columns: list[list[str] | Array]
    lines: Sequence[int]
    blank: list[int]

    def column(self, name: str) -> list[str] | Array:
        """The cells of a column."""
        return self.columns[self.names.index(name)]


def read_sheet(file: IO[bytes], dialect: Dialect) -> Sheet:
    """All of a text file; Misread where another dialect is needed, DataError where nothing helps."""
    names, rows = read_rows(file, dialect)
    lines, cells, blank = list[int](), list[list[str]](), list[int]()
    for line, row in rows:
        if any(map(str.strip, row)):
            lines.append(line)
            cells.append(row)
        else:
            blank.append(line)
    columns: list[list[str] | Array] = [list(column) for column in zip(*cells, strict=True)]
    return Sheet(names, columns or [[] for _ in names], lines, blank)


def read_rows(file: IO[bytes], dialect: Dialect) -> tuple[list[str], Iterator[Row]]:
    """The names of the columns, and the rows below them; blank lines are passed over."""
    check_head(_head(file, dialect), dialect)
    rows = _cells(file, dialect)
    names, first = _header(rows, dialect)
    if len(names) > _MOST_COLUMNS:
        raise DataError(f"line 1: {len(names)} columns; at most {_MOST_COLUMNS} can be read here")
    return names, _of_width(first, rows, names)


def _header(rows: Iterator[Row], dialect: Dialect) -> tuple[list[str], list[Row]]:
    """The names, and the rows that were read to find them."""
    line, cells = next(rows, (0, []))
    if not cells:
        raise DataError("empty; a table has a header and rows")
    if dialect.header is not None:
        names = list(map(str, range(len(cells)))) if dialect.header == "none" else list(dialect.header)
        check_width(names, [cells], line)
        return names, [(line, cells)]
    names = [name.strip() for name in cells]
    sample = list(islice(rows, _HEAD))
    check_names(names, [row for _, row in sample if any(map(str.strip, row))], line)
    return names, sample


def _of_width(first: list[Row], rows: Iterator[Row], names: list[str]) -> Iterator[Row]:
    width = len(names)
    for source in (first, rows):
        for line, cells in source:
            if len(cells) != width:
                if not any(map(str.strip, cells)):
                    cells = [""] * width
                else:
                    raise DataError(f"line {line}: {len(cells)} cells, where the header has {width}")
            yield line, cells


def separator_of(dialect: Dialect) -> str:
    """The separator of the cells, a comma unless another character is given."""
    return dialect.separator or ","


class _Lines:
    """The lines of a text that belong to the table; number is that of the last one.

    first is that of the first line of a row, 0 between two rows: a quoted cell goes on over the ends of
    lines, and a line within one is no comment, whatever it begins with.
    """

    def __init__(self, text: io.TextIOWrapper, dialect: Dialect) -> None:
        self.number = self.first = 0
        self._text, self._dialect = text, dialect
        self._by_blanks = dialect.separator == " "

    def __iter__(self) -> Iterator[str]:
        comment = self._dialect.comment
        for line in self._text:
            self.number += 1
            if self.number == 1:
                line = line.removeprefix("\ufeff")  # the mark of the byte order, which an encoding may leave
            is_comment = comment and not self.first and line.startswith(comment)
            if self.number <= self._dialect.skip_rows or is_comment:
                continue
            if self._by_blanks and not self.first:
                line = line.strip(" \r\n") + "\n"
            self.first = self.first or self.number
            yield line


def _cells(file: IO[bytes], dialect: Dialect) -> Iterator[Row]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=dialect.encoding or "utf-8-sig", newline="")
    lines = _Lines(text, dialect)
    delimiter, blanks = separator_of(dialect), dialect.separator == " "
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=blanks)
    try:
        for cells in reader:
            first, lines.first = lines.first, 0
            if cells:
                yield first, cells
    except UnicodeError:
        raise _undecodable(file, dialect) from None
    except csv.Error as error:
        raise DataError(f"line {lines.number}: {error}") from None
    except OSError as error:
        raise StorageError("read", getattr(file, "name", "the table"), error) from None
    finally:
        if not file.closed:
            text.detach()


def _head(file: IO[bytes], dialect: Dialect) -> list[str]:
    """The first lines of the table as text."""
    file.seek(0)
    start = file.read(2**16)
    for magic, kind in _BINARY.items():
        if start.startswith(magic):
            raise DataError(f"this is {kind}, not a table of cells")
    if start[:2] in _UTF16 and dialect.encoding is None:
        raise Misread("UTF-16; data.encoding=utf-16 reads it", encoding="utf-16")
    decoder = codecs.getincrementaldecoder(dialect.encoding or "utf-8-sig")("replace")
    try:
        text = decoder.decode(start)
    except UnicodeError:  # of a file without a mark of its byte order
        raise _undecodable(file, dialect) from None
    lines = io.StringIO(text, newline="").readlines()[dialect.skip_rows :][:_HEAD]
    return [line.rstrip("\r\n") for line in lines]


def _undecodable(file: IO[bytes], dialect: Dialect) -> Exception:
    """The place at which the bytes stop being text."""
    if dialect.encoding is not None:
        return DataError(f"not {dialect.encoding} text")
    file.seek(0)
    for line, content in enumerate(file, 1):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            column = content.count(separator_of(dialect).encode(), 0, error.start) + 1
            byte = content[error.start]
            return Misread(
                f"line {line}, column {column}: byte {byte:#04x} is not UTF-8;"
                " files from a western Windows are mostly cp1252: data.encoding=cp1252",
                encoding="cp1252",
            )
    return DataError("not UTF-8 text")
