"""Runs of one shape, trained side by side by compiled code.

It returns each epoch's losses, but nothing can be measured between two epochs: runs with held-out samples or
early stopping are not trained this way.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from irisbp.config.schema import Config
from irisbp.data.table import Table
from irisbp.nn.engines.many.compiled import train_ensemble
from irisbp.nn.engines.one.compiled import is_faster
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices
from irisbp.sweeps.trainers.alone import finish_alone, outcome_of
from irisbp.sweeps.trainers.outcome import Outcome
from irisbp.training.setup import objective_of, prepare
from irisbp.training.state import Progress, Training

_UPDATES = 2**15  # of a run, after which signals are handled and progress is reported
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


def train_compiled(
    trainings: Sequence[Training], table: Table, report: Callable[[int], None]
) -> list[Outcome]:
    """The outcomes of trainings that have not begun, equal in shape, optimizer and number of epochs.

    report is called with how many more of their epochs are settled.
    """
    first, inputs = trainings[0], _Stack(trainings)
    epochs, size = first.config.epochs, _epochs_at_once(first)
    curves, sound = np.empty((len(trainings), epochs)), list(range(len(trainings)))
    for start in range(0, epochs, size):
        part = range(start, min(start + size, epochs))
        if sound:
            losses, finite = _train_epochs([trainings[run] for run in sound], part, inputs)
            curves[sound, part.start : part.stop] = losses
            sound = [run for run, is_finite in zip(sound, finite, strict=True) if is_finite]
        report(len(part) * len(trainings))
    completed = set(sound)
    return [
        _completed(training, curves[run])
        if run in completed
        else finish_alone(prepare(training.config, table), [], [])  # to where it diverges, if it does
        for run, training in enumerate(trainings)
    ]


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


def _completed(training: Training, curve: Array) -> Outcome:
    training.progress = Progress(epoch=training.config.epochs + 1, step=training.steps)
    return outcome_of(training, curve, np.empty(0), None)


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
