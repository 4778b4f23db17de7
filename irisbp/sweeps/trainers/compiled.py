"""Runs of one shape, trained side by side by compiled code.

It returns each epoch's losses, but nothing can be measured between two epochs: runs with held-out samples or
early stopping are not trained this way.
"""

from collections.abc import Hashable, Iterator, Sequence
from math import ceil

import numpy as np
import numpy.typing as npt

from irisbp.config.schema import Config
from irisbp.data.table import Table
from irisbp.nn.engines.many.compiled import train_ensemble
from irisbp.nn.engines.one.compiled import is_faster
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.trainers.alone import finish_alone, outcome_of
from irisbp.sweeps.trainers.outcome import Outcome
from irisbp.sweeps.trainers.state import Curves, GroupState, state_of
from irisbp.training.setup import objective_of, prepare
from irisbp.training.state import Progress, Training

_UPDATES = 2**15  # of a run, after which there is a pause
_MOST_ROWS = 2**22  # of the orders of the runs at once


def is_compiled(config: Config, network: Network, batch_size: int) -> bool:
    """Return whether runs of this config are trained side by side by compiled code."""
    watched = config.early_stopping is not None or config.data.holds_out
    return config.engine == "compiled" and not watched and is_faster(network, batch_size)


def runs_at_once(training: Training) -> int:
    """The number of such runs whose orders are held at once."""
    orders = _epochs_at_once(training) if training.config.data.shuffle == "every_epoch" else 1
    return max(1, _MOST_ROWS // (len(training.order) * orders))


def _epochs_at_once(training: Training) -> int:
    return min(training.config.epochs, max(1, _UPDATES // len(training.order)))


class CompiledRuns:
    """Trainings, equal in shape, optimizer and number of epochs, with the interface of `group.Trained`.

    They have not begun, or stand at a state.
    """

    def __init__(
        self, trainings: Sequence[Training], table: Table, points: AnyArray, state: GroupState | None = None
    ) -> None:
        self._trainings, self._table, self._stack = trainings, table, _Stack(trainings)
        self._points, self._curves = points, Curves(points, len(trainings), state)
        self._live = list(range(len(trainings)))
        self.outcomes: dict[int, Outcome] = {}
        if state is not None:
            for k, training in enumerate(trainings):
                state.restore(training, k)

    def train(self) -> Iterator[None]:
        """Train all runs to their ends, with a pause after some epochs."""
        first = self._trainings[0]
        epochs, size = first.config.epochs, _epochs_at_once(first)
        for start in range(first.progress.epoch - 1, epochs, size):
            part = range(start, min(start + size, epochs))
            self._train(part)
            if not self._live:
                return
            if part.stop < epochs:
                yield
        for run in self._live:
            self.outcomes[run] = outcome_of(self._trainings[run], self._curves, run, None)

    def _train(self, epochs: range) -> None:
        """Train for some epochs, counted from 0; a run that is no longer finite is trained by itself."""
        trainings = [self._trainings[run] for run in self._live]
        losses, finite = _train_epochs(trainings, epochs, self._stack)
        done = epochs.stop
        for training in trainings:
            updates = ceil(len(training.order) / training.batch_size)
            training.progress = Progress(epoch=done + 1, step=done * updates)
        for run in np.array(self._live)[~finite].tolist():
            training = prepare(self._trainings[run].config, self._table)
            self.outcomes[run] = finish_alone(training, Curves(self._points, 1))  # to where it diverges
        self._live = np.array(self._live)[finite].tolist()
        for k, epoch in enumerate(epochs):
            self._curves.note(epoch + 1, np.array(self._live, np.int64), losses[finite, k], None)

    def state(self) -> tuple[list[int], GroupState]:
        """The numbers of the runs that are still trained, and their state at a pause."""
        curves = self._curves.of_runs(self._live)
        return self._live, state_of([self._trainings[run] for run in self._live], curves)


def _train_epochs(
    trainings: Sequence[Training], epochs: range, stack: "_Stack"
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Train for some epochs, counted from 0.

    Each one's mean loss, (runs, epochs), and whether all numbers of a run are finite, (runs,).
    """
    first = trainings[0]
    orders = np.stack([_orders(training, epochs) for training in trainings])  # (runs, orders, samples)
    labels = np.stack([t.dataset.labels[rows] for t, rows in zip(trainings, orders, strict=True)])
    parameters = np.stack([training.parameters for training in trainings])
    found = train_ensemble(
        first.network,
        parameters,
        [training.optimizer for training in trainings],
        stack.inputs,
        orders + stack.offsets(trainings)[:, np.newaxis, np.newaxis],
        labels,
        np.array([[training.schedule(epoch) for epoch in epochs] for training in trainings]),
        batch_size=first.batch_size,
        objectives=[objective_of(training.config, training.dataset) for training in trainings],
        threads=1,  # a sweep has a process for each core
    )
    for training, end in zip(trainings, parameters, strict=True):
        training.parameters[...] = end
    losses = found.losses / len(first.order)
    # A sum of losses may overflow where their mean does not.
    finite = (found.ends == 0) & np.isfinite(parameters).all(axis=1) & np.isfinite(losses).all(axis=1)
    return losses, finite


def _orders(training: Training, epochs: range) -> Indices:
    """The rows of the table in the orders of these epochs, which follow those drawn before.

    (1, samples) if there is one order for all, else (epochs, samples).
    """
    if training.config.data.shuffle != "every_epoch":
        return training.order[np.newaxis]
    rows, count = training.dataset.train_rows, len(training.order)
    return np.stack(
        [rows[training.source.next_order(count)] if epoch else training.order for epoch in epochs]
    )


class _Stack:
    """The tables of trainings, each once, one below the other."""

    def __init__(self, trainings: Sequence[Training]) -> None:
        tables, self._starts, height = list[Array](), dict[Hashable, int](), 0
        for training in trainings:
            if training.dataset.key not in self._starts:
                self._starts[training.dataset.key] = height
                tables.append(training.dataset.inputs)
                height += len(tables[-1])
        self.inputs = np.concatenate(tables)

    def offsets(self, trainings: Sequence[Training]) -> Indices:
        """The row at which each training's table begins, (runs,)."""
        return np.array([self._starts[training.dataset.key] for training in trainings])
