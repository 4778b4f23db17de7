"""The training loop, as a generator of records: it neither prints nor writes.

A record is a block of samples or the end of an epoch. Whoever listens (the display, the run directory)
takes each as it comes; whoever stops listening stops the training.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum, isfinite

import numpy as np

from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset, Standardizer, classes_by_appearance, make_dataset
from irisbp.data.table import load_iris
from irisbp.errors import ConfigError, Diverged
from irisbp.nn.engines.plain import BLOCK, PlainLoop
from irisbp.nn.initializers import INITIALIZERS, initial_parameters
from irisbp.nn.network import Network
from irisbp.nn.optimizers import OPTIMIZERS, Optimizer
from irisbp.nn.random import SOURCES, Source
from irisbp.nn.types import Array, Indices

_MOST_PARAMETERS = 10**8


@dataclass(frozen=True, slots=True)
class Samples:
    """Consecutive samples of one epoch, each with its loss and prediction before its update.

    step is the first one's, counted from 1 over the whole run; rows are rows of the source table,
    counted from 0; labels and predictions are class indices.
    """

    epoch: int
    step: int
    rows: list[int]
    labels: list[int]
    predictions: list[int]
    losses: list[float]


@dataclass(frozen=True, slots=True)
class Epoch:
    """The end of an epoch: step is its last; loss and accuracy are means over its samples."""

    epoch: int
    step: int
    learning_rate: float
    loss: float
    accuracy: float


Record = Samples | Epoch


@dataclass
class Training:
    """Everything a run starts from; parameters and optimizer change as it trains."""

    config: Config
    dataset: Dataset
    network: Network
    source: Source
    order: Indices
    parameters: Array
    optimizer: Optimizer


def prepare(config: Config) -> Training:
    """The state before the first step: data in order, initial parameters, a fresh optimizer.

    Draws happen in the article's order: first the shuffle of the rows, then the parameters.
    """
    table = load_iris()
    source = SOURCES[config.rng](config.seed)
    rows = len(table.values)
    order = np.arange(rows) if config.data.shuffle == "never" else source.next_order(rows)
    classes = classes_by_appearance(table, order)
    dataset = make_dataset(table, classes, Standardizer.fit(table.values, table.features))
    network = make_network(config, dataset)
    sampler = INITIALIZERS[config.initializer.name](**_options(config.initializer, "bias"))
    parameters = initial_parameters(
        network, sampler, source.initial, draw_biases=config.initializer.bias == "drawn"
    )
    optimizer = OPTIMIZERS[config.optimizer.name](
        parameters.shape, config.learning_rate, **_options(config.optimizer)
    )
    return Training(config, dataset, network, source, order, parameters, optimizer)


def make_network(config: Config, dataset: Dataset) -> Network:
    """The config's network for this data; ConfigError if it cannot fit into memory."""
    network = Network(
        inputs=len(dataset.table.features),
        hidden=config.network.hidden,
        classes=len(dataset.classes),
        activation=config.network.activation,
    )
    count = network.parameter_count
    if count > _MOST_PARAMETERS:
        raise ConfigError(
            f"network.hidden: {count} parameters, {count * 8 / 1e9:.1f} GB for each copy of them;"
            f" at most {_MOST_PARAMETERS} are trained here"
        )
    return network


def train(training: Training) -> Iterator[Record]:
    """Train to the end of the last epoch, yielding records on the way.

    The parameters at any moment are in `training.parameters`. Diverged is raised as soon as a loss
    (or, at the end of a block, a parameter) is not finite; the parameters are then the last finite ones.
    """
    engine = PlainLoop(training.network, training.parameters, training.optimizer)
    config, step = training.config, 0
    for epoch in range(1, config.epochs + 1):
        if epoch > 1 and config.data.shuffle == "every_epoch":
            training.order = training.source.next_order(len(training.order))
        loss, correct = 0.0, 0
        for block in _blocks(engine, training, epoch, step):
            loss += fsum(block.losses)
            correct += sum(map(int.__eq__, block.labels, block.predictions))
            step += len(block.rows)
            yield block
        count = len(training.order)
        yield Epoch(epoch, step, training.optimizer.learning_rate.item(), loss / count, correct / count)


def _blocks(engine: PlainLoop, training: Training, epoch: int, step: int) -> Iterator[Samples]:
    """One epoch, block by block; step is the last one before it."""
    for start in range(0, len(training.order), BLOCK):
        rows = training.order[start : start + BLOCK]
        inputs, labels = training.dataset.inputs[rows], training.dataset.labels[rows]
        before = _Moment(training)
        losses, predictions = engine.run(inputs, labels)
        trouble = "" if isfinite(losses[-1]) else f"the loss is {losses[-1]}"
        if trouble or not np.isfinite(training.parameters).all():
            count = _return_to_last_finite(before, engine, training, inputs, labels)
            if not trouble:
                trouble = "a parameter is no longer finite"
                losses, predictions = losses[:count], predictions[:count]
        done = len(losses)
        first = step + start + 1
        yield Samples(epoch, first, rows[:done].tolist(), labels[:done].tolist(), predictions, losses)
        if trouble:
            raise Diverged(trouble, epoch=epoch, step=first + done - 1, sample=int(rows[done - 1]))


class _Moment:
    """A copy of all that training changes."""

    def __init__(self, training: Training) -> None:
        self._parameters = training.parameters.copy()
        self._state = {name: array.copy() for name, array in training.optimizer.state.items()}

    def restore(self, training: Training) -> None:
        training.parameters[...] = self._parameters
        for name, array in self._state.items():
            training.optimizer.state[name][...] = array


def _return_to_last_finite(
    before: _Moment, engine: PlainLoop, training: Training, inputs: Array, labels: Indices
) -> int:
    """Repeat a block, a step at a time, up to the last parameters that are finite.

    Returns how many samples it took up to and with the one whose loss or update was not finite.
    """
    before.restore(training)
    for k in range(len(labels)):
        moment = _Moment(training)
        losses, _ = engine.run(inputs[k : k + 1], labels[k : k + 1])
        if not isfinite(losses[0]):
            return k + 1
        if not np.isfinite(training.parameters).all():
            moment.restore(training)
            return k + 1
    return len(labels)


def _options(section: object, *others: str) -> dict[str, float]:
    """A choice's options: its fields but its name and others that are not its own."""
    return {key: value for key, value in vars(section).items() if key not in ("name", *others)}
