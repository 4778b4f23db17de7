"""One run of a sweep by itself, the plain way: the reference for runs that are trained side by side."""

import numpy as np

from irisbp.config.schema import Config
from irisbp.data.table import Table
from irisbp.errors import Diverged
from irisbp.nn.types import Array
from irisbp.sweeps.trainers.outcome import Outcome
from irisbp.training.evaluation import evaluate
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Epoch, Training
from irisbp.training.stopping import which_parameters


def train_alone(config: Config, table: Table | None = None) -> Outcome:
    """Train a config as `irisbp train` does, without a run directory; its table may be given."""
    return finish_alone(prepare(config, table), [], [])


def finish_alone(training: Training, losses: list[float], validation_losses: list[float]) -> Outcome:
    """Train the rest of a training to its end; the lists are the losses of the epochs before."""
    reason = None
    try:
        for record in train(training):
            if isinstance(record, Epoch):
                losses.append(record.loss)
                if record.validation_loss is not None:
                    validation_losses.append(record.validation_loss)
    except Diverged as error:
        reason = error.reason
    return outcome_of(training, np.array(losses), np.array(validation_losses), reason)


def outcome_of(training: Training, curve: Array, validation_curve: Array, reason: str | None) -> Outcome:
    """The outcome of a training that has come to its end; reason says why it diverged, if it did."""
    best, progress = training.best, training.progress
    parameters, which = training.parameters, which_parameters(training.config, training.best is not None)
    if best is not None and which == "best":
        parameters = best.parameters
    data = training.dataset
    fitted = evaluate(training.network, parameters, data, data.train_rows)
    held = (
        evaluate(training.network, parameters, data, data.held_out_rows) if len(data.held_out_rows) else None
    )
    return Outcome(
        status="completed" if reason is None else "diverged",
        reason=reason,
        epochs=progress.epoch - (progress.samples == 0),
        steps=progress.step - (reason is not None),
        stopped_early=training.stopped_early,
        best_epoch=best.epoch if best else None,
        which=which,
        loss=fitted.loss,
        accuracy=fitted.accuracy,
        lowest_epoch_loss=float(curve.min()) if len(curve) else np.nan,
        validation_loss=held.loss if held else None,
        validation_accuracy=held.accuracy if held else None,
        curve=curve,
        validation_curve=validation_curve if held else None,
    )
