"""Writes a run as it happens: it takes the records of the training loop."""

import csv
import io
import time

import numpy as np

from irisbp.config.load import to_yaml
from irisbp.nn.types import Array
from irisbp.rundir.manifest import Data, Manifest, Status, now, versions
from irisbp.rundir.storage import Directory
from irisbp.training import Epoch, Record, Samples, Training

STEPS_HEADER = "step,epoch,sample,label,predicted,loss\n"
EPOCHS_HEADER = "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n"


class RunWriter:
    """Writes config.yaml at once, steps.csv and epochs.csv as records come, the rest at the end."""

    def __init__(self, directory: Directory, training: Training) -> None:
        self._directory, self._training = directory, training
        self._classes = [csv_cell(name) for name in training.dataset.classes]
        self._started, self._clock = now(), time.perf_counter()
        self._epoch = 0
        self._step = 0
        self._files = {"config.yaml": directory.write("config.yaml", to_yaml(training.config).encode())}
        self._steps = directory.start("steps.csv") if training.config.record == "steps" else None
        self._epochs = directory.start("epochs.csv")
        if self._steps:
            self._steps.append(STEPS_HEADER)
        self._epochs.append(EPOCHS_HEADER)

    def take(self, record: Record) -> None:
        """Record a block of samples or the end of an epoch."""
        if isinstance(record, Samples):
            self._epoch = record.epoch
            self._step = record.last_step
            if self._steps:
                self._steps.append(self._step_rows(record))
        else:
            self._epochs.append(_epoch_row(record))

    def finish(self, status: Status, reason: str | None = None) -> Manifest:
        """Write parameters and, last of all, the manifest."""
        seconds = time.perf_counter() - self._clock
        training, stopping = self._training, self._training.config.early_stopping
        if self._steps:
            self._files["steps.csv"] = self._steps.close()
        self._files["epochs.csv"] = self._epochs.close()
        self._put_parameters("parameters.npz", training.parameters)
        if training.best is not None:
            self._put_parameters("best_parameters.npz", training.best.parameters)
        manifest = Manifest(
            status=status,
            reason=reason,
            epochs=self._epoch,
            # The sample whose loss was not finite is recorded, but it changed nothing.
            steps=self._step - (status == "diverged"),
            stopped_early=training.stopped_early,
            best_epoch=training.best.epoch if training.best else None,
            which="best" if training.best and stopping and stopping.restore_best else "last",
            seconds=seconds,
            started=self._started,
            finished=now(),
            classes=list(training.dataset.classes),
            data=self._data(),
            versions=versions(),
            files=self._files,
        )
        self._directory.write("manifest.json", manifest.model_dump_json(indent=2).encode() + b"\n")
        return manifest

    def _step_rows(self, block: Samples) -> str:
        classes, epoch, size = self._classes, block.epoch, block.batch_size
        columns = zip(block.rows, block.labels, block.predictions, block.losses, strict=True)
        return "".join(
            [
                f"{block.step + k // size},{epoch},{row},{classes[label]},{classes[predicted]},{loss!r}\n"
                for k, (row, label, predicted, loss) in enumerate(columns)
            ]
        )

    def _put_parameters(self, name: str, parameters: Array) -> None:
        training, content = self._training, io.BytesIO()
        arrays = training.network.views(parameters)
        arrays["standardizer.mean"] = training.dataset.standardizer.mean
        arrays["standardizer.sd"] = training.dataset.standardizer.sd
        # Typed for keywords that its own options share; ours all have a dot.
        np.savez(content, **arrays)  # type: ignore[arg-type]
        self._files[name] = self._directory.write(name, content.getvalue())

    def _data(self) -> Data:
        table = self._training.dataset.table
        return Data(
            source=table.source,
            sha256=table.digest,
            rows=len(table.values),
            validation=len(self._training.dataset.validation),
            features=list(table.features),
            target=table.target,
        )


def csv_cell(text: str) -> str:
    """Text as one cell of a CSV file, quoted where it has to be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([text])
    return line.getvalue()


def _epoch_row(epoch: Epoch) -> str:
    figures = (
        epoch.learning_rate,
        epoch.loss,
        epoch.accuracy,
        epoch.validation_loss,
        epoch.validation_accuracy,
    )
    cells = ("" if figure is None else repr(figure) for figure in figures)
    return f"{epoch.epoch},{','.join(cells)}\n"
