"""A table made ready for training: standardized features, classes as indices in a fixed order."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from irisbp.data.encoding import Encoder
from irisbp.data.problems import names_of, short
from irisbp.data.table import Table
from irisbp.data.understood import Reading
from irisbp.errors import DataError
from irisbp.nn.numerics.choice import NATIVE
from irisbp.nn.types import Array, Indices, Mask

_SMALLEST_NORMAL = 2.0**-1022
_FAR = 256  # the exponent of a value; the squares of its last digit and of a million such values are normal


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
        # Far out, scaled by a power of two into [-1, 1]: it changes no digit and lets no square overflow.
        lows, highs = values.min(axis=0), values.max(axis=0)
        _, exponents = np.frexp(np.maximum(highs, -lows))
        is_far = (np.abs(exponents) > _FAR).any()
        with np.errstate(all="ignore"):
            mean, sd = mean_and_sd(np.ldexp(values, -exponents) if is_far else values)
            if is_far:
                mean, sd = np.ldexp(mean, exponents), np.ldexp(sd, exponents)
        if constant_sd is not None:
            mean, sd = np.where(lows == highs, lows, mean), np.where(lows == highs, constant_sd, sd)
        for name, least, most, spread in zip(features, lows, highs, sd, strict=True):
            if least == most and constant_sd is None:
                raise DataError(
                    f"feature {short(name)} is {least} in every training row: it cannot be standardized"
                )
            if not _SMALLEST_NORMAL <= spread < np.inf:
                raise DataError(
                    f"feature {short(name)} goes from {least} to {most}:"
                    " its standard deviation is beyond float64"
                )
        return cls(mean, sd)

    def apply(self, values: Array) -> Array:
        """Standardized values, in the shape of values (rows, features).

        One that is beyond float64 is infinite: a sample may lie as far out as it likes.
        """
        with np.errstate(all="ignore"):
            standardized = values - self.mean
            standardized /= self.sd
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
    def readings(self) -> dict[str, Reading]:
        """The understanding of the table's files, and which features are the same in every training row."""
        found, values = self.table.readings, rows_of(self.table.values, self.train_rows)
        same = np.flatnonzero((values == values[:1]).all(axis=0)).tolist()
        if same and "table" in found:
            names = names_of([self.table.features[k] for k in same])
            note = f"the same in every training row, and scaled by 1: {names}"
            found["table"] = replace(found["table"], notes=(*found["table"].notes, note))
        return found


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
        raise DataError(
            f"{table.source}: row {row} is of class {short(name)}, not one of {names_of(classes)}"
        )
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


def rows_of(values: Array, rows: Indices) -> Array:
    """Some rows of values; all of them in their order are not copied."""
    return values if len(rows) == len(values) and np.array_equal(rows, np.arange(len(rows))) else values[rows]


def one_hot(labels: Indices, classes: int) -> Array:
    """Rows (rows, classes) of zeros with a 1 at each label."""
    return np.eye(classes)[labels]
