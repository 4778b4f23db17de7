"""The records of a run as tables: kept in memory while it is trained, or read from its files.

Both give the same frames to the last bit: the columns of steps.csv and epochs.csv.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from irisbp.annotations import DataFrame
from irisbp.data.cells import harmless
from irisbp.data.frames import frame_of, read_exactly
from irisbp.errors import RunError
from irisbp.nn.types import Array, Indices
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Clock, Figures, Manifest, Status, make_manifest
from irisbp.rundir.reader import open_written
from irisbp.rundir.writer import EPOCH_COLUMNS, STEP_COLUMNS
from irisbp.training.state import Block, Epoch, Record, Training


class RunRecord(Protocol):
    """The tables of a run."""

    def steps(self) -> DataFrame:
        """A row for each sample of each epoch; RunError if the run did not record them."""

    def epochs(self) -> DataFrame:
        """A row for each epoch."""


class MemoryRecorder:
    """Takes the records of a training and keeps them in memory, as a RunWriter does in a directory."""

    def __init__(self, training: Training) -> None:
        self._training, self._clock = training, Clock.begin()
        self._keeps_steps = training.config.record == "steps"
        self._blocks: list[tuple[Indices | Array, ...]] = []  # columns of a block, a number for each sample
        self._epochs: list[Epoch] = []

    def take(self, record: Record) -> None:
        """Keep a block of samples or the end of an epoch."""
        if isinstance(record, Epoch):
            self._epochs.append(record)
        elif self._keeps_steps:
            self._blocks.append(_columns(record))

    def close(self, status: Status) -> None:
        """Nothing is left to be kept."""

    def finish(self, status: Status, reason: str | None, figures: Figures) -> Manifest:
        """The manifest of the run, which has no files."""
        return make_manifest(self._training, status, reason, figures, self._clock, {})

    def steps(self) -> DataFrame:
        """See RunRecord."""
        if not self._keeps_steps:
            raise _no_steps("the run")
        names = np.array(self._training.dataset.classes, dtype=object)
        columns = [np.concatenate(parts) for parts in zip(_NO_SAMPLES, *self._blocks, strict=True)]
        step, epoch, sample, label, predicted, loss = columns
        texts = names[label].tolist(), names[predicted].tolist()
        return frame_of(dict(zip(STEP_COLUMNS, (step, epoch, sample, *texts, loss), strict=True)))

    def epochs(self) -> DataFrame:
        """See RunRecord."""
        rows = [
            (e.epoch, e.learning_rate, e.loss, e.accuracy, e.validation_loss, e.validation_accuracy)
            for e in self._epochs
        ]
        values = np.array(rows, dtype=np.float64).reshape(-1, len(EPOCH_COLUMNS))
        return frame_of(values, EPOCH_COLUMNS).astype({"epoch": "int64"})


_NO_SAMPLES = (*(np.empty(0, np.int64),) * 5, np.empty(0))


def _columns(block: Block) -> tuple[Indices | Array, ...]:
    """Step, epoch, row, label, prediction and loss of each sample, (samples,) each."""
    count = len(block.rows)
    counts = np.arange(count) // block.batch_size + block.step, np.full(count, block.epoch)
    whole = (np.array(values, np.int64) for values in (block.rows, block.labels, block.predictions))
    return *counts, *whole, np.array(block.losses)


class RecordedFiles:
    """The tables in a run's directory; RunError if a file is not the one that the run wrote."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._path, self._manifest = path, manifest

    def steps(self) -> DataFrame:
        """See RunRecord."""
        if "steps.csv" not in self._manifest.files:
            raise _no_steps(str(self._path))
        frame = self._read("steps.csv", {"step": "int64", "epoch": "int64", "sample": "int64"})
        # A spreadsheet's formula has an apostrophe in the file, and none here.
        names = {harmless(name): name for name in self._manifest.classes}
        changed = {text: name for text, name in names.items() if text != name}
        for column in ("label", "predicted") if changed else ():
            frame[column] = frame[column].replace(changed)
        return frame

    def epochs(self) -> DataFrame:
        """See RunRecord."""
        return self._read("epochs.csv", {"epoch": "int64"})

    def _read(self, name: str, whole: dict[str, Any]) -> DataFrame:
        columns = STEP_COLUMNS if name == "steps.csv" else EPOCH_COLUMNS
        words = ("label", "predicted")
        kinds = {column: str if column in words else "float64" for column in columns} | whole
        with (
            OpenDirectory(self._path) as directory,
            open_written(directory, name, self._manifest) as file,
        ):
            try:
                return read_exactly(
                    file,
                    dtype=kinds,
                    keep_default_na=False,
                    na_values={column: ["", "nan"] for column in columns if column not in words},
                )
            except ValueError as error:  # pandas' own errors are, too
                raise RunError(f"{file.name} is not as a run writes it: {error}") from None


def _no_steps(run: str) -> RunError:
    return RunError(f"{run} did not record its steps: its config says record: epochs")
