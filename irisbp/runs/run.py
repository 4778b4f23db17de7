"""A run: its config, how it ended, its parameters and records, and the verbs on it.

It is in memory, as `train` returns it, or in a directory, from which `open_run` reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

import irisbp
from irisbp.annotations import DataFrame, Figure
from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset, Standardizer, make_dataset
from irisbp.data.encoding import Column, Encoder
from irisbp.data.table import Table
from irisbp.errors import RunError
from irisbp.html import html_pairs
from irisbp.nn.network import Network
from irisbp.nn.types import Array
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Manifest, Which
from irisbp.rundir.reader import read_parameters
from irisbp.runs.evaluate import Evaluation, RowsName, evaluate_rows
from irisbp.runs.record import RunRecord
from irisbp.runs.tables import Files, OwnTables, as_files
from irisbp.training.model import Model
from irisbp.training.setup import held_out_rows
from irisbp.training.state import Training
from irisbp.training.tables import wanted_like

_TOLD = ("status", "reason", "epochs", "steps", "stopped_early", "best_epoch", "which", "seconds")


@dataclass(frozen=True, repr=False, eq=False)
class Run:
    """One training and what came of it.

    path is its directory, None of a run in memory. which says whether the parameters are the last or the
    best; `using` gives the other ones.
    """

    config: Config
    manifest: Manifest
    model: Model
    which: Which
    record: RunRecord
    path: Path | None = None
    training: Training | None = None  # of a run that was trained here
    tables: OwnTables | None = None  # of one that was read from its directory

    @property
    def name(self) -> str:
        """The last part of its path, or `in memory`."""
        return self.path.resolve().name if self.path else "in memory"

    @property
    def status(self) -> str:
        """Completed, diverged or interrupted."""
        return self.manifest.status

    @property
    def classes(self) -> list[str]:
        """The class of each output node."""
        return self.manifest.classes

    @property
    def features(self) -> list[str]:
        """The columns that the network takes, in its inputs' order."""
        return self.manifest.data.features

    @property
    def network(self) -> Network:
        """The network's shape."""
        return self.model.network

    @property
    def standardizer(self) -> Standardizer:
        """The mean and sd of each feature over the training rows."""
        return self.model.standardizer

    @property
    def vector(self) -> Array:
        """All parameters, flat: (parameters,)."""
        return self.model.parameters

    @property
    def parameters(self) -> Mapping[str, Array]:
        """The parameters by name: `hidden_1.weight` (fan_in, fan_out), `hidden_1.bias` (fan_out,), ..."""
        return MappingProxyType(self.network.views(self.vector))

    @cached_property
    def steps(self) -> DataFrame:
        """A row for each sample of each epoch: step, epoch, sample, label, predicted, loss.

        step and epoch count from 1, sample is the row of the table from 0, loss that before the update.
        RunError if the config says `record: epochs`.
        """
        return self.record.steps()

    @cached_property
    def epochs(self) -> DataFrame:
        """A row for each epoch: epoch, learning_rate, epoch_loss, epoch_accuracy and the validation figures.

        epoch_loss and epoch_accuracy are means over the epoch's samples, each before its update; the
        validation figures are those of the parameters at its end, nan where nothing was held out.
        """
        return self.record.epochs()

    @cached_property
    def dataset(self) -> Dataset:
        """The run's own table; RunError if it is no longer the one that the run was trained on."""
        if self.training is not None:
            return self.training.dataset
        return _own_dataset(self)

    def with_data(self, data: Files) -> "Run":
        """The same run, whose table is in this file, or tables in these: those with the recorded sha256."""
        if not as_files(data):
            return self
        if self.tables is None:
            raise RunError("data: the run has its table in memory; another one is evaluated as a whole")
        return replace(self, tables=self.tables.named(data))

    def using(self, which: Which) -> "Run":
        """The same run with its last or its best parameters; RunError if it has no best ones."""
        if which == self.which:
            return self
        if which == "best" and self.manifest.best_epoch is None:
            raise RunError(f"{self.path or 'the run'} has no best parameters: nothing was monitored")
        model = replace(self.model, parameters=self._parameters(which))
        return replace(self, model=model, which=which)

    def _parameters(self, which: Which) -> Array:
        training = self.training
        if training is None:
            assert self.path is not None
            with OpenDirectory(self.path) as directory:
                return read_parameters(directory, which, self.manifest, self.network)[0]
        best = training.best
        return best.parameters if which == "best" and best is not None else training.parameters

    def evaluate(
        self,
        on: RowsName | None = None,
        *,
        which: Which | None = None,
        data: Files = None,
        keys: Config | None = None,
    ) -> Evaluation:
        """Classify rows of the run's table (training, validation or all), or all of another table.

        By default those held out, if there are any, with the parameters that the run names. data is another
        table or, with `on`, the file (or files) where the run's own table is now. keys is the run's config
        with other keys of `data`, for a table in another dialect.
        """
        chosen = self.using(which) if which else self
        files = as_files(data)
        if len(files) == 1 and on in (None, "all"):
            return evaluate_rows(
                chosen.model, chosen.dataset_of(files[0], keys), chosen.which, on, is_own=False
            )
        return evaluate_rows(chosen.model, chosen.with_data(files).dataset, chosen.which, on, is_own=True)

    def dataset_of(self, source: "Path | str", keys: Config | None = None) -> Dataset:
        """Another table with the run's columns and classes, through the run's encoder and standardizer."""
        from irisbp.data.known import read_known

        data, encoder = (keys or self.config).data, self.model.encoder
        wanted = wanted_like(data, str(source), self.manifest.data.target, encoder.names)
        table = read_known(wanted, encoder, self.classes, data.unknown)
        return make_dataset(table, tuple(self.classes), self.standardizer, encoder=encoder)

    def predict(self, samples: DataFrame | Mapping[str, float]) -> DataFrame:
        """The class predicted and each class's probability for new samples, with the index of samples.

        samples is a DataFrame with the features among its columns, or one sample by feature.
        """
        from irisbp.runs.predict import predict_frame

        return predict_frame(self.model, samples)

    def plot(
        self,
        kind: str = "loss-and-accuracy",
        *,
        features: Sequence[str] | None = None,
        components: Sequence[int] | None = None,
    ) -> Figure:
        """A picture of the run as a matplotlib Figure; IrisbpError, with the known kinds, for any other.

        features or components choose what "regions" are drawn over, as for `irisbp.plot`.
        """
        return irisbp.plot(self, kind, features=features, components=components)

    def as_json(self) -> dict[str, Any]:
        """Plain data: what `irisbp train --json` prints."""
        kept = self.manifest.model_dump()
        place: dict[str, Any] = {"run": str(self.path) if self.path else None}
        return place | {key: kept[key] for key in _TOLD} | dict(kept["figures"]) | self.manifest.data.readings

    def __repr__(self) -> str:
        figures = self.manifest.figures
        loss = "not finite" if figures.loss is None else f"{figures.loss:.6g}"
        accuracy = "-" if figures.accuracy is None else f"{figures.accuracy:.4f}"
        where = self.path or "in memory"
        return f"<Run {where}: {self.status}, {self.manifest.steps} steps, loss {loss}, accuracy {accuracy}>"

    def _repr_html_(self) -> str:
        figures = {name: value for name, value in self.manifest.figures.model_dump().items() if value}
        config = self.config
        return html_pairs(
            f"Run {self.path or 'in memory'}",
            {
                "status": self.status if self.manifest.reason is None else self.manifest.reason,
                "network": "-".join(map(str, (self.network.inputs, *self.network.hidden, len(self.classes)))),
                "optimizer": f"{config.optimizer.name}, learning rate {config.learning_rate:g}",
                "seed": config.seed,
                "epochs": self.manifest.epochs,
                "steps": self.manifest.steps,
                **{name.replace("_", " "): f"{value:.6g}" for name, value in figures.items()},
            },
        )


