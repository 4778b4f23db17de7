"""The classes of a table: the text of each row's cell, without the blanks around it.

Nothing else is changed: NA and 01 are names as any. Classes that may not be meant to be different are told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from irisbp.data.cells import NUMBER
from irisbp.data.kinds import BOOLEANS
from irisbp.data.options import Wanted, listed
from irisbp.data.problems import Fault, in_yaml, short
from irisbp.nn.types import Array

_FEWEST_ROWS = 10  # for a table to have too many classes
_MOST_PAIRS = 5
_SIGNS = {"-", "."}  # classes as any, though they mean a missing number


@dataclass(frozen=True)
class Labels:
    """Each row's class, "" where it is missing; each class's rows; notes, and what is wrong."""

    names: list[str]
    counts: Counter[str]
    missing: list[int]
    notes: list[str]
    problems: list[Fault]


def read_labels(cells: "Sequence[str] | Array", wanted: Wanted, lines: Sequence[int]) -> Labels:
    """The classes of a column's cells; a missing one is a problem unless such rows are dropped."""
    texts = [repr(x) for x in cells.tolist()] if isinstance(cells, np.ndarray) else list(cells)
    counted = Counter(texts)
    forms = {text: text.strip() for text in counted}
    names = texts if all(map(str.__eq__, forms, forms.values())) else [forms[text] for text in texts]
    blanks = sum(map(str.__ne__, names, texts)) if names is not texts else 0
    notes = [f"blanks around {blanks} classes of {wanted.target} are ignored"] if blanks else []
    missing = list[int]()
    if not wanted.missing_labels.isdisjoint(forms.values()):
        missing = [row for row, name in enumerate(names) if name in wanted.missing_labels]
    names, more = _one_form_of_booleans(names, forms.values())
    problems = _missing(missing, wanted, lines) if missing and wanted.missing != "drop" else []
    for row in missing:
        names[row] = ""
    counts = Counter(names) if missing or names is not texts else counted
    counts.pop("", None)
    problems += _classifies(counts, wanted.target)
    return Labels(names, counts, missing, [*notes, *more, *_alike(counts), *_odd(counts, wanted)], problems)


def _missing(rows: list[int], wanted: Wanted, lines: Sequence[int]) -> list[Fault]:
    place, count = listed(lines[row] for row in rows), len(lines)
    where = f"{place}, column {wanted.target}: empty; a class is needed"
    return [Fault(f"{where} ({len(rows)} of {count} are missing: data.missing=drop)", ("data.missing=drop",))]


def _one_form_of_booleans(names: list[str], distinct: Iterable[str]) -> tuple[list[str], list[str]]:
    """True and TRUE as one class, by the form that comes first."""
    forms = [name for name in dict.fromkeys(distinct) if name in BOOLEANS]
    first = dict[float, str]()
    for form in forms:
        first.setdefault(BOOLEANS[form], form)
    if len(first) == len(forms):
        return names, []
    same = {form: first[BOOLEANS[form]] for form in forms}
    return [same.get(name, name) for name in names], [
        f"{', '.join(forms)} are {' and '.join(first.values())}"
    ]


def _classifies(counts: Counter[str], target: str) -> list[Fault]:
    """Too many values, or numbers with fractions, are no classes."""
    rows = counts.total()
    numbers = [float(name) for name in counts if NUMBER.fullmatch(name)]
    fractions = len(numbers) == len(counts) > 0 and any(x % 1 for x in numbers if np.isfinite(x))
    many = rows >= _FEWEST_ROWS and len(counts) > rows / 2
    if not (fractions or many):
        return []
    kind = "numbers with fractions" if fractions else f"{len(counts)} different values in {rows} rows"
    return [Fault(f"column {target}: {kind}; irisbp classifies, and data.target is the column of classes")]


def _alike(counts: Counter[str]) -> list[str]:
    """Notes on classes that differ in case only, or as 1, 1.0 and 01 do."""
    groups = defaultdict[object, list[str]](list)
    for name in counts:
        groups[float(name) if NUMBER.fullmatch(name) else name.casefold()].append(name)
    pairs = [" and ".join(map(short, sorted(group))) for group in groups.values() if len(group) > 1]
    more = f" and {len(pairs) - _MOST_PAIRS} more" if len(pairs) > _MOST_PAIRS else ""
    return [f"different classes, though alike: {'; '.join(pairs[:_MOST_PAIRS])}{more}"] if pairs else []


def _odd(counts: Counter[str], wanted: Wanted) -> list[str]:
    """Notes on classes that may mean a missing one."""
    notes = []
    texts = Wanted("", "").missing_texts
    for name in counts:
        if wanted.missing_values is None and name in texts - _SIGNS:
            keys = f"data.missing_values=[{in_yaml(name)}] data.missing=drop"
            notes.append(f"{short(name)} is a class of {counts[name]} rows; {keys} leaves them out")
    return notes
