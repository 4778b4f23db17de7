"""Tables whose columns are known: those that a trained network classifies.

Nothing is decided here. A run knows its columns, their kinds and categories; a cell that does not fit is an
error with its line.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from irisbp.data.encoding import Column, Encoder, inputs_of, never_seen
from irisbp.data.files import digest_of
from irisbp.data.formats import open_table, sheet_of, text_of, with_dialect
from irisbp.data.kinds import BOOLEANS, number_of, numbers_of, trouble_of
from irisbp.data.labels import Labels, read_labels
from irisbp.data.options import Unknown, Wanted, listed
from irisbp.data.problems import Fault, Misread, error_of, in_yaml, names_of, shown
from irisbp.data.sheet import Sheet, read_rows
from irisbp.data.table import Table
from irisbp.data.understood import Reading
from irisbp.errors import DataError, StorageError
from irisbp.nn.types import Array


class Samples(NamedTuple):
    """Rows of a file: their lines, their cells as they are, and their inputs, nan where one is missing."""

    lines: list[int]
    cells: list[list[str]]
    inputs: Array


@contextmanager
def _named(source: str) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    try:
        yield
    except Misread as fault:
        raise error_of(source, [fault.problem]) from None
    except StorageError:
        raise
    except DataError as error:
        raise _named_error(source, error) from None


def _named_error(source: str, error: DataError) -> DataError:
    first, *others = str(error).split("\n")
    return DataError(f"{source}: {first}", *others)


def read_known(wanted: Wanted, encoder: Encoder, classes: Sequence[str], unknown: Unknown) -> Table:
    """The inputs and classes of a file with the columns of an encoder; its rows have their classes."""
    with open_table(Path(wanted.source)) as file:
        digest = digest_of(file, wanted.source)
        with _named(wanted.source):
            sheet = sheet_of(file, wanted)
            _check_columns(sheet.names, (wanted.target, *encoder.names))
            labels = _known_labels(sheet, wanted, classes)
            inputs = _inputs(sheet, encoder, wanted, unknown)
    return _table(wanted, encoder, sheet, labels, inputs, digest)


def _inputs(sheet: Sheet, encoder: Encoder, wanted: Wanted, unknown: Unknown) -> Array:
    if not sheet.lines:
        raise DataError("no rows below the header")
    columns = [
        cells_as_values(column, sheet.column(column.name), sheet.lines, wanted, unknown)
        for column in encoder.columns
    ]
    inputs = inputs_of(encoder, columns)
    rows = np.flatnonzero(np.isnan(inputs).any(axis=1)).tolist()
    if rows and wanted.missing != "drop":
        place = listed(sheet.lines[row] for row in rows)
        raise DataError(f"{len(rows)} of {len(inputs)} rows have a missing cell ({place}): data.missing=drop")
    return inputs


def _table(
    wanted: Wanted, encoder: Encoder, sheet: Sheet, labels: Labels, inputs: Array, digest: str
) -> Table:
    keep = np.asarray(~np.isnan(inputs).any(axis=1))
    keep[labels.missing] = False
    targets = tuple(name for name, kept in zip(labels.names, keep.tolist(), strict=True) if kept)
    if not targets:
        raise DataError(f"{wanted.source}: every row has a missing cell")
    dropped = len(keep) - len(targets)
    notes = labels.notes if not dropped else [*labels.notes, _dropped(dropped, len(keep))]
    counts = dict(sorted(Counter(targets).items()))
    reading = Reading(wanted.source, len(targets), (), counts, dropped, tuple(notes))
    values = inputs if not dropped else inputs[keep]
    return Table(wanted.source, encoder.features, values, wanted.target, targets, digest, reading=reading)


def _dropped(count: int, rows: int) -> str:
    return f"rows with missing cells are left out: {count} of {rows}"


def _known_labels(sheet: Sheet, wanted: Wanted, classes: Sequence[str]) -> Labels:
    labels = read_labels(sheet.column(wanted.target), wanted, sheet.lines)
    forms = {BOOLEANS[name]: name for name in classes if name in BOOLEANS}
    names = [forms.get(BOOLEANS[n], n) if n in BOOLEANS and n not in classes else n for n in labels.names]
    known = {*classes, ""}
    problems = [problem for problem in labels.problems if problem.keys]
    if unknown := Counter(name for name in names if name not in known):
        rows = [row for row, name in enumerate(names) if name not in known]
        told = ", ".join(f"{name} ({count} rows)" for name, count in unknown.most_common(5))
        keys = f"data.missing_values=[{', '.join(map(in_yaml, unknown))}]", "data.missing=drop"
        place = listed(sheet.lines[row] for row in rows)
        text = f"{place}: class {told}, not one of {', '.join(classes)}: {' '.join(keys)} leaves them out"
        problems.append(Fault(text, keys))
    if problems:
        raise _without_source(problems)
    return Labels(names, labels.missing, labels.notes, [])


def _without_source(problems: list[Fault]) -> DataError:
    error = error_of("", problems)
    return DataError(*str(error).removeprefix(": ").split("\n"))


def _check_columns(names: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(f"no column {', '.join(missing)}; there are {names_of([*filter(None, names)])}")


def read_samples(
    file: IO[bytes], wanted: Wanted, encoder: Encoder, unknown: Unknown, at_once: int
) -> tuple[list[str], Iterator[Samples]]:
    """The columns of a file, and its rows, so many at a time; their classes need not be known."""
    with _named(wanted.source):
        text, inner = text_of(file, wanted.source)
        asked = with_dialect(wanted, inner)
        names, rows = read_rows(text, asked.dialect)
        _check_columns(names, encoder.names)
    return names, _samples(names, rows, asked, encoder, unknown, at_once)


def _samples(
    names: list[str],
    rows: Iterator[tuple[int, list[str]]],
    wanted: Wanted,
    encoder: Encoder,
    unknown: Unknown,
    at_once: int,
) -> Iterator[Samples]:
    at = [names.index(name) for name in encoder.names]
    while True:
        with _named(wanted.source):
            some = [(line, cells) for line, cells in islice(rows, at_once) if any(map(str.strip, cells))]
            if not some:
                return
            lines, cells = [line for line, _ in some], [cells for _, cells in some]
            columns = [
                cells_as_values(column, [row[k] for row in cells], lines, wanted, unknown)
                for k, column in zip(at, encoder.columns, strict=True)
            ]
            inputs = inputs_of(encoder, columns)
        yield Samples(lines, cells, inputs)


def cells_as_values(
    column: Column, cells: "Sequence[str] | Array", lines: Sequence[int], wanted: Wanted, unknown: Unknown
) -> Array:
    """The cells of a known column as numbers or codes, nan where one is missing; DataError with line."""
    if isinstance(cells, np.ndarray) and column.kind != "words":
        return cells
    texts = list(map(repr, cells.tolist())) if isinstance(cells, np.ndarray) else cells
    if column.kind == "words":
        return _codes(column, texts, wanted, unknown, lines)
    if column.kind == "number" and (values := numbers_of(texts, wanted)) is not None:
        return values
    return np.array([_value(column, cell, line, wanted) for cell, line in zip(texts, lines, strict=True)])


def _codes(
    column: Column, texts: Sequence[str], wanted: Wanted, unknown: Unknown, lines: Sequence[int]
) -> Array:
    known = dict.fromkeys(wanted.missing_texts, np.nan)
    known |= {name: float(k) for k, name in enumerate(column.categories)}
    codes = np.array([known.get(text.strip(), -1.0) for text in texts])
    rows = np.flatnonzero(codes == -1.0).tolist()
    if rows and unknown == "error":
        counts = Counter(texts[row].strip() for row in rows)
        raise DataError(f"{listed([lines[row] for row in rows])}, {never_seen(column.name, counts)}")
    return codes


def _value(column: Column, cell: str, line: int, wanted: Wanted) -> float:
    text = cell.strip()
    if text in wanted.missing_texts:
        return np.nan
    if column.kind == "boolean" and text in BOOLEANS:
        return BOOLEANS[text]
    number = number_of(text, wanted.dialect)
    if number is None:
        trouble, _ = trouble_of(text, wanted.dialect) or ("is not a finite number", {})
        raise DataError(f"line {line}, column {column.name}: {shown(cell)} {trouble}")
    return number
