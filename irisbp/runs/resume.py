"""Resumes a run from its last checkpoint, whatever ended it.

A finished run has the same files, byte for byte, as without an interruption: only the clock times in its
manifest differ.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from irisbp.config.load import as_recorded, to_yaml
from irisbp.config.place import TABLES, anchored_in, paths_of, with_tables
from irisbp.config.schema import Config
from irisbp.config.settings import varying_keys
from irisbp.errors import Diverged, RunError, literal
from irisbp.rundir.checkpoint import (
    Checkpoint,
    checkpoint_names,
    newest_checkpoint,
    recorded_digests,
)
from irisbp.rundir.directory import check_that_it_is_a_directory
from irisbp.rundir.manifest import Manifest, versions
from irisbp.rundir.place import RUN
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.layout import OWN_FOLDERS, check_that_its_grid_is_there, manifest_of
from irisbp.runs.listing import file_state
from irisbp.runs.open import run_in
from irisbp.runs.run import Run
from irisbp.runs.session import AnyListener, Asked, ShouldStop, TrainingSession
from irisbp.runs.tables import Files, OwnTables
from irisbp.training.setup import prepare, resume_from
from irisbp.training.state import Training


@dataclass(frozen=True)
class Resumption:
    """A run's training, restored to its checkpoint; without one, at its beginning.

    passed_over says what is wrong with newer checkpoints, recorded is the config as it is in the directory.
    """

    directory: Directory
    training: Training
    checkpoint: Checkpoint | None
    passed_over: list[str]
    recorded: Config

    def writer(self) -> RunWriter:
        """The writer that continues recording; from here on the run is unfinished again."""
        stale = {"manifest.json", "evaluation.json", "parameters.npz", "best_parameters.npz"}
        if self.checkpoint is None:
            stale |= {"steps.csv", "epochs.csv"}
        RUN.discard_leftovers(self.directory)
        names = self.directory.names()
        self.directory.discard(sorted(stale.intersection(names)))
        for folder in OWN_FOLDERS.keys() & names:  # pictures of the unfinished run
            with suppress(RunError):  # a link or a file in its place is not ours
                self.directory.discard_folder(folder, OWN_FOLDERS[folder])
        self.directory.sync()
        return RunWriter(self.directory, self.training, self.checkpoint, self.recorded)

    def session(self) -> TrainingSession:
        """The rest of the run, ready to be trained."""
        return TrainingSession(self.training, self.writer, self.directory.path, self._notes())

    def _notes(self) -> list[str]:
        used = [f"an older checkpoint is used: {problem}" for problem in self.passed_over]
        return used + [
            f"the run began with {name} {literal(was)}; with {now} its last digits may differ"
            for name, (was, now) in self.other_versions.items()
        ]

    @property
    def other_versions(self) -> dict[str, tuple[str, str]]:
        """The versions that the run began with and the current ones, where they differ."""
        was, now = self.checkpoint.versions if self.checkpoint else {}, versions()
        return {name: (was[name], now[name]) for name in was if was[name] != now.get(name, was[name])}


def open_interrupted(directory: Directory, wanted: Config | None = None, data: Files = None) -> Resumption:
    """The run in a directory, ready to be resumed; RunError if it cannot be, or is of another config.

    data is where its table is now: see `open_run`.
    """
    path = directory.path / "config.yaml"
    names = directory.names()
    if "config.yaml" not in names:
        check_that_its_grid_is_there(directory.path, names)
        raise RunError(
            f"{directory.path} holds no config.yaml: there is nothing to resume;"
            " train a run there with overwrite"
        )
    content = directory.read("config.yaml")
    recorded = as_recorded(path, content)
    if to_yaml(recorded).encode() != content:
        raise RunError(
            f"{path} has changed since the run began; a run is resumed with the config it began with"
        )
    sha256 = dict(zip(TABLES, recorded_digests(directory), strict=False))
    was = {} if wanted is None else paths_of(wanted)
    tables = OwnTables(directory.path, recorded, sha256, was, is_own=wanted is not None).named(data)
    _check_config(tables, wanted)
    training = prepare(*tables.read())
    checkpoint, passed_over = newest_checkpoint(directory, training)
    if checkpoint is not None:
        resume_from(training, checkpoint.state, checkpoint.progress, checkpoint.best)
    return Resumption(directory, training, checkpoint, passed_over, recorded)


def finished_manifest(directory: Directory, wanted: Config | None = None) -> Manifest | None:
    """The manifest of a run that came to its end, whose leftovers are removed; None of one that did not.

    RunError if it is not the wanted config's, or if its files are no longer those that it wrote. A manifest
    that cannot be read is ignored if there are checkpoints.
    """
    if "manifest.json" not in directory.names():
        return None
    try:
        manifest = manifest_of(directory)
    except RunError:
        if checkpoint_names(directory):
            return None
        raise
    if manifest.status == "interrupted":
        return None
    changed = [
        f"{name} ({state})"
        for name, recorded in manifest.files.items()
        if (state := file_state(directory, name, recorded)) != "as written"
    ]
    if changed:
        raise RunError(f"{directory.path} is finished, but files have changed: {', '.join(changed)}")
    if wanted is not None:
        recorded = as_recorded(directory.path / "config.yaml", directory.read("config.yaml"))
        _check_config(OwnTables.of(directory.path, recorded, manifest.data), wanted)
    RUN.discard_leftovers(directory, passing=manifest.status == "completed")
    return manifest


def _check_config(tables: OwnTables, wanted: Config | None) -> None:
    """RunError if the wanted config is another one; another path to the same table makes no difference."""
    if wanted is None:
        return
    config = with_tables(anchored_in(tables.recorded, tables.owner), tables.known_in(wanted))
    if config != wanted:
        keys = varying_keys([config, wanted])
        raise RunError(f"{tables.owner} is a run of another config, which differs in {', '.join(keys)}")


def open_to_resume(path: Path) -> Directory:
    """An existing run's directory, locked; RunError if there is none."""
    check_that_it_is_a_directory(path)
    return Directory(path)


def resume(
    run: str | PathLike[str],
    *,
    data: Files = None,
    listeners: Iterable[AnyListener] = (),
    should_stop: ShouldStop | None = None,
    progress: bool = False,
) -> Run:
    """Resume the run in a directory from its last checkpoint; a finished run is returned as it is.

    data is the file, or the files, where its table is now: see `open_run`. Listeners and what is raised are
    those of `train`.
    """
    with open_to_resume(Path(run)) as directory:
        return resume_in(directory, Asked(listeners, should_stop, progress), data=data)


def resume_in(directory: Directory, asked: Asked, wanted: Config | None = None, data: Files = None) -> Run:
    """Resume the run in an open directory; RunError if it is not the wanted config's."""
    if finished_manifest(directory, wanted) is None:
        return asked.run(open_interrupted(directory, wanted, data).session())
    return checked_end(run_in(directory).with_data(data))


def checked_end(run: Run) -> Run:
    """A finished run; Diverged, with the run attached, if it diverged."""
    if run.status == "diverged":
        raise Diverged.before(run.manifest.reason or "diverged", run)
    return run
