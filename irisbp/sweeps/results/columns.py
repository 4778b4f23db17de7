"""The outcomes of all runs of a sweep: columns with an entry for each row, and the table made of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from irisbp.data.cells import cell
from irisbp.data.cells import row as csv_row
from irisbp.errors import RunError
from irisbp.nn.types import Array
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.trainers.outcome import Outcome

FIGURES = ("loss", "accuracy", "validation_loss", "validation_accuracy")
HEADER = (
    "status",
    "loss",
    "lowest_epoch_loss",
    "accuracy",
    "validation_loss",
    "validation_accuracy",
    "epochs_begun",
    "steps",
    "stopped_early",
    "best_epoch",
    "parameters",
    "reason",
)
NO_EPOCH = -1  # the best epoch of a run that monitored none
_LONGEST_REASON = 300  # bytes
_MOST_VALUES = 4_000_000  # of a curve, in all rows together
_MOST_POINTS, _FEWEST_POINTS = 200, 4  # of a row's curve

_NUMBERS = ("loss", "lowest_epoch_loss", "accuracy", "validation_loss", "validation_accuracy")
_COUNTS = ("epochs", "steps", "best_epoch", "diverged", "failed", "held_out", "stopped_early", "uses_best")
_CURVES = ("curve", "validation_curve")


@dataclass(frozen=True)
class Results:
    """Columns (rows,) and curves (rows, points): the loss at these epochs, nan where there is none.

    A figure that was not measured, since nothing was held out, is nan. reasons says why a run diverged or
    failed.
    """

    epochs: AnyArray
    columns: dict[str, AnyArray]
    reasons: dict[int, str]

    @classmethod
    def empty(cls, rows: int, epochs: AnyArray) -> "Results":
        """Columns of so many rows without results."""
        columns: dict[str, AnyArray] = {name: np.full(rows, np.nan) for name in _NUMBERS}
        columns |= {name: np.zeros(rows, np.int64) for name in _COUNTS}
        columns |= {name: np.full((rows, len(epochs)), np.nan) for name in _CURVES}
        return cls(epochs, columns, {})

    def __len__(self) -> int:
        return len(self.columns["loss"])

    @property
    def diverged(self) -> AnyArray:
        """True for each run that diverged, or whose final loss is not finite, (rows,)."""
        return np.asarray(self.columns["diverged"] == 1)

    @property
    def failed(self) -> AnyArray:
        """True for each run that could not be trained, (rows,)."""
        return np.asarray(self.columns["failed"] == 1)

    @property
    def statuses(self) -> AnyArray:
        """completed, diverged or failed, (rows,)."""
        return np.where(self.failed, "failed", np.where(self.diverged, "diverged", "completed"))

    @property
    def held_out(self) -> bool:
        """Return whether every run held samples out."""
        return bool(self.columns["held_out"].all())

    def figure(self, name: str) -> Array:
        """A figure of all runs, nan for those that diverged or failed, (rows,)."""
        return np.where(self.diverged | self.failed, np.nan, self.columns[name])

    def put(self, k: int, outcome: Outcome) -> None:
        """Take a row's outcome."""
        held_out, reason = outcome.validation_loss is not None, outcome.reason
        is_beyond = outcome.status == "completed" and not _is_finite(outcome)
        if is_beyond:
            reason = "a loss of the final parameters is not finite"
        entries = {
            "loss": outcome.loss,
            "lowest_epoch_loss": outcome.lowest_epoch_loss,
            "accuracy": outcome.accuracy,
            "validation_loss": outcome.validation_loss if held_out else np.nan,
            "validation_accuracy": outcome.validation_accuracy if held_out else np.nan,
            "epochs": outcome.epochs,
            "steps": outcome.steps,
            "best_epoch": NO_EPOCH if outcome.best_epoch is None else outcome.best_epoch,
            "diverged": outcome.status == "diverged" or is_beyond,
            "failed": outcome.status == "failed",
            "held_out": held_out,
            "stopped_early": outcome.stopped_early,
            "uses_best": outcome.which == "best",
        }
        for name, value in entries.items():
            self.columns[name][k] = value
        for name, curve in (("curve", outcome.curve), ("validation_curve", outcome.validation_curve)):
            if curve is not None:
                self.columns[name][k, : len(curve)] = curve
        if reason is not None:
            self.reasons[k] = reason

    def take(self, rows: Sequence[int], part: "Results") -> None:
        """Take the outcomes of some rows."""
        for name, column in part.columns.items():
            self.columns[name][rows] = column
        self.reasons.update({rows[k]: reason for k, reason in part.reasons.items()})

    def pick(self, rows: Sequence[int]) -> "Results":
        """Some rows alone."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        reasons = {k: self.reasons[row] for k, row in enumerate(rows) if row in self.reasons}
        return Results(self.epochs, columns, reasons)

    def arrays(self) -> dict[str, AnyArray]:
        """All of it as arrays."""
        reasons = [self.reasons.get(k, "").encode()[:_LONGEST_REASON] for k in range(len(self))]
        texts = np.frombuffer(b"\n".join(reasons), np.uint8)
        return {"epoch": self.epochs, "reasons": texts, **self.columns}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray], rows: int, epochs: AnyArray) -> "Results":
        """The results that arrays() gave, of so many rows at these epochs; RunError for other arrays."""
        made = cls.empty(rows, epochs)
        for name, column in made.columns.items():
            given = arrays.get(name)
            if given is None and name == "failed":  # sweeps of earlier versions ended at a failure
                continue
            if given is None or given.shape != column.shape or given.dtype != column.dtype:
                raise RunError(f"{name} is not an array of {column.shape} {column.dtype}")
            column[...] = given
        if not np.array_equal(arrays.get("epoch", np.empty(0)), epochs) or "reasons" not in arrays:
            raise RunError("its epochs are not the sweep's")
        reasons = arrays["reasons"].tobytes().decode("utf-8", "replace").split("\n")
        made.reasons.update({k: reason for k, reason in enumerate(reasons[:rows]) if reason})
        return made


def _is_finite(outcome: Outcome) -> bool:
    return isfinite(outcome.loss) and (outcome.validation_loss is None or isfinite(outcome.validation_loss))


def points(epochs: Iterable[int], rows: int) -> AnyArray:
    """The epochs at which curves are kept, for runs with so many epochs each: all, or up to 200 of them.

    The first and the last are among them; a sweep of more than 20,000 rows keeps fewer.
    """
    ends = sorted(set(epochs))
    most = max(_FEWEST_POINTS, min(_MOST_POINTS, _MOST_VALUES // rows))
    spread = np.linspace(1, ends[-1], min(most, ends[-1])).round().astype(np.int64)
    # A shorter run's last epoch, too, if these are few.
    return np.union1d(spread, np.array(ends[-20:], np.int64))


def results_csv(grid: Grid, results: Results) -> str:
    """A line for each run: its number, its values of the varied keys, and its outcome."""
    names = [axis.key for axis in grid.varied]
    lines = [csv_row(["row", *names, *HEADER])]
    columns = {name: column.tolist() for name, column in results.columns.items() if column.ndim == 1}
    columns["status"] = results.statuses.tolist()
    for k in range(len(results)):
        entry = {name: column[k] for name, column in columns.items()}
        cells = [str(k), *map(cell, grid.values(k)), *_cells(entry), cell(results.reasons.get(k, ""))]
        lines.append(",".join(cells) + "\n")
    return "".join(lines)


def _cells(entry: Mapping[str, Any]) -> list[str]:
    held_out = entry["held_out"]
    return [
        entry["status"],
        repr(entry["loss"]),
        repr(entry["lowest_epoch_loss"]),
        repr(entry["accuracy"]),
        repr(entry["validation_loss"]) if held_out else "",
        repr(entry["validation_accuracy"]) if held_out else "",
        str(entry["epochs"]),
        str(entry["steps"]),
        "true" if entry["stopped_early"] else "false",
        "" if entry["best_epoch"] == NO_EPOCH else str(entry["best_epoch"]),
        "best" if entry["uses_best"] else "last",
    ]
