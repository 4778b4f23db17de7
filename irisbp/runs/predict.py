"""The classes that a model predicts for new samples: of a table, of one sample, or of a DataFrame."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from irisbp.annotations import DataFrame
from irisbp.data.cells import row
from irisbp.data.table import names_of, number_in, open_table, read_rows, separator
from irisbp.errors import DataError
from irisbp.nn.types import Array
from irisbp.training.evaluation import ROWS_AT_ONCE
from irisbp.training.model import Model

PREDICTED, PROBABILITY = "predicted", "probability_"


@dataclass(frozen=True)
class Predictions:
    """Samples as they were given, cell by cell, with their probabilities (rows, classes)."""

    model: Model
    cells: list[list[str]]
    probabilities: Array

    @property
    def classes(self) -> list[str]:
        """The most probable class of each sample."""
        return [self.model.classes[k] for k in self.probabilities.argmax(axis=1).tolist()]

    def csv(self) -> str:
        """Lines of CSV: the cells, the class predicted, each class's probability."""
        rows = zip(self.cells, self.classes, self.probabilities.tolist(), strict=True)
        return "".join(row([*given, name, *map(repr, chance)]) for given, name, chance in rows)

    def as_json(self) -> list[dict[str, Any]]:
        """Plain data: an object for each sample."""
        return _objects(self.model, self.classes, self.probabilities)


def added_columns(model: Model) -> list[str]:
    """The names of the columns that a prediction has."""
    return [PREDICTED, *(f"{PROBABILITY}{name}" for name in model.classes)]


def _objects(model: Model, classes: Sequence[str], probabilities: Array) -> list[dict[str, Any]]:
    return [
        {PREDICTED: name, "probabilities": dict(zip(model.classes, chances, strict=True))}
        for name, chances in zip(classes, probabilities.tolist(), strict=True)
    ]


def predict_table(model: Model, path: Path) -> tuple[list[str], Iterator[Predictions]]:
    """The columns of the table at path, and predictions for its rows, as many at a time as fit.

    DataError names a column that is missing, and a cell that is no number by its line and column.
    """
    table = _read_table(model, path)
    return next(table), table


def _read_table(model: Model, path: Path) -> Iterator[Any]:
    """First the header, then predictions; the file is open as long as they are asked for."""
    with open_table(path) as file:
        header, rows = read_rows(file, str(path), separator(path))
        missing = [name for name in model.features if name not in header]
        if missing:
            raise DataError(f"{path}: no column {', '.join(missing)}; there are {names_of(header)}")
        at = [header.index(name) for name in model.features]
        yield _checked(model, header, str(path))
        while some := list(islice(rows, ROWS_AT_ONCE)):
            values = [[number_in(cells[k], str(path), line, header[k]) for k in at] for line, cells in some]
            yield _predictions(model, [cells for _, cells in some], values)


def predict_sample(model: Model, arguments: Sequence[str]) -> tuple[list[str], Iterator[Predictions]]:
    """The same of one sample that is given as FEATURE=VALUE."""
    features = model.features
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, cell = argument.partition("=")
        if not equals or name not in features:
            raise DataError(f"argument {argument}: not FEATURE=VALUE; the features are {', '.join(features)}")
        if name in given:
            raise DataError(f"argument {argument}: {name} is given twice")
        given[name] = cell
    missing = [name for name in features if name not in given]
    if missing:
        raise DataError(f"no value for {', '.join(missing)}")
    values = {name: number_in(cell, f"argument {name}={cell}") for name, cell in given.items()}
    header = _checked(model, list(features), "the sample")
    cells, numbers = [given[name] for name in features], [values[name] for name in features]
    return header, iter([_predictions(model, [cells], [numbers])])


def _checked(model: Model, columns: list[str], source: str) -> list[str]:
    """The columns of the result; DataError if one of those to be added is there."""
    added = added_columns(model)
    taken = [name for name in added if name in columns]
    if taken:
        raise DataError(f"{source}: it already has a column {taken[0]}, which predict adds; rename it")
    return [*columns, *added]


def _predictions(model: Model, cells: list[list[str]], values: list[list[float]]) -> Predictions:
    names = [", ".join(sample) for sample in cells]
    return Predictions(model, cells, model.probabilities(np.array(values), names))


def predict_frame(model: Model, samples: DataFrame | Mapping[str, float]) -> DataFrame:
    """A DataFrame of the class predicted and each class's probability, with the index of samples.

    samples is a DataFrame with the features among its columns, or one sample by feature. DataError names a
    feature that is missing, and the first cell that is not a finite number.
    """
    import pandas as pd

    frame = pd.DataFrame([samples]) if isinstance(samples, Mapping) else samples
    if not isinstance(frame, pd.DataFrame):
        kind = type(samples).__name__
        raise DataError(f"predict: {kind} is not a DataFrame or a mapping of features to numbers")
    values = _feature_values(model, frame)
    names = [f"at index {index}" for index in frame.index]
    probabilities = model.probabilities(values, names) if len(values) else np.empty((0, len(model.classes)))
    classes = [model.classes[k] for k in probabilities.argmax(axis=1).tolist()] if len(values) else []
    columns: dict[str, Any] = {PREDICTED: classes}
    columns |= {name: probabilities[:, k] for k, name in enumerate(added_columns(model)[1:])}
    return pd.DataFrame(columns, index=frame.index)


def _feature_values(model: Model, frame: DataFrame) -> Array:
    """The features of all samples as float64 (rows, features)."""
    missing = [name for name in model.features if name not in frame.columns]
    if missing:
        there = names_of([str(name) for name in frame.columns])
        raise DataError(f"the DataFrame has no column {', '.join(missing)}; there are {there}")
    columns = [_numbers(frame[name], name) for name in model.features]
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def _numbers(column: Any, name: str) -> Array:
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        k = int(bad.argmax())
        place = f"the DataFrame, index {column.index[k]}, column {name}"
        raise DataError(f"{place}: {column.iloc[k]!r} is not a finite number")
    return np.asarray(values)
