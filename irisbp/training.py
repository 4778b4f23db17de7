"""The training loop, as a generator of records: it neither prints nor writes.

A record is a block of samples or the end of an epoch. Whoever listens (the display, the run directory)
takes each as it comes; whoever stops listening stops the training. At every record, the state, the
progress and the best of a Training are all that is needed to go on from there.
"""

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, fsum, isfinite
from typing import Any

import numpy as np

from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset, Standardizer, all_but, classes_by_appearance, make_dataset
from irisbp.data.split import hold_out, one_fold
from irisbp.data.table import Table, load_table
from irisbp.errors import ConfigError, DataError, Diverged
from irisbp.evaluation import classify
from irisbp.nn.arithmetic import arithmetic_of
from irisbp.nn.backprop import Objective
from irisbp.nn.engines import Engine
from irisbp.nn.engines.plain import PlainLoop
from irisbp.nn.initializers import INITIALIZERS, initial_parameters
from irisbp.nn.network import Network
from irisbp.nn.optimizers import NormClipping, Optimizer
from irisbp.nn.random import Source, split_draws
from irisbp.nn.schedules import Schedule, with_warmup
from irisbp.nn.types import Array, Indices

_MOST_PARAMETERS = 10**8
_ROWS_AT_ONCE = 4096  # that are classified together


@dataclass(frozen=True, slots=True)
class Samples:
    """Consecutive samples of one epoch, each with its loss and prediction before its update.

    step is the first one's, counted from 1 over the whole run; batch_size samples share a step. rows are
    rows of the source table, counted from 0; labels and predictions are class indices.
    """

    epoch: int
    step: int
    rows: list[int]
    labels: list[int]
    predictions: list[int]
    losses: list[float]
    batch_size: int = 1

    def step_of(self, k: int) -> int:
        """The step that sample k of this block takes part in."""
        return self.step + k // self.batch_size

    @property
    def last_step(self) -> int:
        """The last sample's step."""
        return self.step_of(len(self.rows) - 1)


@dataclass(frozen=True, slots=True)
class Epoch:
    """The end of an epoch: step is its last; loss and accuracy are means over its samples.

    The validation figures are those of the parameters at its end, None without held-out samples.
    """

    epoch: int
    step: int
    learning_rate: float
    loss: float
    accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


