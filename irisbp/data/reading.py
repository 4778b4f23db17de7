"""From the cells of a table to its numbers and classes, with everything that was understood on the way.

All problems are found before one is raised, and nothing is left out without a note.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from irisbp.data.columns import Chosen, choose
from irisbp.data.labels import Labels, read_labels
from irisbp.data.options import Kind, Wanted, listed
from irisbp.data.problems import Fault, Misread, error_of, keeping_classes, names_of, short
from irisbp.data.sheet import Sheet
from irisbp.data.understood import Reading, Understood
from irisbp.errors import DataError, StorageError
from irisbp.nn.types import Array

Mask = npt.NDArray[np.bool_]

_ROWS_AT_ONCE = 2048
_MOST_TRIES = 6  # of dialects, each with a key of its own


@dataclass(frozen=True)
class TableNumbers:
    """A table in numbers: values (rows, columns), nan where a cell is missing, words as their codes."""

    features: tuple[str, ...]
    kinds: tuple[Kind, ...]
    categories: tuple[tuple[str, ...], ...]
    values: Array
    targets: tuple[str, ...]
    reading: Reading


@dataclass
class Attempt:
    """An attempt to read: the numbers, if nothing is wrong, and the problems, if anything is."""

    numbers: TableNumbers | None
    problems: list[Fault] = field(default_factory=list)
    reading: Reading | None = None


def read(read_sheet: Callable[[Wanted], Sheet], wanted: Wanted) -> TableNumbers:
    """The table's numbers, or all of its problems as one DataError."""
    attempt = attempt_to_read(read_sheet, wanted)
    if attempt.problems or attempt.numbers is None:
        raise error_of(wanted.source, attempt.problems)
    return attempt.numbers


def recognised_names(read_sheet: Callable[[Wanted], Sheet], wanted: Wanted) -> list[str]:
    """The names of the columns, empty where no dialect fits."""
    sheet, _, _ = _sheet(read_sheet, wanted)
    return sheet.names if sheet else []


def attempt_to_read(read_sheet: Callable[[Wanted], Sheet], wanted: Wanted) -> Attempt:
    """Read with the dialect that is wanted; where it does not fit, go on with one that does, to see more."""
    sheet, wanted, problems = _sheet(read_sheet, wanted)
    if sheet is None:
        return Attempt(None, problems)
    attempt = _understand(sheet, wanted)
    attempt.problems[:0] = problems
    return attempt


def _sheet(read_sheet: Callable[[Wanted], Sheet], wanted: Wanted) -> tuple[Sheet | None, Wanted, list[Fault]]:
    """The cells by the first dialect that fits, and the problems of those that do not."""
    problems = list[Fault]()
    for _ in range(_MOST_TRIES):
        try:
            return read_sheet(wanted), wanted, problems
        except Misread as fault:
            problems.append(fault.problem)
            better = fault.better(wanted.dialect)
            if better is None:
                break
            wanted = replace(wanted, dialect=better)
        except StorageError:
            raise
        except DataError as error:
            return None, wanted, problems or [Fault(str(error))]
    return None, wanted, problems


def _understand(sheet: Sheet, wanted: Wanted) -> Attempt:
    if problems := check_columns(sheet.names, wanted):
        return Attempt(None, problems)
    if not sheet.lines:
        return Attempt(None, [Fault("no rows below the header")])
    labels = read_labels(sheet.column(wanted.target), wanted, sheet.lines)
    chosen, problems = choose(sheet, wanted)
    problems = keeping_classes([*labels.problems, *problems], labels.names)
    notes = [*labels.notes]
    if sheet.blank:
        notes.append(f"rows without any cell are left out: {listed(sheet.blank)}")
    used = [column for column in chosen if column.left_out is None]
    if not used and not problems:
        problems.append(Fault(f"no column of numbers beside {wanted.target}"))
    keep = _rows_kept(used, labels.missing, len(sheet.lines), wanted)
    if keep is not None and not problems:
        notes.append(f"rows with missing cells are left out: {int((~keep).sum())} of {len(keep)}")
    reading = _reading(sheet, wanted, chosen, labels, keep, notes, problems)
    if problems:
        return Attempt(None, problems, reading)
    return Attempt(_numbers(used, labels.names, keep, reading), [], reading)


def check_columns(names: Sequence[str], wanted: Wanted) -> list[Fault]:
    """The columns that are named in the keys, but not in the table, or not as they should be."""
    known, problems = set(names), []
    asked = (*(wanted.features or ()), *wanted.exclude, *wanted.categorical)
    for name in dict.fromkeys((wanted.target, *asked)):
        if name not in known or not name:
            problems.append(Fault(f"no column {short(name)}; there are {names_of([*filter(None, names)])}"))
    features = wanted.features or ()
    if wanted.target in (*features, *wanted.categorical, *wanted.exclude):
        problems.append(Fault(f"{wanted.target} cannot be both the target and a feature"))
    twice = [name for name, count in Counter(features).items() if count > 1]
    if twice:
        problems.append(Fault(f"data.features names {', '.join(twice)} twice"))
    both = [name for name in wanted.exclude if name in features]
    if both:
        problems.append(Fault(f"data.features and data.exclude both name {', '.join(both)}"))
    return problems


def _rows_kept(used: list[Chosen], unlabelled: list[int], rows: int, wanted: Wanted) -> Mask | None:
    """The rows without a missing cell, if others are dropped and there are some."""
    if wanted.missing != "drop":
        return None
    keep = np.ones(rows, dtype=bool)
    keep[unlabelled] = False
    for column in used:
        keep &= np.asarray(~np.isnan(column.values))
    return None if keep.all() else keep


def _numbers(used: list[Chosen], targets: list[str], keep: Mask | None, reading: Reading) -> TableNumbers:
    values = _side_by_side([column.values for column in used])
    if keep is not None:
        values = values[keep]
        targets = [name for name, kept in zip(targets, keep.tolist(), strict=True) if kept]
    return TableNumbers(
        tuple(column.name for column in used),
        tuple(column.kind for column in used),
        tuple(column.categories for column in used),
        values,
        tuple(targets),
        reading,
    )


def _side_by_side(columns: list[Array]) -> Array:
    """The columns as (rows, columns), some rows at a time, which stay in the cache meanwhile."""
    values = np.empty((len(columns[0]), len(columns)))
    for start in range(0, len(values), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        for k, column in enumerate(columns):
            values[rows, k] = column[rows]
    return values


def _reading(
    sheet: Sheet,
    wanted: Wanted,
    chosen: list[Chosen],
    labels: Labels,
    keep: Mask | None,
    notes: list[str],
    problems: list[Fault],
) -> Reading:
    rows = len(labels.names) if keep is None else int(keep.sum())
    if not rows and not problems:
        problems.append(Fault("every row has a missing cell, so that data.missing=drop leaves none"))
    return Reading(
        wanted.source,
        rows,
        tuple(
            Understood(
                column.name or f"(column {column.position + 1})",
                column.told,
                column.missing,
                column.distinct,
                column.range,
                column.example,
                column.left_out,
                column.mean,
            )
            for column in chosen
        ),
        dict(sorted(_counts(labels, keep).items())),
        len(labels.names) - rows,
        tuple(notes),
        tuple(problem.text for problem in problems),
    )


def _counts(labels: Labels, keep: Mask | None) -> Counter[str]:
    if keep is None:
        return labels.counts
    return Counter(name for name, kept in zip(labels.names, keep.tolist(), strict=True) if kept and name)
