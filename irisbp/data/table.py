"""A table of samples as it was measured: numbers in named columns and a class for each row.

Nothing in a table is guessed at. A class is the text that stands there, `NA` and `01` too; a number is
written as numbers are, or it is an error with its row and column.
"""

import csv
import hashlib
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import IO

import numpy as np

from irisbp.data.cells import NUMBER
from irisbp.errors import DataError, StorageError
from irisbp.nn.types import Array, Indices

IRIS = "iris"  # the source of the table that comes with irisbp
_MOST_COLUMNS = 2**17  # some hundred bytes and microseconds each
_MOST_NAMED = 100  # columns in a message
_MISSING = {"", "na", "nan", "n/a", "null", "none", "?", "-"}


@dataclass(frozen=True)
class Table:
    """values is (rows, features); targets names each row's class; digest is the file's sha256."""

    source: str
    features: tuple[str, ...]
    values: Array
    target: str
    targets: tuple[str, ...]
    digest: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The classes, in the order in which the rows show them."""
        return tuple(dict.fromkeys(self.targets))

    @cached_property
    def codes(self) -> Indices:
        """Each row's class, an index into names: (rows,)."""
        index = {name: k for k, name in enumerate(self.names)}
        return np.array([index[name] for name in self.targets], dtype=np.int64)


def load_table(source: str | None, target: str | None, features: Sequence[str] | None) -> Table:
    """Iris, or the table in a CSV file; DataError or StorageError says what is wrong with it, and where.

    The file is UTF-8 with a header line, its cells separated by commas (by tabs if it is called .tsv).
    features defaults to all columns of numbers but the target.
    """
    with _open(source) as file:
        if source is None:
            return _parse_table(file, IRIS, ",", "species", None)
        assert target is not None
        return _parse_table(file, source, separator(Path(source)), target, features)


def parse_table(content: bytes, source: str, target: str, features: Sequence[str] | None) -> Table:
    """The table in the content of a CSV file; source is what to call it."""
    return _parse_table(io.BytesIO(content), source, ",", target, features)


def table_digest(source: str | None) -> str:
    """The digest that load_table would find, without reading what the file says."""
    with _open(source) as file:
        return _digest(file, source or IRIS)


def _open(source: str | None) -> IO[bytes]:
    if source is None:
        return io.BytesIO(files("irisbp.data").joinpath("iris.csv").read_bytes())
    return open_table(Path(source))


def open_table(path: Path) -> IO[bytes]:
    """The file, opened; DataError if it is not a regular one."""
    try:
        if path.exists() and not path.is_file():
            raise DataError(
                f"{path} is {'a directory' if path.is_dir() else 'not a regular file'}, not a table"
            )
        return open(path, "rb")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise StorageError("read", path, error) from None


def separator(path: Path) -> str:
    """The separator of cells in a file of this name."""
    return "\t" if path.suffix.lower() in (".tsv", ".tab") else ","


def _parse_table(
    file: IO[bytes], source: str, separated_by: str, target: str, features: Sequence[str] | None
) -> Table:
    digest = _digest(file, source)
    file.seek(0)
    header, rows = read_rows(file, source, separated_by)
    known = set(header)
    for name in (target, *(features or ())):
        if name not in known:
            raise DataError(f"{source}: no column {name}; there are {names_of(header)}")
    if features is not None and target in features:
        raise DataError(f"{source}: {target} cannot be both the target and a feature")
    wanted = [name for name in header if name != target] if features is None else list(features)
    columns = {name: _Column(name, source) for name in wanted}
    targets, at = [], {name: k for k, name in enumerate(header)}
    for line, cells in rows:
        if not cells[at[target]].strip():
            raise DataError(f"{source}: line {line}, column {target}: empty; a class is needed")
        targets.append(cells[at[target]])
        for name, column in columns.items():
            column.add(cells[at[name]], line)
    chosen = [name for name in wanted if features is not None or not columns[name].is_text]
    if not targets:
        raise DataError(f"{source}: no rows below the header")
    if not chosen:
        raise DataError(f"{source}: no column of numbers beside {target}")
    values = np.column_stack([columns[name].values() for name in chosen])
    return Table(source, tuple(chosen), values, target, tuple(targets), digest)


def _digest(file: IO[bytes], source: str) -> str:
    try:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except OSError as error:
        raise StorageError("read", source, error) from None


