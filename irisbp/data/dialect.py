"""Recognises what a text file needs to be read: it suggests a key, and never switches anything.

Each check raises Misread with a sentence and the dialect that would fit.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence

from irisbp.characters import word_for
from irisbp.data.cells import NUMBER
from irisbp.data.options import Dialect
from irisbp.data.problems import Misread, short
from irisbp.errors import DataError

_SEPARATORS = (";", "\t", "|", ",", " ")
_OTHERS = {
    "@relation": "an ARFF file", "%": "an ARFF file", "{": "JSON", "[": "JSON", "PK\x03\x04": "a zip file",
    "\x1f": "a packed file", "\ufffd7zXZ": "a packed file", "PAR1\x15": "a Parquet file",
    "ARROW1\0": "a Feather file", "\x80": "a pickle", "\x93NUMPY": "a NumPy file", "<": "XML or HTML",
    "SQLite format": "a database",
}  # fmt: skip
_LIBSVM = re.compile(r"\S+(\s+\d+:\S+)+\s*")


def check_head(lines: Sequence[str], dialect: Dialect) -> None:
    """DataError for another format, Misread for another dialect, by the first lines."""
    whole = [line for line in lines if line.strip()]
    if not whole or dialect.header is not None:
        return
    first = whole[0]
    for start, kind in _OTHERS.items():
        if first.lstrip("\ufeff").lower().startswith(start.lower()) and not first.startswith("[,"):
            raise DataError(f"this is {kind}, not a table of cells; save it as CSV")
    if _LIBSVM.fullmatch(first):
        raise DataError("this is a libsvm file, not a table of cells; save it as CSV with a header")
    if match := re.fullmatch(r"sep=(.)", first.strip('\ufeff"')):
        raise _excel_line(match[1], dialect)
    _check_comments(whole, dialect)
    _check_separator(whole, dialect)


def _excel_line(separator: str, dialect: Dialect) -> Misread:
    more = {} if separator == (dialect.separator or ",") else {"separator": separator}
    return Misread(
        f"line 1: Excel's sep={separator} line, not a header: data.skip_rows={dialect.skip_rows + 1}",
        skip_rows=dialect.skip_rows + 1,
        **more,
    )


def _check_comments(lines: Sequence[str], dialect: Dialect) -> None:
    """Lines before the header that begin with # and have fewer cells than the others."""
    separator = dialect.separator or ","
    if dialect.comment is not None or not lines[0].startswith("#") or len(lines) < 2:
        return
    if lines[0].count(separator) < max(line.count(separator) for line in lines):
        raise Misread("line 1: a comment, not a header: data.comment=hash", comment="#")


def _check_separator(lines: Sequence[str], dialect: Dialect) -> None:
    """Rows of one cell, or of different widths, where another separator gives rows like the header.

    Unless a separator is given, one that gives more cells is better, too: a comma may be in each row by
    chance.
    """
    separator = dialect.separator or ","
    if dialect.comment:
        lines = [line for line in lines if not line.startswith(dialect.comment)]
    own = _widths(lines, separator)
    fits = own[0] > 1 and _agree(own, separator)
    if fits and dialect.separator is not None:
        return
    # A line above the table has fewer words than its rows have cells, by chance one less.
    is_title = own[0] == 1 and len(own) > 2 and own[1] > 2 and len(set(own[1:])) == 1
    what = "the" if own[0] > 1 else "one column; its"
    for other in _SEPARATORS if own[0] < 2 else _SEPARATORS[:3]:
        widths = _widths(lines, other)
        if other == separator or (is_title and len(set(widths)) > 1):
            continue
        if widths[0] > (own[0] if fits else 1) and _agree(widths, other):
            raise Misread(
                f"line 1: {what} cells seem to be separated by a {word_for(other)}:"
                f" data.separator={word_for(other)}",
                separator=other,
            )


def _agree(widths: list[int], separator: str) -> bool:
    """Rows as wide as the header, or, with R's row names, one cell wider."""
    if separator == " " and len(widths) < 2:
        return False
    return set(widths[1:]) <= {widths[0]} or set(widths[1:]) == {widths[0] + 1}


