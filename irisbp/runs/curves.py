"""The losses of a run, thinned to what a picture can show, from its files or from memory."""

import numpy as np

from irisbp.nn.types import Array
from irisbp.rundir.curves import MOST_EPOCHS, one_of_each_stretch, read_epochs, read_losses
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.writer import EPOCH_COLUMNS
from irisbp.runs.run import Run


def epoch_curves(run: Run) -> dict[str, Array]:
    """The columns of the run's epochs, of a long run some thousand of them; nan where there is no figure."""
    if run.path is not None:
        with OpenDirectory(run.path) as directory:
            return read_epochs(directory, run.manifest)
    chosen = np.unique(np.linspace(0, len(run.epochs) - 1, MOST_EPOCHS).astype(np.int64))
    rows = run.epochs.iloc[chosen] if len(run.epochs) > MOST_EPOCHS else run.epochs
    return {name: rows[name].to_numpy(dtype=np.float64) for name in EPOCH_COLUMNS}


def sample_losses(run: Run) -> tuple[Array, Array, int]:
    """The steps and losses of samples, (n,) each, and how many there were: a random part of many."""
    if run.path is not None:
        with OpenDirectory(run.path) as directory:
            return read_losses(directory, run.manifest)
    if run.config.record == "epochs":
        return np.empty(0), np.empty(0), 0
    rows = run.steps.iloc[one_of_each_stretch(len(run.steps))]
    return rows["step"].to_numpy(np.float64), rows["loss"].to_numpy(np.float64), len(run.steps)
