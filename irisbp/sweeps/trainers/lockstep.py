"""Runs of one shape, trained side by side: `training.train` for many, an epoch at a time.

A run leaves when it is done: at its end, when early stopping ends it, or when one of its numbers is not
finite. Then the plain loop repeats that block from its start, and finds the last finite parameters.

The last run is trained several times over where it takes that to fill the last register: see `engines.many`.
Each copy has its number and, bit by bit, its numbers.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, fields
from math import ceil, inf
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from irisbp.config.schema import Config
from irisbp.data.table import Table
from irisbp.nn.backprop import Objective
from irisbp.nn.engines.many.plain import LANES, PlainLoopOfRuns, classify_runs
from irisbp.nn.engines.one.plain import block_of
from irisbp.nn.network import Network
from irisbp.nn.optimizers import OPTIMIZERS, NormClippingOfRuns, Optimizer
from irisbp.nn.random import Source
from irisbp.nn.schedules import Schedule
from irisbp.nn.types import Array, Indices
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.trainers.alone import finish_alone
from irisbp.sweeps.trainers.outcome import Outcome
from irisbp.sweeps.trainers.state import Curves, GroupState
from irisbp.training.setup import objective_of, options_of, prepare, resume_from
from irisbp.training.state import Best, Progress, Snapshot, Training
from irisbp.training.stopping import StoppingRule, which_parameters

Mask: TypeAlias = npt.NDArray[np.bool_]

_KEPT = ("parameters", "loss", "best_epoch", "best_loss", "best_parameters")  # in a state, of _Live


@dataclass(frozen=True)
class Member:
    """The rest of a run's Training once its arrays have joined those of the others.

    train_rows are the rows that it trains on, ascending; labels are those of all rows of its table, which
    begins at offset in the stack of tables. objective has the weights of its classes, in its own order.
    """

    config: Config
    source: Source
    schedule: Schedule
    train_rows: Indices
    labels: Indices
    offset: int
    objective: Objective


@dataclass(frozen=True)
class Team:
    """Runs of equal shape that have not begun: all arrays have the runs last.

    inputs is a stack of tables, (any number of rows, inputs). order and held, (n, runs), are rows of the
    stack: the first epoch's, and those held out.
    """

    network: Network
    batch_size: int
    members: list[Member]
    inputs: Array
    order: Indices
    held: Indices
    parameters: Array


def join(trainings: Sequence[Training]) -> Team:
    """Trainings that have not begun, of one network, batch size and number of rows held out."""
    offsets: dict[Hashable, int] = {}
    tables, members, orders, held = list[Array](), list[Member](), list[Indices](), list[Indices]()
    for training in trainings:
        data = training.dataset
        key = data.key
        if key not in offsets:
            offsets[key] = len(tables) * len(data.labels)
            tables.append(data.inputs)
        offset = offsets[key]
        orders.append(training.order + offset)
        held.append(data.held_out_rows + offset)
        config, source, schedule = training.config, training.source, training.schedule
        objective = objective_of(config, data)
        members.append(Member(config, source, schedule, data.train_rows, data.labels, offset, objective))
    first = trainings[0]
    parameters = np.stack([training.parameters for training in trainings], axis=1)
    return Team(
        first.network, first.batch_size, members, np.concatenate(tables),
        np.stack(orders, axis=1), np.stack(held, axis=1), parameters,
    )  # fmt: skip


@dataclass
class _Live:
    """The runs that are still trained, filled up: all arrays have them last.

    numbers (runs,) are their places in the team. loss is the epoch's mean so far; a best_epoch of 0 is none
    yet.
    """

    numbers: Indices
    parameters: Array
    rows: Indices
    labels: Indices
    held_rows: Indices
    held_labels: Indices
    loss: Array
    best_epoch: Indices
    best_loss: Array
    best_parameters: Array

    def at(self, places: Indices) -> "_Live":
        """The runs at these places."""
        return _Live(*(np.take(getattr(self, field.name), places, axis=-1) for field in fields(self)))


def filled(numbers: Indices, chosen: Mask) -> Indices:
    """The places of the chosen runs, each number once; the last is repeated to fill a register."""
    _, firsts = np.unique(numbers, return_index=True)
    places = firsts[chosen[firsts]]
    return np.concatenate([places, np.repeat(places[-1:], -len(places) % LANES)])


class Lockstep:
    """A team in training, from its start or from a state, with the interface of `group.Trained`.

    Curves are kept at the epochs `points`.
    """

    def __init__(self, team: Team, table: Table, points: AnyArray, state: GroupState | None = None) -> None:
        self._team, self._table = team, table
        self._epochs = team.members[0].config.epochs
        self.outcomes: dict[int, Outcome] = {}
        runs = len(team.members)
        self._curves = Curves(points, runs, state)
        self._rule = StoppingRule.of_many([member.config for member in team.members])
        self._epoch, self._samples = (1, 0) if state is None else state.position
        live = _Live(
            numbers=np.arange(runs),
            parameters=team.parameters,
            rows=team.order,
            labels=self._labels_of(team.order),
            held_rows=team.held,
            held_labels=self._labels_of(team.held),
            loss=np.zeros(runs),
            best_epoch=np.zeros(runs, dtype=np.int64),
            best_loss=np.full(runs, inf),
            best_parameters=np.zeros_like(team.parameters) if self._monitors else np.zeros((0, runs)),
        )
        if state is not None:
            for name in _KEPT if self._monitors else _KEPT[:-1]:
                setattr(live, name, state.arrays[name])
        self._live = live.at(filled(live.numbers, np.ones(runs, dtype=bool)))
        self._make_loop()
        if state is not None:
            self._restore(state)

    def _restore(self, state: GroupState) -> None:
        """Go on where the state was taken: its orders have been drawn, its epoch has begun or will begin."""
        for name, array in self._optimizer.state.items():
            kept = state.arrays[f"optimizer.{name}"]
            array[...] = kept[..., self._live.numbers] if array.ndim else kept
        if state.epoch > 1 and self._shuffles:
            for member in self._team.members:
                member.source.skip_orders(state.epoch - 2, len(member.train_rows))

    @property
    def _shuffles(self) -> bool:
        return self._team.members[0].config.data.shuffle == "every_epoch"

    @property
    def _monitors(self) -> bool:
        return bool(self._rule.monitors(len(self._team.held) > 0).any())

    def train(self) -> Iterator[None]:
        """Train all runs to their ends, with a pause after each block of samples."""
        while self._epoch <= self._epochs:
            self._stop_early(self._epoch - 1)
            if not len(self._live.numbers):
                return
            self._begin(self._epoch)
            yield from self._train()
            if not len(self._live.numbers):
                return
            self._end(self._epoch)
            self._epoch, self._samples = self._epoch + 1, 0
            if self._epoch <= self._epochs:
                yield
        self._settle(np.ones(len(self._live.numbers), dtype=bool), self._epochs)

    def state(self) -> tuple[list[int], GroupState]:
        """The numbers of the runs that are still trained, and their state at a pause."""
        numbers, places = np.unique(self._live.numbers, return_index=True)
        curves = self._curves.of_runs(numbers.tolist()).arrays()
        arrays: dict[str, AnyArray] = {name: getattr(self._live, name)[..., places] for name in _KEPT}
        for name, memory in self._optimizer.state.items():
            arrays[f"optimizer.{name}"] = memory[..., places] if memory.ndim else memory.copy()
        return numbers.tolist(), GroupState(self._epoch, self._samples, arrays | curves)

    def _configs(self) -> list[Config]:
        return [self._team.members[number].config for number in self._live.numbers]

    def _objectives(self) -> list[Objective]:
        return [self._team.members[number].objective for number in self._live.numbers]

    def _labels_of(self, rows: Indices) -> Indices:
        """The labels of rows of the stack, (n, all runs)."""
        pairs = zip(self._team.members, rows.T, strict=True)
        return np.stack([member.labels[of_run - member.offset] for member, of_run in pairs], axis=1)

    def _make_loop(self) -> None:
        configs, objectives = self._configs(), self._objectives()
        self._optimizer = make_optimizer(configs, self._live.parameters.shape)
        l2 = np.array([objective.l2 for objective in objectives])
        weighted = objectives[0].class_weight is not None
        self._loop = PlainLoopOfRuns(
            self._team.network,
            self._live.parameters,
            self._optimizer,
            self._team.inputs,
            batch_size=self._team.batch_size,
            reduction=objectives[0].reduction,
            l2=l2 if l2.any() else None,
            class_weight=np.array([o.class_weight for o in objectives]).T if weighted else None,
        )

    def _keep(self, chosen: Mask) -> Indices:
        """Continue with the runs that a mask chooses; their rates and memory go to a new optimizer.

        Returns the places that they had.
        """
        before, places = self._optimizer, filled(self._live.numbers, chosen)
        self._live = self._live.at(places)
        if not len(places):
            return places
        self._make_loop()
        self._optimizer.learning_rate[...] = before.learning_rate[places]
        for name, array in self._optimizer.state.items():
            kept = before.state[name]
            array[...] = np.take(kept, places, axis=-1) if array.ndim else kept
        return places

    def _stop_early(self, epochs: int) -> None:
        live = self._live
        stopped = self._rule.of_runs(live.numbers).is_over(epochs, live.best_epoch)
        if stopped.any():
            self._settle(stopped, epochs)
            self._keep(~stopped)

    def _begin(self, epoch: int) -> None:
        live = self._live
        members = [self._team.members[number] for number in live.numbers]
        self._optimizer.learning_rate[...] = [member.schedule(epoch - 1) for member in members]
        if epoch == 1 or not self._shuffles:
            return
        for number, member in {n: self._team.members[n] for n in live.numbers.tolist()}.items():
            rows = member.train_rows[member.source.next_order(len(member.train_rows))]
            places = live.numbers == number
            live.rows[:, places] = (rows + member.offset)[:, np.newaxis]
            live.labels[:, places] = member.labels[rows][:, np.newaxis]

    def _train(self) -> Iterator[None]:
        """Train the rest of an epoch, with pauses between its blocks."""
        size, samples = self._team.batch_size, len(self._live.rows)
        block = block_of(size, self._team.network.parameter_count)
        for start in range(first := self._samples, samples, block):
            self._samples = start
            if start > first:
                yield
            part = slice(start, start + block)
            live, before = self._live, _state(self._live.parameters, self._optimizer)
            losses = self._loop.run(live.rows[part], live.labels[part])
            sound = _finite(losses) & _finite(live.parameters)
            if not sound.all():
                _, firsts = np.unique(live.numbers, return_index=True)
                for k in firsts[~sound[firsts]].tolist():
                    self._finish_alone(k, before)
                places = self._keep(sound)
                # Not an index: the order in memory would change, and the order of the sums with it.
                losses = np.take(losses, places, axis=1)
                if not len(places):
                    return
            self._live.loss += _sums(losses, samples)

    def _finish_alone(self, k: int, before: Snapshot) -> None:
        live, number, size = self._live, int(self._live.numbers[k]), self._team.batch_size
        training = prepare(self._team.members[number].config, self._table)
        memory = {name: array[:, k] if array.ndim else array for name, array in before.optimizer.items()}
        best = None
        if live.best_epoch[k]:
            best = Best(int(live.best_epoch[k]), float(live.best_loss[k]), live.best_parameters[:, k].copy())
        step = (self._epoch - 1) * ceil(len(live.rows) / size) + self._samples // size
        progress = Progress(self._epoch, self._samples, step, float(live.loss[k]))
        resume_from(training, Snapshot(before.parameters[:, k], memory), progress, best)
        self.outcomes[number] = finish_alone(training, self._curves.of_runs([number]))

    def _end(self, epoch: int) -> None:
        """Take note of an epoch's mean losses, and of the best parameters."""
        live, validation = self._live, None
        losses, live.loss = live.loss, np.zeros(len(live.numbers))
        if len(live.held_rows):
            each, _ = classify_runs(
                self._team.network, live.parameters, self._team.inputs, live.held_rows, live.held_labels
            )
            validation = _means(each)
        self._curves.note(epoch, live.numbers, losses, validation)
        if not self._monitors:
            return
        rule = self._rule.of_runs(live.numbers)
        monitored = rule.monitored(losses, validation)
        better = rule.improves(monitored, live.best_loss) & rule.monitors(validation is not None)
        live.best_epoch[better], live.best_loss[better] = epoch, monitored[better]
        live.best_parameters[:, better] = live.parameters[:, better]

    def _settle(self, chosen: Mask, epochs: int) -> None:
        """The outcomes of the runs that a mask chooses, after so many epochs."""
        live, team = self._live.at(filled(self._live.numbers, chosen)), self._team
        which = [
            which_parameters(team.members[number].config, bool(best))
            for number, best in zip(live.numbers, live.best_epoch, strict=True)
        ]
        parameters = live.parameters
        if self._monitors:
            parameters = np.where(np.array(which) == "best", live.best_parameters, parameters)
        fitted = self._figures(parameters, live.rows, live.labels)
        held = self._figures(parameters, live.held_rows, live.held_labels) if len(team.held) else None
        for k, number in enumerate(live.numbers.tolist()):
            self.outcomes[number] = Outcome(
                status="completed",
                reason=None,
                epochs=epochs,
                steps=epochs * ceil(len(live.rows) / team.batch_size),
                stopped_early=epochs < self._epochs,
                best_epoch=int(live.best_epoch[k]) or None,
                which=which[k],
                loss=float(fitted[0][k]),
                accuracy=float(fitted[1][k]),
                lowest_epoch_loss=self._curves.lowest(number),
                validation_loss=float(held[0][k]) if held else None,
                validation_accuracy=float(held[1][k]) if held else None,
                curve=self._curves.curve(number, epochs),
                validation_curve=self._curves.validation_curve(number, epochs) if held else None,
            )

    def _figures(self, parameters: Array, rows: Indices, labels: Indices) -> tuple[Array, Array]:
        """Mean loss and accuracy of each run, both (runs,)."""
        losses, predictions = classify_runs(self._team.network, parameters, self._team.inputs, rows, labels)
        return _means(losses), (predictions == labels).sum(axis=0) / len(labels)


