"""Tables whose columns are known: those that a trained network classifies, and those that are held out.

Nothing is decided here. The columns, their kinds and categories are those of the table that is trained on; a
cell that does not fit is an error with its line.
"""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from irisbp.data.aside import aside
from irisbp.data.columns import INDEX_NAMES
from irisbp.data.dataset import rows_of
from irisbp.data.encoding import Column, Encoder, inputs_of, never_seen
from irisbp.data.files import digest_of
from irisbp.data.formats import open_table, sheet_of, text_of, with_dialect
from irisbp.data.kinds import BOOLEANS, number_of, numbers_of, trouble_of
from irisbp.data.labels import Labels, read_labels
from irisbp.data.memory import naming_the_table
from irisbp.data.options import Unknown, Wanted, listed, rows_told
from irisbp.data.problems import (
    Fault,
    Misread,
    error_of,
    in_yaml,
    names_in_yaml,
    names_of,
    shown,
    source_name,
)
from irisbp.data.quick import QuickLines, quick_blocks
from irisbp.data.reading import Mask
from irisbp.data.rows import Columns, Lines
from irisbp.data.sheet import Sheet, read_rows
from irisbp.data.table import HeldOut, Table
from irisbp.data.understood import Reading
from irisbp.errors import DataError, StorageError
from irisbp.nn.types import Array


class Samples(NamedTuple):
    """Rows of a file: their lines, their cells as they are, and their inputs, nan where one is missing."""

    lines: Sequence[int]
    rows: Columns | Lines
    inputs: Array


@contextmanager
def _named(source: str) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    with naming_the_table(source):
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
    return DataError(f"{source_name(source)}: {first}", *others)


def read_known(wanted: Wanted, encoder: Encoder, classes: Sequence[str], unknown: Unknown) -> Table:
    """The inputs and classes of a file with the columns of an encoder; its rows have their classes."""
    hashed = partial(digest_of, source=wanted.source)
    with open_table(Path(wanted.source)) as file, _named(wanted.source), aside(hashed, file) as digest:
        sheet = sheet_of(file, wanted)
        _check_columns(sheet.names, (wanted.target, *encoder.names))
        rows = _Rows.read(sheet, encoder, wanted, classes, unknown)
        targets, reading = rows.kept(wanted)
    inputs = rows_of(inputs_of(encoder, rows.columns), np.flatnonzero(rows.keep))
    return Table(wanted.source, encoder.features, inputs, wanted.target, targets, digest(), reading=reading)


def with_held_out(table: Table, wanted: Wanted, unknown: Unknown, content: bytes | None = None) -> Table:
    """The table with the rows of another file behind its own, whose columns and classes are the table's.

    Missing cells stay missing if they are to be filled in: that is up to the rows that are trained on.
    """
    encoder = Encoder.fit(table, np.arange(len(table.targets)), "error")
    is_filled = wanted.missing not in ("error", "drop")
    with open_table(Path(wanted.source)) if content is None else io.BytesIO(content) as file:
        digest = digest_of(file, wanted.source)
        with _named(wanted.source):
            sheet = sheet_of(file, wanted)
            _check_same_columns(sheet.names, table, wanted)
            rows = _Rows.read(sheet, encoder, wanted, table.names, unknown, is_filled=is_filled)
            targets, reading = rows.kept(wanted)
    values = np.column_stack(rows.columns)[rows.keep]
    return _joined(table, encoder, values, targets, HeldOut(wanted.source, digest, len(targets), reading))


@dataclass(frozen=True)
class _Rows:
    """The rows of a sheet: classes, values by column, and which of them to keep."""

    labels: Labels
    columns: list[Array]
    keep: Mask

    @classmethod
    def read(
        cls,
        sheet: Sheet,
        encoder: Encoder,
        wanted: Wanted,
        classes: Sequence[str],
        unknown: Unknown,
        *,
        is_filled: bool = False,
    ) -> "_Rows":
        """All problems of a sheet as one DataError; is_filled allows cells to be missing."""
        if not sheet.lines:
            raise DataError("no rows below the header")
        labels, problems = _known_labels(sheet, wanted, classes)
        columns, keep = list[Array](), np.ones(len(sheet.lines), dtype=bool)
        for column in encoder.columns:
            try:
                cells = sheet.column(column.name)
                columns.append(cells_as_values(column, cells, sheet.lines, wanted, unknown))
            except DataError as error:
                problems.append(Fault(str(error)))
                continue
            if column.fill is None and not is_filled:
                keep &= np.asarray(~np.isnan(columns[-1]))
        if wanted.missing != "drop" and not keep.all():
            problems.append(
                _missing(
                    [line for line, whole in zip(sheet.lines, keep, strict=True) if not whole], len(keep)
                )
            )
        if problems:
            told = str(error_of("", problems)).removeprefix(": ")
            raise DataError(*told.split("\n"))
        keep[labels.missing] = False
        return cls(labels, columns, keep)

    def kept(self, wanted: Wanted) -> tuple[tuple[str, ...], Reading]:
        """The classes of the rows to keep, and what was understood."""
        keep, notes = self.keep, self.labels.notes
        targets = tuple(name for name, kept in zip(self.labels.names, keep.tolist(), strict=True) if kept)
        if not targets:
            raise DataError("every row has a missing cell")
        if dropped := len(keep) - len(targets):
            notes = [*notes, f"rows with missing cells are left out: {dropped} of {len(keep)}"]
        counts = dict(sorted(Counter(targets).items()))
        return targets, Reading(wanted.source, len(targets), (), counts, dropped, tuple(notes))