Record = Samples | Epoch


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training has come: samples of this epoch are done, and step updates in all.

    loss is what those samples add to the epoch's mean, correct how many of them were right. Between two
    epochs it stands at the next one's start.
    """

    epoch: int = 1
    samples: int = 0
    step: int = 0
    loss: float = 0.0
    correct: int = 0

    def after(self, block: Samples, count: int) -> "Progress":
        """With a block done, of an epoch of so many samples."""
        correct = sum(map(int.__eq__, block.labels, block.predictions))
        return Progress(
            epoch=self.epoch,
            samples=self.samples + len(block.rows),
            step=block.last_step,
            loss=self.loss + _share(block.losses, count),
            correct=self.correct + correct,
        )


@dataclass
class Best:
    """The parameters at the end of the epoch whose monitored loss was the last to improve by min_delta.

    The training loss of an epoch is that of its samples before their updates, so parameters chosen by
    it are those that the epoch ended with, not those that it measured.
    """

    epoch: int
    loss: float
    parameters: Array


@dataclass
class Training:
    """Everything a run starts from; parameters, optimizer and best change as it trains.

    order is the first epoch's: rows of the table. best is kept if something is monitored: the
    validation loss, or the training loss if early stopping asks for that. failure is set with the block
    that diverges, before the next step raises it: there is no going on from such a block.
    """

    config: Config
    dataset: Dataset
    network: Network
    source: Source
    order: Indices
    parameters: Array
    optimizer: Optimizer
    schedule: Schedule
    progress: Progress = field(default_factory=Progress)
    best: Best | None = None
    stopped_early: bool = False
    failure: Diverged | None = None

    @property
    def batch_size(self) -> int:
        """How many samples an update takes, if there are as many left."""
        size = self.config.batch_size
        return len(self.order) if size == "all" else min(size, len(self.order))

    @property
    def steps(self) -> int:
        """How many updates all epochs make."""
        return self.config.epochs * ceil(len(self.order) / self.batch_size)


def prepare(config: Config, table: Table | None = None) -> Training:
    """The state before the first step: data in order, initial parameters, a fresh optimizer.

    Draws happen in the article's order: first the shuffle of the rows, then the parameters. The config's
    table is read unless it is given.
    """
    _check_engine(config)
    table = table or load_table(config.data.source, config.data.target, config.data.features)
    validation = held_out_rows(config, table)
    training = all_but(validation, len(table.targets))
    arithmetic = arithmetic_of(config.numerics)
    source = arithmetic.sources[config.rng](config.seed)
    shuffled = config.data.shuffle != "never"
    order = training[source.next_order(len(training))] if shuffled else training
    classes = classes_by_appearance(table, order)
    if len(classes) < 2:
        raise DataError(f"{table.source}: every row is of class {classes[0]}; there is nothing to tell apart")
    if len(classes) == len(order) > 2:
        raise DataError(f"{table.source}: every row is of a class of its own; is {table.target} the target?")
    standardizer = Standardizer.fit(table.values[training], table.features, arithmetic.mean_and_sd)
    dataset = make_dataset(table, classes, standardizer, validation)
    network = make_network(config, len(table.features), len(classes))
    _check_memory(config, network, len(table.values))
    sampler = INITIALIZERS[config.initializer.name](**options_of(config.initializer, "bias"))
    drawn = config.initializer.bias == "drawn"
    with np.errstate(all="ignore"):
        parameters = initial_parameters(network, sampler, source.initial, draw_biases=drawn)
    if not np.isfinite(parameters).all():
        raise ConfigError("initializer: initial parameters are beyond float64; smaller ones would be right")
    return Training(
        config=config,
        dataset=dataset,
        network=network,
        source=source,
        order=order,
        parameters=parameters,
        optimizer=_make_optimizer(config, parameters),
        schedule=with_warmup(
            config.schedule.name,
            config.learning_rate,
            config.epochs,
            schedules=arithmetic.schedules,
            **options_of(config.schedule),
        ),
    )


def _check_engine(config: Config) -> None:
    from irisbp.nn.kernel.structure import HOW_TO_INSTALL, available

    if config.engine == "compiled" and not available():
        raise ConfigError(f"engine: compiled needs llvmlite: {HOW_TO_INSTALL}")


def held_out_rows(config: Config, table: Table) -> Indices:
    """The rows for validation, drawn from the seed's own stream for it; empty if none are held out."""
    data = config.data
    if data.validation is not None:
        return hold_out(table.targets, data.validation, split_draws(config.seed))
    if data.folds is not None and data.fold is not None:
        return one_fold(table.targets, data.folds, data.fold, split_draws(config.seed))
    return np.empty(0, dtype=np.int64)


def make_network(config: Config, inputs: int, classes: int) -> Network:
    """The config's network for so many inputs and classes; ConfigError if it cannot fit into memory."""
    network = Network(inputs, config.network.hidden, classes, config.network.activation, config.numerics)
    count = network.parameter_count
    if count > _MOST_PARAMETERS:
        raise ConfigError(
            f"network.hidden: {count} parameters, {count * 8 / 1e9:.1f} GB for each copy of them;"
            f" at most {_MOST_PARAMETERS} are trained here"
        )
    return network


