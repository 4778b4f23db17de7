"""The manifest: a run's data and versions, how it ended, and the digest of every file it wrote."""

import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from math import isfinite
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from irisbp import __version__
from irisbp.data.dataset import Dataset
from irisbp.data.encoding import Column, Encoder
from irisbp.data.table import HeldOut, Table
from irisbp.data.understood import Reading
from irisbp.training.state import Training
from irisbp.training.stopping import which_parameters

Status = Literal["completed", "diverged", "interrupted"]


Which = Literal["last", "best"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class KeptColumn(_Part):
    """A column of the table as the encoder has fitted it: see irisbp.data.encoding."""

    name: str
    kind: Literal["number", "boolean", "words"]
    categories: list[str]
    fill: float | str | None


class ValidationTable(_Part):
    """The table whose rows were held out; reading is what was understood of it."""

    source: str
    sha256: str
    reading: dict[str, Any]


class Data(_Part):
    """The table that was trained on; sha256 is that of its file, validation counts the rows held out.

    rows counts those of both if another table was held out.

    features are the network's inputs; columns are those of the table that they are made of, none if they are
    the same. reading is what was understood of the file, None of iris.
    """

    source: str
    sha256: str
    rows: int
    validation: int
    features: list[str]
    target: str
    columns: list[KeptColumn] = []
    reading: dict[str, Any] | None = None
    validation_table: ValidationTable | None = None

    @property
    def readings(self) -> dict[str, Any]:
        """The understanding of the table, of iris nothing, and of the one whose rows were held out."""
        found = {} if self.reading is None else {"table": self.reading}
        held = self.validation_table
        return found | ({"validation_table": held.reading} if held else {})

    def changed_file(self, table: Table) -> str | None:
        """The file of a table that is no longer the one that was trained on, None if there is none."""
        held = self.validation_table
        digests = [self.sha256, *([held.sha256] if held else [])]
        files = zip_longest(table.digests, digests, fillvalue=(table.source, ""))
        return next((source for (source, now), was in files if now != was), None)

    @property
    def encoder(self) -> Encoder:
        """The encoder that makes the features of the table's columns."""
        if not self.columns:
            return Encoder(tuple(map(Column, self.features)))
        return Encoder(tuple(Column(c.name, c.kind, tuple(c.categories), c.fill) for c in self.columns))


class Figures(_Part):
    """The figures of the parameters that a run names: None for one that is not finite or not measured.

    loss and accuracy are over the training rows, the validation figures over the held-out rows.
    """

    loss: float | None = None
    accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class Manifest(_Part):
    """The end of a run, written last, so that a directory without it is a run that did not end.

    steps counts the updates done, epochs the passes begun; seconds is the time that training took,
    recording included; reason says why a run that is not completed ended. best_epoch is that of
    best_parameters.npz, None where nothing was monitored; which names the parameters to use.
    """

    status: Status
    reason: str | None
    epochs: int
    steps: int
    stopped_early: bool
    best_epoch: int | None
    which: Which
    figures: Figures = Figures()
    seconds: float
    started: str
    finished: str
    classes: list[str]
    data: Data
    versions: dict[str, str]
    files: dict[str, str]


@dataclass(frozen=True)
class Clock:
    """The clock of a run: when it began, its seconds before an interruption, and the versions used."""

    started: str
    before: float
    versions: dict[str, str]
    begun: float

    @classmethod
    def begin(cls) -> "Clock":
        """The clock of a run that begins now."""
        return cls(now(), 0.0, versions(), time.perf_counter())

    @classmethod
    def resume(cls, started: str, before: float, its_versions: dict[str, str]) -> "Clock":
        """The clock of a run that began earlier."""
        return cls(started, before, versions() | its_versions, time.perf_counter())

    def seconds(self) -> float:
        """The time that the run has been trained, including that before an interruption."""
        return self.before + time.perf_counter() - self.begun


def make_manifest(
    training: Training,
    status: Status,
    reason: str | None,
    figures: Figures,
    clock: Clock,
    files: dict[str, str],
) -> Manifest:
    """The manifest of a training that has come to its end; files are the digests of what was written."""
    if training.failure:
        status, reason = "diverged", training.failure.reason
    progress, best = training.progress, training.best
    return Manifest(
        status=status,
        reason=reason,
        epochs=progress.epoch - (progress.samples == 0),
        # The sample whose loss was not finite is recorded, but it changed nothing.
        steps=progress.step - (status == "diverged"),
        stopped_early=training.stopped_early,
        best_epoch=best.epoch if best else None,
        which=which_parameters(training.config, best is not None),
        figures=figures,
        seconds=clock.seconds(),
        started=clock.started,
        finished=now(),
        classes=list(training.dataset.classes),
        data=_data(training.dataset),
        versions=clock.versions,
        files=files,
    )


def finite(value: float | None) -> float | None:
    """The number, or None if it is not finite: JSON cannot represent that."""
    return value if value is None or isfinite(value) else None


def _data(dataset: Dataset) -> Data:
    table, readings = dataset.table, readings_as_json(dataset.readings)
    return Data(
        source=table.source,
        sha256=table.digest,
        rows=len(table.values),
        validation=len(dataset.held_out_rows),
        features=list(table.features),
        target=table.target,
        columns=_columns(dataset.encoder),
        reading=readings.get("table"),
        validation_table=_validation_table(table.held_out),
    )


def readings_as_json(readings: Mapping[str, Reading]) -> dict[str, Any]:
    """Plain data of what was understood of the files of a table."""
    return {name: reading.as_json() for name, reading in readings.items()}


def _validation_table(held: HeldOut | None) -> ValidationTable | None:
    if held is None:
        return None
    return ValidationTable(source=held.source, sha256=held.digest, reading=held.reading.as_json())


def _columns(encoder: Encoder | None) -> list[KeptColumn]:
    if encoder is None or all(column == Column(column.name) for column in encoder.columns):
        return []
    return [
        KeptColumn(name=c.name, kind=c.kind, categories=list(c.categories), fill=c.fill)
        for c in encoder.columns
    ]


def versions() -> dict[str, str]:
    """The versions that the numbers of a run may depend on."""
    return {
        "irisbp": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{sys.platform}-{platform.machine()}",
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