def _missing(lines: Sequence[int], count: int) -> Fault:
    have = "has" if len(lines) == 1 else "have"
    text = f"{len(lines)} of {count} rows {have} a missing cell ({listed(lines)}): data.missing=drop"
    return Fault(text, ("data.missing=drop",))


def _check_same_columns(names: Sequence[str], table: Table, wanted: Wanted) -> None:
    """DataError if a column that is used is missing, or if the table has no such column."""
    missing = [name for name in (wanted.target, *table.features) if name not in names]
    known = {table.target, *table.features}
    known.update(column.name for column in (table.reading.columns if table.reading else ()))
    surplus = [name for name in names if name not in {*known, *INDEX_NAMES}] if not wanted.features else []
    problems = []
    if missing:
        there = names_of([*filter(None, names)])
        problems.append(f"no column {', '.join(missing)}, as {table.source} has it; there are {there}")
    if surplus:
        features = names_in_yaml(table.features)
        problems.append(
            f"column {', '.join(surplus)} is not in {table.source};"
            f" data.features={features} names those to use"
        )
    if problems:
        raise DataError(*problems)


def _joined(
    table: Table, encoder: Encoder, values: Array, targets: tuple[str, ...], held_out: HeldOut
) -> Table:
    """The rows of both; a category that the table's rows do not have is "", behind its categories."""
    _, kinds, categories = table.columns
    for k, column in enumerate(encoder.columns):
        if column.kind == "words":
            codes = [float(categories[k].index(name)) for name in column.categories]
            values[:, k] = _recoded(values[:, k], [*codes, float(len(categories[k]))])
    return replace(
        table,
        kinds=kinds,
        categories=tuple((*names, "") if names else names for names in categories),
        values=np.vstack([table.values, values]),
        targets=(*table.targets, *targets),
        held_out=held_out,
    )


def _recoded(values: Array, codes: Sequence[float]) -> Array:
    """Places in the list of codes as what is there; -1 is the last one, and nan stays."""
    places = np.where(np.isnan(values), 0.0, values).astype(np.int64)
    return np.where(np.isnan(values), np.nan, np.array(codes)[places])


def _known_labels(sheet: Sheet, wanted: Wanted, classes: Sequence[str]) -> tuple[Labels, list[Fault]]:
    """The classes of a sheet, and what is wrong with them."""
    labels = read_labels(sheet.column(wanted.target), wanted, sheet.lines)
    forms = {BOOLEANS[name]: name for name in classes if name in BOOLEANS}
    names = [forms.get(BOOLEANS[n], n) if n in BOOLEANS and n not in classes else n for n in labels.names]
    known = {*classes, ""}
    problems = [problem for problem in labels.problems if problem.keys]
    if unknown := Counter(name for name in names if name not in known):
        rows = [row for row, name in enumerate(names) if name not in known]
        told = ", ".join(f"{name} ({rows_told(count)})" for name, count in unknown.most_common(5))
        keys = f"data.missing_values=[{', '.join(map(in_yaml, unknown))}]", "data.missing=drop"
        place = listed(sheet.lines[row] for row in rows)
        text = f"{place}: class {told}, not one of {', '.join(classes)}: {' '.join(keys)} leaves them out"
        problems.append(Fault(text, keys))
    return Labels(names, Counter(filter(None, names)), labels.missing, labels.notes, []), problems


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
    blocks = quick_blocks(text, names, _numbers(encoder), asked, at_once)
    return names, _samples(names, blocks, rows, asked, encoder, unknown, at_once)


def _numbers(encoder: Encoder) -> set[str]:
    return {column.name for column in encoder.columns if column.kind == "number"}


def _samples(
    names: list[str],
    blocks: Iterator[QuickLines],
    rows: Iterator[tuple[int, list[str]]],
    wanted: Wanted,
    encoder: Encoder,
    unknown: Unknown,
    at_once: int,
) -> Iterator[Samples]:
    """First the blocks without surprises, then the rows below them."""
    at, line = [names.index(name) for name in encoder.names], 2

    def inputs(columns: Sequence[Sequence[str] | Array], lines: Sequence[int]) -> Array:
        with _named(wanted.source):
            values = [
                cells_as_values(column, columns[k], lines, wanted, unknown)
                for k, column in zip(at, encoder.columns, strict=True)
            ]
            return inputs_of(encoder, values)

    for block in blocks:
        lines = range(line, line + len(block.lines))
        line = lines.stop
        words = [column for column in block.columns if isinstance(column, list)]
        yield Samples(lines, Lines(block.lines, words), inputs(block.columns, lines))
        if block.is_last:
            return
    rest = ((number, cells) for number, cells in rows if number >= line and any(map(str.strip, cells)))
    while some := _next_rows(rest, wanted, at_once):
        numbers, cells = zip(*some, strict=True)
        by_column = [*zip(*cells, strict=True)]
        yield Samples(numbers, Columns(by_column), inputs(by_column, numbers))


def _next_rows(
    rows: Iterator[tuple[int, list[str]]], wanted: Wanted, at_once: int
) -> list[tuple[int, list[str]]]:
    with _named(wanted.source):
        return list(islice(rows, at_once))


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
