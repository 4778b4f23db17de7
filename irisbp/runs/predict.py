"""What a run's network says of samples that it has not seen: lines of CSV, as many at a time as fit."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from irisbp.data.cells import row
from irisbp.data.table import names_of, number_in, open_table, read_rows, separator
from irisbp.errors import DataError
from irisbp.rundir.reader import Run
from irisbp.training.evaluation import probabilities

ROWS_AT_ONCE = 4096


def predict_table(run: Run, path: Path) -> Iterator[str]:
    """The table at path as CSV with the columns `predicted` and `probability_CLASS` added.

    DataError names a column that is missing, and a cell that is no number by its line and column.
    """
    with open_table(path) as file:
        header, rows = read_rows(file, str(path), separator(path))
        features = run.features
        missing = [name for name in features if name not in header]
        if missing:
            raise DataError(f"{path}: no column {', '.join(missing)}; there are {names_of(header)}")
        at = [header.index(name) for name in features]
        yield _header(run, header, str(path))
        while some := list(islice(rows, ROWS_AT_ONCE)):
            values = [[number_in(cells[k], str(path), line, header[k]) for k in at] for line, cells in some]
            yield _rows(run, [cells for _, cells in some], values)


def predict_sample(run: Run, arguments: Sequence[str]) -> Iterator[str]:
    """One sample given as FEATURE=VALUE, as a table of one row."""
    features = run.features
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
    cells = [given[name] for name in features]
    values = [number_in(cell, f"argument {name}={cell}") for name, cell in given.items()]
    in_order = [values[list(given).index(name)] for name in features]
    header = _header(run, list(features), "the sample")
    yield header + _rows(run, [cells], [in_order])


def _header(run: Run, columns: list[str], source: str) -> str:
    added = ["predicted", *(f"probability_{name}" for name in run.classes)]
    taken = [name for name in added if name in columns]
    if taken:
        raise DataError(f"{source}: it has a column {taken[0]} already, which is to be added; rename it")
    return row([*columns, *added])


def _rows(run: Run, cells: list[list[str]], values: list[list[float]]) -> str:
    inputs = run.standardizer.apply(np.array(values))
    chances = probabilities(run.network, run.parameters, inputs)  # (rows, classes)
    for given, chance in zip(cells, chances, strict=True):
        if not np.isfinite(chance).all():
            raise DataError(
                f"the sample {', '.join(given)}: it lies so far out that its logits are beyond float64"
            )
    names = [run.classes[k] for k in chances.argmax(axis=1).tolist()]
    return "".join(
        row([*given, name, *map(repr, chance)])
        for given, name, chance in zip(cells, names, chances.tolist(), strict=True)
    )
