"""Lists a directory of runs: an entry for each run, in whatever state it is.

`open_run` refuses an incomplete run; a list shows those, too. Nothing here writes, and a file that may be
long is not read whole.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from irisbp.annotations import DataFrame
from irisbp.config.load import load_config, load_recorded
from irisbp.config.schema import Config
from irisbp.data.frames import frame_of
from irisbp.errors import IrisbpError, RunError
from irisbp.nearest import did_you_mean
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Figures, Manifest, finite
from irisbp.rundir.reader import read_written
from irisbp.runs.agreement import check_agreement
from irisbp.runs.layout import check_that_it_is_no_sweep, manifest_of

Status = Literal["completed", "stopped early", "diverged", "interrupted", "unfinished", "damaged"]
FileState = Literal["as written", "changed", "missing", "not recorded"]

_LISTED = [
    "run", "name", "status", "problem", "date", "epoch", "learning_rate", "epoch_loss", "epoch_accuracy",
    "loss", "accuracy", "validation_loss", "validation_accuracy", "config",
]  # fmt: skip
# One of these names alone may belong to something else; two of them make a run.
_MARKS = {"config.yaml", "epochs.csv", "manifest.json"}
_LONGEST_ROW = 200  # bytes of a row of epochs.csv, with room to spare


class EpochFigures(NamedTuple):
    """A row of epochs.csv."""

    epoch: int
    learning_rate: float
    epoch_loss: float
    epoch_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None

    def as_json(self) -> dict[str, int | float | None]:
        """Plain data; a figure that is not finite is None, since JSON cannot represent it."""
        return {name: finite(value) for name, value in self._asdict().items()}


@dataclass(frozen=True)
class Entry:
    """A run as far as it can be read: problem says what is damaged, last is its last whole epoch."""

    path: Path
    status: Status
    problem: str | None
    config: Config | None
    manifest: Manifest | None
    last: EpochFigures | None
    started: datetime

    @property
    def name(self) -> str:
        """The last part of its path, also where that is a dot."""
        return self.path.name or self.path.absolute().name

    @property
    def figures(self) -> Figures:
        """The figures of the run's parameters, none of a run that has not ended."""
        return self.manifest.figures if self.manifest else Figures()

    def as_json(self) -> dict[str, Any]:
        """Plain data: the figures are the run's, as `train` shows them, and those of its last epoch."""
        last = self.last.as_json() if self.last else dict.fromkeys(EpochFigures._fields)
        return {
            "run": str(self.path),
            "name": self.name,
            "status": self.status,
            "problem": self.problem,
            "date": self.started.isoformat(),
            **{key: last[key] for key in ("epoch", "learning_rate", "epoch_loss", "epoch_accuracy")},
            **self.figures.model_dump(),
            "config": self.config.model_dump(mode="json") if self.config else None,
        }


class FileEntry(NamedTuple):
    """A file in a run: its size in bytes, and whether it is what the manifest says."""

    name: str
    size: int | None
    state: FileState


def list_entries(folder: Path) -> list[Entry]:
    """Every run in or below a directory, the newest last; other directories are skipped."""
    if not os.path.isdir(folder):
        raise RunError(f"{folder}: no such directory{did_you_mean(folder, folder=True)}")
    return sorted(_entries(folder), key=lambda entry: (entry.started, str(entry.path)))


def _entries(folder: Path) -> Iterator[Entry]:
    """Links are not followed, since they may form a circle; a run holds no other runs."""
    for place, folders, names in os.walk(folder):
        if _is_run(names):
            folders.clear()
            with suppress(RunError), OpenDirectory(Path(place)) as directory:  # it may be gone by now
                yield read_entry(directory)
        folders[:] = [name for name in folders if not name.startswith(".")]


def _is_run(names: Sequence[str]) -> bool:
    return len(_MARKS.intersection(names)) >= 2


def read_entry(directory: OpenDirectory) -> Entry:
    """The run in a directory, in whatever state; RunError if it is not a run."""
    names, problems = directory.names(), list[str]()
    _check_that_it_is_a_run(directory.path, names)
    config = manifest = None
    try:
        config = _config(directory, is_finished="manifest.json" in names)
    except IrisbpError as error:
        problems.append(str(error))
    if "manifest.json" in names:
        manifest = _checked_manifest(directory, names, config, problems)
    return Entry(
        path=directory.path,
        status=_status(manifest, bool(problems)),
        problem=problems[0].replace("\n", "; ") if problems else None,
        config=config,
        manifest=manifest,
        last=next(iter(last_epochs(directory, 1)), None),
        started=_started(directory, manifest),
    )


