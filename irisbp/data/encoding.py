"""From a table's columns to the network's inputs: fitted on the training rows, kept in the run.

Numbers and booleans are inputs as they are; a column of words is one input for each of its categories, 1 in
the rows of that category and 0 elsewhere. A missing cell gets its column's fill value.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from irisbp.data.options import Kind, Missing, Unknown, rows_told
from irisbp.data.problems import short, shown
from irisbp.data.table import Table
from irisbp.errors import DataError
from irisbp.nn.types import Array, Indices


@dataclass(frozen=True)
class Column:
    """A column of a table: its kind, its categories in order, and what a missing cell is taken for.

    fill is a number, or for words a category; None where no missing cell is allowed.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[str, ...] = ()
    fill: float | str | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its inputs."""
        if self.kind != "words":
            return (self.name,)
        return tuple(f"{self.name}={category}" for category in self.categories)


@dataclass(frozen=True)
class Encoder:
    """The columns of a table in the inputs' order."""

    columns: tuple[Column, ...]

    @classmethod
    def fit(cls, table: Table, rows: Indices, missing: Missing) -> "Encoder":
        """Categories and fill values by the training rows of a table."""
        fitted = (
            _fit(Column(name, kind, names), table.values[:, k], rows, missing)
            for k, (name, kind, names) in enumerate(zip(*table.columns, strict=True))
        )
        return cls(tuple(fitted))

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def is_plain(self) -> bool:
        """Return true if all columns are inputs as they are."""
        return all(column.kind != "words" and column.fill is None for column in self.columns)

    def encode(self, table: Table, unknown: Unknown) -> Table:
        """The table with the inputs in place of its columns; DataError for a category never seen."""
        if self.is_plain and not np.isnan(table.values).any():
            return table
        blocks = []
        for k, (column, names) in enumerate(zip(self.columns, table.columns[2], strict=True)):
            values = _recoded(column, names, table.values[:, k], unknown, table)
            blocks.append(_inputs(column, _filled(column, values, table)))
        return replace(table, features=self.features, kinds=(), categories=(), values=np.hstack(blocks))


def _fit(column: Column, values: Array, rows: Indices, missing: Missing) -> Column:
    if column.kind != "words" and missing in ("error", "drop"):
        return column
    present = values[rows]
    present = present[~np.isnan(present)]
    if column.kind != "words":
        return replace(column, fill=_fill(present, missing))
    codes = np.unique(present).astype(np.int64).tolist()
    names = tuple(column.categories[code] for code in codes)
    fill = None
    if missing in ("mean", "median", "most_frequent") and codes:
        fill = column.categories[int(_most_frequent(present))]
    return replace(column, categories=names, fill=fill)


def _fill(present: Array, missing: Missing) -> float:
    if not len(present):
        return 0.0
    if missing == "mean":
        return fsum(present.tolist()) / len(present)
    return float(np.median(present)) if missing == "median" else _most_frequent(present)


def _most_frequent(values: Array) -> float:
    """The value with the most rows, the smallest of several."""
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def _recoded(column: Column, names: tuple[str, ...], values: Array, unknown: Unknown, table: Table) -> Array:
    """Codes by the fitted categories, -1 for one never seen."""
    if column.kind != "words":
        return values
    known = {name: float(k) for k, name in enumerate(column.categories)}
    codes = np.array([known.get(name, -1.0) for name in names] or [np.nan])
    recoded = np.where(np.isnan(values), np.nan, codes[np.nan_to_num(values).astype(np.int64)])
    if unknown == "error" and (recoded == -1.0).any():
        rows = np.flatnonzero(recoded == -1.0)
        counts = Counter(names[code] for code in values[rows].astype(np.int64).tolist())
        raise DataError(f"{table.source}: {never_seen(column.name, counts)}")
    return recoded


def never_seen(name: str, counts: "Counter[str]") -> str:
    """A sentence about categories that no training row has."""
    told = ", ".join(f"{shown(category)} ({rows_told(count)})" for category, count in counts.most_common(5))
    return f"column {short(name)}: no training row has {told}: data.unknown=zeros goes on without it"


def _filled(column: Column, values: Array, table: Table) -> Array:
    missing = np.isnan(values)
    if not missing.any():
        return values
    if column.fill is None:
        count = int(missing.sum())
        raise DataError(f"{table.source}: {short(column.name)}: {count} of {len(values)} cells are missing")
    fill = column.fill if column.kind != "words" else float(column.categories.index(str(column.fill)))
    return np.where(missing, float(fill), values)


def _inputs(column: Column, values: Array) -> Array:
    """The inputs of a column, (rows, inputs)."""
    if column.kind != "words":
        return values[:, np.newaxis]
    return np.asarray(values[:, np.newaxis] == np.arange(len(column.categories)), dtype=np.float64)


def inputs_of(encoder: Encoder, columns: Sequence[Array]) -> Array:
    """The inputs (rows, features) of columns of numbers and codes, nan in a row with a missing cell."""
    blocks = []
    for column, values in zip(encoder.columns, columns, strict=True):
        if column.fill is not None:
            fill = column.categories.index(str(column.fill)) if column.kind == "words" else column.fill
            values = np.where(np.isnan(values), float(fill), values)
        blocks.append(np.where(np.isnan(values)[:, np.newaxis], np.nan, _inputs(column, values)))
    return np.hstack(blocks)
