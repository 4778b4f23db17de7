"""Runs of one shape, trained side by side by compiled code.

It tells of each epoch's losses, but lets nothing be asked between two epochs: runs with held-out samples or
early stopping are not trained so.
"""

from collections.abc import Sequence

import numpy as np

from irisbp.config.schema import Config
from irisbp.data.table import Table
from irisbp.nn.engines.compiled import is_faster
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices
from irisbp.sweep.alone import go_on_alone, outcome_of
from irisbp.sweep.outcome import Outcome
from irisbp.training import Progress, Training, objective_of, prepare

_MOST_ROWS = 2**24  # of all epochs' orders of the runs at once


def is_compiled(config: Config, network: Network, batch_size: int) -> bool:
    """Whether runs of this config are trained side by side by compiled code."""
    watched = config.early_stopping is not None or config.data.validation or config.data.folds
    return config.engine == "compiled" and not watched and is_faster(network, batch_size)


def runs_at_once(training: Training) -> int:
    """How many such runs' orders are held at once."""
    return max(1, _MOST_ROWS // (len(training.order) * _orders(training)))


def train_compiled(trainings: Sequence[Training], table: Table) -> list[Outcome]:
    """The outcomes of trainings that have not begun, equal in shape, optimizer and number of epochs."""
    from irisbp.nn.engines.compiled_ensemble import train_ensemble

    first = trainings[0]
    inputs, offsets = _stack(trainings)
    orders = np.stack([_rows(training) for training in trainings])  # (runs, orders, samples)
    labels = np.stack([t.dataset.labels[rows] for t, rows in zip(trainings, orders, strict=True)])
    parameters = np.stack([training.parameters for training in trainings])
    found = train_ensemble(
        first.network,
        parameters,
        [training.optimizer for training in trainings],
        inputs,
        orders + np.array(offsets)[:, np.newaxis, np.newaxis],
        labels,
        np.array([[t.schedule(epoch) for epoch in range(t.config.epochs)] for t in trainings]),
        batch_size=first.batch_size,
        objective=objective_of(first.config),
        threads=1,  # a sweep has a process for each core
    )
    curves = found.losses / len(first.order)
    # A sum of losses may overflow where their mean does not.
    finite = (found.ends == 0) & np.isfinite(parameters).all(axis=1) & np.isfinite(curves).all(axis=1)
    return [
        _completed(training, parameters[run], curves[run])
        if finite[run]
        else go_on_alone(prepare(training.config, table), [], [])  # to where it diverges, if it does
        for run, training in enumerate(trainings)
    ]


def _completed(training: Training, parameters: Array, curve: Array) -> Outcome:
    training.parameters[...] = parameters
    training.progress = Progress(epoch=training.config.epochs + 1, step=training.steps)
    return outcome_of(training, curve, np.empty(0), None)


def _orders(training: Training) -> int:
    return training.config.epochs if training.config.data.shuffle == "every_epoch" else 1


def _rows(training: Training) -> Indices:
    """The rows of the table in each epoch's order, (1 or epochs, samples)."""
    rows, count = training.dataset.training, len(training.order)
    later = [rows[training.source.next_order(count)] for _ in range(_orders(training) - 1)]
    return np.stack([training.order, *later])


def _stack(trainings: Sequence[Training]) -> tuple[Array, list[int]]:
    """The tables, each once, and where each training's begins."""
    tables, starts, offsets = list[Array](), dict[bytes, int](), list[int]()
    for training in trainings:
        data = training.dataset
        key = data.standardizer.mean.tobytes() + data.standardizer.sd.tobytes()
        if key not in starts:
            starts[key] = sum(map(len, tables))
            tables.append(data.inputs)
        offsets.append(starts[key])
    return np.concatenate(tables), offsets
