"""The results of a sweep as DataFrames, with the columns of its tables."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from irisbp.annotations import DataFrame
from irisbp.data.frames import frame_of
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.grid.values import Axis
from irisbp.sweeps.results.columns import NO_EPOCH, Results
from irisbp.sweeps.results.statistics import Summary, summary_numbers


def results_frame(grid: Grid, results: Results, rows: Sequence[int]) -> DataFrame:
    """The columns of results.csv, for these rows: numbers where a key has numbers, else its text."""
    found = results.pick(rows)
    columns = found.columns
    held_out, has_best = columns["held_out"] == 1, columns["best_epoch"] != NO_EPOCH
    return _frame(
        {
            "row": np.array(rows, np.int64),
            **_key_columns(grid, rows),
            "status": found.statuses,
            "loss": found.figure("loss"),
            "lowest_epoch_loss": columns["lowest_epoch_loss"],
            "accuracy": found.figure("accuracy"),
            "validation_loss": np.where(held_out, found.figure("validation_loss"), nan),
            "validation_accuracy": np.where(held_out, found.figure("validation_accuracy"), nan),
            "epochs_begun": columns["epochs"],
            "steps": columns["steps"],
            "stopped_early": columns["stopped_early"] == 1,
            "best_epoch": np.where(has_best, columns["best_epoch"], nan),
            "parameters": np.where(columns["uses_best"] == 1, "best", "last"),
            "reason": [found.reasons.get(k) for k in range(len(rows))],
        },
        best_epoch="Int64",
    )


def summary_frame(grid: Grid, summary: Summary) -> DataFrame:
    """The columns of summary.csv: a row for each setting."""
    numbers = [setting.number for setting in summary.settings]
    keys = _key_columns(grid, [number * grid.repeats for number in numbers])
    settings = {key: keys[key] for key in summary.keys}
    return _frame({"setting": numbers, **settings, **summary_numbers(summary)})


def curves_frame(results: Results, rows: Sequence[int]) -> DataFrame:
    """The curves of these rows, below each other: row, epoch, epoch_loss, validation_loss.

    An entry for each epoch that was finished, or for up to 200 of them.
    """
    epoch_loss, validation = (results.columns[name][rows] for name in ("curve", "validation_curve"))
    known = ~np.isnan(epoch_loss)
    row, epoch = np.broadcast_arrays(np.array(rows, np.int64)[:, np.newaxis], results.epochs)
    columns = {"row": row, "epoch": epoch, "epoch_loss": epoch_loss, "validation_loss": validation}
    return _frame({name: column[known] for name, column in columns.items()})


def _frame(columns: Mapping[str, Any], **dtypes: Any) -> DataFrame:
    return frame_of(columns).astype(dtypes)


def _key_columns(grid: Grid, rows: Sequence[int]) -> dict[str, list[Any]]:
    """Each varied key's values in some rows."""
    chosen = [grid.chosen(row) for row in rows]
    of_axis = {axis.key: _distinct(axis) for axis in grid.varied}
    return {key: [values[k[key]] for k in chosen] for key, values in of_axis.items()}


def _distinct(axis: Axis) -> list[Any]:
    """The values of an axis: as they are where all are of one kind of number, or null; else their texts."""
    items = [axis[k] for k in range(len(axis))]
    kinds = {type(item.value) for item in items} - {type(None)}
    if kinds <= {int, float} or kinds == {bool}:
        return [item.value for item in items]
    return [None if item.value is None else item.text for item in items]
