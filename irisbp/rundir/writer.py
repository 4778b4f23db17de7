"""Writes a run as it happens: it takes the records of the training loop."""

import time
from collections.abc import Iterator, Sequence

from pydantic_core import to_json

from irisbp.config.load import to_yaml
from irisbp.config.place import recorded_in
from irisbp.config.schema import Config
from irisbp.data.cells import cell
from irisbp.nn.types import Array
from irisbp.rundir.arrays import pack
from irisbp.rundir.checkpoint import Checkpoint, write_checkpoint
from irisbp.rundir.manifest import Clock, Figures, Manifest, Status, make_manifest
from irisbp.rundir.place import RUN
from irisbp.rundir.storage import Directory, Mark
from irisbp.training.state import Block, Epoch, Progress, Record, Snapshot, Training

STEP_COLUMNS = ("step", "epoch", "sample", "label", "predicted", "loss")
EPOCH_COLUMNS = (
    "epoch", "learning_rate", "epoch_loss", "epoch_accuracy", "validation_loss", "validation_accuracy",
)  # fmt: skip
HEADERS = {"steps.csv": f"{','.join(STEP_COLUMNS)}\n", "epochs.csv": f"{','.join(EPOCH_COLUMNS)}\n"}


class RunWriter:
    """Writes config.yaml at once, steps.csv and epochs.csv as records come, the rest at the end.

    On the way it commits checkpoints, the first before the first record: it holds the digests by which the
    files in the directory are recognized.
    """

    def __init__(
        self,
        directory: Directory,
        training: Training,
        start: Checkpoint | None = None,
        recorded: Config | None = None,
    ) -> None:
        """Begin a run, or resume it from the checkpoint that the training has been restored to.

        recorded is the config to be written, by default the training's, its tables relative to the directory.
        """
        self._directory, self._training = directory, training
        self._classes = [cell(name) for name in training.dataset.classes]
        self._clock = Clock.begin()
        if start is not None:
            self._clock = Clock.resume(start.started, start.seconds, start.versions)
        self._names = ("steps.csv", "epochs.csv") if training.config.record == "steps" else ("epochs.csv",)
        if start is None:
            content = to_yaml(recorded or recorded_in(training.config, directory.path)).encode()
            self._files = {"config.yaml": directory.write("config.yaml", content)}
            self._growing = {name: directory.start(name) for name in self._names}
            directory.sync()
            for name, file in self._growing.items():
                file.append(HEADERS[name])
        else:
            self._files = {"config.yaml": start.config}
            self._growing = {name: directory.reopen(name, start.files[name]) for name in self._names}
            for file in self._growing.values():
                file.truncate()
        self._due = _Due(training)
        self._progress = training.progress
        if start is None:
            self._commit()

    def take(self, record: Record) -> None:
        """Record a block of samples or the end of an epoch, and commit if a checkpoint is due."""
        self._progress = self._training.progress
        if isinstance(record, Epoch):
            self._growing["epochs.csv"].append(_epoch_row(record))
        elif "steps.csv" in self._growing:
            self._growing["steps.csv"].append(self._step_rows(record))
        if self._training.failure is None and self._due(self._progress):
            self._commit()

    def close(self, status: Status) -> None:
        """Write the rest of the records, and the parameters; an interrupted run can be resumed."""
        training = self._training
        if status == "interrupted" and training.failure is None:
            self._commit()
        marks = self._sync()
        for file in self._growing.values():
            file.close()
        self._files |= {name: marks[name].sha256 for name in self._names}
        self._put_parameters("parameters.npz", training.parameters)
        if training.best is not None:
            self._put_parameters("best_parameters.npz", training.best.parameters)

    def finish(self, status: Status, reason: str | None, figures: Figures) -> Manifest:
        """Write, last of all, the manifest of the closed run."""
        manifest = make_manifest(self._training, status, reason, figures, self._clock, self._files)
        self._directory.write("manifest.json", manifest.model_dump_json(indent=2).encode() + b"\n")
        RUN.discard_leftovers(self._directory, passing=manifest.status == "completed")
        return manifest

    def _commit(self) -> None:
        began = time.monotonic()
        training, marks = self._training, self._sync()
        checkpoint = Checkpoint(
            state=Snapshot.of(training),
            progress=self._progress,
            best=training.best,
            files=marks,
            config=self._files["config.yaml"],
            data=" ".join(digest for _, digest in training.dataset.table.digests),
            started=self._clock.started,
            seconds=self._clock.seconds(),
            versions=self._clock.versions,
        )
        write_checkpoint(self._directory, checkpoint)
        self._due.committed(self._progress, time.monotonic() - began)

    def _sync(self) -> dict[str, Mark]:
        return {name: file.sync() for name, file in self._growing.items()}

    def _step_rows(self, block: Block) -> str:
        classes, epoch, size, count = self._classes, f",{block.epoch},", block.batch_size, len(block.rows)
        steps: Sequence[int] = range(block.step, block.step + count)
        if size > 1:
            steps = [block.step + k // size for k in range(count)]
        losses = _texts(block.losses)
        columns = zip(steps, block.rows, block.labels, block.predictions, losses, strict=True)
        return "".join(
            [
                f"{step}{epoch}{row},{classes[label]},{classes[predicted]},{loss}\n"
                for step, row, label, predicted, loss in columns
            ]
        )

    def _put_parameters(self, name: str, parameters: Array) -> None:
        training = self._training
        arrays = training.network.views(parameters)
        arrays["standardizer.mean"] = training.dataset.standardizer.mean
        arrays["standardizer.sd"] = training.dataset.standardizer.sd
        self._files[name] = self._directory.write(name, pack(arrays))


class _Due:
    """Decides when a checkpoint is due: as often as the config says, or else by the clock."""

    _AT_MOST_EVERY = 1.0  # seconds
    _SHARE = 20  # commit for at most one part in so many of the time

    def __init__(self, training: Training) -> None:
        self._every = training.config.checkpoint_every
        self.committed(training.progress, 0.0)

    def committed(self, progress: Progress, seconds: float) -> None:
        """Start counting again, after a commit that took so many seconds."""
        self._last = progress
        self._next = time.monotonic() + max(self._AT_MOST_EVERY, self._SHARE * seconds)

    def __call__(self, progress: Progress) -> bool:
        """Return whether a checkpoint is due after this record."""
        epochs, steps = self._every.epochs, self._every.steps
        if epochs is None and steps is None:
            return time.monotonic() >= self._next
        between_epochs = progress.samples == 0 and epochs is not None and (progress.epoch - 1) % epochs == 0
        return between_epochs or (steps is not None and progress.step // steps > self._last.step // steps)


def _texts(numbers: list[float]) -> Iterator[str]:
    """The repr of each number, in a quarter of the time: the shortest digits that read back the same.

    For a number with an exponent, and for inf and nan, repr itself is used.
    """
    texts = to_json(numbers)[1:-1].decode().split(",")
    return (
        text if 1e-4 <= number < 1e16 else repr(number) for number, text in zip(numbers, texts, strict=True)
    )


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
