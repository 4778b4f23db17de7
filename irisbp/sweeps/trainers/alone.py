"""One run of a sweep by itself, the plain way: the reference for runs that are trained side by side."""

from collections.abc import Iterator

import numpy as np

from irisbp.config.schema import Config
from irisbp.data.table import Table
from irisbp.errors import Diverged
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.trainers.outcome import Outcome
from irisbp.sweeps.trainers.state import Curves, GroupState, state_of
from irisbp.training.evaluation import evaluate
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Epoch, Training
from irisbp.training.stopping import which_parameters


class Alone:
    """A training by itself, with the interface of `group.Trained`; curves hold the epochs before."""

    def __init__(self, training: Training, curves: Curves) -> None:
        self._training, self._curves = training, curves
        self.outcomes: dict[int, Outcome] = {}

    def train(self) -> Iterator[None]:
        """Train to the end, with a pause after each block of samples but the last."""
        reason = None
        try:
            for record in train(self._training):
                if isinstance(record, Epoch):
                    self._note(record)
                if self._is_between_blocks():
                    yield
        except Diverged as error:
            reason = error.reason
        self.outcomes[0] = outcome_of(self._training, self._curves, 0, reason)

    def _is_between_blocks(self) -> bool:
        """Return whether this is a moment to go on from: not the one before an epoch's own record."""
        training, progress = self._training, self._training.progress
        is_over = training.failure is not None or progress.epoch > training.config.epochs
        return not is_over and progress.samples < len(training.order)

    def _note(self, end: Epoch) -> None:
        validation = None if end.validation_loss is None else np.array([end.validation_loss])
        self._curves.note(end.epoch, np.array([0]), np.array([end.loss]), validation)

    def state(self) -> tuple[list[int], GroupState]:
        """The number of the run, 0, and its state."""
        return [0], state_of([self._training], self._curves)


def train_alone(config: Config, table: Table | None = None) -> Outcome:
    """Train a config as `irisbp train` does, without a run directory; its table may be given."""
    return finish_alone(prepare(config, table))


def finish_alone(training: Training, curves: Curves | None = None) -> Outcome:
    """Train the rest of a training to its end; curves, by default of all epochs, hold the epochs before."""
    alone = Alone(training, curves or Curves(every_epoch(training.config), 1))
    for _ in alone.train():
        pass
    return alone.outcomes[0]


def every_epoch(config: Config) -> AnyArray:
    """All epochs of a config: the points of curves that leave nothing out."""
    return np.arange(1, config.epochs + 1)


def outcome_of(training: Training, curves: Curves, number: int, reason: str | None) -> Outcome:
    """The outcome of a training at its end, run `number` of the curves; reason says why it diverged."""
    best, progress = training.best, training.progress
    parameters, which = training.parameters, which_parameters(training.config, training.best is not None)
    if best is not None and which == "best":
        parameters = best.parameters
    data = training.dataset
    fitted = evaluate(training.network, parameters, data, data.train_rows)
    held = (
        evaluate(training.network, parameters, data, data.held_out_rows) if len(data.held_out_rows) else None
    )
    finished = progress.epoch - 1
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
        lowest_epoch_loss=curves.lowest(number),
        validation_loss=held.loss if held else None,
        validation_accuracy=held.accuracy if held else None,
        curve=curves.curve(number, finished),
        validation_curve=curves.validation_curve(number, finished) if held else None,
    )
