"""Verifies that a run repeats: it is trained again from its own config, and every file is compared.

Equal means equal to the byte. If a file differs, the first different line, array entry or byte is named.
"""

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from irisbp.config.load import as_recorded
from irisbp.errors import Diverged, IrisbpError, RunError, StorageError
from irisbp.nn.types import Array
from irisbp.rundir.arrays import unpack
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Manifest, versions
from irisbp.rundir.reader import read_written
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.compare import differing_entries, entry_name
from irisbp.runs.layout import manifest_of
from irisbp.runs.listing import FileState, file_state
from irisbp.runs.session import finish
from irisbp.runs.tables import Files, OwnTables
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Epoch, Record, Training

Listen = Callable[[Record], None]

# The manifest's entries that do not depend on clocks and machines.
_OUTCOME = (
    "status", "reason", "epochs", "steps", "stopped_early", "best_epoch", "which", "figures", "classes",
)  # fmt: skip
_AS_FAR_AS_IT_WENT = ("epochs", "steps", "classes")
_LONGEST = 100  # characters of a line that are shown


@dataclass(frozen=True)
class FileDifference:
    """The first place where a file of the run and its repetition differ, and both contents there."""

    where: str
    was: str
    now: str


@dataclass(frozen=True)
class FileCheck:
    """A file: state is that against the manifest's sha256, difference is None if it repeats.

    skipped is the reason why a file was not compared.
    """

    name: str
    state: FileState
    difference: FileDifference | None
    skipped: str | None = None


@dataclass(frozen=True, repr=False)
class Verification:
    """The result of repeating a run; versions has those that have changed since."""

    path: Path
    manifest: Manifest
    checks: list[FileCheck]
    versions: dict[str, tuple[str | None, str | None]]

    @property
    def first(self) -> FileCheck | None:
        """The first file that differs."""
        return next((check for check in self.checks if check.difference), None)

    @property
    def equal(self) -> bool:
        """Return whether all that was compared is equal."""
        return self.first is None

    def __repr__(self) -> str:
        first = self.first
        verdict = "repeats to the byte" if first is None else f"differs first in {first.name}"
        return f"<Verification of {self.path}: {verdict}, {self.manifest.steps} steps>"

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "run": str(self.path),
            "status": self.manifest.status,
            "equal": self.equal,
            "steps": self.manifest.steps,
            "first": self.first.name if self.first else None,
            "files": [asdict(check) for check in self.checks],
            "versions": {name: list(pair) for name, pair in self.versions.items()},
        }


def verify(
    run: str | os.PathLike[str], listen: Listen = lambda record: None, *, data: Files = None
) -> Verification:
    """Train a run again in a temporary directory and compare; RunError if it cannot be repeated.

    A completed run is repeated to its end, a diverged one until it diverges, an interrupted one up to
    the record after which it was stopped. listen is called with every record, and may raise to stop. data is
    the file, or the files, where its table is now: see `open_run`.
    """
    with OpenDirectory(Path(run)) as directory:
        return verify_in(directory, listen, data)


def verify_in(run: OpenDirectory, listen: Listen, data: Files = None) -> Verification:
    """The same of the run in an open directory."""
    manifest = manifest_of(run)
    content = read_written(run, "config.yaml", manifest.files)
    recorded = as_recorded(run.path / "config.yaml", content)
    training = _prepared(OwnTables.of(run.path, recorded, manifest.data).named(data), manifest)
    try:
        folder = tempfile.TemporaryDirectory(prefix="irisbp-")
    except OSError as error:
        raise StorageError("make", error.filename or "a temporary directory", error) from None
    with folder as made, Directory.create(Path(made) / "run") as directory:
        writer = RunWriter(directory, training, recorded=recorded)
        repeated = _repeat(training, writer, _Stop(run, manifest), listen)
        checks = list(_checks(run, directory, manifest, repeated))
    return Verification(run.path, manifest, checks, _other_versions(manifest.versions, versions()))


def _prepared(tables: OwnTables, manifest: Manifest) -> Training:
    config, table = tables.read()
    if changed := manifest.data.changed_file(table):
        raise RunError(
            f"{changed} has changed since {tables.owner} was trained on it: the run cannot be repeated"
        )
    return prepare(config, table)


