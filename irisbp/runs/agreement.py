"""Checks that a finished run's files agree with each other: those of a stranger's may not.

The sha256 of a file in the manifest shows an accident, but whoever changes the file can change that, too.
"""

from math import ceil

from irisbp.config.schema import Config
from irisbp.errors import RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Manifest

_SHORTEST_ROW = 10  # bytes of a row of epochs.csv


def check_agreement(directory: OpenDirectory, config: Config, manifest: Manifest) -> None:
    """RunError if a run with this config cannot have ended as its manifest says.

    It is checked before anything is trained again: they have to agree on how long that takes.
    """
    found = _of_epochs(config, manifest) or _of_steps(config, manifest)
    if found is not None:
        raise _Contradiction(directory, "config.yaml", *found)
    table = directory.status("epochs.csv")
    if table is not None and table.st_size < (manifest.epochs - 1) * _SHORTEST_ROW:
        raise _Contradiction(
            directory, "epochs.csv", f"{table.st_size} bytes", _counted(manifest.epochs, "epoch")
        )


class _Contradiction(RunError):
    """Two files of a run say what cannot both be."""

    def __init__(self, directory: OpenDirectory, name: str, theirs: str, ours: str) -> None:
        super().__init__(
            f"{directory.path} contradicts itself: {name} has {theirs}, manifest.json {ours};"
            " one of the two is not the run's"
        )


def _of_epochs(config: Config, manifest: Manifest) -> tuple[str, str] | None:
    """The epochs that the config says, and what of the manifest cannot be with them; None if all can."""
    epochs, wanted, best = manifest.epochs, config.epochs, manifest.best_epoch
    is_whole = manifest.status == "completed" and not manifest.stopped_early
    if epochs > wanted or (is_whole and epochs < wanted):
        return _counted(wanted, "epoch"), f"{_counted(epochs, 'epoch')} ({manifest.status})"
    if manifest.stopped_early and config.early_stopping is None:
        return "no early_stopping", "an early stop"
    if best is not None and not 1 <= best <= epochs:
        return _counted(wanted, "epoch"), f"a best epoch {best} of {epochs}"
    return None


def _of_steps(config: Config, manifest: Manifest) -> tuple[str, str] | None:
    """The same of steps: the rows to train on and their batches say how many an epoch has."""
    rows = manifest.data.rows - manifest.data.validation
    if rows < 1:
        return "a network that is trained", f"{rows} rows to train it on"
    size = rows if config.batch_size == "all" else config.batch_size
    wanted = manifest.epochs * ceil(rows / size)
    if manifest.steps > wanted or (manifest.status == "completed" and manifest.steps < wanted):
        batches = f"batches of {size}: {_counted(wanted, 'step')} in {_counted(manifest.epochs, 'epoch')}"
        return batches, _counted(manifest.steps, "step")
    return None


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
