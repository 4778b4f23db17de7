"""Writes a run as it happens: it takes the records of the training loop."""

import csv
import io
import time
from collections.abc import Sequence

import numpy as np

from irisbp.config.load import to_yaml
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
            self._step = record.step + len(record.rows) - 1
            if self._steps:
                self._steps.append(self._step_rows(record))
        else:
            self._epochs.append(_epoch_row(record))

    def finish(self, status: Status, reason: str | None = None) -> Manifest:
        """Write parameters and, last of all, the manifest."""
        seconds = time.perf_counter() - self._clock
        if self._steps:
            self._files["steps.csv"] = self._steps.close()
        self._files["epochs.csv"] = self._epochs.close()
        self._files["parameters.npz"] = self._directory.write("parameters.npz", self._parameters())
        manifest = Manifest(
            status=status,
            reason=reason,
            epochs=self._epoch,
            # The sample whose loss was not finite is recorded, but it changed nothing.
            steps=self._step - (status == "diverged"),
            seconds=seconds,
            started=self._started,
            finished=now(),
            classes=list(self._training.dataset.classes),
            data=self._data(),
            versions=versions(),
            files=self._files,
        )
        self._directory.write("manifest.json", manifest.model_dump_json(indent=2).encode() + b"\n")
        return manifest

    def _step_rows(self, block: Samples) -> str:
        classes, epoch = self._classes, block.epoch
        return "".join(
            [
                f"{step},{epoch},{row},{classes[label]},{classes[predicted]},{loss!r}\n"
                for step, (row, label, predicted, loss) in enumerate(
                    zip(block.rows, block.labels, block.predictions, block.losses, strict=True), block.step
                )
            ]
        )

    def _parameters(self) -> bytes:
        training, content = self._training, io.BytesIO()
        arrays = training.network.views(training.parameters)
        arrays["standardizer.mean"] = training.dataset.standardizer.mean
        arrays["standardizer.sd"] = training.dataset.standardizer.sd
        # Typed for keywords that its own options share; ours all have a dot.
        np.savez(content, **arrays)  # type: ignore[arg-type]
        return content.getvalue()

    def _data(self) -> Data:
        table = self._training.dataset.table
        return Data(
            source=table.source,
            sha256=table.digest,
            rows=len(table.values),
            features=list(table.features),
            target=table.target,
        )


def csv_cell(text: str) -> str:
    """Text as one cell of a CSV file, quoted where it has to be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([text])
    return line.getvalue()


def _epoch_row(epoch: Epoch) -> str:
    figures: Sequence[float] = (epoch.learning_rate, epoch.loss, epoch.accuracy)
    return f"{epoch.epoch},{','.join(map(repr, figures))},,\n"
