"""Runs that can be trained side by side, and their training."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from irisbp.config.schema import Config
from irisbp.data.table import Table
from irisbp.nn.network import Network
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.trainers import compiled
from irisbp.sweeps.trainers.alone import Alone, every_epoch
from irisbp.sweeps.trainers.compiled import CompiledRuns, is_compiled
from irisbp.sweeps.trainers.lockstep import Lockstep, join
from irisbp.sweeps.trainers.outcome import UNTRAINABLE, Outcome, failed
from irisbp.sweeps.trainers.state import Curves, GroupState
from irisbp.training.setup import prepare
from irisbp.training.state import Training
from irisbp.training.tables import table_of

# Measured against the plain loop, one thread each: runs with larger products are trained alone.
_MOST_PRODUCTS = 50_000
_MOST_AT_ONCE, _LEAST_AT_ONCE = 1024, 64
_IN_CACHE = 2**19  # numbers
_MOST_PLACES = 2**25  # rows of the tables of runs at once, for memory's sake

# The optimizers' options that the runs of a group have in common; others are numbers of each run.
_COMMON = ("name", "nesterov", "amsgrad", "beta1", "beta2", "momentum_decay")


def group_key(config: Config) -> Hashable:
    """Runs with equal keys can be trained side by side.

    They may differ in seed, rng, learning rate, initializer, schedule, fold, early stopping, l2, the limit
    of clipping, the weights of classes and most options of the optimizer. Either all or none have a penalty,
    and either all or none have weights. Compiled code never stops early.
    """
    options = vars(config.optimizer)
    return (
        config.numerics,
        config.engine,
        config.epochs,
        config.batch_size,
        config.reduction,
        config.class_weight == "none",
        config.network,
        config.data.model_copy(update={"fold": None}),
        config.clip_norm is None,
        config.l2 > 0.0,
        config.engine == "compiled" and config.early_stopping is None,
        *(options.get(name) for name in _COMMON),
        options.get("momentum", 0.0) > 0.0,
    )


class Trained(Protocol):
    """Runs side by side, or one alone, in training: outcomes, by number, are of those that have ended."""

    outcomes: dict[int, Outcome]

    def train(self) -> Iterator[None]:
        """Train all to their ends, with pauses."""

    def state(self) -> tuple[list[int], GroupState]:
        """At a pause: the numbers of the others, ascending, and their state."""


class Pause(NamedTuple):
    """A group at a pause: outcomes that are new, and the rows that are left.

    The first of these have begun and stand at the state; None if none has.
    """

    outcomes: dict[int, Outcome]
    left: list[int]
    state: GroupState | None


class GroupTraining:
    """The training of a group: configs, by row, that have the same `group_key`.

    The first of them may go on from a state. Curves are kept at the epochs `points`.
    """

    def __init__(
        self, configs: Mapping[int, Config], points: AnyArray, state: GroupState | None = None
    ) -> None:
        self._configs, self._points, self._state = dict(configs), points, state
        self._table = table_of(next(iter(configs.values())).data)
        self._ended: dict[int, Outcome] = {}
        self._trained: Trained | None = None
        self._rows: list[int] = []

    def train(self) -> Iterator[None]:
        """Train all to their ends, with pauses."""
        for trainings, state in self._alike():
            self._rows, self._trained = list(trainings), self._begin(list(trainings.values()), state)
            yield from self._trained.train()
            self._take()
            self._trained = None
            yield

    def pause(self) -> Pause:
        """The group at a pause, or at its end; each outcome is handed out once."""
        state, begun = None, list[int]()
        if self._trained is not None:
            self._take()
            numbers, state = self._trained.state()
            begun = [self._rows[number] for number in numbers]
        outcomes, self._ended = self._ended, {}
        for row in outcomes:
            del self._configs[row]
        return Pause(outcomes, begun + [row for row in self._configs if row not in set(begun)], state)

    def _take(self) -> None:
        """Take the outcomes of those that have ended."""
        assert self._trained is not None
        outcomes = self._trained.outcomes
        self._ended |= {self._rows[number]: outcomes.pop(number) for number in list(outcomes)}

    def _begin(self, trainings: list[Training], state: GroupState | None) -> Trained:
        first, table, points = trainings[0], self._table, self._points
        if not is_side_by_side(first):
            if state is not None:
                state.restore(first, 0)
            return Alone(first, Curves(points, 1, state))
        if is_compiled(first.config, first.network, first.batch_size):
            return CompiledRuns(trainings, table, points, state)
        return Lockstep(join(trainings), table, points, state)

    def _alike(self) -> Iterator[tuple[dict[int, Training], GroupState | None]]:
        """Trainings that are trained together, by row, and the state at which they stand."""
        rows = list(self._configs)
        if self._state is not None:
            begun, rows = rows[: len(self._state)], rows[len(self._state) :]
            trainings = self._prepared(begun)
            if self._stands(trainings, self._state):
                yield trainings, self._state
            else:  # it is of other runs: they are trained from their start
                rows = begun + rows
        most = self._most(rows)
        for start in range(0, len(rows), most):
            for alike in _alike(self._prepared(rows[start : start + most])):
                yield alike, None

    def _stands(self, trainings: dict[int, Training], state: GroupState) -> bool:
        """Return whether these trainings can stand at a state."""
        if len(trainings) != len(state) or len(_alike(trainings)) != 1:
            return False
        each = list(trainings.values())
        return (len(each) == 1 or is_side_by_side(each[0])) and state.fits(each, self._points)

    def _most(self, rows: Sequence[int]) -> int:
        """The number of rows to train at once."""
        one = first_preparable([self._configs[row] for row in rows], self._table)
        if one is None or not is_side_by_side(one):
            return 1
        if is_compiled(one.config, one.network, one.batch_size):
            return compiled.runs_at_once(one)
        return runs_at_once(one.network, one.batch_size, len(self._table.targets))

    def _prepared(self, rows: Iterable[int]) -> dict[int, Training]:
        """The trainings that can begin, by row; the others end here."""
        trainings = dict[int, Training]()
        for row in rows:
            try:
                trainings[row] = prepare(self._configs[row], self._table)
            except UNTRAINABLE as error:
                self._ended[row] = failed(self._configs[row], error)
        return trainings


def train_group(configs: Sequence[Config]) -> list[Outcome]:
    """The runs' outcomes, in their order, with the losses of all epochs; all have the same `group_key`."""
    group = GroupTraining(dict(enumerate(configs)), every_epoch(configs[0]))
    for _ in group.train():
        pass
    outcomes = group.pause().outcomes
    return [outcomes[number] for number in range(len(configs))]


