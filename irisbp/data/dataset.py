"""A table made ready for training: standardized features, classes as indices in a fixed order."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from irisbp.data.encoding import Encoder
from irisbp.data.table import Table
from irisbp.errors import DataError
from irisbp.nn.numerics.choice import NATIVE
from irisbp.nn.types import Array, Indices, Mask

_SMALLEST_NORMAL = 2.0**-1022


@dataclass(frozen=True)
class Standardizer:
    """Per feature (x - mean) / sd, where mean and sd are (features,) and sd has ddof 1."""

    mean: Array
    sd: Array

    @classmethod
    def fit(
        cls,
        values: Array,
        features: Sequence[str],
        mean_and_sd: Callable[[Array], tuple[Array, Array]] = NATIVE.mean_and_sd,
        *,
        constant_sd: float | None = None,
    ) -> "Standardizer":
        """From values (rows, features).

        DataError for a feature whose sd is no normal number (2^-1022 to 1.8e308), and for one that never
        varies, unless constant_sd is given: it is then that feature's sd, and its value is the mean.
        """
        # Scaled by a power of two into [-1, 1], which changes no digit and lets no sum or square overflow.
        _, exponents = np.frexp(np.abs(values).max(axis=0))
        with np.errstate(all="ignore"):
            mean, sd = mean_and_sd(np.ldexp(values, -exponents))
            mean, sd = np.ldexp(mean, exponents), np.ldexp(sd, exponents)
        lows, highs = values.min(axis=0), values.max(axis=0)
        if constant_sd is not None:
            mean, sd = np.where(lows == highs, lows, mean), np.where(lows == highs, constant_sd, sd)
        for name, least, most, spread in zip(features, lows, highs, sd, strict=True):
            if least == most and constant_sd is None:
                raise DataError(f"feature {name} is {least} in every training row: it cannot be standardized")
            if not _SMALLEST_NORMAL <= spread < np.inf:
                raise DataError(
                    f"feature {name} goes from {least} to {most}: its standard deviation is beyond float64"
                )
        return cls(mean, sd)

    def apply(self, values: Array) -> Array:
        """Standardized values, in the shape of values (rows, features).

        One that is beyond float64 is infinite: a sample may lie as far out as it likes.
        """
        with np.errstate(all="ignore"):
            standardized = (values - self.mean) / self.sd
            if not np.isfinite(
                standardized
            ).all():  # it may be the difference that overflows, not the quotient
                halves = (values / 2.0 - self.mean / 2.0) / (self.sd / 2.0)
                standardized = np.where(np.isfinite(standardized), standardized, halves)
        return standardized


@dataclass(frozen=True)
class Dataset:
    """Inputs (rows, features), standardized, and labels (rows,), both in the table's order.

    A label is an index into classes: output node k stands for classes[k]. train_rows and held_out_rows
    are the rows that are trained on and those held out, ascending; the latter may be empty. table has the
    inputs that encoder made of the file's columns.
    """

    table: Table
    classes: tuple[str, ...]
    standardizer: Standardizer
    inputs: Array
    labels: Indices
    train_rows: Indices
    held_out_rows: Indices
    encoder: Encoder | None = None

    @property
    def key(self) -> Hashable:
        """Equal for datasets of one table whose inputs are equal."""
        return self.standardizer.mean.tobytes(), self.standardizer.sd.tobytes(), self.encoder

    @property
    def finite(self) -> Mask:
        """The rows whose inputs are all finite, (rows,)."""
        finite: Mask = np.logical_and.reduce(np.isfinite(self.inputs), axis=1)
        return finite

    @property
    def constant(self) -> list[str]:
        """The features that are the same in every training row, and are scaled by 1."""
        values = self.table.values[self.train_rows]
        same = np.flatnonzero((values == values[:1]).all(axis=0)).tolist()
        return [self.table.features[k] for k in same]


def classes_by_appearance(table: Table, order: Indices) -> tuple[str, ...]:
    """The classes in the order in which the rows, taken in this order, first show them."""
    return tuple(table.names[code] for code in dict.fromkeys(table.codes[order].tolist()))


def make_dataset(
    table: Table,
    classes: tuple[str, ...],
    standardizer: Standardizer,
    held_out: Indices | None = None,
    encoder: Encoder | None = None,
) -> Dataset:
    """The table through a standardizer; a class that classes does not hold is a DataError."""
    index = {name: k for k, name in enumerate(classes)}
    unknown = [name not in index for name in table.names]
    if any(unknown):
        row = int(np.array(unknown)[table.codes].argmax())
        name = table.targets[row]
        raise DataError(f"{table.source}: row {row} is of class {name}, not one of {', '.join(classes)}")
    held = np.empty(0, dtype=np.int64) if held_out is None else held_out
    return Dataset(
        table=table,
        classes=classes,
        standardizer=standardizer,
        inputs=standardizer.apply(table.values),
        labels=np.array([index[name] for name in table.names], dtype=np.int64)[table.codes],
        train_rows=all_but(held, len(table.targets)),
        held_out_rows=held,
        encoder=encoder,
    )


def all_but(rows: Indices, count: int) -> Indices:
    """The rows from 0 to count - 1, ascending, without these."""
    others = np.ones(count, dtype=bool)
    others[rows] = False
    return np.flatnonzero(others)


def one_hot(labels: Indices, classes: int) -> Array:
    """Rows (rows, classes) of zeros with a 1 at each label."""
    return np.eye(classes)[labels]
