"""Reads a finished sweep again, and refuses one whose files are not what it wrote."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from irisbp.config.schema import Config
from irisbp.errors import RunError
from irisbp.rundir.arrays import AnyArray, unpack
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.reader import read_written
from irisbp.runs.tables import Files
from irisbp.sweeps.directory.manifest import SweepManifest, read_manifest
from irisbp.sweeps.directory.place import GRID, check_that_it_is_a_sweep
from irisbp.sweeps.directory.tables import row_config
from irisbp.sweeps.grid.grid import Grid, read_grid
from irisbp.sweeps.results.columns import Results


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
    content = read_written(directory, "curves.npz", manifest.files, "sweep")
    arrays = unpack(directory.path / "curves.npz", content)
    epochs: AnyArray = arrays.get("epoch", np.empty(0, np.int64))
    return FinishedSweep(directory.path, manifest, grid, Results.from_arrays(arrays, len(grid), epochs))


def config_of_row(path: Path, row: int, data: Files = None) -> Config:
    """The config of a row of the sweep in a directory, finished or not; data is where its table is now.

    RunError if there is no such row, or if a finished sweep's sweep.yaml has changed; DataError if the row's
    table has.
    """
    with OpenDirectory(path, "sweep") as directory:
        check_that_it_is_a_sweep(directory)
        manifest = read_manifest(directory) if directory.has("manifest.json") else None
        grid = _grid(directory, manifest)
    check_row(str(path), grid, row)
    digests = {**(manifest.data if manifest else {}), **grid.tables}
    return row_config(path, grid.config(row), digests, data)


def check_row(sweep: str, grid: Grid, row: int) -> None:
    """RunError if a grid has no such row."""
    if not 0 <= row < len(grid):
        raise RunError(f"row {row}: {sweep} has rows 0 to {len(grid) - 1}")


def _grid(directory: OpenDirectory, manifest: SweepManifest | None) -> Grid:
    if manifest is None:
        content = directory.read(GRID)
    else:
        content = read_written(directory, GRID, manifest.files, "sweep")
    return read_grid(directory.path / GRID, content)
