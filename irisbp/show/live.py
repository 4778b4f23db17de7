"""The live view of a run on a terminal: the pace, the loss so far, and samples with their losses.

It is drawn at most ten times a second, and never takes more than about a twentieth of the time.
"""

import time
from collections import deque
from datetime import timedelta
from itertools import pairwise

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from irisbp.errors import literal
from irisbp.show.console import plain
from irisbp.show.figures import loss_text
from irisbp.show.tables import fitted_table
from irisbp.training.state import Block, Epoch, Record

_FRAME = 0.1  # seconds
_SHARE = 20  # draw for at most one part in twenty of the time
_SAMPLES, _EPOCHS = 8, 4  # lines of each at most
_BARS = " ▁▂▃▄▅▆▇█"


class LiveView:
    """Takes a run's records and shows them."""

    def __init__(
        self, console: Console, title: str, epochs: int, steps: range, classes: tuple[str, ...]
    ) -> None:
        """Show the progress over steps, the first of which has already been done: 0 of a new run."""
        self._console, self._title, self._total_epochs, self._steps = console, title, epochs, steps
        self._classes = [literal(name) for name in classes]
        self._block: Block | None = None
        self._epochs: deque[Epoch] = deque(maxlen=_EPOCHS)
        self._curve = _Curve()
        self._started = time.monotonic()
        self._next_frame = self._started
        self._frames, self._closed = 0, False
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def take(self, record: Record) -> None:
        """Note a record, and draw if it is time to."""
        if isinstance(record, Block):
            self._block = record
        else:
            self._epochs.append(record)
            self._curve.add(record.loss)
        if time.monotonic() >= self._next_frame:
            self._draw()

    def close(self) -> None:
        """Draw the last state and leave it on the screen."""
        self._closed = True
        self._draw()
        self._live.stop()

    def _draw(self) -> None:
        began = time.monotonic()
        self._frames += 1
        self._live.update(self.view(), refresh=True)
        ended = time.monotonic()
        self._next_frame = max(began + _FRAME, ended + _SHARE * (ended - began))

    def view(self) -> RenderableType:
        """The lines on the screen now: fewer lines and columns on a small terminal, but whole numbers."""
        lines = self._console.height - 5  # title, pace (two lines where it is narrow), loss, cursor
        parts: list[RenderableType] = [plain(self._title, "bold")]
        if self._block is not None:
            parts.append(self._pace(self._block))
        if self._epochs:
            curve = Text("loss ", no_wrap=True, overflow="crop")
            parts.append(curve.append(self._curve.draw(min(self._console.width - 5, 60)), "cyan"))
        samples = min(_SAMPLES, lines - 1)
        epochs = min(_EPOCHS, lines - 1 - samples - 1)
        if self._epochs and epochs > 0:
            parts.append(self._epoch_table(epochs))
        if self._block is not None and samples > 0:
            parts.append(self._sample_table(self._block, samples))
        return Group(*parts)

    def _pace(self, block: Block) -> RenderableType:
        done = block.last_step
        elapsed = time.monotonic() - self._started
        here = done - self._steps.start
        left = timedelta(seconds=round(elapsed * ((len(self._steps) - here) / here)))
        rate = here / elapsed if elapsed else 0.0
        epoch, pace = f"epoch {block.epoch}/{self._total_epochs}", f"{rate:,.0f} steps/s"
        room = self._console.width
        words = [f"{epoch}  {pace}  {left} left", f"{epoch}  {left} left", epoch]
        text = next((line for line in words if len(line) <= room), "")
        bar = ProgressBar(total=self._steps.stop, completed=done, width=min(20, room))
        grid = Table.grid(padding=(0, 1))
        if room < len(text) + 22:
            grid.add_row(bar)
            grid.add_row(text)
        else:
            grid.add_row(bar, text)
        return grid

    def _epoch_table(self, lines: int) -> RenderableType:
        epochs = list(self._epochs)[-lines:]
        columns = {
            "epoch": [str(epoch.epoch) for epoch in epochs],
            "epoch loss": [loss_text(epoch.loss) for epoch in epochs],
            "accuracy": [f"{epoch.accuracy:.4f}" for epoch in epochs],
        }
        if epochs[-1].validation_loss is not None:
            columns["validation"] = [loss_text(epoch.validation_loss or 0.0) for epoch in epochs]
            columns["accuracy "] = [f"{epoch.validation_accuracy:.4f}" for epoch in epochs]
        order = ("epoch loss", "accuracy", "epoch", "validation", "accuracy ")
        return fitted_table(columns, width=self._console.width, by_importance=order)

    def _sample_table(self, block: Block, lines: int) -> RenderableType:
        """Consecutive samples of the newest block, a window that moves with every frame."""
        rows = range(len(block.rows))
        first = self._frames * lines % max(1, len(rows) - lines + 1)
        shown = rows[first : first + lines] if not self._closed else rows[-lines:]
        columns = {
            "step": [str(block.step_of(k)) for k in shown],
            "sample": [str(block.rows[k]) for k in shown],
            "loss": [loss_text(block.losses[k]) for k in shown],
            "class": [self._classes[block.labels[k]] for k in shown],
            "predicted": [self._classes[block.predictions[k]] for k in shown],
        }
        wrong = [block.labels[k] != block.predictions[k] for k in shown]
        return fitted_table(
            columns,
            width=self._console.width,
            by_importance=("loss", "class", "predicted", "step", "sample"),
            words=("class", "predicted"),
            styles=["yellow" if is_wrong else "" for is_wrong in wrong],
        )


class _Curve:
    """The mean loss of every epoch, in at most 512 points however many epochs there are."""

    _MOST = 512

    def __init__(self) -> None:
        self._points: list[float] = []
        self._sum, self._count, self._per_point = 0.0, 0, 1

    def add(self, loss: float) -> None:
        self._sum += loss
        self._count += 1
        if self._count == self._per_point:
            self._points.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0
        if len(self._points) == self._MOST:
            self._points = [sum(self._points[k : k + 2]) / 2 for k in range(0, self._MOST, 2)]
            self._per_point *= 2

    def draw(self, width: int) -> str:
        """A sparkline from 0 to the largest loss, at most width characters wide."""
        count = len(self._points)
        columns = max(1, min(width, count))
        edges = [k * count // columns for k in range(columns + 1)]
        means = [sum(self._points[a:b]) / (b - a) for a, b in pairwise(edges) if b > a]
        top = max(means, default=0.0) or 1.0
        return "".join(_BARS[max(1, min(8, round(8 * mean / top)))] for mean in means)