def _check_memory(config: Config, network: Network, rows: int) -> None:
    """ConfigError if training takes more memory than there is for this process, by a low estimate."""
    state = _make_optimizer(config, np.empty(1)).state
    # The parameters and the optimizer's state, once more to go back to, and again as the bytes of a
    # checkpoint; the gradient and the change.
    copies = 3 * (1 + len(state)) + 2
    nodes = sum(config.network.hidden) + network.classes
    values = network.parameter_count * copies + nodes * min(rows, _ROWS_AT_ONCE) * 2
    limit, most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), resource.RLIM_INFINITY
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    limit = limit if soft == most else min(limit, soft)
    if values * 8 > limit:
        raise ConfigError(
            f"network.hidden: {network.parameter_count} parameters and {nodes} nodes take about"
            f" {values * 8 / 1e9:.1f} GB to train; there are {limit / 1e9:.1f} GB"
        )


def objective_of(config: Config) -> Objective:
    """What the config has minimized over a batch."""
    return Objective(config.reduction, config.l2)


def _make_optimizer(config: Config, parameters: Array) -> Optimizer:
    arithmetic, options = arithmetic_of(config.numerics), options_of(config.optimizer)
    optimizer = arithmetic.optimizers[config.optimizer.name](
        parameters.shape, config.learning_rate, **options
    )
    if config.clip_norm is None:
        return optimizer
    return NormClipping(optimizer, config.clip_norm, arithmetic.norm)


def make_engine(training: Training) -> Engine:
    """What runs the training's steps: the config's engine, or the plain one where that is faster."""
    config, network = training.config, training.network
    arguments = network, training.parameters, training.optimizer, training.batch_size, objective_of(config)
    if config.engine == "compiled":
        from irisbp.nn.engines.compiled import CompiledLoop, is_faster

        if is_faster(network, training.batch_size):
            return CompiledLoop(*arguments)
    return PlainLoop(*arguments)


def train(training: Training) -> Iterator[Record]:
    """Train to the end of the last epoch, or until early stopping ends it, yielding records on the way.

    The parameters at any moment are in `training.parameters`. Diverged is raised as soon as a loss
    (or, at the end of a block, a parameter) is not finite; the parameters are then the last finite ones.
    """
    engine = make_engine(training)
    epochs, samples = training.config.epochs, None
    while training.progress.epoch <= epochs and not _is_to_stop(training):
        _begin_epoch(training)
        if samples is None or training.config.data.shuffle == "every_epoch":
            samples = _in_order(training)
        yield from _blocks(engine, training, *samples)
        end = _end_of_epoch(training)
        _note_best(training, end)
        training.progress = Progress(epoch=end.epoch + 1, step=end.step)
        yield end
    training.stopped_early = training.progress.epoch <= epochs


def go_on(training: Training, state: "State", progress: Progress, best: Best | None) -> None:
    """Put a training that has not begun to where another one of the same config and data stood."""
    state.restore(training)
    training.progress, training.best = progress, best
    if training.config.data.shuffle == "every_epoch" and progress.epoch > 1:
        training.source.skip_orders(progress.epoch - 2, len(training.dataset.training))


def _begin_epoch(training: Training) -> None:
    epoch = training.progress.epoch
    if epoch > 1 and training.config.data.shuffle == "every_epoch":
        rows = training.dataset.training
        training.order = rows[training.source.next_order(len(rows))]
    training.optimizer.learning_rate[()] = training.schedule(epoch - 1)


def _share(losses: list[float], count: int) -> float:
    """What losses add to the mean of `count`, which is finite if they are, even where their sum is not."""
    try:
        return fsum(losses) / count
    except OverflowError:
        return fsum([loss / count for loss in losses])


def _end_of_epoch(training: Training) -> Epoch:
    progress, dataset = training.progress, training.dataset
    epoch, step, rate = progress.epoch, progress.step, training.optimizer.learning_rate.item()
    loss, accuracy = progress.loss, progress.correct / progress.samples
    if not len(dataset.validation):
        return Epoch(epoch, step, rate, loss, accuracy)
    inputs, labels = dataset.inputs[dataset.validation], dataset.labels[dataset.validation]
    losses, predictions = classify(training.network, training.parameters, inputs, labels)
    hits = float((predictions == labels).mean())
    mean = arithmetic_of(training.config.numerics).mean(losses)
    return Epoch(epoch, step, rate, loss, accuracy, mean, hits)


