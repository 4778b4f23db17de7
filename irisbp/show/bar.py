"""A bar for a training that is run from Python: on a terminal, or below the cell of a notebook."""

import io
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from irisbp.show.figures import loss_text
from irisbp.training.listeners import Listener
from irisbp.training.state import Epoch, Record, Training

_WIDTH = 80  # characters of a bar in a notebook
_FRAME = 0.2  # seconds between two drawings in a notebook


class _Bar:
    """Takes a training's records and shows how far it has come, and the loss of its last epoch."""

    def __init__(self, training: Training, progress: Progress) -> None:
        self._progress, self._epochs = progress, training.config.epochs
        self._task = progress.add_task("epoch 1", total=training.steps, completed=training.progress.step)

    def take(self, record: Record) -> None:
        """Move on to a record."""
        if isinstance(record, Epoch):
            text = f"epoch {record.epoch}/{self._epochs}  epoch loss {loss_text(record.loss)}"
            self._progress.update(self._task, completed=record.step, description=text)
        else:
            self._progress.update(self._task, completed=record.last_step)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._progress.stop()


class _NotebookBar(_Bar):
    """The same as HTML below a cell; Rich's own way to a notebook needs ipywidgets."""

    def __init__(self, training: Training, progress: Progress) -> None:
        super().__init__(training, progress)
        from IPython.display import display

        self._handle: Any = display(self._html(), display_id=True)
        self._next = 0.0

    def take(self, record: Record) -> None:
        super().take(record)
        if time.monotonic() >= self._next:
            self._draw()

    def close(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self._handle.update(self._html())
        self._next = time.monotonic() + _FRAME

    def _html(self) -> Any:
        from IPython.display import HTML

        console = Console(record=True, file=io.StringIO(), width=_WIDTH, force_jupyter=False)
        console.print(self._progress)
        return HTML(console.export_html(inline_styles=True, code_format="<pre>{code}</pre>"))


def progress_bar(training: Training, console: Console | None = None) -> Listener:
    """A listener that shows a bar, by default on stdout or, in a notebook, below the cell."""
    console = console or Console()
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    progress = Progress(*columns, console=console)
    if console.is_jupyter:
        return _NotebookBar(training, progress)
    progress.start()
    return _Bar(training, progress)
