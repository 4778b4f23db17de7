"""Bars for trainings and sweeps that are run from Python: on a terminal, or below the cell of a notebook."""

import io
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from irisbp.show.figures import loss_text
from irisbp.sweeps.session import SweepProgress
from irisbp.training.listeners import Listener
from irisbp.training.state import Epoch, Record, Training

_WIDTH = 80  # characters of a bar in a notebook
_FRAME = 0.2  # seconds between two drawings in a notebook


def progress_bar(training: Training, console: Console | None = None) -> Listener:
    """A listener that shows a bar, by default on stdout or, in a notebook, below the cell."""
    return _TrainingBar(training, _bar(console))


def sweep_bar(console: Console | None = None) -> AbstractContextManager[Callable[[SweepProgress], None]]:
    """A listener that shows a bar while its context is open, where `progress_bar` would."""
    return _SweepBar(_bar(console))


class _TrainingBar:
    """Takes a training's records and shows how far it has come, and the loss of its last epoch."""

    def __init__(self, training: Training, bar: "_Bar") -> None:
        self._bar, self._epochs = bar, training.config.epochs
        bar.update(completed=training.progress.step, total=training.steps, description="epoch 1")
        bar.start()

    def take(self, record: Record) -> None:
        """Move the bar to a record."""
        if isinstance(record, Epoch):
            text = f"epoch {record.epoch}/{self._epochs}  epoch loss {loss_text(record.loss)}"
            self._bar.update(completed=record.step, description=text)
        else:
            self._bar.update(completed=record.last_step)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()


class _SweepBar:
    """Shows the epochs settled and the runs done of a sweep, whose listener it is; a context manager."""

    def __init__(self, bar: "_Bar") -> None:
        self._bar = bar

    def __call__(self, progress: SweepProgress) -> None:
        text = f"runs {progress.done}/{progress.runs}"
        self._bar.update(completed=progress.settled, total=progress.epochs, description=text)

    def __enter__(self) -> "_SweepBar":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()


def _bar(console: Console | None) -> "_Bar":
    console = console or Console()
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    progress = Progress(*columns, console=console)
    return _NotebookBar(progress) if console.is_jupyter else _Bar(progress)


class _Bar:
    """One bar of Rich's."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def start(self) -> None:
        """Show it."""
        self._progress.start()

    def update(self, **fields: Any) -> None:
        """Change how far it is, or what it says."""
        self._progress.update(self._task, **fields)

    def stop(self) -> None:
        """Leave it as it is."""
        self._progress.stop()


class _NotebookBar(_Bar):
    """The same as HTML below a cell; Rich's own way to a notebook needs ipywidgets."""

    _handle: Any = None
    _next = 0.0

    def start(self) -> None:
        from IPython.display import display

        self._handle = display(self._html(), display_id=True)

    def update(self, **fields: Any) -> None:
        super().update(**fields)
        if self._handle is not None and time.monotonic() >= self._next:
            self.stop()
            self._next = time.monotonic() + _FRAME

    def stop(self) -> None:
        self._handle.update(self._html())

    def _html(self) -> Any:
        from IPython.display import HTML

        console = Console(record=True, file=io.StringIO(), width=_WIDTH, force_jupyter=False)
        console.print(self._progress)
        return HTML(console.export_html(inline_styles=True, code_format="<pre>{code}</pre>"))