def names_of(header: Sequence[str]) -> str:
    """The columns' names for a message, or the first of very many."""
    more = f" and {len(header) - _MOST_NAMED} more" if len(header) > _MOST_NAMED else ""
    return ", ".join(header[:_MOST_NAMED]) + more


class _Column:
    """The numbers of a column, as long as it is one; else where it stops being one."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source
        self._numbers = array("d")
        self._bad: DataError | None = None  # at the first cell that is no number
        self._only_missing = True  # ... and whether all such cells are empty or the like

    def add(self, cell: str, line: int) -> None:
        try:
            self._numbers.append(number_in(cell, self._source, line, self._name))
        except DataError as error:
            self._bad = self._bad or error
            self._only_missing &= cell.strip().lower() in _MISSING

    @property
    def is_text(self) -> bool:
        """Return whether no cell is a number and at least one is a word."""
        return not self._numbers and not self._only_missing

    def values(self) -> Array:
        """All numbers; DataError if there is a cell that is none."""
        if self._bad is None:
            return np.frombuffer(self._numbers, dtype=np.float64)
        if not self._only_missing:
            self._bad.add("If the column is to be left out, name those to use in data.features.")
        raise self._bad


def number_in(cell: str, source: str, line: int | None = None, column: str | None = None) -> float:
    """The number in a cell; DataError names the place if there is none."""
    text = cell.strip()
    number = float(text) if NUMBER.fullmatch(text) else np.nan
    if not np.isfinite(number) or (number == 0 and re.search("[1-9]", re.split("[eE]", text)[0])):
        place = source if line is None else f"{source}: line {line}, column {column}"
        raise DataError(f"{place}: {'empty' if not text else f'{_shown(cell)} {_trouble(text)}'}")
    return float(number)


def _trouble(text: str) -> str:
    return "is beyond the range of float64" if NUMBER.fullmatch(text) else "is not a finite number"


def read_rows(
    file: IO[bytes], source: str, separated_by: str
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and an iterator of (line, cells) below it; blank lines are passed over."""
    rows = _lines(file, source, separated_by)
    _, header = next(rows, (0, []))
    if len(header) > _MOST_COLUMNS:
        raise DataError(f"{source}: line 1: {len(header)} columns; at most {_MOST_COLUMNS} can be read here")
    header = [name.strip() for name in header]
    if not header:
        raise DataError(f"{source}: empty; a table has a header and rows")
    if number := next(filter(NUMBER.fullmatch, header), None):
        raise DataError(f"{source}: line 1: {number} is no name; a header with the columns' names is needed")
    first = {name: k for k, name in reversed(list(enumerate(header)))}
    for k, name in enumerate(header):
        if not name:
            raise DataError(f"{source}: line 1: column {k + 1} has no name")
        if first[name] != k:
            raise DataError(f"{source}: line 1: two columns are called {name}")
    if len(header) == 1 and re.search(r"[;\t|]", header[0]):
        raise DataError(f"{source}: line 1: one column; are the cells separated by something but commas?")
    return header, _of_width(rows, len(header), source)


def _of_width(
    rows: Iterator[tuple[int, list[str]]], width: int, source: str
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(f"{source}: line {line}: {len(cells)} cells, where the header has {width}")
        yield line, cells


def _lines(file: IO[bytes], source: str, separated_by: str) -> Iterator[tuple[int, list[str]]]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=separated_by, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except UnicodeDecodeError:
            raise _not_utf8(file, source, separated_by) from None
        except csv.Error as error:
            raise DataError(f"{source}: line {reader.line_num}: {error}") from None
        except OSError as error:
            raise StorageError("read", source, error) from None
        if cells is None:
            text.detach()
            return
        if cells:
            yield reader.line_num, cells


def _not_utf8(file: IO[bytes], source: str, separated_by: str) -> DataError:
    """The place at which the bytes stop being UTF-8."""
    file.seek(0)
    for line, content in enumerate(file, 1):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            if line == 1 and content[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return DataError(f"{source}: UTF-16; save it as UTF-8")
            column = content.count(separated_by.encode(), 0, error.start) + 1
            byte = content[error.start]
            return DataError(f"{source}: line {line}, column {column}: byte {byte:#04x} is not UTF-8")
    return DataError(f"{source}: not UTF-8 text")


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else f"{cell[:37]}...")
