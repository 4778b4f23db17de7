"""The classes that a model predicts for new samples: of a table, of one sample, or of a DataFrame."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from irisbp.annotations import DataFrame
from irisbp.config.schema import DataSection
from irisbp.data.cells import raw_row, row
from irisbp.data.encoding import Column, inputs_of
from irisbp.data.formats import open_table
from irisbp.data.known import Samples, cells_as_values, read_samples
from irisbp.data.options import listed
from irisbp.data.problems import names_of
from irisbp.errors import DataError
from irisbp.nn.types import Array
from irisbp.training.evaluation import ROWS_AT_ONCE
from irisbp.training.model import Model
from irisbp.training.tables import wanted_like

PREDICTED, PROBABILITY = "predicted", "probability_"


@dataclass(frozen=True)
class Predictions:
    """Samples as they were given, cell by cell, with their probabilities (rows, classes)."""

    model: Model
    cells: list[list[str]]
    probabilities: Array

    @property
    def classes(self) -> list[str]:
        """The most probable class of each sample, "" of one with a missing cell."""
        most = self.probabilities.argmax(axis=1).tolist()
        return ["" if gone else self.model.classes[k] for k, gone in zip(most, self._gone, strict=True)]

    @property
    def _gone(self) -> list[bool]:
        gone: list[bool] = np.asarray(np.isnan(self.probabilities).any(axis=1)).tolist()
        return gone

    def csv(self, *, raw: bool = False) -> str:
        """Lines of CSV: the cells, the class predicted, each class's probability; raw leaves all as it is."""
        rows = zip(self.cells, self.classes, self.probabilities.tolist(), strict=True)
        line = raw_row if raw else row
        return "".join(
            [
                line([*given, name, *(map(repr, chance) if name else [""] * len(chance))])
                for given, name, chance in rows
            ]
        )

    def as_json(self) -> list[dict[str, Any]]:
        """Plain data: an object for each sample; null is the class of one with a missing cell."""
        found = _objects(self.model, self.classes, self.probabilities)
        return [
            {PREDICTED: None, "probabilities": None} if gone else one
            for one, gone in zip(found, self._gone, strict=True)
        ]


def added_columns(model: Model) -> list[str]:
    """The names of the columns that a prediction has."""
    return [PREDICTED, *(f"{PROBABILITY}{name}" for name in model.classes)]


def _objects(model: Model, classes: Sequence[str], probabilities: Array) -> list[dict[str, Any]]:
    return [
        {PREDICTED: name, "probabilities": dict(zip(model.classes, chances, strict=True))}
        for name, chances in zip(classes, probabilities.tolist(), strict=True)
    ]


def predict_table(
    model: Model, path: Path, data: DataSection | None = None, *, blank: bool = False
) -> tuple[list[str], Iterator[Predictions]]:
    """The columns of the table at path, and predictions for its rows, as many at a time as fit.

    data says in what dialect the table is, by default the run's own. blank leaves the prediction of a row
    with a missing cell empty. DataError names a column that is missing, and a cell that does not fit by its
    line and column.
    """
    table = _read_table(model, path, data, blank)
    return next(table), table


def _read_table(model: Model, path: Path, data: DataSection | None, blank: bool) -> Iterator[Any]:
    """First the header, then predictions; the file is open as long as they are asked for."""
    wanted, unknown = model.wanted, model.unknown
    if data is not None:
        wanted = wanted_like(data, str(path), wanted.target, model.encoder.names)
        unknown = data.unknown
    wanted = replace(wanted, source=str(path))
    with open_table(path) as file:
        header, samples = read_samples(file, wanted, model.encoder, unknown, ROWS_AT_ONCE)
        yield _checked(model, header, str(path))
        for some in samples:
            yield _of_samples(model, some, str(path), blank)


def _of_samples(model: Model, samples: Samples, source: str, blank: bool) -> Predictions:
    whole = np.asarray(~np.isnan(samples.inputs).any(axis=1))
    if not whole.all() and not blank:
        rows = np.flatnonzero(~whole).tolist()
        place = listed(samples.lines[row] for row in rows)
        raise DataError(
            f"{source}: {len(rows)} rows have a missing cell ({place}); --missing blank leaves their"
            " predictions empty"
        )
    names = [", ".join(samples.cells[row]) for row in np.flatnonzero(whole).tolist()]
    found = np.full((len(whole), len(model.classes)), np.nan)
    if whole.any():
        found[whole] = model.probabilities(samples.inputs[whole], names)
    return Predictions(model, samples.cells, found)


