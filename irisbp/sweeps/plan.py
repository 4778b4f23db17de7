"""The plan of a sweep: its configs checked, which runs are trained together, and how.

A part is some rows of a group. It may be cut anywhere, and at any moment of its training: no figure depends
on that, see `nn.engines.many`.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import ceil
from typing import NamedTuple

from irisbp.config.schema import Config
from irisbp.config.yaml import Problem, Problems
from irisbp.data.options import STDIN
from irisbp.data.table import Table
from irisbp.data.understood import Reading
from irisbp.errors import ConfigError
from irisbp.nn.engines.many.plain import LANES
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.results.columns import points
from irisbp.sweeps.trainers.compiled import is_compiled
from irisbp.sweeps.trainers.group import first_preparable, group_key, is_side_by_side
from irisbp.sweeps.trainers.state import GroupState
from irisbp.training.setup import prepare
from irisbp.training.state import Training
from irisbp.training.tables import table_of

_MOST_WRONG_ROWS = 500  # that are checked; each takes as long as loading a config
# Seconds for each sample of small networks, roughly, and for each update of all runs side by side.
_ALONE, _SIDE_BY_SIDE, _COMPILED = 1e-5, 3e-7, 3e-8
_UPDATE = 5e-5
_MOST_ROWS = 500  # of a part: more gain no speed
_WORTH_CUTTING = 0.5  # seconds that a part takes


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
        digest = config_digest(config)
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


def config_digest(config: Config) -> bytes:
    """The sha256 of a complete config."""
    return hashlib.sha256(config.model_dump_json().encode()).digest()


class Cost(NamedTuple):
    """The cost of training the runs of a group, for so many epochs each.

    An epoch takes shared seconds and each seconds for each run, roughly. In a part, up to lanes runs take as
    long as one.
    """

    epochs: int
    shared: float
    each: float
    lanes: int


@dataclass(frozen=True, eq=False)
class Part:
    """Rows that are trained together; the first of them may have begun, and stand at a state."""

    rows: list[int]
    cost: Cost
    state: GroupState | None = None

    @property
    def begun(self) -> list[int]:
        """The rows that have begun."""
        return self.rows[: len(self.state)] if self.state else []

    @property
    def settled(self) -> int:
        """The epochs that its runs have behind them."""
        return (self.state.epoch - 1) * len(self.state) if self.state else 0

    @property
    def seconds(self) -> float:
        """The time that it still takes, roughly."""
        left = len(self.rows) * self.cost.epochs - self.settled
        return self.cost.each * left + self.cost.shared * left / len(self.rows)

    @property
    def is_worth_cutting(self) -> bool:
        """Return whether two workers would train it sooner than one."""
        return len(self.rows) > self.cost.lanes and self.seconds > _WORTH_CUTTING

    def halves(self) -> list["Part"]:
        """Two parts that are worth as much, cut between two registers."""
        lanes = self.cost.lanes
        return [
            self.pick(places) for places in _cut(len(self.rows), ceil(len(self.rows) / lanes / 2) * lanes)
        ]

    def pick(self, places: Sequence[int]) -> "Part":
        """The part of the rows at these places, ascending."""
        rows = [self.rows[k] for k in places]
        begun = [k for k in places if k < len(self.begun)]
        return Part(rows, self.cost, self.state.pick(begun) if self.state and begun else None)

    def __str__(self) -> str:
        rows = sorted(self.rows)
        return f"row {rows[0]}" if len(rows) == 1 else f"rows {rows[0]} to {rows[-1]}"


@dataclass(frozen=True)
class SweepPlan:
    """A grid whose configs are valid and whose tables are there.

    data has each table's sha256, epochs are those at which curves are kept, costs has that of each group;
    readings are what was understood of the files of each table.
    """

    grid: Grid
    rows: CheckedRows
    epochs: AnyArray
    data: dict[str, str]
    costs: list[Cost]
    readings: list[dict[str, Reading]]

    @property
    def seconds(self) -> float:
        """The time that one process would take, roughly."""
        return sum(part.seconds for part in self.parts())

    def parts(self, without: Collection[int] = ()) -> list[Part]:
        """All rows in parts, but for some."""
        groups = [[row for row in group if row not in without] for group in self.rows.groups]
        return [
            Part([group[k] for k in places], cost)
            for group, cost in zip(groups, self.costs, strict=True)
            if group
            for places in _cut(len(group), ceil(len(group) / ceil(len(group) / _MOST_ROWS)))
        ]

    def part(self, rows: list[int], state: GroupState) -> Part:
        """Some rows that have begun as a part; ValueError if they are not of one group."""
        numbers = {self._groups.get(row) for row in rows}
        if len(numbers) != 1 or (number := numbers.pop()) is None:
            raise ValueError("its rows are not of one group")
        return Part(rows, self.costs[number], state)

    @cached_property
    def _groups(self) -> dict[int, int]:
        """The number of each row's group."""
        return {row: number for number, group in enumerate(self.rows.groups) for row in group}


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
    costs = [
        _cost(training, grid.config(group[0]).epochs, len(table.targets))
        for group, (table, training) in zip(rows.groups, samples, strict=True)
    ]
    tables = [table for table, _ in samples]
    return SweepPlan(
        grid=grid,
        rows=rows,
        epochs=points(rows.epochs, len(grid)),
        data=dict(pair for table in tables for pair in table.digests),
        costs=costs,
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


def _cost(training: Training | None, epochs: int, rows: int) -> Cost:
    """The cost of runs like this one, of a table with so many rows; None cannot begin."""
    if training is None or not is_side_by_side(training):
        return Cost(epochs, 0.0, _ALONE * rows, 1)
    samples = len(training.order)
    if is_compiled(training.config, training.network, training.batch_size):
        return Cost(epochs, 0.0, _COMPILED * samples, LANES)
    return Cost(epochs, _UPDATE * ceil(samples / training.batch_size), _SIDE_BY_SIDE * samples, LANES)


def _cut(count: int, size: int) -> list[range]:
    """The numbers below count, in pieces of this size; the last may be smaller."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]
