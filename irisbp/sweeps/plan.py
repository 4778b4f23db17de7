"""The plan of a sweep: its configs checked, which runs are trained together, and how.

The parts of a sweep depend on its configs alone, so that one that was interrupted finds those that are done.
No figure depends on them: see `nn.engines.many`.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import ceil
from typing import NamedTuple

from irisbp.config.place import paths_of, with_tables
from irisbp.config.schema import Config
from irisbp.config.yaml import Problem, Problems
from irisbp.data.options import STDIN
from irisbp.data.table import Table
from irisbp.data.understood import Reading
from irisbp.errors import ConfigError
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.results.columns import Results, points
from irisbp.sweeps.trainers.compiled import is_compiled
from irisbp.sweeps.trainers.group import (
    first_preparable,
    group_key,
    is_side_by_side,
    report_nothing,
    train_group,
)
from irisbp.training.setup import prepare
from irisbp.training.state import Training
from irisbp.training.tables import table_of

_MOST_WRONG_ROWS = 500  # that are checked; each takes as long as loading a config
# Seconds for each sample of small networks, roughly, and the seconds that a part should take.
_ALONE, _SIDE_BY_SIDE, _COMPILED = 1e-5, 3e-7, 3e-8
_PART = 1.2
_FEWEST_SIDE_BY_SIDE, _FEWEST_COMPILED, _MOST_ROWS = 50, 8, 500


@dataclass(frozen=True)
class CheckedRows:
    """The rows of a grid whose configs are valid: each one's sha256, and which can be trained together.

    epochs counts the rows that have so many each.
    """

    digests: list[bytes]
    groups: list[list[int]]
    epochs: Counter[int]

    def digest(self, rows: Sequence[int]) -> str:
        """The sha256 of some rows' configs."""
        return hashlib.sha256(b"".join(self.digests[row] for row in rows)).hexdigest()


def check_rows(grid: Grid) -> CheckedRows:
    """Check the config of every row; Problems with every error, ConfigError if two are the same."""
    digests: dict[bytes, int] = {}
    groups: dict[Hashable, list[int]] = {}
    epochs = Counter[int]()
    problems: dict[Problem, None] = {}
    tables = dict[str, str]()
    wrong = 0
    for row in range(len(grid)):
        try:
            config = grid.config(row)
        except Problems as error:
            problems.update(dict.fromkeys(error.problems))
            wrong += 1
            if wrong >= _MOST_WRONG_ROWS:
                break
            continue
        digest = config_digest(config, tables)
        if digest in digests:
            raise ConfigError(
                f"rows {digests[digest]} and {row} are the same run: a value is given twice, or overridden"
            )
        digests[digest] = row
        groups.setdefault(group_key(config), []).append(row)
        epochs[config.epochs] += 1
    if problems:
        raise Problems(list(problems))
    return CheckedRows(list(digests), list(groups.values()), epochs)


def config_digest(config: Config, tables: dict[str, str]) -> bytes:
    """The sha256 of a complete config, wherever its tables are: they are numbered as they come."""
    names = {key: tables.setdefault(path, f"table {len(tables)}") for key, path in paths_of(config).items()}
    config = with_tables(config, names)
    return hashlib.sha256(config.model_dump_json().encode()).digest()


class Part(NamedTuple):
    """Rows that are trained together, and the sum of their epochs."""

    rows: list[int]
    epochs: int


@dataclass(frozen=True)
class SweepPlan:
    """A grid whose configs are valid and whose tables are there.

    data has each table's sha256, epochs are those at which curves are kept, seconds says roughly how long one
    process would take; readings are what was understood of the files of each table.
    """

    grid: Grid
    rows: CheckedRows
    epochs: AnyArray
    data: dict[str, str]
    parts: list[Part]
    seconds: float
    readings: list[dict[str, Reading]]


def plan_sweep(grid: Grid) -> SweepPlan:
    """The plan of a grid's sweep; ConfigError or DataError if it cannot be trained."""
    rows = check_rows(grid)
    if any(grid.config(group[0]).data.source == STDIN for group in rows.groups):
        raise ConfigError(
            "data.source: a sweep reads its table many times, and stdin can be read once; give a file"
        )
    samples = [_sample(map(grid.config, group)) for group in rows.groups]
    if all(training is None for _, training in samples):
        prepare(grid.config(rows.groups[0][0]))  # no run can be trained: this says why
    parts, seconds = list[Part](), 0.0
    for group, (table, training) in zip(rows.groups, samples, strict=True):
        epochs = grid.config(group[0]).epochs
        cost, fewest = (_ALONE, 1) if training is None else _way(training)
        one = len(table.targets if training is None else training.order) * epochs * cost
        parts += _cut(group, epochs, one, fewest)
        seconds += len(group) * one
    tables = [table for table, _ in samples]
    return SweepPlan(
        grid=grid,
        rows=rows,
        epochs=points(rows.epochs, len(grid)),
        data=dict(pair for table in tables for pair in table.digests),
        parts=parts,
        seconds=seconds,
        readings=_readings(tables),
    )


def _readings(tables: Sequence[Table]) -> list[dict[str, Reading]]:
    """The different ways in which tables were understood; what is so in the rows of one run is left to it."""
    found = list[dict[str, Reading]]()
    for table in tables:
        if table.readings and table.readings not in found:
            found.append(table.readings)
    return found


def _sample(group: Iterator[Config]) -> tuple[Table, Training | None]:
    """The table of a group's runs, and the first of them that can be trained."""
    first = next(group)
    table = table_of(first.data)
    return table, first_preparable(chain([first], group), table)


def _way(training: Training) -> tuple[float, int]:
    """The cost of training runs like this one: seconds for a sample, and the fewest in a part."""
    if is_compiled(training.config, training.network, training.batch_size):
        return _COMPILED, _FEWEST_COMPILED
    return (_SIDE_BY_SIDE, _FEWEST_SIDE_BY_SIDE) if is_side_by_side(training) else (_ALONE, 1)


def _cut(rows: list[int], epochs: int, seconds: float, fewest: int) -> list[Part]:
    """Parts of nearly the same size, of runs that have so many epochs and take so many seconds each."""
    size = min(max(int(_PART / seconds), fewest), _MOST_ROWS)
    count = ceil(len(rows) / size)
    edges = [len(rows) * k // count for k in range(count + 1)]
    return [Part(rows[a:b], epochs * (b - a)) for a, b in pairwise(edges)]


@dataclass(frozen=True)
class Trainer:
    """Trains the rows of a part, in any process; report is as for train_group."""

    grid: Grid
    epochs: AnyArray
    report: Callable[[int], None] = report_nothing

    def __call__(self, part: Part) -> Results:
        """The results of its rows."""
        configs = [self.grid.config(row) for row in part.rows]
        results = Results.empty(len(configs), self.epochs)
        for k, outcome in enumerate(train_group(configs, self.report)):
            results.put(k, outcome)
        return results
