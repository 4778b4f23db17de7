"""The training loop, as a generator of records: it neither prints nor writes.

The consumer (the display, the run directory) takes each record as it comes; a consumer that stops iterating
stops the training.
"""

from collections.abc import Iterator
from math import inf, isfinite

import numpy as np

from irisbp.errors import Diverged
from irisbp.nn.engines import Engine
from irisbp.nn.engines.one.compiled import CompiledLoop, is_faster
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.nn.numerics.choice import numerics_of
from irisbp.nn.types import Array, Indices
from irisbp.training.causes import cause_of
from irisbp.training.evaluation import classify
from irisbp.training.setup import objective_of
from irisbp.training.state import Best, Block, Epoch, Progress, Record, Snapshot, Training
from irisbp.training.stopping import StoppingRule


def make_engine(training: Training) -> Engine:
    """The engine for a training's steps: the config's, or the plain one where that is faster."""
    config, network = training.config, training.network
    objective = objective_of(config, training.dataset)
    arguments = network, training.parameters, training.optimizer, training.batch_size, objective
    if config.engine == "compiled" and is_faster(network, training.batch_size):
        return CompiledLoop(*arguments)
    return PlainLoop(*arguments)


def train(training: Training) -> Iterator[Record]:
    """Train to the end of the last epoch, or until early stopping ends it, yielding records on the way.

    The parameters at any moment are in `training.parameters`. Diverged is raised as soon as a loss
    (or, at the end of a block, a parameter) is not finite; the parameters are then the last finite ones.
    """
    engine = make_engine(training)
    epochs, samples = training.config.epochs, None
    while training.progress.epoch <= epochs and not _is_over(training):
        _begin_epoch(training)
        if samples is None or training.config.data.shuffle == "every_epoch":
            samples = _in_order(training)
        yield from _blocks(engine, training, *samples)
        end = _end_of_epoch(training)
        _note_best(training, end)
        training.progress = Progress(epoch=end.epoch + 1, step=end.step)
        yield end
    training.stopped_early = training.progress.epoch <= epochs


def _begin_epoch(training: Training) -> None:
    epoch = training.progress.epoch
    if epoch > 1 and training.config.data.shuffle == "every_epoch":
        rows = training.dataset.train_rows
        training.order = rows[training.source.next_order(len(rows))]
    training.optimizer.learning_rate[()] = training.schedule(epoch - 1)


def _end_of_epoch(training: Training) -> Epoch:
    progress, dataset = training.progress, training.dataset
    epoch, step, rate = progress.epoch, progress.step, training.optimizer.learning_rate.item()
    loss, accuracy = progress.loss, progress.correct / progress.samples
    if not len(dataset.held_out_rows):
        return Epoch(epoch, step, rate, loss, accuracy)
    inputs, labels = dataset.inputs[dataset.held_out_rows], dataset.labels[dataset.held_out_rows]
    losses, predictions = classify(training.network, training.parameters, inputs, labels)
    hits = float((predictions == labels).mean())
    mean = numerics_of(training.config.numerics).mean(losses)
    return Epoch(epoch, step, rate, loss, accuracy, mean, hits)


def _note_best(training: Training, end: Epoch) -> None:
    """Keep the parameters if the monitored loss has improved."""
    rule, best = StoppingRule.of(training.config), training.best
    if not rule.monitors(end.validation_loss is not None):
        return
    loss = float(rule.monitored(end.loss, end.validation_loss))
    if rule.improves(loss, best.loss if best else inf):
        training.best = Best(end.epoch, loss, training.parameters.copy())


def _is_over(training: Training) -> bool:
    """Return whether early stopping ends the training here, between two epochs."""
    best_epoch = training.best.epoch if training.best else 0
    return bool(StoppingRule.of(training.config).is_over(training.progress.epoch - 1, best_epoch))


def _in_order(training: Training) -> tuple[Array, Indices]:
    """Inputs and labels in the order of an epoch; gathering them block by block would miss the cache."""
    return training.dataset.inputs[training.order], training.dataset.labels[training.order]


def _blocks(engine: Engine, training: Training, all_inputs: Array, all_labels: Indices) -> Iterator[Block]:
    """The rest of an epoch, block by block, of all its inputs and labels in their order."""
    epoch, size = training.progress.epoch, training.batch_size
    for start in range(training.progress.samples, len(training.order), engine.block):
        part = slice(start, start + engine.block)
        rows, inputs, labels = training.order[part], all_inputs[part], all_labels[part]
        before = Snapshot.of(training)
        losses, predictions = engine.run(inputs, labels)
        trouble = "" if isfinite(losses[-1]) else f"the loss is {losses[-1]}"
        if trouble or not np.isfinite(training.parameters).all():
            count = _return_to_last_finite(before, engine, training, inputs, labels)
            if not trouble:
                trouble = "a parameter is no longer finite"
                losses, predictions = losses[:count], predictions[:count]
        done = len(losses)
        block = Block(
            epoch=epoch,
            step=training.progress.step + 1,
            rows=rows[:done].tolist(),
            labels=labels[:done].tolist(),
            predictions=predictions,
            losses=losses,
            batch_size=size,
        )
        if trouble:
            training.failure = Diverged(
                trouble,
                epoch=epoch,
                step=block.last_step,
                sample=block.rows[-1],
                advice=cause_of(training.config),
            )
        training.progress = training.progress.after(block, len(training.order))
        yield block
        if training.failure:
            raise training.failure


def _return_to_last_finite(
    before: Snapshot, engine: Engine, training: Training, inputs: Array, labels: Indices
) -> int:
    """Repeat a block, a step at a time, up to the last parameters that are finite.

    Returns how many samples it took up to and with the batch whose loss or update was not finite.
    """
    before.restore(training)
    for start in range(0, len(labels), training.batch_size):
        batch = slice(start, start + training.batch_size)
        moment = Snapshot.of(training)
        losses, _ = engine.run(inputs[batch], labels[batch])
        if not isfinite(losses[-1]):
            return start + len(losses)
        if not np.isfinite(training.parameters).all():
            moment.restore(training)
            return start + len(losses)
    return len(labels)
