"""The place of a sweep's directory, and the files in it."""

import re
from pathlib import Path

from irisbp.errors import IrisbpError, RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.place import Layout, config_name, first_free, given_place
from irisbp.rundir.storage import Directory
from irisbp.runs.layout import PICTURE_FORMATS, PLOTS, check_that_its_grid_is_there
from irisbp.sweeps.grid.grid import Grid, read_grid

GRID = "sweep.yaml"
PICTURES = ("loss-curves", "heat-map")

_PART, _STATE = re.compile(r"part-\d{5,}\.npz"), re.compile(r"state-\d{5,}\.npz")
_FOLDERS = {PLOTS: tuple(f"{kind}.{ending}" for kind in PICTURES for ending in PICTURE_FORMATS)}


def open_new_sweep(
    config: Path | None, *, directory: Path | None, name: str | None, overwrite: bool, unbegun: bool = False
) -> Directory:
    """A new, locked directory, as for a run; by default it is called after the config, with -sweep-001."""
    path = given_place(directory, name)
    if path is None:
        return first_free(f"{config_name(config)}-sweep", overwrite=overwrite)
    return SWEEP.open_new(path, _FOLDERS, overwrite=overwrite, unbegun=unbegun)


def open_begun_sweep(*, directory: Path | None, name: str | None) -> Directory | None:
    """The locked directory of a sweep that has begun; None if there is none at this place."""
    return SWEEP.open_begun(given_place(directory, name))


def grid_of(held: Directory) -> Grid:
    """The grid of the sweep in an open directory; RunError if it holds none that irisbp wrote.

    It is read through the open directory: its path may be another directory's by now.
    """
    names = [name for name in held.names() if not name.startswith(".")]
    check_that_its_grid_is_there(held.path, names)
    try:
        return read_grid(held.path / GRID, held.read(GRID))
    except IrisbpError as error:
        name = GRID if GRID in names or not names else names[0]
        raise RunError(f"{held.path} holds {name}, which irisbp did not write there: {error}") from None


def check_that_it_is_a_sweep(directory: OpenDirectory) -> None:
    """RunError if a directory is not a sweep's."""
    if not directory.has(GRID):
        raise RunError(f"{directory.path} is not a sweep: it holds no sweep.yaml")


def part_names(directory: Directory) -> list[str]:
    """The files of finished parts, in their order."""
    return sorted(name for name in directory.names() if _PART.fullmatch(name))


def state_names(directory: Directory) -> list[str]:
    """The files of rows that have begun, in their order."""
    return sorted(name for name in directory.names() if _STATE.fullmatch(name))


SWEEP = Layout(
    kind="sweep",
    proof=GRID,
    files=(GRID, "results.csv", "summary.csv", "curves.npz", "manifest.json"),
    passing=re.compile(f"{_PART.pattern}|{_STATE.pattern}"),
    check=grid_of,
)