def _note_best(training: Training, end: Epoch) -> None:
    """Keep the parameters if the monitored loss has improved."""
    stopping = training.config.early_stopping
    if stopping is None and end.validation_loss is None:
        return
    on_validation = stopping is None or stopping.monitor == "validation"
    loss = end.validation_loss if on_validation else end.loss
    assert loss is not None
    least = stopping.min_delta if stopping else 0.0
    if training.best is None or loss < training.best.loss - least:
        training.best = Best(end.epoch, loss, training.parameters.copy())


def _is_to_stop(training: Training) -> bool:
    """Whether early stopping ends the training here, between two epochs."""
    stopping, best, epochs = training.config.early_stopping, training.best, training.progress.epoch - 1
    return stopping is not None and best is not None and epochs - best.epoch >= stopping.patience


def _in_order(training: Training) -> tuple[Array, Indices]:
    """Inputs and labels in the order of an epoch: to gather them block by block would miss the cache."""
    return training.dataset.inputs[training.order], training.dataset.labels[training.order]


def _blocks(engine: Engine, training: Training, all_inputs: Array, all_labels: Indices) -> Iterator[Samples]:
    """The rest of an epoch, block by block, of all its inputs and labels in their order."""
    epoch, size = training.progress.epoch, training.batch_size
    for start in range(training.progress.samples, len(training.order), engine.block):
        part = slice(start, start + engine.block)
        rows, inputs, labels = training.order[part], all_inputs[part], all_labels[part]
        before = State.of(training)
        losses, predictions = engine.run(inputs, labels)
        trouble = "" if isfinite(losses[-1]) else f"the loss is {losses[-1]}"
        if trouble or not np.isfinite(training.parameters).all():
            count = _return_to_last_finite(before, engine, training, inputs, labels)
            if not trouble:
                trouble = "a parameter is no longer finite"
                losses, predictions = losses[:count], predictions[:count]
        done = len(losses)
        block = Samples(
            epoch=epoch,
            step=training.progress.step + 1,
            rows=rows[:done].tolist(),
            labels=labels[:done].tolist(),
            predictions=predictions,
            losses=losses,
            batch_size=size,
        )
        if trouble:
            training.failure = Diverged(trouble, epoch=epoch, step=block.last_step, sample=block.rows[-1])
        training.progress = training.progress.after(block, len(training.order))
        yield block
        if training.failure:
            raise training.failure


@dataclass(frozen=True)
class State:
    """The arrays that training changes: parameters, and the optimizer's memory by name."""

    parameters: Array
    optimizer: dict[str, Array]

    @classmethod
    def of(cls, training: Training) -> "State":
        """A copy of a training's."""
        memory = {name: array.copy() for name, array in training.optimizer.state.items()}
        return cls(training.parameters.copy(), memory)

    def restore(self, training: Training) -> None:
        """Put all of it back."""
        training.parameters[...] = self.parameters
        for name, array in self.optimizer.items():
            training.optimizer.state[name][...] = array


def _return_to_last_finite(
    before: State, engine: Engine, training: Training, inputs: Array, labels: Indices
) -> int:
    """Repeat a block, a step at a time, up to the last parameters that are finite.

    Returns how many samples it took up to and with the batch whose loss or update was not finite.
    """
    before.restore(training)
    for start in range(0, len(labels), training.batch_size):
        batch = slice(start, start + training.batch_size)
        moment = State.of(training)
        losses, _ = engine.run(inputs[batch], labels[batch])
        if not isfinite(losses[-1]):
            return start + len(losses)
        if not np.isfinite(training.parameters).all():
            moment.restore(training)
            return start + len(losses)
    return len(labels)


def options_of(section: object, *others: str) -> dict[str, Any]:
    """A choice's options: its fields but its name and others that are not its own."""
    return {key: value for key, value in vars(section).items() if key not in ("name", *others)}
