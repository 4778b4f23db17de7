"""A run trained again, in memory, to get what its files do not hold: its parameters on the way.

A run repeats to the bit, so these are the parameters it had; `repeats` says whether the last ones are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from irisbp.errors import Diverged
from irisbp.nn.types import Array, Indices
from irisbp.rundir.curves import Thinned
from irisbp.runs.run import Run
from irisbp.training.evaluation import probabilities
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Block, Training

MOST_MOMENTS = 400
MOST_LINES = 50  # of a layer's parameters; of more, QUANTILES are kept
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Moment:
    """The parameters at the end of an epoch (0: the initial ones), as far as pictures show them.

    layers holds each layer's parameters, weights first, or their QUANTILES if there are many. Of the
    true class's probability, training and validation have mean, lower quartile, median and upper
    quartile, (classes, 4); nan for a class without samples. Held-out rows that are not finite are left out.
    """

    epoch: float
    layers: list[Array]
    training: Array
    validation: Array


@dataclass(frozen=True)
class History:
    """Moments from the first parameters to the last, and both of these as flat vectors."""

    moments: list[Moment]
    initial: Array
    final: Array
    repeats: bool


def retrace(run: Run) -> History:
    """Train the run again up to its end."""
    training = prepare(run.config, run.dataset.table)
    last = run.using("last").vector
    initial = training.parameters.copy()
    kept = Thinned(MOST_MOMENTS)
    kept.add(_moment(training, 0.0))
    epoch = 0.0
    for epoch in _epochs(training, run):
        kept.add(_moment(training, epoch) if kept.wants_next else None)
    moments = kept.all()
    if moments[-1].epoch != epoch:
        moments.append(_moment(training, epoch))
    final = training.parameters
    return History(moments, initial, final, repeats=np.array_equal(final, last))


def steps_per_epoch(run: Run) -> int:
    """The number of updates in a pass over the training samples."""
    samples, size = len(run.dataset.train_rows), run.config.batch_size
    return 1 if size == "all" else ceil(samples / size)


def _epochs(training: Training, run: Run) -> Iterator[float]:
    """Train, stopping at the end of every epoch and, if the run ended within one, at that step."""
    manifest, done = run.manifest, 0
    per_epoch = steps_per_epoch(run)
    try:
        for record in train(training):
            if not isinstance(record, Block):
                yield record.epoch
                continue
            done = record.last_step
            if manifest.status == "interrupted" and done >= manifest.steps:
                yield done / per_epoch
                return
    except Diverged:
        yield manifest.steps / per_epoch


def _moment(training: Training, epoch: float) -> Moment:
    network, parameters, dataset = training.network, training.parameters, training.dataset
    true = probabilities(network, parameters, dataset.inputs)
    true = np.take_along_axis(true, dataset.labels[:, None], axis=1)[:, 0]  # (rows,)
    layers = []
    for block in network.blocks(parameters):
        many = block.size > MOST_LINES
        layers.append(np.quantile(block, QUANTILES) if many else block.ravel().copy())
    figures = [
        _by_class(true[rows], dataset.labels[rows], len(dataset.classes))
        for rows in (dataset.train_rows, dataset.held_out_rows[dataset.finite[dataset.held_out_rows]])
    ]
    return Moment(epoch, layers, *figures)


def _by_class(true: Array, labels: Indices, classes: int) -> Array:
    figures = np.full((classes, 4), np.nan)
    for k in np.unique(labels):
        of_class = true[labels == k]
        figures[k] = [of_class.mean(), *np.quantile(of_class, (0.25, 0.5, 0.75))]
    return figures