def predict_sample(model: Model, arguments: Sequence[str]) -> tuple[list[str], Iterator[Predictions]]:
    """The same of one sample that is given as COLUMN=VALUE."""
    columns = model.encoder.columns
    names = [column.name for column in columns]
    given: dict[str, str] = {}
    for argument in arguments:
        name, _, cell = next(_splits(argument, names), (None, "", ""))
        if name is None:
            raise DataError(f"argument {argument}: not FEATURE=VALUE; the features are {', '.join(names)}")
        if name in given:
            raise DataError(f"argument {argument}: {name} is given twice")
        given[name] = cell
    missing = [name for name in names if name not in given]
    if missing:
        raise DataError(f"no value for {', '.join(missing)}")
    values = [_given(model, column, given[column.name]) for column in columns]
    header = _checked(model, list(names), "the sample")
    cells = [given[name] for name in names]
    inputs = inputs_of(model.encoder, values)
    return header, iter([Predictions(model, [cells], model.probabilities(inputs, [", ".join(cells)]))])


def _splits(argument: str, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """An argument as COLUMN=VALUE, wherever one of its signs makes a column's name."""
    at = [k for k, character in enumerate(argument) if character == "="]
    return ((argument[:k], "=", argument[k + 1 :]) for k in at if argument[:k] in names)


def _given(model: Model, column: Column, cell: str) -> Array:
    place = f"argument {column.name}={cell}"
    if not cell.strip() and column.fill is None:
        raise DataError(f"{place}: empty")
    try:
        values = cells_as_values(column, [cell], [1], model.wanted, model.unknown)
    except DataError as error:
        raise DataError(f"{place}: {str(error).split(': ', 1)[-1].removeprefix('line 1, ')}") from None
    if np.isnan(values).any() and column.fill is None:
        raise DataError(f"{place}: {cell!r} is a missing cell")
    return values


def _checked(model: Model, columns: list[str], source: str) -> list[str]:
    """The columns of the result; DataError if one of those to be added is there."""
    added = added_columns(model)
    taken = [name for name in added if name in columns]
    if taken:
        raise DataError(f"{source}: it already has a column {taken[0]}, which predict adds; rename it")
    return [*columns, *added]


def predict_frame(model: Model, samples: DataFrame | Mapping[str, Any]) -> DataFrame:
    """A DataFrame of the class predicted and each class's probability, with the index of samples.

    samples is a DataFrame with the columns among its own, or one sample by column. DataError names a column
    that is missing, and the first cell that does not fit.
    """
    import pandas as pd

    frame = pd.DataFrame([samples]) if isinstance(samples, Mapping) else samples
    if not isinstance(frame, pd.DataFrame):
        kind = type(samples).__name__
        raise DataError(f"predict: {kind} is not a DataFrame or a mapping of features to numbers")
    values = _frame_inputs(model, frame)
    names = [f"at index {index}" for index in frame.index]
    probabilities = model.probabilities(values, names) if len(values) else np.empty((0, len(model.classes)))
    classes = [model.classes[k] for k in probabilities.argmax(axis=1).tolist()] if len(values) else []
    columns: dict[str, Any] = {PREDICTED: classes}
    columns |= {name: probabilities[:, k] for k, name in enumerate(added_columns(model)[1:])}
    return pd.DataFrame(columns, index=frame.index)


def _frame_inputs(model: Model, frame: DataFrame) -> Array:
    """The inputs of all samples, (rows, features)."""
    names = model.encoder.names
    missing = [name for name in names if name not in frame.columns]
    if missing:
        there = names_of([str(name) for name in frame.columns])
        raise DataError(f"the DataFrame has no column {', '.join(missing)}; there are {there}")
    columns = [_frame_column(model, column, frame[column.name]) for column in model.encoder.columns]
    return inputs_of(model.encoder, columns)


def _frame_column(model: Model, column: Column, cells: Any) -> Array:
    """A column's cells by the rules of a file's; numbers are taken as they are."""
    import pandas as pd

    place = f"the DataFrame, index {{}}, column {column.name}"
    if column.kind == "number" or cells.dtype.kind in "fiu":
        values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = ~np.isfinite(values) & ~(cells.isna().to_numpy() & (column.fill is not None))
    else:
        texts = ["" if gone else str(cell) for cell, gone in zip(cells, cells.isna(), strict=True)]
        numbers = range(1, len(texts) + 1)
        values = np.asarray(cells_as_values(column, texts, numbers, model.wanted, model.unknown))
        bad = np.isnan(values) & (column.fill is None)
    if bad.any():
        k = int(bad.argmax())
        raise DataError(f"{place.format(cells.index[k])}: {cells.iloc[k]!r} is not a finite number")
    return np.asarray(values)
