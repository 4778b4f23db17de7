"""What became of one run of a sweep."""

from dataclasses import dataclass
from typing import Literal

from irisbp.nn.types import Array


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and its figures.

    status to which are the manifest's. loss and accuracy are those of the parameters that `which` names
    over the samples trained on, the validation figures over those held out (None without any). The curves
    hold the loss of each finished epoch, (epochs,); best_loss is the lowest, nan if no epoch was finished.
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
    best_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    curve: Array
    validation_curve: Array | None
