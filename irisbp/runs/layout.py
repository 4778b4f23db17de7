"""The directory of a run with its pictures, and the check that it is not a sweep's."""

import re
from collections.abc import Sequence
from pathlib import Path

from irisbp.errors import RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Manifest
from irisbp.rundir.place import RUN, config_name, first_free, given_place
from irisbp.rundir.reader import read_manifest
from irisbp.rundir.storage import Directory

# The folder of a run's pictures, their kinds, and the formats they come in.
PLOTS = "plots"
PICTURES = ("loss-and-accuracy", "confusion", "probabilities", "regions", "distributions", "paths")
PICTURE_FORMATS: tuple[str, ...] = ("png", "svg")
OWN_FOLDERS = {
    PLOTS: tuple(f"{kind}.{ending}" for kind in (*PICTURES, "comparison") for ending in PICTURE_FORMATS)
}

_OF_A_SWEEP = re.compile(r"curves\.npz|(part|state)-\d{5,}\.npz")  # which no run has


def open_new_run(
    config: Path | None, *, directory: Path | None, name: str | None, overwrite: bool, unbegun: bool = False
) -> Directory:
    """A new, locked run directory: `directory`, runs/name, or the config's name with the first free number.

    overwrite and unbegun are those of Layout.open_new.
    """
    path = given_place(directory, name)
    if path is None:
        return first_free(config_name(config), overwrite=overwrite)
    return RUN.open_new(path, OWN_FOLDERS, overwrite=overwrite, unbegun=unbegun)


def open_begun_run(*, directory: Path | None, name: str | None) -> Directory | None:
    """The locked directory of a run that has begun; None if there is none at this place."""
    return RUN.open_begun(given_place(directory, name))


def manifest_of(directory: OpenDirectory) -> Manifest:
    """The manifest of the run in a directory; RunError if it is a sweep's, or no finished run's."""
    check_that_it_is_no_sweep(directory.path, directory.names())
    return read_manifest(directory)


def check_that_it_is_no_sweep(path: Path, names: Sequence[str]) -> None:
    """RunError if a directory with these names is a sweep's."""
    if "sweep.yaml" in names:
        raise RunError(f"{path} is a sweep; irisbp train --from {path} --row N trains one of its runs")
    check_that_its_grid_is_there(path, names)


def check_that_its_grid_is_there(path: Path, names: Sequence[str]) -> None:
    """RunError if a directory with these names is a sweep's without its sweep.yaml."""
    if not {"sweep.yaml", "config.yaml"}.intersection(names) and any(map(_OF_A_SWEEP.fullmatch, names)):
        raise RunError(
            f"{path} is a sweep without its sweep.yaml: restore that file, or use another directory"
        )
