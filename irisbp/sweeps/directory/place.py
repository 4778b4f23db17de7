"""Where a sweep lies, and what is in its directory."""

import os
import re
from pathlib import Path

from irisbp.config.yaml import LARGEST_FILE
from irisbp.errors import Busy, IrisbpError, RunError
from irisbp.rundir.place import PICTURE_FORMATS, PLOTS, config_name, first_free, given_place
from irisbp.rundir.reader import check_that_its_grid_is_there
from irisbp.rundir.storage import Directory, final_name
from irisbp.sweeps.grid.grid import Grid, read_grid

GRID = "sweep.yaml"
PICTURES = ("loss-curves", "heat-map")

_OWN_FILES = (GRID, "results.csv", "summary.csv", "curves.npz", "manifest.json")
_PART = re.compile(r"part-\d{5,}\.npz")
_FOLDERS = {PLOTS: tuple(f"{kind}.{ending}" for kind in PICTURES for ending in PICTURE_FORMATS)}


def open_new_sweep(
    config: Path | None, *, directory: Path | None, name: str | None, overwrite: bool, unbegun: bool = False
) -> Directory:
    """A new, locked directory, as for a run; by default it is called after the config, with -sweep-001."""
    path = given_place(directory, name)
    if path is None:
        if overwrite:
            raise RunError("--overwrite needs --run-dir or --name, to say which sweep it is about")
        return first_free(f"{config_name(config)}-sweep")
    try:
        return Directory.create(path)
    except FileExistsError:
        if not overwrite and not unbegun:
            raise RunError(f"{path} exists; choose another place, or --overwrite or --resume it") from None
    held = Directory(path)
    try:
        if unbegun and GRID in held.names():
            raise Busy(f"{path}: another process has just begun a sweep there")
        if any(not name.startswith(".") for name in held.names()):
            grid_of(held)
        held.clear(_is_own_file, _FOLDERS, proof=GRID)
    except BaseException:
        held.close()
        raise
    return held


def open_begun_sweep(*, directory: Path | None, name: str | None) -> Directory | None:
    """The locked directory of a sweep that has begun; None if there is none at this place."""
    path = given_place(directory, name)
    if path is None:
        raise RunError("--resume needs --run-dir or --name, to say which sweep it is about")
    return Directory(path) if os.path.lexists(path / GRID) else None


def grid_of(held: Directory) -> Grid:
    """The grid of the sweep in an open directory; RunError if it holds none that irisbp wrote.

    It is read through the directory that is held: another one may have its path by now.
    """
    names = [name for name in held.names() if not name.startswith(".")]
    check_that_its_grid_is_there(held.path, names)
    try:
        return read_grid(held.path / GRID, held.read(GRID, LARGEST_FILE))
    except IrisbpError as error:
        name = GRID if GRID in names or not names else names[0]
        raise RunError(f"{held.path} holds {name}, which no sweep of irisbp wrote there: {error}") from None


def is_sweep(path: Path) -> bool:
    """Whether a directory looks like a sweep's."""
    return (path / GRID).is_file()


def check_that_it_is_a_sweep(path: Path) -> None:
    """RunError if a directory is not a sweep's."""
    if not is_sweep(path):
        what = "it holds no sweep.yaml" if path.is_dir() else "no such directory"
        raise RunError(f"{path} is not a sweep: {what}")


def part_names(directory: Directory) -> list[str]:
    """The files of finished parts, in their order."""
    return sorted(name for name in directory.names() if _PART.fullmatch(name))


def discard_leftovers(directory: Directory, *, parts: bool) -> None:
    """Remove what an interrupted write has left, and the parts if they are done with."""
    own = [name for name in directory.names() if _is_own_file(final_name(name))]
    directory.discard(name for name in own if name != final_name(name) or (parts and _PART.fullmatch(name)))


def _is_own_file(name: str) -> bool:
    return name in _OWN_FILES or _PART.fullmatch(name) is not None
