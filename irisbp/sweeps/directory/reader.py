"""Reads a finished sweep again, and refuses one whose files are not what it wrote."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from irisbp.config.schema import Config, DataSection
from irisbp.data.files import table_digest
from irisbp.data.table import IRIS
from irisbp.errors import DataError, RunError
from irisbp.rundir.arrays import AnyArray, unpack
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.reader import read_written
from irisbp.sweeps.directory.manifest import SweepManifest, read_manifest
from irisbp.sweeps.directory.place import GRID, check_that_it_is_a_sweep
from irisbp.sweeps.grid.grid import Grid, read_grid
from irisbp.sweeps.results.columns import Results, most_points


@dataclass(frozen=True)
class FinishedSweep:
    """A finished sweep as it is in its directory."""

    path: Path
    manifest: SweepManifest
    grid: Grid
    results: Results


def load_sweep(directory: OpenDirectory) -> FinishedSweep:
    """The sweep in a directory; RunError or StorageError if there is no finished one."""
    manifest = read_manifest(directory)
    grid = _grid(directory, manifest)
    path = directory.path / "curves.npz"
    arrays = unpack(path, read_written(directory, path.name, manifest, "sweep"))
    epochs: AnyArray = arrays.get("epoch", np.empty(0, np.int64))
    if not (epochs.dtype == np.int64 and epochs.ndim == 1 and 0 < len(epochs) <= most_points(len(grid))):
        raise RunError(f"{path}: epoch is not an array of 1 to {most_points(len(grid))} int64")
    if epochs[0] < 1 or (np.diff(epochs) < 1).any():
        raise RunError(f"{path}: its epochs are not in order")
    try:
        results = Results.from_arrays(arrays, len(grid), epochs)
    except RunError as error:
        raise RunError(f"{path}: {error}") from None
    _check_agreement(directory.path, manifest, results)
    return FinishedSweep(directory.path, manifest, grid, results)


def row_config(path: Path, row: int) -> Config:
    """The config of a row of the sweep in a directory, finished or not.

    RunError if there is no such row, or if a finished sweep's sweep.yaml has changed; DataError if the row's
    table has.
    """
    with OpenDirectory(path, "sweep") as directory:
        check_that_it_is_a_sweep(directory)
        manifest = read_manifest(directory) if directory.has("manifest.json") else None
        grid = _grid(directory, manifest)
    check_row(str(path), grid, row)
    config = grid.config(row)
    if manifest is not None:
        check_tables(str(path), manifest, config.data)
    return config


def check_row(sweep: str, grid: Grid, row: int) -> None:
    """RunError if a grid has no such row."""
    if not 0 <= row < len(grid):
        raise RunError(f"row {row}: {sweep} has rows 0 to {len(grid) - 1}")


def check_tables(sweep: str, manifest: SweepManifest, data: DataSection) -> None:
    """DataError if the table of a row, or the one that it holds out, has changed since it was trained."""
    for source in (data.source, *([data.validation_source] if data.validation_source else [])):
        name = source or IRIS
        if table_digest(source) != manifest.data.get(name):
            raise DataError(f"{name} has changed since {sweep} was trained on it")


def _grid(directory: OpenDirectory, manifest: SweepManifest | None) -> Grid:
    """The grid; RunError if it is not that of the manifest."""
    if manifest is None:
        return read_grid(directory.path / GRID, directory.read(GRID))
    grid = read_grid(directory.path / GRID, read_written(directory, GRID, manifest, "sweep"))
    settings = len(grid) // grid.repeats
    if (len(grid), settings) != (manifest.runs, manifest.settings):
        theirs = f"{len(grid)} runs in {settings} settings"
        raise _contradiction(directory.path, GRID, theirs, f"{manifest.runs} in {manifest.settings}")
    return grid


def _check_agreement(path: Path, manifest: SweepManifest, results: Results) -> None:
    """RunError if other numbers of runs diverged or failed than the manifest says."""
    diverged, failed = int(results.diverged.sum()), int(results.failed.sum())
    if (diverged, failed) != (manifest.diverged, manifest.failed):
        theirs = f"{diverged} runs that diverged and {failed} that failed"
        raise _contradiction(path, "curves.npz", theirs, f"{manifest.diverged} and {manifest.failed}")


def _contradiction(path: Path, name: str, theirs: str, ours: str) -> RunError:
    return RunError(
        f"{path} contradicts itself: {name} has {theirs}, manifest.json {ours};"
        " one of the two is not the sweep's"
    )
