"""The place and name of a new run's or sweep's directory, and the files in it that are ours."""

import os
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from irisbp.config.load import as_recorded, to_yaml
from irisbp.errors import Busy, IrisbpError, RunError
from irisbp.rundir.checkpoint import CHECKPOINT
from irisbp.rundir.storage import Directory, final_name

RUNS = Path("runs")

_NAME = re.compile(r"\w([\w .+@=,-]{0,98}[\w.+@=,-])?")

Folders = Mapping[str, Container[str]]
"""The names of our files in each folder of ours."""


@dataclass(frozen=True)
class Layout:
    """The files of a directory of one kind: only these are ever removed.

    proof is the first file written, and identifies such a directory; passing names files kept only until
    the end. check raises RunError for a directory that holds something, but nothing of this kind.
    """

    kind: str
    proof: str
    files: tuple[str, ...]
    passing: re.Pattern[str]
    check: Callable[[Directory], object]

    def owns(self, name: str) -> bool:
        """Return whether a file of this name is ours."""
        return name in self.files or self.passing.fullmatch(name) is not None

    def open_new(
        self, path: Path, folders: Folders, *, overwrite: bool = False, unbegun: bool = False
    ) -> Directory:
        """A new, locked directory.

        One that exists is an error, unless overwrite is set: then our files in it are removed, provided that
        it holds nothing else. With unbegun, one in which nothing has begun is used.
        """
        try:
            return Directory.create(path)
        except FileExistsError:
            if not overwrite and not unbegun:
                raise RunError(f"{path} exists; choose another place, or overwrite or resume it") from None
        held = Directory(path)
        try:
            self._clear(held, folders, unbegun)
        except BaseException:
            held.close()
            raise
        return held

    def _clear(self, held: Directory, folders: Folders, unbegun: bool) -> None:
        names = held.names()
        if unbegun and self.proof in names:
            raise Busy(f"{held.path}: another process has just begun a {self.kind} there")
        if any(not name.startswith(".") for name in names):
            self.check(held)
        held.clear(self.owns, folders, proof=self.proof)

    def open_begun(self, path: Path | None) -> Directory | None:
        """The locked directory of a run or sweep that has begun; None if there is none at this path."""
        if path is None:
            raise RunError(f"resume: give the directory or the name of the {self.kind}")
        if not os.path.isdir(path):
            return None
        held = Directory(path)
        if held.has(self.proof):
            return held
        held.close()
        return None

    def discard_leftovers(self, directory: Directory, *, passing: bool = False) -> None:
        """Remove what an interrupted write left, and the passing files if they are no longer needed."""
        own = [name for name in directory.names() if self.owns(final_name(name))]
        directory.discard(
            name for name in own if name != final_name(name) or (passing and self.passing.fullmatch(name))
        )


def _check_that_it_is_a_run(held: Directory) -> None:
    """RunError unless it has a config.yaml in the form that we write: a name alone proves nothing.

    It is read through the open directory: its path may be another directory's by now.
    """
    try:
        content = held.read("config.yaml")
        ours = content == to_yaml(as_recorded(held.path / "config.yaml", content)).encode()
    except IrisbpError:
        ours = False
    if not ours:
        names = [name for name in held.names() if not name.startswith(".")]
        name = "config.yaml" if "config.yaml" in names else names[0]
        raise RunError(f"{held.path} holds {name}, which irisbp did not write there; nothing was removed")


TABLE, VALIDATION_TABLE = "table.csv", "validation.csv"  # of a run whose table came from stdin or Python
RUN = Layout(
    kind="run",
    proof="config.yaml",
    files=(
        "config.yaml",
        TABLE,
        VALIDATION_TABLE,
        "steps.csv",
        "epochs.csv",
        "parameters.npz",
        "best_parameters.npz",
        "manifest.json",
        "evaluation.json",
    ),
    passing=CHECKPOINT,
    check=_check_that_it_is_a_run,
)


def given_place(directory: Path | None, name: str | None) -> Path | None:
    """The directory that the user asked for; None if they did not."""
    if directory is not None and name is not None:
        raise RunError("give either a directory or a name")
    return RUNS / _checked(name) if name is not None else directory


def config_name(config: Path | None) -> str:
    """The name for runs of a config file; a run's own config.yaml gives the name of its run."""
    if config is None:
        return "article"
    stem = config.stem
    if config.name == "config.yaml":
        stem = re.sub(r"-\d+$", "", config.absolute().parent.name)
    return stem if _NAME.fullmatch(stem) else "run"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise RunError(
            f"name {name}: not a valid name, which has up to 100 letters, digits, spaces and any of _-.+@=,"
            " and starts with a letter, digit or _; for a path, give a directory"
        )
    return name


def first_free(name: str, *, overwrite: bool = False) -> Directory:
    """A new, locked directory in runs/, of this name with the first free number."""
    if overwrite:
        raise RunError("overwrite: give the directory or the name")
    number = 1
    while True:
        try:
            return Directory.create(RUNS / f"{name}-{number:03d}")
        except FileExistsError:
            number += 1
