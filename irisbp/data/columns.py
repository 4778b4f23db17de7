"""The columns that become features, those that are left out, and those that need a decision.

Left out with a note is only what loses nothing: columns that are empty, constant, or count the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irisbp.data.kinds import Judged, counts_rows, judge
from irisbp.data.odd import Measured, odd_faults
from irisbp.data.options import Kind, Wanted, listed
from irisbp.data.problems import DROP, Fault, exclude_key, in_yaml, names_in_yaml, short, shown
from irisbp.data.sheet import Sheet
from irisbp.nn.types import Array

_MOST_CATEGORIES = 50  # that are suggested; a column of more is rather a name
INDEX_NAMES = ("", "Unnamed: 0")


@dataclass(frozen=True)
class Chosen:
    """A column in numbers, (rows,): nan where a cell is missing, a word as its place in categories.

    left_out says why it is no feature; told is its kind for people.
    """

    name: str
    position: int
    kind: Kind
    values: Array
    told: str
    missing: int
    distinct: int | None
    range: str
    example: str
    categories: tuple[str, ...] = ()
    mean: float | None = None
    left_out: str | None = None


def choose(sheet: Sheet, wanted: Wanted) -> tuple[list[Chosen], list[Fault]]:
    """The columns but the target, in the order of data.features or of the table, and all problems."""
    order = range(len(sheet.names)) if wanted.features is None else map(sheet.names.index, wanted.features)
    found = [_column(sheet, k, wanted) for k in order if sheet.names[k] != wanted.target]
    chosen, problems, undecided = [column for column, _ in found], list[Fault](), list[Fault]()
    odd = odd_faults(
        [Measured(c.name, sheet.columns[c.position], j) for c, j in found if _is_of_numbers(c, j)],
        sheet.lines,
        wanted,
    )
    for column, judged in found:
        faults = _faults(column, judged, odd.get(column.name), sheet, wanted)
        (undecided if column.told.startswith("words") else problems).extend(faults)
    if wanted.features is not None:
        rest = [k for k, name in enumerate(sheet.names) if name not in {*wanted.features, wanted.target}]
        chosen += [_unused(sheet, k, wanted, "not named in data.features") for k in rest]
    return chosen, [*problems, *undecided]


def _unused(sheet: Sheet, position: int, wanted: Wanted, why: str) -> Chosen:
    judged = judge(sheet.columns[position], wanted)
    return _told(sheet.names[position], position, judged, sheet.columns[position], wanted, left_out=why)


def _column(sheet: Sheet, position: int, wanted: Wanted) -> tuple[Chosen, Judged]:
    name, cells = sheet.names[position], sheet.columns[position]
    judged = judge(cells, wanted)
    if name and name in wanted.categorical:
        return _categories(name, position, judged, cells, wanted), judged
    why = _why_left_out(name, judged, wanted)
    return _told(name, position, judged, cells, wanted, left_out=why), judged


def _is_of_numbers(column: Chosen, judged: Judged) -> bool:
    """Return true of a column that is used as numbers, or would be if they were not written otherwise."""
    return column.left_out is None and column.kind != "words" and judged.verdict in ("number", "odd")


def _faults(column: Chosen, judged: Judged, odd: Fault | None, sheet: Sheet, wanted: Wanted) -> list[Fault]:
    """Everything that has to be decided about a column; odd is what its numbers need."""
    name, lines = column.name, sheet.lines
    if column.left_out is not None:
        return []
    if odd is not None:
        is_left_out = odd.keys == (exclude_key(name),)
        return [odd, *([] if is_left_out else _missing(name, judged.missing, lines, wanted))]
    if column.kind == "words" or judged.verdict in ("number", "boolean"):
        return _missing(name, judged.missing, lines, wanted)
    return _words(name, judged, sheet.columns[column.position], lines, wanted)


def _why_left_out(name: str, judged: Judged, wanted: Wanted) -> str | None:
    """The reason to leave a column out, or None if it is used or needs a decision."""
    if name in wanted.exclude:
        return "data.exclude"
    if judged.verdict == "empty":
        return "empty"
    if wanted.features is not None:
        return None
    if name in INDEX_NAMES:
        return "an index: it has no name" if not name else "an index, as pandas writes it"
    if judged.verdict == "number" and not judged.missing and counts_rows(judged.values):
        return "an index: it counts the rows"
    if judged.verdict in ("number", "boolean") and len(judged.values) > 1 and not judged.missing:
        return f"constant: {judged.least:g} in every row" if judged.least == judged.most else None
    same = judged.verdict == "words" and len(judged.words) == len(judged.values) > 1
    if same and len({text.strip() for _, text in judged.words}) == 1:
        return f"constant: {judged.words[0][1].strip()} in every row"
    return None


def _missing(name: str, rows: list[int], lines: Sequence[int], wanted: Wanted) -> list[Fault]:
    if not rows or wanted.missing != "error":
        return []
    is_are = "is" if len(rows) == 1 else "are"
    place = listed(lines[row] for row in rows)
    how = "data.missing=most_frequent" if name in wanted.categorical else "=median"
    return [
        Fault(
            f"{short(name)}: {len(rows)} of {len(lines)} cells {is_are} missing ({place}): {DROP} or {how}",
            (DROP,),
            tuple(rows),
        )
    ]


def _words(
    name: str, judged: Judged, cells: "Sequence[str] | Array", lines: Sequence[int], wanted: Wanted
) -> list[Fault]:
    count, rows = len(judged.words), len(lines)
    row, text = judged.words[0]
    place = f"{short(name)}: {shown(text.strip())} (line {lines[row]})"
    exclude, categorical = exclude_key(name), f"data.categorical=[{in_yaml(name)}]"
    texts = {cell.strip() for cell in cells} if not isinstance(cells, np.ndarray) else set[str]()
    distinct = len(texts - wanted.missing_texts)
    if judged.verdict == "mixed" and count <= rows / 2:
        marker = _marker(judged, wanted)
        what = f"{place} is not a number; {count} of {rows} cells are words, the others numbers"
        return [Fault(f"{what}: {exclude}, or {marker} if it means a missing cell", (exclude,))]
    what = f"{short(name)}: words, such as {shown(text.strip())} (line {lines[row]}); {distinct} different"
    few = distinct <= min(_MOST_CATEGORIES, max(2, rows / 2))
    keys, others = (categorical, exclude) if few else (exclude, categorical)
    found = [Fault(f"{what}: {keys} or {others}", (keys,))]
    return [*found, *(_missing(name, judged.missing, lines, wanted) if few else [])]


def _marker(judged: Judged, wanted: Wanted) -> str:
    texts = list(dict.fromkeys(text.strip() for _, text in judged.words))[:5]
    return f"data.missing_values={names_in_yaml(texts)} {DROP}"


def _categories(
    name: str, position: int, judged: Judged, cells: "Sequence[str] | Array", wanted: Wanted
) -> Chosen:
    texts = list(map(repr, cells.tolist())) if isinstance(cells, np.ndarray) else [c.strip() for c in cells]
    missing = wanted.missing_texts
    names = tuple(sorted({text for text in texts if text not in missing}))
    code = {text: float(k) for k, text in enumerate(names)}
    values = np.array([code.get(text, np.nan) for text in texts])
    rows = np.flatnonzero(np.isnan(values)).tolist()
    judged.missing[:] = rows
    example = next((text for text in texts if text not in missing), "")
    told = f"words: {len(names)} categories"
    return Chosen(name, position, "words", values, told, len(rows), len(names), "", example, names)


def _told(
    name: str,
    position: int,
    judged: Judged,
    cells: "Sequence[str] | Array",
    wanted: Wanted,
    *,
    left_out: str | None = None,
) -> Chosen:
    numbers = judged.numbers
    is_number = judged.verdict in ("number", "boolean") and len(numbers)
    text = f"{judged.least:g} to {judged.most:g}" if is_number else ""
    if isinstance(cells, np.ndarray):
        example = f"{numbers[0]:g}" if len(numbers) else ""
    else:
        example = next((cell.strip() for cell in cells if cell.strip()), "")
    distinct = _distinct(cells, numbers) if wanted.thorough else None
    kind: Kind = "boolean" if judged.verdict == "boolean" else "number"
    told = {"odd": "numbers written otherwise", "mixed": "words and numbers"}.get(
        judged.verdict, judged.verdict
    )
    mean = float(numbers.mean()) if wanted.thorough and is_number else None
    missing = len(judged.missing)
    return Chosen(
        name, position, kind, judged.values, told, missing, distinct, text, example, (), mean, left_out
    )


def _distinct(cells: "Sequence[str] | Array", numbers: Array) -> int:
    """The number of different values in a column, missing ones apart."""
    if isinstance(cells, np.ndarray):
        return len(np.unique(numbers))
    return len({cell.strip() for cell in cells} - {""})
