"""Bars for trainings and sweeps that are run from Python: on a terminal, in a notebook, or none in a file."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from irisbp.show.figures import loss_text
from irisbp.sweeps.session import SweepProgress
from irisbp.training.listeners import Listener
from irisbp.training.state import Epoch, Record, Training


class _Bar:
    """Takes a training's records and shows how far it has come, and the loss of its last epoch."""

    def __init__(self, training: Training, console: Console | None) -> None:
        self._progress = _progress(console)
        self._task = self._progress.add_task("epoch 1", total=training.steps)
        self._progress.update(self._task, completed=training.progress.step)
        self._epochs = training.config.epochs
        self._progress.start()

    def take(self, record: Record) -> None:
        """Move on to a record."""
        if isinstance(record, Epoch):
            text = f"epoch {record.epoch}/{self._epochs}  loss {loss_text(record.loss)}"
            self._progress.update(self._task, completed=record.step, description=text)
        else:
            self._progress.update(self._task, completed=record.last_step)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._progress.stop()


def progress_bar(training: Training, console: Console | None = None) -> Listener:
    """A listener that shows a bar, by default on stdout or, in a notebook, below the cell."""
    return _Bar(training, console)


class _SweepBar:
    """Shows the epochs settled and the runs done of a sweep, whose listener it is; a context manager."""

    def __init__(self, console: Console | None) -> None:
        self._progress = _progress(console)
        self._task = self._progress.add_task("runs 0", total=None)

    def __call__(self, progress: SweepProgress) -> None:
        text = f"runs {progress.done}/{progress.runs}"
        self._progress.update(self._task, completed=progress.settled, total=progress.epochs, description=text)

    def __enter__(self) -> "_SweepBar":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()


def sweep_bar(console: Console | None = None) -> AbstractContextManager[Callable[[SweepProgress], None]]:
    """A listener that shows a bar while its context is open, where `progress_bar` would."""
    return _SweepBar(console)


def _progress(console: Console | None) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console)
