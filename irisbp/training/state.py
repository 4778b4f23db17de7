"""The state of a training: the records it yields, how far it has come, and the arrays that change.

A record is a block of samples or the end of an epoch. At every record, the snapshot, the progress and the
best of a Training are all that is needed to resume from there.
"""

from dataclasses import dataclass, field
from math import ceil, fsum

from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset
from irisbp.errors import Diverged
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Optimizer
from irisbp.nn.random import Source
from irisbp.nn.schedules import Schedule
from irisbp.nn.types import Array, Indices
from irisbp.training.evaluation import Scores


@dataclass(frozen=True, slots=True)
class Block:
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


Record = Block | Epoch


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a training: samples of this epoch are done, and step updates in all.

    loss is what those samples add to the epoch's mean, correct how many of them were right. Between two
    epochs it is the start of the next one.
    """

    epoch: int = 1
    samples: int = 0
    step: int = 0
    loss: float = 0.0
    correct: int = 0

    def after(self, block: Block, count: int) -> "Progress":
        """The progress after a block of an epoch of `count` samples."""
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
    that diverges, before the next step raises it: no training continues from such a block. scores are those
    of the training rows by the parameters that it ends with, once they are computed.
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
    scores: Scores | None = None

    @property
    def batch_size(self) -> int:
        """The number of samples of an update; an epoch's last update may have fewer."""
        return batch_size_of(self.config, len(self.order))

    @property
    def steps(self) -> int:
        """The number of updates in all epochs."""
        return self.config.epochs * ceil(len(self.order) / self.batch_size)


@dataclass(frozen=True)
class Snapshot:
    """The arrays that training changes: parameters, and the optimizer's memory by name."""

    parameters: Array
    optimizer: dict[str, Array]

    @classmethod
    def of(cls, training: Training) -> "Snapshot":
        """A copy of a training's arrays."""
        memory = {name: array.copy() for name, array in training.optimizer.state.items()}
        return cls(training.parameters.copy(), memory)

    def restore(self, training: Training) -> None:
        """Copy all arrays back into a training."""
        training.parameters[...] = self.parameters
        for name, array in self.optimizer.items():
            training.optimizer.state[name][...] = array


def batch_size_of(config: Config, samples: int) -> int:
    """The number of samples of an update, where an epoch has so many samples."""
    return samples if config.batch_size == "all" else min(config.batch_size, samples)


def _share(losses: list[float], count: int) -> float:
    """The share of losses in a mean of `count`: finite if they are, even if their sum overflows."""
    try:
        return fsum(losses) / count
    except OverflowError:
        return fsum([loss / count for loss in losses])
