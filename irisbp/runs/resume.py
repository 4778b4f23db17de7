"""Resumes a run from its last checkpoint, whatever ended it.

A finished run has the same files, byte for byte, as without an interruption: only the clock times in its
manifest differ.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from irisbp.config.load import is_as_written, load_config
from irisbp.config.schema import Config
from irisbp.config.settings import varying_keys
from irisbp.errors import Diverged, RunError, literal
from irisbp.rundir.checkpoint import Checkpoint, checkpoint_names, newest_checkpoint
from irisbp.rundir.directory import check_that_it_is_a_directory
from irisbp.rundir.manifest import Manifest, versions
from irisbp.rundir.place import RUN
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.layout import OWN_FOLDERS, check_that_its_grid_is_there, manifest_of
from irisbp.runs.listing import file_state
from irisbp.runs.open import run_in
from irisbp.runs.run import Run
from irisbp.runs.session import AnyListener, Asked, ShouldStop, TrainingSession, had_any_threads
from irisbp.training.setup import prepare, resume_from
from irisbp.training.state import Training


@dataclass(frozen=True)
class Resumption:
    """A run's training, restored to its checkpoint; without one, at its beginning.

    notes are for the user: what is wrong with newer checkpoints, say.
    """

    directory: Directory
    training: Training
    checkpoint: Checkpoint | None
    notes: list[str]

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
        return RunWriter(self.directory, self.training, self.checkpoint)

    def session(self) -> TrainingSession:
        """The rest of the run, ready to be trained."""
        return TrainingSession(self.training, self.writer, self.directory.path, self._all_notes())

    def _all_notes(self) -> list[str]:
        return self.notes + [
            f"the run began with {name} {literal(was)}; with {now} its last digits may differ"
            for name, (was, now) in self.other_versions.items()
        ]

    @property
    def other_versions(self) -> dict[str, tuple[str, str]]:
        """The versions that the run began with and the current ones, where they differ."""
        was, now = self.checkpoint.versions if self.checkpoint else {}, versions()
        return {name: (was[name], now[name]) for name in was if was[name] != now.get(name, was[name])}


def open_interrupted(directory: Directory, wanted: Config | None = None) -> Resumption:
    """The run in a directory, ready to be resumed; RunError if it cannot be, or is of another config."""
    path = directory.path / "config.yaml"
    names = directory.names()
    if "config.yaml" not in names:
        check_that_its_grid_is_there(directory.path, names)
        raise RunError(
            f"{directory.path} holds no config.yaml: there is nothing to resume;"
            " train a run there with overwrite"
        )
    content = directory.read("config.yaml")
    config = load_config(path, content=content)
    if not is_as_written(config, content):
        raise RunError(
            f"{path} has changed since the run began; a run is resumed with the config it began with"
        )
    _check_config(directory, config, wanted)
    training = prepare(config)
    checkpoint, passed_over = newest_checkpoint(directory, training)
    if checkpoint is not None:
        resume_from(training, checkpoint.state, checkpoint.progress, checkpoint.best)
    notes = [f"an older checkpoint is used: {problem}" for problem in passed_over]
    if had_any_threads(training, content):
        notes.append(
            "the run began before `threads` was a key, with as many threads of BLAS as there were; with"
            f" {config.threads} its last digits may differ"
        )
    return Resumption(directory, training, checkpoint, notes)


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
        content = directory.read("config.yaml")
        _check_config(directory, load_config(directory.path / "config.yaml", content=content), wanted)
    RUN.discard_leftovers(directory, passing=manifest.status == "completed")
    return manifest


def _check_config(directory: Directory, config: Config, wanted: Config | None) -> None:
    if wanted is not None and config != wanted:
        keys = varying_keys([config, wanted])
        raise RunError(f"{directory.path} is a run of another config, which differs in {', '.join(keys)}")


def open_to_resume(path: Path) -> Directory:
    """An existing run's directory, locked; RunError if there is none."""
    check_that_it_is_a_directory(path)
    return Directory(path)


def resume(
    run: str | PathLike[str],
    *,
    listeners: Iterable[AnyListener] = (),
    should_stop: ShouldStop | None = None,
    progress: bool = False,
) -> Run:
    """Resume the run in a directory from its last checkpoint; a finished run is returned as it is.

    Listeners and what is raised are those of `train`.
    """
    with open_to_resume(Path(run)) as directory:
        return resume_in(directory, Asked(listeners, should_stop, progress))


def resume_in(directory: Directory, asked: Asked, wanted: Config | None = None) -> Run:
    """Resume the run in an open directory; RunError if it is not the wanted config's."""
    if finished_manifest(directory, wanted) is None:
        return asked.run(open_interrupted(directory, wanted).session())
    return checked_end(run_in(directory))


def checked_end(run: Run) -> Run:
    """A finished run; Diverged, with the run attached, if it diverged."""
    if run.status == "diverged":
        raise Diverged.before(run.manifest.reason or "diverged", run)
    return run
