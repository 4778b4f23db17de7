"""A table made ready for training: standardized features, classes as indices in a fixed order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irisbp.data.table import Table
from irisbp.errors import DataError
from irisbp.nn.types import Array, Indices


@dataclass(frozen=True)
class Standardizer:
    """Per feature (x - mean) / sd, where mean and sd are (features,) and sd has ddof 1."""

    mean: Array
    sd: Array

    @classmethod
    def fit(cls, values: Array, features: Sequence[str]) -> "Standardizer":
        """From values (rows, features); a feature that never varies, or varies too widely, is a DataError."""
        with np.errstate(all="ignore"):
            mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
        for k, name in enumerate(features):
            if values[:, k].min() == values[:, k].max():
                value = values[0, k]
                raise DataError(f"feature {name} is {value} in every training row: it cannot be standardized")
            if not (np.isfinite(mean[k]) and np.isfinite(sd[k]) and sd[k] > 0.0):
                ends = f"from {values[:, k].min()} to {values[:, k].max()}"
                raise DataError(f"feature {name} goes {ends}: its standard deviation is beyond float64")
        return cls(mean, sd)

    def apply(self, values: Array) -> Array:
        """Standardized values, in the shape of values (rows, features)."""
        with np.errstate(all="ignore"):  # a sample may lie as far out as it likes
            return (values - self.mean) / self.sd


@dataclass(frozen=True)
class Dataset:
    """Inputs (rows, features), standardized, and labels (rows,), both in the table's order.

    A label is an index into classes: output node k stands for classes[k]. training and validation are
    the rows that are trained on and those held out, ascending; validation may be empty.
    """

    table: Table
    classes: tuple[str, ...]
    standardizer: Standardizer
    inputs: Array
    labels: Indices
    training: Indices
    validation: Indices


def classes_by_appearance(table: Table, order: Indices) -> tuple[str, ...]:
    """The classes in the order in which the rows, taken in this order, first show them."""
    return tuple(dict.fromkeys(table.targets[row] for row in order.tolist()))


def make_dataset(
    table: Table, classes: tuple[str, ...], standardizer: Standardizer, validation: Indices | None = None
) -> Dataset:
    """The table through a standardizer; a class that classes does not hold is a DataError."""
    index = {name: k for k, name in enumerate(classes)}
    for row, name in enumerate(table.targets):
        if name not in index:
            raise DataError(f"{table.source}: row {row} is of class {name}, not one of {', '.join(classes)}")
    held = np.empty(0, dtype=np.int64) if validation is None else validation
    return Dataset(
        table=table,
        classes=classes,
        standardizer=standardizer,
        inputs=standardizer.apply(table.values),
        labels=np.array([index[name] for name in table.targets], dtype=np.int64),
        training=np.setdiff1d(np.arange(len(table.targets)), held),
        validation=held,
    )


def one_hot(labels: Indices, classes: int) -> Array:
    """Rows (rows, classes) of zeros with a 1 at each label."""
    return np.eye(classes)[labels]