def _check_that_it_is_a_run(path: Path, names: Sequence[str]) -> None:
    """RunError if a directory with these names is not a run's."""
    if not _is_run(names):
        check_that_it_is_no_sweep(path, names)
        raise RunError(f"{path} is not a run: it has fewer than two of {', '.join(sorted(_MARKS))}")


def _config(directory: OpenDirectory, *, is_finished: bool) -> Config:
    """The config: without a manifest, which has its digest, only the config itself shows that it is whole."""
    path, content = directory.path / "config.yaml", directory.read("config.yaml")
    return load_config(path, content=content) if is_finished else load_recorded(path, content)


def _checked_manifest(
    directory: OpenDirectory, names: Sequence[str], config: Config | None, problems: list[str]
) -> Manifest | None:
    """The manifest, if it can be read; the config is short enough to be compared with it at once."""
    manifest = None
    try:
        manifest = manifest_of(directory)
        problems += [
            f"{directory.path / name} is missing" for name in manifest.files if not directory.has(name)
        ]
        if "config.yaml" in names:
            read_written(directory, "config.yaml", manifest)
        if config is not None:
            check_agreement(directory, config, manifest)
    except IrisbpError as error:
        problems.append(str(error))
    return manifest


def _status(manifest: Manifest | None, is_damaged: bool) -> Status:
    if is_damaged:
        return "damaged"
    if manifest is None:
        return "unfinished"
    return "stopped early" if manifest.stopped_early else manifest.status


def _started(directory: OpenDirectory, manifest: Manifest | None) -> datetime:
    """The time at which the run began: the manifest's, or else that of its first file."""
    with suppress(ValueError, OverflowError):
        if manifest is not None:
            return datetime.fromisoformat(manifest.started).astimezone(UTC)
    first = directory.status("config.yaml") or directory.status("epochs.csv")
    with suppress(ValueError, OverflowError):
        return datetime.fromtimestamp(int(first.st_mtime) if first else 0, UTC)
    return datetime.fromtimestamp(0, UTC)


def last_epochs(directory: OpenDirectory, count: int) -> list[EpochFigures]:
    """The last epochs of a run, read from the end of epochs.csv; incomplete rows are left out."""
    try:
        with directory.open("epochs.csv") as file:
            start = max(file.seek(0, os.SEEK_END) - (count + 1) * _LONGEST_ROW, 0)
            file.seek(start)
            content = file.read((count + 1) * _LONGEST_ROW)
    except IrisbpError:
        return []
    # The first line is the header or cut, the last is empty or was never finished.
    rows = (_figures(line) for line in content.decode("utf-8", "replace").split("\n")[1:-1])
    return [row for row in rows if row is not None][-count:]


def _figures(line: str) -> EpochFigures | None:
    try:
        epoch, rate, loss, accuracy, *validation = line.split(",")
        held_out = [float(cell) if cell else None for cell in validation]
        return EpochFigures(int(epoch), float(rate), float(loss), float(accuracy), *held_out)
    except (ValueError, TypeError):
        return None


def list_files(directory: OpenDirectory, manifest: Manifest | None) -> list[FileEntry]:
    """Every file in a run, those in its folders too, and those that only the manifest names."""
    found, recorded = directory.sizes(), manifest.files if manifest else {}
    return [
        FileEntry(name, found.get(name), file_state(directory, name, manifest))
        for name in sorted(found.keys() | recorded.keys())
    ]


def changed_files(directory: OpenDirectory, manifest: Manifest) -> Iterator[str]:
    """A sentence for each file of a run that is not the one that it wrote."""
    for name in manifest.files:
        state = file_state(directory, name, manifest)
        if state != "as written":
            why = "it is missing" if state == "missing" else "its sha256 differs"
            yield f"{directory.path / name} is not the file that the run wrote: {why}"


def file_state(directory: OpenDirectory, name: str, manifest: Manifest | None) -> FileState:
    """Compare a file's sha256 with the recorded one; a file that cannot be read counts as changed."""
    if manifest is None or name not in manifest.files:
        return "not recorded"
    with suppress(IrisbpError):
        if not directory.has(name):
            return "missing"
        if directory.sha256(name, manifest.most(name)) == manifest.files[name]:
            return "as written"
    return "changed"


def list_runs(folder: str | os.PathLike[str] = "runs") -> DataFrame:
    """A row for each run in or below a directory, the newest last: where it lies, its status and figures.

    loss and accuracy are those of the run's parameters over its training rows, the validation figures over
    its held-out rows; epoch, epoch_loss and epoch_accuracy those of its last epoch. A column config has each
    run's Config, None where it cannot be read. RunError if there is no such directory.
    """
    entries = list_entries(Path(folder))
    rows = [entry.as_json() | {"date": entry.started, "config": entry.config} for entry in entries]
    return frame_of(rows, _LISTED)