def first_preparable(configs: Iterable[Config], table: Table) -> Training | None:
    """The first training that can begin; None if none of them can."""
    for config in configs:
        with suppress(*UNTRAINABLE):
            return prepare(config, table)
    return None


def is_side_by_side(training: Training) -> bool:
    """Return whether runs like this one are trained side by side, even if there is only one.

    It depends on the run alone, so that its numbers do not depend on how many others there are.
    """
    config, network, size = training.config, training.network, training.batch_size
    if is_compiled(config, network, size):
        return True
    return config.numerics == "native" and network.parameter_count * size <= _MOST_PRODUCTS


def runs_at_once(network: Network, batch_size: int, rows: int) -> int:
    """The number of runs that is quickest: more runs share the cost of a call, but take more memory."""
    nodes = sum(layer.fan_in + layer.fan_out for layer in network.layers)
    in_cache = _IN_CACHE // (2 * network.parameter_count + nodes * batch_size)
    most = min(_MOST_AT_ONCE, max(_LEAST_AT_ONCE, in_cache))
    return max(1, min(most, _MOST_PLACES // rows))


def _alike(trainings: Mapping[int, Training]) -> list[dict[int, Training]]:
    """Those of one size and network together: folds differ by a row, and by a rare category's input."""
    groups = defaultdict[Hashable, dict[int, Training]](dict)
    for number, training in trainings.items():
        groups[len(training.order), training.network][number] = training
    return list(groups.values())
