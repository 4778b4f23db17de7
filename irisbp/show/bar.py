"""A bar for a training that is run from Python: on a terminal, in a notebook, or nothing in a file."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from irisbp.show.figures import loss_text
from irisbp.training.listeners import Listener
from irisbp.training.state import Epoch, Record, Training


class _Bar:
    """Takes a training's records and shows how far it has come, and the loss of its last epoch."""

    def __init__(self, training: Training, console: Console | None) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        self._progress = Progress(*columns, console=console)
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
