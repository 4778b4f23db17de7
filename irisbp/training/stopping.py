"""The rule for a run's best parameters and for early stopping: of one run, or of many side by side.

Monitored is the loss over the held-out samples at the end of an epoch or, where early stopping asks for it,
the epoch's training loss. An epoch is the best so far if it improves that by more than min_delta; a loss that
is not finite never does. Early stopping ends a run after `patience` epochs without an improvement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import numpy as np

from irisbp.config.schema import Config


@dataclass(frozen=True)
class StoppingRule:
    """What its fields say is of one run, numbers, or of many, arrays (runs,), and so are all results.

    patience is infinite for a run that never stops early.
    """

    patience: Any
    min_delta: Any
    on_training: Any

    @classmethod
    def of(cls, config: Config) -> "StoppingRule":
        """One run's."""
        stopping = config.early_stopping
        if stopping is None:
            return cls(inf, 0.0, False)
        return cls(stopping.patience, stopping.min_delta, stopping.monitor == "training")

    @classmethod
    def of_many(cls, configs: Sequence[Config]) -> "StoppingRule":
        """Of runs side by side."""
        rules = [cls.of(config) for config in configs]
        return cls(*(np.array([getattr(rule, name) for rule in rules]) for name in cls.__annotations__))

    def of_runs(self, numbers: Any) -> "StoppingRule":
        """Of some of many runs, by their numbers."""
        return StoppingRule(self.patience[numbers], self.min_delta[numbers], self.on_training[numbers])

    def monitors(self, held_out: bool) -> Any:
        """Whether anything is monitored, with or without samples held out."""
        return self.on_training | held_out

    def monitored(self, loss: Any, held_out_loss: Any) -> Any:
        """An epoch's monitored loss; held_out_loss may be None where nothing is held out."""
        return loss if held_out_loss is None else np.where(self.on_training, loss, held_out_loss)

    def improves(self, loss: Any, best: Any) -> Any:
        """Whether a monitored loss is better than the best so far, infinite where there is none yet."""
        return loss < best - self.min_delta

    def is_over(self, epochs: Any, best_epoch: Any) -> Any:
        """Whether early stopping ends a run after so many epochs, whose best was that one (0: none yet)."""
        return epochs - best_epoch >= self.patience


def which_parameters(config: Config, has_best: bool) -> Literal["last", "best"]:
    """Which parameters a run is judged and used by."""
    stopping = config.early_stopping
    return "best" if has_best and stopping and stopping.restore_best else "last"