def _widths(lines: Sequence[str], separator: str) -> list[int]:
    """The number of cells in each row, [0] if these are no rows of this separator."""
    blanks = separator == " "
    texts = [f"{line.strip(' ') if blanks else line}\n" for line in lines]
    rows = csv.reader(texts, delimiter=separator, strict=True, skipinitialspace=blanks)
    found = list[int]()
    try:
        found.extend(len(row) for row in rows)
    except csv.Error:  # the last row may go on below these lines
        return found if found and rows.line_num == len(texts) else [0]
    return found or [0]


def check_names(names: list[str], rows: list[list[str]], line: int) -> None:
    """Misread or DataError if the first line is no header for these rows."""
    _check_title(names, rows, line)
    _check_header(names, rows, line)
    first = {name: k for k, name in reversed(list(enumerate(names)))}
    for k, name in enumerate(names):
        if name and first[name] != k:
            raise Misread(
                f"line {line}: two columns are called {short(name)}",
                **_named(_distinct(names), line),
            )
    _check_row_names(names, rows, line)
    empty = [k for k, name in enumerate(names) if not name]
    if len(empty) == len(names):
        raise DataError(f"line {line}: no column has a name")


def _check_header(names: list[str], rows: list[list[str]], line: int) -> None:
    """A first line of numbers, or of words that are cells of their columns, too, is no header."""
    numbers = [name for name in names if NUMBER.fullmatch(name)]
    stripped = [[cell.strip() for cell in row] for row in rows]
    cells = [set(column) for column in zip(*(row for row in stripped if row != names), strict=False)]
    repeated = [name for name, column in zip(names, cells, strict=False) if name and name in column]
    if (numbers and not _counting(names)) or len(repeated) > len(names) / 2:
        why = f"{numbers[0]} is no name" if numbers else f"{repeated[0]} is a cell of its column, too"
        raise Misread(
            f"line {line}: {why}; a header with the columns' names is needed:"
            " data.header=none calls them 0, 1, 2, ..., and data.header=[...] names them",
            header="none",
        )


def _counting(names: list[str]) -> bool:
    """Names that pandas or R made of the columns' numbers: 0, 1, 2, ... or 1, 2, 3, ..."""
    found = [name for name in names if name]
    return len(found) > 2 and found in ([str(k + start) for k in range(len(found))] for start in (0, 1))


def _check_title(names: list[str], rows: list[list[str]], line: int) -> None:
    """A line above the table: most of its cells are empty above a header, or it is one cell above many."""
    below = [cell.strip() for cell in rows[0]] if rows else []
    is_header = len(below) > 1 and all(below) and not any(map(NUMBER.fullmatch, below))
    is_above = sum(map(bool, names)) < len(below) / 2 and (len(rows) == 1 or len(rows[1]) == len(below))
    is_alone = len(names) == 1 and len(below) > 2 and {len(row) for row in rows} == {len(below)}
    if (is_header and is_above) or is_alone:
        raise Misread(f"line {line}: a title, not a header: data.skip_rows={line}", skip_rows=line)


def _check_row_names(names: list[str], rows: list[list[str]], line: int) -> None:
    """Rows that are all one cell wider than the header: R's row names, or a separator at each end."""
    if not rows or any(len(row) != len(names) + 1 for row in rows):
        return
    at_end = all(not row[-1].strip() for row in rows)
    better = (*names, "") if at_end else ("", *names)
    what = "a separator at its end" if at_end else "a row name at its start, as R writes it"
    raise Misread(
        f"line {line + 1}: {len(names) + 1} cells, where the header has {len(names)}; each row has {what}",
        **_named(better, line),
    )


def _distinct(names: list[str]) -> tuple[str, ...]:
    seen, found = dict[str, int](), list[str]()
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 or not name else f"{name}_{seen[name]}")
    return tuple(found)


def _named(names: tuple[str, ...], line: int) -> dict[str, object]:
    return {"header": names, "skip_rows": line}


def check_width(names: list[str], rows: list[list[str]], line: int) -> None:
    """DataError if data.header does not name each cell of a row, or two columns alike."""
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise DataError(f"data.header has two columns called {twice[0]}")
    if len(rows[0]) != len(names):
        raise DataError(f"line {line}: {len(rows[0])} cells, where data.header has {len(names)} names")
