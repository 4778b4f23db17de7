"""The state of runs that are trained side by side, from which their training can go on, and their curves.

All arrays have the runs last, so that the state of some of them is a state, too: a part can be cut anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irisbp.nn.types import Array, Indices
from irisbp.rundir.arrays import AnyArray
from irisbp.training.setup import resume_from
from irisbp.training.state import Best, Progress, Snapshot, Training
from irisbp.training.stopping import StoppingRule


@dataclass(frozen=True)
class GroupState:
    """Runs between two blocks of samples: of this epoch, counted from 1, so many samples are done.

    arrays are parameters, optimizer.NAME, best_parameters (parameters, runs); loss, the epoch's mean so far,
    lowest, best_loss and best_epoch (runs,), an epoch of 0 for none; curve and validation_curve (points,
    runs). What an optimizer keeps once for all runs is 0-d. best_parameters may have no rows if nothing is
    monitored.
    """

    epoch: int
    samples: int
    arrays: dict[str, AnyArray]

    def __len__(self) -> int:
        """The number of runs."""
        return int(self.arrays["parameters"].shape[-1])

    @property
    def position(self) -> tuple[int, int]:
        """The epoch, and the samples of it that are done: the larger, the farther."""
        return self.epoch, self.samples

    @property
    def nbytes(self) -> int:
        """The size of its arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def pick(self, places: Sequence[int] | slice) -> "GroupState":
        """The state of the runs at these places."""
        picked = {name: a[..., places].copy() if a.ndim else a for name, a in self.arrays.items()}
        return GroupState(self.epoch, self.samples, picked)

    def fits(self, trainings: Sequence[Training], points: AnyArray) -> bool:
        """Return whether it can be the state of these runs, whose curves are kept at these epochs."""
        first, runs = trainings[0], len(trainings)
        side_by_side = (len(first.parameters), runs)
        memory = {name: side_by_side if a.ndim else () for name, a in first.optimizer.state.items()}
        wanted: dict[str, tuple[int, ...]] = {
            "parameters": side_by_side,
            **{f"optimizer.{name}": shape for name, shape in memory.items()},
            **dict.fromkeys(("loss", "lowest", "best_loss", "best_epoch"), (runs,)),
            **dict.fromkeys(("curve", "validation_curve"), (len(points), runs)),
            "best_parameters": side_by_side,
        }
        shapes = {name: array.shape for name, array in self.arrays.items()}
        if not any(map(monitors, trainings)) and shapes.get("best_parameters") == (0, runs):
            wanted["best_parameters"] = (0, runs)
        integers = {name for name, array in self.arrays.items() if array.dtype == np.int64}
        others = {array.dtype for name, array in self.arrays.items() if name != "best_epoch"}
        return (
            shapes == wanted
            and integers == {"best_epoch"}
            and others == {np.dtype(np.float64)}
            and 1 <= self.epoch <= first.config.epochs
            and 0 <= self.samples < len(first.order)
            and self.samples % first.batch_size == 0
        )

    def restore(self, training: Training, k: int) -> None:
        """Put a training that has not begun to where run k stands."""
        arrays = {name: array[..., k] if array.ndim else array for name, array in self.arrays.items()}
        memory = {name: arrays[f"optimizer.{name}"] for name in training.optimizer.state}
        updates = -(-len(training.order) // training.batch_size)
        step = (self.epoch - 1) * updates + self.samples // training.batch_size
        best = None
        if arrays["best_epoch"]:
            best = Best(
                int(arrays["best_epoch"]), float(arrays["best_loss"]), arrays["best_parameters"].copy()
            )
        progress = Progress(self.epoch, self.samples, step, float(arrays["loss"]))
        resume_from(training, Snapshot(arrays["parameters"], memory), progress, best)


def monitors(training: Training) -> bool:
    """Return whether a run keeps its best parameters."""
    return bool(StoppingRule.of(training.config).monitors(len(training.dataset.held_out_rows) > 0))


def state_of(trainings: Sequence[Training], curves: "Curves") -> GroupState:
    """The state of trainings between two of their records, with their curves."""
    first = trainings[0]

    def stacked(arrays: Sequence[Array]) -> Array:
        return np.stack(arrays, axis=-1) if arrays[0].ndim else arrays[0].copy()

    memory = {
        f"optimizer.{name}": stacked([training.optimizer.state[name] for training in trainings])
        for name in first.optimizer.state
    }
    bests = [training.best for training in trainings]
    kept = [b.parameters if b else np.zeros_like(first.parameters) for b in bests]
    has_best = any(map(monitors, trainings))
    arrays: dict[str, AnyArray] = {
        "parameters": stacked([training.parameters for training in trainings]),
        **memory,
        "loss": np.array([training.progress.loss for training in trainings]),
        "best_epoch": np.array([b.epoch if b else 0 for b in bests], np.int64),
        "best_loss": np.array([b.loss if b else np.inf for b in bests]),
        "best_parameters": stacked(kept) if has_best else np.zeros((0, len(trainings))),
        **curves.arrays(),
    }
    return GroupState(first.progress.epoch, first.progress.samples, arrays)


class Curves:
    """The losses of runs at the ends of some epochs, (points, runs), and each run's lowest, (runs,).

    They are nan where there is none. A curve of every epoch of a long sweep would be larger than all else.
    """

    def __init__(self, points: AnyArray, runs: int, state: GroupState | None = None) -> None:
        self._points, shape = points, (len(points), runs)
        self._losses, self._validation_losses = np.full(shape, np.nan), np.full(shape, np.nan)
        self._lowest = np.full(runs, np.nan)
        if state is not None:
            for name, array in self.arrays().items():
                array[...] = state.arrays[name]

    def arrays(self) -> dict[str, Array]:
        """The arrays themselves, by their names in a state."""
        return {
            "curve": self._losses,
            "validation_curve": self._validation_losses,
            "lowest": self._lowest,
        }

    def note(self, epoch: int, runs: Indices, losses: Array, validation_losses: Array | None) -> None:
        """Take the losses (runs,) at the end of an epoch, of the runs with these numbers."""
        self._lowest[runs] = np.fmin(self._lowest[runs], losses)
        place = int(np.searchsorted(self._points, epoch))
        if place < len(self._points) and self._points[place] == epoch:
            self._losses[place, runs] = losses
            if validation_losses is not None:
                self._validation_losses[place, runs] = validation_losses

    def of_runs(self, runs: Sequence[int]) -> "Curves":
        """A copy of some runs' curves."""
        some = Curves(self._points, len(runs))
        for name, array in some.arrays().items():
            array[...] = self.arrays()[name][..., runs]
        return some

    def lowest(self, run: int) -> float:
        """A run's lowest loss at the end of an epoch, nan if there was none."""
        return float(self._lowest[run])

    def curve(self, run: int, epochs: int) -> Array:
        """A run's losses at the points among so many epochs."""
        return np.asarray(self._losses[self._points <= epochs, run])

    def validation_curve(self, run: int, epochs: int) -> Array:
        """The same of the held-out rows."""
        return np.asarray(self._validation_losses[self._points <= epochs, run])
