"""Where a new run lies, and under what name."""

import os
import re
from pathlib import Path

from irisbp.config.load import load_config, to_yaml
from irisbp.config.yaml import LARGEST_FILE
from irisbp.errors import Busy, IrisbpError, RunError
from irisbp.rundir.checkpoint import is_checkpoint
from irisbp.rundir.storage import Directory, final_name

RUNS = Path("runs")

# Every name that irisbp writes into a run, but for those of checkpoints.
_OWN_FILES = (
    "config.yaml",
    "steps.csv",
    "epochs.csv",
    "parameters.npz",
    "best_parameters.npz",
    "manifest.json",
    "evaluation.json",
)

# The folder of a run's pictures, their kinds, and the formats they come in.
PLOTS = "plots"
PICTURES = ("loss-and-accuracy", "confusion", "probabilities", "regions", "distributions", "paths")
PICTURE_FORMATS = ("png", "svg")
OWN_FOLDERS = {
    PLOTS: tuple(f"{kind}.{ending}" for kind in (*PICTURES, "comparison") for ending in PICTURE_FORMATS)
}

_NAME = re.compile(r"\w([\w .+@=,-]{0,98}[\w.+@=,-])?")


def open_new_run(
    config: Path | None, *, directory: Path | None, name: str | None, overwrite: bool, unbegun: bool = False
) -> Directory:
    """A new, locked run directory.

    `directory` is taken as it is, `name` means runs/name, and without either it is the config's name
    with the first free number. A directory that exists is an error, unless overwrite is set: then the
    files of the run in it are removed, provided that it holds nothing else. With unbegun, one in which no
    run has begun will do.
    """
    path = given_place(directory, name)
    if path is None:
        if overwrite:
            raise RunError("--overwrite needs --run-dir or --name, to say which run it is about")
        return first_free(config_name(config))
    try:
        return Directory.create(path)
    except FileExistsError:
        if not overwrite and not unbegun:
            raise RunError(f"{path} exists; choose another place, or --overwrite or --resume it") from None
    held = Directory(path)
    try:
        if unbegun and "config.yaml" in held.names():
            raise Busy(f"{path}: another process has just begun a run there")
        _check_that_it_is_a_run(held)
        held.clear(_is_own_file, OWN_FOLDERS)
    except BaseException:
        held.close()
        raise
    return held


def open_begun_run(*, directory: Path | None, name: str | None) -> Directory | None:
    """The locked directory of a run that has begun; None if there is none at this place."""
    path = given_place(directory, name)
    if path is None:
        raise RunError("--resume needs --run-dir or --name, to say which run it is about")
    return Directory(path) if os.path.lexists(path / "config.yaml") else None


def given_place(directory: Path | None, name: str | None) -> Path | None:
    """Where the user wants a run to lie, if they say it."""
    if directory is not None and name is not None:
        raise RunError("--run-dir and --name: give one of them")
    return RUNS / _checked(name) if name is not None else directory


def discard_leftovers(directory: Directory, *, checkpoints: bool = False) -> None:
    """Remove what an interrupted write has left in a run, and checkpoints too if they are done with."""
    own = [name for name in directory.names() if _is_own_file(final_name(name))]
    directory.discard(
        name for name in own if name != final_name(name) or (checkpoints and is_checkpoint(name))
    )


def _is_own_file(name: str) -> bool:
    return name in _OWN_FILES or is_checkpoint(name)


def open_new_comparison() -> Directory:
    """A new, locked directory for a picture of several runs: runs/comparison with the first free number."""
    return first_free("comparison")


def _check_that_it_is_a_run(held: Directory) -> None:
    """A name proves nothing: what a run wrote starts with a config.yaml that is as we write it.

    It is read through the directory that is held: another one may have its path by now.
    """
    names = [name for name in held.names() if not name.startswith(".")]
    if not names:
        return
    try:
        content = held.read("config.yaml", LARGEST_FILE)
        ours = content == to_yaml(load_config(held.path / "config.yaml", content=content)).encode()
    except IrisbpError:
        ours = False
    if not ours:
        name = "config.yaml" if "config.yaml" in names else names[0]
        raise RunError(f"{held.path} holds {name}, which irisbp did not write there; nothing was removed")


def config_name(config: Path | None) -> str:
    """A config file's name for its runs; a run's own config.yaml passes on the name of its run."""
    if config is None:
        return "article"
    stem = config.stem
    if config.name == "config.yaml":
        stem = re.sub(r"-\d+$", "", config.absolute().parent.name)
    return stem if _NAME.fullmatch(stem) else "run"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise RunError(
            f"--name {name}: not a run's name: up to 100 letters, digits and any of _-.+@=, or space,"
            " a letter, digit or _ first; --run-dir takes a path"
        )
    return name


def first_free(name: str) -> Directory:
    """A new, locked directory in runs/, of this name with the first free number."""
    number = 1
    while True:
        try:
            return Directory.create(RUNS / f"{name}-{number:03d}")
        except FileExistsError:
            number += 1