def make_optimizer(configs: Sequence[Config], shape: tuple[int, ...]) -> Optimizer:
    """One optimizer for all: an option in which they differ has one number for each run, (runs,)."""
    options: dict[str, Any] = options_of(configs[0].optimizer)
    for name, value in options.items():
        values = [getattr(config.optimizer, name) for config in configs]
        if any(other != value for other in values):
            options[name] = np.array(values)
    optimizer = OPTIMIZERS[configs[0].optimizer.name](shape, **options)
    if configs[0].clip_norm is None:
        return optimizer
    return NormClippingOfRuns(optimizer, np.array([config.clip_norm for config in configs]))


def _state(parameters: Array, optimizer: Optimizer) -> Snapshot:
    return Snapshot(parameters.copy(), {name: array.copy() for name, array in optimizer.state.items()})


def _finite(values: Array) -> Mask:
    """A mask (runs,) of the runs whose values (n, runs) are all finite."""
    return np.asarray(np.isfinite(values).all(axis=0))


def _sums(losses: Array, count: int) -> Array:
    """The share of losses (n, runs) in each run's mean of `count`, finite if they are."""
    with np.errstate(over="ignore"):
        sums = losses.sum(axis=0) / count
    return np.asarray(np.where(np.isfinite(sums), sums, (losses / count).sum(axis=0)))


def _means(losses: Array) -> Array:
    """Each run's mean (runs,) of losses (n, runs), as `evaluation` computes it."""
    with np.errstate(all="ignore"):
        return _sums(losses, len(losses))
