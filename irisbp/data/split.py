"""Which samples are held out: a part of every class, or one fold of several.

The draws come from a stream of their own, so that nothing else of a run moves with them.
"""

from collections.abc import Sequence

import numpy as np

from irisbp.data.problems import short
from irisbp.errors import DataError
from irisbp.nn.types import Indices


def hold_out(targets: Sequence[str], part: float, draws: "np.random.Generator") -> Indices:
    """Rows for validation, ascending: this part of every class, at least one row and not all of it."""
    held = []
    for rows in _rows_by_class(targets):
        count = min(len(rows) - 1, max(1, round(part * len(rows))))
        held.append(draws.permutation(rows)[:count])
    return np.sort(np.concatenate(held))


def one_fold(targets: Sequence[str], folds: int, fold: int, draws: "np.random.Generator") -> Indices:
    """The rows of one of several folds, ascending; each has its share of every class.

    The folds of one seed have no row in common and hold every row.
    """
    if folds > len(targets):
        raise DataError(f"{folds} folds of {len(targets)} rows: some would be empty")
    # Dealt out like cards, one class after the other, so that the folds' sizes differ by one at most.
    dealt = np.concatenate([draws.permutation(rows) for rows in _rows_by_class(targets)])
    return np.sort(dealt[fold::folds])


def _rows_by_class(targets: Sequence[str]) -> list[Indices]:
    names, of_row = np.unique(np.array(targets, dtype=object), return_inverse=True)
    by_class = []
    for k, name in enumerate(names):
        rows = np.flatnonzero(of_row == k)
        if len(rows) < 2:
            raise DataError(
                f"class {short(name)} has one row (row {rows[0]}, counted from 0): it cannot be split in two"
            )
        by_class.append(rows)
    return by_class