def _other_versions(was: dict[str, str], now: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    names = dict.fromkeys([*was, *now])
    return {name: (was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)}


class _Stop:
    """The place where an interrupted run ended: after so many steps and so many rows of epochs.csv.

    Both count, since a run may be stopped between an epoch's last step and its row.
    """

    def __init__(self, run: OpenDirectory, manifest: Manifest) -> None:
        self._steps, self._epochs = manifest.steps, 0
        self._wanted = manifest.status == "interrupted"
        if self._wanted and run.has("epochs.csv"):
            with run.open("epochs.csv") as file:
                self._epochs = sum(1 for _ in file) - 1
        self._step = self._epoch = 0

    def after(self, record: Record) -> bool:
        """Return whether this is the record after which the run was stopped."""
        if isinstance(record, Epoch):
            self._epoch = record.epoch
        else:
            self._step = record.last_step
        return self._wanted and self._step >= self._steps and self._epoch >= self._epochs


def _repeat(training: Training, writer: RunWriter, stop: _Stop, listen: Listen) -> Manifest:
    try:
        for record in train(training):
            writer.take(record)
            listen(record)
            if stop.after(record):
                return finish(writer, training, "interrupted", "as the run was")
    except Diverged as error:
        return finish(writer, training, "diverged", error.reason)
    return finish(writer, training, "completed")


def _checks(run: OpenDirectory, again: OpenDirectory, was: Manifest, now: Manifest) -> Iterable[FileCheck]:
    """Every file that either of the two wrote, in the order of writing, then the manifest."""
    # Another version may have cut blocks differently: then only the part that both have can be compared.
    same_place = was.status != "interrupted" or was.steps == now.steps
    for name in dict.fromkeys([*was.files, *now.files]):
        state = file_state(run, name, was.files.get(name))
        if same_place or not name.endswith(".npz"):
            yield FileCheck(name, state, first_difference(run, again, name, prefix=not same_place))
        else:
            yield FileCheck(name, state, None, f"the repetition ended at step {now.steps}")
    keys = _OUTCOME if was.status != "interrupted" else _AS_FAR_AS_IT_WENT if same_place else ("classes",)
    yield FileCheck("manifest.json", "not recorded", _outcome_difference(was, now, keys))


def _outcome_difference(was: Manifest, now: Manifest, keys: Iterable[str]) -> FileDifference | None:
    for key in keys:
        if getattr(was, key) != getattr(now, key):
            return FileDifference(key, str(getattr(was, key)), str(getattr(now, key)))
    return None


def first_difference(
    run: OpenDirectory, again: OpenDirectory, name: str, *, prefix: bool = False
) -> FileDifference | None:
    """The first difference of a file in two directories; with prefix, it may end earlier in the first."""
    for directory, was, now in ((run, "missing", "written"), (again, "written", "not written")):
        if not directory.has(name):
            return FileDifference("file", was, now)
    if name.endswith(".npz"):
        return _array_difference(run, again, name)
    with run.open(name) as file, again.open(name) as repeated:
        return _line_difference(file, repeated, prefix=prefix)


def _line_difference(
    lines: Iterable[bytes], repeated: Iterable[bytes], *, prefix: bool
) -> FileDifference | None:
    for number, (was, now) in enumerate(zip_longest(lines, repeated), 1):
        if was is None and prefix:
            return None
        if was != now:
            return FileDifference(f"line {number}", _line_text(was, now), _line_text(now, was))
    return None


def _line_text(line: bytes | None, other: bytes | None) -> str:
    """A line as text; its line end is included only if that is the difference."""
    if line is None:
        return "nothing"
    text = line.decode("utf-8", "backslashreplace")
    if other is None or text.rstrip("\r\n") != other.decode("utf-8", "backslashreplace").rstrip("\r\n"):
        text = text.rstrip("\r\n")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _array_difference(run: OpenDirectory, again: OpenDirectory, name: str) -> FileDifference | None:
    """The first entry of the first array that differs, or, if all are equal, the first byte."""
    was, now = run.read(name), again.read(name)
    if was == now:
        return None
    try:
        arrays = unpack(run.path / name, was, sealed=False)
    except IrisbpError as error:
        return FileDifference(_first_byte(was, now), str(error), "whole")
    others = unpack(again.path / name, now)
    for name in dict.fromkeys([*arrays, *others]):
        difference = _entry_difference(name, arrays.get(name), others.get(name))
        if difference:
            return difference
    return FileDifference(_first_byte(was, now), "equal arrays, but other bytes", "as irisbp writes them")


def _entry_difference(name: str, was: Array | None, now: Array | None) -> FileDifference | None:
    if was is None or now is None or was.shape != now.shape or was.dtype != now.dtype:
        return FileDifference(name, _kind(was), _kind(now))
    differ = differing_entries(was, now)
    if not differ.any():
        return None
    spot = tuple(np.argwhere(differ)[0].tolist())
    return FileDifference(entry_name(name, spot), repr(was.item(*spot)), repr(now.item(*spot)))


def _kind(array: Array | None) -> str:
    return "no such array" if array is None else f"{array.shape} {array.dtype}"


def _first_byte(was: bytes, now: bytes) -> str:
    common = min(len(was), len(now))
    return f"byte {next((k for k in range(common) if was[k] != now[k]), common) + 1}"
