"""The outcome of one run of a sweep."""

from dataclasses import dataclass
from typing import Literal

from irisbp.nn.types import Array


@dataclass(frozen=True)
class Outcome:
    """The end of a run, and its figures.

    status to which are the manifest's. loss and accuracy are those of the parameters that `which` names
    over the training rows, the validation figures over the held-out rows (None without any). curve holds the
    epoch loss of each finished epoch, (epochs,): the mean over its samples, each before its update;
    lowest_epoch_loss is its minimum, nan if no epoch was finished. validation_curve holds the loss over the
    held-out rows at the end of each epoch, (epochs,).
    """

    status: Literal["completed", "diverged"]
    reason: str | None
    epochs: int
    steps: int
    stopped_early: bool
    best_epoch: int | None
    which: Literal["last", "best"]
    loss: float
    accuracy: float
    lowest_epoch_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    curve: Array
    validation_curve: Array | None
