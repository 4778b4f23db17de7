"""The outcome of one run of a sweep."""

from dataclasses import dataclass
from math import nan
from typing import Literal

import numpy as np

from irisbp.config.schema import Config
from irisbp.errors import ConfigError, DataError, IrisbpError
from irisbp.nn.types import Array

UNTRAINABLE = (ConfigError, DataError)
"""What is raised before a run begins if its own seed, fold or setting makes it impossible."""


@dataclass(frozen=True)
class Outcome:
    """The end of a run, and its figures.

    status to which are the manifest's; a run that could not begin has failed, and has no figures. loss and
    accuracy are those of the parameters that `which` names over the training rows, the validation figures
    over the held-out rows (None without any). curve holds the epoch loss of each finished epoch among those
    at which curves are kept, (points,): the mean over its samples, each before its update. lowest_epoch_loss
    is the minimum over all finished epochs, nan if there is none. validation_curve holds the loss over the
    held-out rows at the ends of the same epochs, (points,).
    """

    status: Literal["completed", "diverged", "failed"]
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


def failed(config: Config, error: IrisbpError) -> Outcome:
    """The outcome of a run that cannot be trained: its split may lack a class, for one."""
    holds_out = config.data.holds_out
    return Outcome(
        status="failed",
        reason=str(error).splitlines()[0],
        epochs=0,
        steps=0,
        stopped_early=False,
        best_epoch=None,
        which="last",
        loss=nan,
        accuracy=nan,
        lowest_epoch_loss=nan,
        validation_loss=nan if holds_out else None,
        validation_accuracy=nan if holds_out else None,
        curve=np.empty(0),
        validation_curve=np.empty(0) if holds_out else None,
    )
