"""The parts of a sweep: which runs are trained together, how, and the files that keep what is finished.

How a sweep is cut depends on its configs alone, so that a figure is the same to the last bit whoever trains
it, and after an interruption.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from irisbp.errors import DataError, RunError
from irisbp.rundir.arrays import AnyArray, pack, unpack
from irisbp.rundir.storage import Directory
from irisbp.sweep.compiled import is_compiled
from irisbp.sweep.grid import Grid, Rows, check_rows
from irisbp.sweep.group import is_side_by_side, train_group
from irisbp.sweep.results import Results, points
from irisbp.training import Training, prepare

# Seconds for each sample of small networks, by a rough measure, and what a part is to take of them.
_ALONE, _SIDE_BY_SIDE, _COMPILED = 1e-5, 3e-7, 3e-8
_PART = 1.2
_FEWEST_SIDE_BY_SIDE, _FEWEST_COMPILED, _MOST_ROWS = 50, 8, 500
_LARGEST_PART = 1 << 30  # bytes


class Part(NamedTuple):
    """Rows that are trained together, and how many epochs they have in all."""

    rows: list[int]
    epochs: int


@dataclass(frozen=True)
class Sweep:
    """A grid whose configs are valid and whose tables are there.

    data has each table's sha256, epochs are those at which curves are kept, seconds says roughly how long one
    process would take.
    """

    grid: Grid
    rows: Rows
    epochs: AnyArray
    data: dict[str, str]
    parts: list[Part]
    seconds: float


def prepare_sweep(grid: Grid) -> Sweep:
    """The sweep of a grid, ready to be trained; ConfigError or DataError if it cannot be."""
    rows = check_rows(grid)
    trainings = {row: prepare(grid.config(row)) for row in rows.samples}
    tables = [training.dataset.table for training in trainings.values()]
    parts, seconds = list[Part](), 0.0
    for group in rows.groups:
        first = trainings[group[0]]
        cost, fewest = _way(first, len(group))
        one = len(first.order) * first.config.epochs * cost
        parts += _cut(group, first.config.epochs, one, fewest)
        seconds += len(group) * one
    return Sweep(
        grid=grid,
        rows=rows,
        epochs=points(rows.epochs, len(grid)),
        data={table.source: table.digest for table in tables},
        parts=parts,
        seconds=seconds,
    )


def _way(training: Training, runs: int) -> tuple[float, int]:
    """How so many runs like this one are trained: seconds for a sample, and how many together at least."""
    if is_compiled(training.config, training.network, training.batch_size):
        return _COMPILED, _FEWEST_COMPILED
    return (_SIDE_BY_SIDE, _FEWEST_SIDE_BY_SIDE) if is_side_by_side(training, runs) else (_ALONE, 1)


def _cut(rows: list[int], epochs: int, seconds: float, fewest: int) -> list[Part]:
    """Parts of nearly the same size, of runs that have so many epochs and take so many seconds each."""
    size = min(max(int(_PART / seconds), fewest), _MOST_ROWS)
    count = ceil(len(rows) / size)
    edges = [len(rows) * k // count for k in range(count + 1)]
    return [Part(rows[a:b], epochs * (b - a)) for a, b in pairwise(edges)]


def _tell_nobody(count: int) -> None:
    pass


@dataclass(frozen=True)
class Trainer:
    """Trains the rows of a part, in whatever process; tell is as for train_group."""

    grid: Grid
    epochs: AnyArray
    tell: Callable[[int], None] = _tell_nobody

    def __call__(self, part: Part) -> Results:
        """What became of its rows."""
        configs = [self.grid.config(row) for row in part.rows]
        results = Results.empty(len(configs), self.epochs)
        for k, outcome in enumerate(train_group(configs, self.tell)):
            results.put(k, outcome)
        return results


class _About(BaseModel):
    """What a file of results says in words."""

    model_config = ConfigDict(extra="forbid", strict=True)
    form: Literal[1] = 1
    configs: str
    data: dict[str, str]
    started: str
    seconds: float
    versions: dict[str, str]


@dataclass(frozen=True)
class Session:
    """When a sweep began, how long it has been trained, and with what."""

    started: str
    seconds: float
    versions: dict[str, str]


def write_part(
    directory: Directory, sweep: Sweep, rows: Sequence[int], results: Results, session: Session
) -> None:
    """Put what became of some rows into a file of its own, durably."""
    about = _About(
        configs=sweep.rows.digest(rows),
        data=sweep.data,
        started=session.started,
        seconds=session.seconds,
        versions=session.versions,
    )
    arrays: dict[str, AnyArray] = {
        "about": np.frombuffer(about.model_dump_json().encode(), np.uint8),
        "rows": np.array(rows, np.int64),
    }
    directory.write(f"part-{rows[0]:06d}.npz", pack(arrays | results.arrays()))


def read_part(directory: Directory, name: str, sweep: Sweep) -> tuple[list[int], Results, Session]:
    """A file's rows, what became of them, and the session.

    RunError if it is not one of this sweep's, DataError if it was trained on other data.
    """
    path = directory.path / name
    arrays = unpack(path, directory.read(name, _LARGEST_PART))
    try:
        about = _About.model_validate_json(arrays["about"].tobytes())
        rows = [int(row) for row in arrays["rows"].reshape(-1)]
        if not all(0 <= row < len(sweep.grid) for row in rows) or about.configs != sweep.rows.digest(rows):
            raise RunError("its rows are not those of the grid")
        results = Results.from_arrays(arrays, len(rows), sweep.epochs)
    except (ValidationError, KeyError, ValueError, RunError) as error:
        raise RunError(f"{path} is not a part of this sweep: {_reason(error)}") from None
    if about.data != sweep.data:
        raise DataError(f"{directory.path} was begun on other data than {', '.join(sweep.data)} holds now")
    return rows, results, Session(about.started, about.seconds, about.versions)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"about {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)
