"""Numbers that are written otherwise: the keys that read them, which are tried before they are told.

A dialect is that of the whole file. So a key that reads one column may spoil another one; what cannot be read
together has to be left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from irisbp.data.kinds import Judged, Odd, judge
from irisbp.data.options import Wanted
from irisbp.data.problems import DROP, Fault, dialect_key, exclude_key, names_in_yaml, short, shown
from irisbp.nn.types import Array

_MARKS = ("decimal", "thousands")


@dataclass(frozen=True)
class Measured:
    """A column of numbers, some of which may be written otherwise."""

    name: str
    cells: "Sequence[str] | Array"
    judged: Judged


def odd_faults(columns: Sequence[Measured], lines: Sequence[int], wanted: Wanted) -> dict[str, Fault]:
    """The decision that each column with numbers that are written otherwise needs, by the column's name."""
    if not any(column.judged.odd for column in columns):
        return {}
    changes = _changes(columns)
    # On a tie, what is written as it should be stays so.
    plain = {key: value for key, value in changes.items() if key not in _MARKS}
    left = [(some, _judged(columns, some, wanted)) for some in (plain, changes)]
    changes, judged = min(left, key=lambda tried: sum(bool(found.odd) for found in tried[1].values()))
    faults = {}
    for column in columns:
        still = judged[column.name]
        if column.judged.odd or still.odd:
            faults[column.name] = _fault(column.name, column.judged, still, changes, lines)
    return faults


def _judged(columns: Sequence[Measured], changes: dict[str, Any], wanted: Wanted) -> dict[str, Judged]:
    """The verdicts on the columns in another dialect; one of several units stays odd."""
    units = (*wanted.dialect.units, *changes.get("units", ()))
    asked = replace(wanted, dialect=replace(wanted.dialect, **changes | {"units": units}))
    return {
        column.name: judge(column.cells, asked) if len(_units(column)) < 2 else column.judged
        for column in columns
    }


def _units(column: Measured) -> set[str]:
    return {odd.keys["units"] for odd in column.judged.odd if "units" in odd.keys}


def _changes(columns: Sequence[Measured]) -> dict[str, Any]:
    """The dialect that all odd numbers ask for together; a decimal comma is no thousands mark elsewhere."""
    asked = [odd.keys for column in columns for odd in column.judged.odd]
    found = dict[str, Any]()
    for keys in sorted(asked, key=lambda keys: "decimal" not in keys):
        for key, value in keys.items():
            if key == "units":
                found[key] = tuple(dict.fromkeys((*found.get(key, ()), value)))
            elif value != found.get("decimal"):
                found.setdefault(key, value)
    return found


def _fault(name: str, judged: Judged, still: Judged, changes: dict[str, Any], lines: Sequence[int]) -> Fault:
    """The first odd number, how many there are, and what settles them."""
    odd, exclude, rows = judged.odd or still.odd, exclude_key(name), tuple[int, ...]()
    settled = () if still.odd else _own_keys(judged.odd, changes)
    if still.odd and all(some.reason.endswith("finite number") for some in still.odd):
        settled = (f"data.missing_values={names_in_yaml(_texts(still.odd))}", DROP)
        settled += _own_keys(judged.odd, changes)
        if len(still.odd) + len(still.missing) < len(lines):  # else the column is empty, and costs no row
            rows = (*still.missing, *(some.row for some in still.odd))
    counted = f"; {len(odd)} of {len(lines)} cells are such" if len(odd) > 1 else ""
    text = f"line {lines[odd[0].row]}, column {short(name)}: {shown(odd[0].cell)} {odd[0].reason}{counted}"
    how = f"{' '.join(settled)}, or {exclude}" if settled else exclude
    return Fault(f"{text}: {how}", settled or (exclude,), rows)


def _own_keys(odd: Sequence[Odd], changes: dict[str, Any]) -> tuple[str, ...]:
    """The keys of the dialect that these cells need."""
    asked = {key for some in odd for key in some.keys}
    units = {some.keys["units"] for some in odd if "units" in some.keys}
    if "thousands" in asked and "thousands" not in changes:
        asked.add("decimal")
    return tuple(
        dialect_key(key, tuple(unit for unit in value if unit in units) if key == "units" else value)
        for key, value in changes.items()
        if key in asked
    )


def _texts(odd: Sequence[Odd]) -> list[str]:
    return list(dict.fromkeys(some.cell.strip() for some in odd))
