"""Where a new run lies, and under what name."""

import re
from pathlib import Path

from irisbp.config.load import load_config, to_yaml
from irisbp.errors import IrisbpError, RunError
from irisbp.rundir.storage import Directory

RUNS = Path("runs")

# Every name that irisbp writes into a run.
OWN_FILES = (
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
    config: Path | None, *, directory: Path | None, name: str | None, overwrite: bool
) -> Directory:
    """A new, locked run directory.

    `directory` is taken as it is, `name` means runs/name, and without either it is the config's name
    with the first free number. A directory that exists is an error, unless overwrite is set: then the
    files of the run in it are removed, provided that it holds nothing else.
    """
    if directory is not None and name is not None:
        raise RunError("--run-dir and --name: give one of them")
    if directory is None and name is None:
        if overwrite:
            raise RunError("--overwrite needs --run-dir or --name, to say which run it is about")
        return _first_free(config_name(config))
    path = directory if directory is not None else RUNS / _checked(str(name))
    try:
        return Directory.create(path)
    except FileExistsError:
        if not overwrite:
            raise RunError(f"{path} exists; choose another place, or --overwrite it") from None
    held = Directory(path)
    try:
        _check_that_it_is_a_run(path)
        held.clear(OWN_FILES, OWN_FOLDERS)
    except BaseException:
        held.close()
        raise
    return held


def open_new_comparison() -> Directory:
    """A new, locked directory for a picture of several runs: runs/comparison with the first free number."""
    return _first_free("comparison")


def _check_that_it_is_a_run(path: Path) -> None:
    """A name proves nothing: what a run wrote starts with a config.yaml that is as we write it."""
    names = [entry.name for entry in path.iterdir() if not entry.name.startswith(".")]
    if not names:
        return
    config = path / "config.yaml"
    try:
        ours = config.read_bytes() == to_yaml(load_config(config)).encode()
    except (OSError, IrisbpError):
        ours = False
    if not ours:
        name = "config.yaml" if "config.yaml" in names else sorted(names)[0]
        raise RunError(f"{path} holds {name}, which irisbp did not write there; nothing was removed")


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


def _first_free(name: str) -> Directory:
    number = 1
    while True:
        try:
            return Directory.create(RUNS / f"{name}-{number:03d}")
        except FileExistsError:
            number += 1
