"""The rule for a run's best parameters and for early stopping: of one run, or of many side by side.

The monitored loss is that of the held-out samples at the end of an epoch or, if early stopping asks for it,
the epoch's training loss. An epoch is the best so far if it improves that by more than min_delta, and by more
than rounding; a loss that is not finite never does. Early stopping ends a run after `patience` epochs without
an improvement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import numpy as np

from irisbp.config.schema import Config

# Engines and machines differ by less: the best epoch does not depend on which of them is used.
_NOTICEABLE = 1.0 - 1e-12


@dataclass(frozen=True)
class StoppingRule:
    """The rule of one run or of many: fields and results are numbers, or arrays (runs,).

    patience is infinite for a run that never stops early.
    """

    patience: Any
    min_delta: Any
    on_training: Any

    @classmethod
    def of(cls, config: Config) -> "StoppingRule":
        """The rule of one run."""
        stopping = config.early_stopping
        if stopping is None:
            return cls(inf, 0.0, False)
        return cls(stopping.patience, stopping.min_delta, stopping.monitor == "training")

    @classmethod
    def of_many(cls, configs: Sequence[Config]) -> "StoppingRule":
        """The rule of runs side by side."""
        rules = [cls.of(config) for config in configs]
        return cls(*(np.array([getattr(rule, name) for rule in rules]) for name in cls.__annotations__))

    def of_runs(self, numbers: Any) -> "StoppingRule":
        """The rule of some of many runs, by their numbers."""
        return StoppingRule(self.patience[numbers], self.min_delta[numbers], self.on_training[numbers])

    def monitors(self, held_out: bool) -> Any:
        """Return whether anything is monitored, with or without held-out samples."""
        return self.on_training | held_out

    def monitored(self, loss: Any, held_out_loss: Any) -> Any:
        """An epoch's monitored loss; held_out_loss may be None where nothing is held out."""
        return loss if held_out_loss is None else np.where(self.on_training, loss, held_out_loss)

    def improves(self, loss: Any, best: Any) -> Any:
        """Return whether a monitored loss is better than the best so far (infinite: none yet)."""
        return (loss < best - self.min_delta) & (loss < best * _NOTICEABLE)

    def is_over(self, epochs: Any, best_epoch: Any) -> Any:
        """Return whether early stopping ends a run after so many epochs, given the best one (0: none yet)."""
        return epochs - best_epoch >= self.patience


def which_parameters(config: Config, has_best: bool) -> Literal["last", "best"]:
    """The parameters that a run's figures and predictions use."""
    stopping = config.early_stopping
    return "best" if has_best and stopping and stopping.restore_best else "last"
