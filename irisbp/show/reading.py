"""The understanding of a table: a line for people who train on it, and a table for those who ask."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from irisbp.data.reading import Attempt
from irisbp.data.understood import Reading, Understood
from irisbp.show.console import print_lines
from irisbp.show.tables import print_table

_MOST = 12  # names in a line
_ASKED_FOR = ("data.exclude", "not named in data.features")
_COLUMNS = ("column", "kind", "range", "missing", "different", "example", "use")


def reading_lines(reading: Reading, constant: Sequence[str] = (), *, notes_only: bool = False) -> list[str]:
    """The lines for stderr: what is used, then what a user may not expect."""
    lines = [] if notes_only else [_summary(reading)]
    left_out = [f"{column.name} ({column.left_out})" for column in reading.columns if _is_note(column)]
    if left_out:
        lines.append(f"note: left out: {_some(left_out)}")
    lines += [f"note: {note}" for note in reading.notes]
    if constant:
        lines.append(f"note: the same in every training row, and scaled by 1: {_some(constant)}")
    return lines


def _is_note(column: Understood) -> bool:
    """Return true of a column that is left out though nobody asked for it."""
    return column.left_out is not None and column.left_out not in _ASKED_FOR


def _summary(reading: Reading) -> str:
    columns = [
        column.name if column.kind == "number" else f"{column.name} ({column.kind})"
        for column in reading.features
    ]
    classes = [f"{name} {count}" for name, count in reading.classes.items()]
    used = f"; {len(columns)} columns: {_some(columns)}" if columns else ""
    return f"table     {reading.rows} rows{used}; classes: {_some(classes)}"


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return f"{', '.join(texts[:_MOST])}{more}"


def print_reading(console: Console, reading: Reading) -> None:
    """A row for each column of the table, then its classes and what else is to be said."""
    print_table(console, list(_COLUMNS), [_row(column) for column in reading.columns], left={0, 1, 2, 5, 6})
    console.print()
    print_lines(console, *reading_lines(reading))


def _row(column: Understood) -> list[str]:
    distinct = "" if column.distinct is None else str(column.distinct)
    use = "used" if column.left_out is None else f"left out: {column.left_out}"
    return [column.name, column.kind, column.range, str(column.missing), distinct, column.example, use]


def attempt_data(attempt: Attempt, keys: Sequence[str]) -> dict[str, Any]:
    """Plain data: what `irisbp table --json` prints."""
    found = attempt.reading.as_json() if attempt.reading else {}
    problems = [{"text": problem.text, "keys": list(problem.keys)} for problem in attempt.problems]
    return found | {"problems": problems, "keys": list(keys)}