def _own_dataset(run: Run) -> Dataset:
    """The table that the config names, if it is still what the manifest says."""
    assert run.tables is not None
    table, encoder = run.tables.read()[1], run.model.encoder
    _check_table(run, table)
    held_out = held_out_rows(run.config, table)
    table = encoder.encode(table, "zeros")
    return make_dataset(table, tuple(run.classes), run.standardizer, held_out, encoder)


def _check_table(run: Run, table: Table) -> None:
    if changed := run.manifest.data.changed_file(table):
        raise RunError(f"{changed} has changed since {run.path} was trained on it")
    if set(table.targets) != set(run.classes):
        raise RunError(f"{run.path}/manifest.json: its classes differ from those of the data")
    if table.features != run.model.encoder.names:
        raise RunError(f"{run.path}/manifest.json: its columns are not those of the data")


def model_of(training: Training, which: Which) -> Model:
    """The model of a training that has come to its end, with its last or its best parameters."""
    best, dataset, data = training.best, training.dataset, training.config.data
    encoder = dataset.encoder or Encoder(tuple(map(Column, dataset.table.features)))
    parameters = best.parameters if which == "best" and best is not None else training.parameters
    return Model(
        training.network,
        np.asarray(parameters),
        dataset.standardizer,
        tuple(dataset.table.features),
        dataset.classes,
        encoder,
        wanted_like(data, dataset.table.source, dataset.table.target, encoder.names),
        data.unknown,
    )
