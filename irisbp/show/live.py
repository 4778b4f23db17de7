"""The live view of a run on a terminal: losses scrolling by, the pace, the loss so far.

It is drawn at most ten times a second, and never takes more than about a tenth of the time.
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
from irisbp.show.console import loss_text, plain
from irisbp.training import Epoch, Record, Samples

_FRAME = 0.1  # seconds
_SHARE = 10  # draw for at most one part in ten of the time
_SAMPLES, _EPOCHS = 8, 4  # lines of each at most
_BARS = " ▁▂▃▄▅▆▇█"


class LiveView:
    """Takes a run's records and shows them."""

    def __init__(
        self, console: Console, title: str, epochs: int, steps: int, classes: tuple[str, ...]
    ) -> None:
        self._console, self._title, self._total_epochs, self._steps = console, title, epochs, steps
        self._classes = [literal(name) for name in classes]
        self._block: Samples | None = None
        self._epochs: deque[Epoch] = deque(maxlen=_EPOCHS)
        self._curve = _Curve()
        self._started = time.monotonic()
        self._next_frame = self._started
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def take(self, record: Record) -> None:
        """Note a record, and draw if it is time to."""
        if isinstance(record, Samples):
            self._block = record
        else:
            self._epochs.append(record)
            self._curve.add(record.loss)
        if time.monotonic() >= self._next_frame:
            self._draw()

    def close(self) -> None:
        """Draw the last state and leave it on the screen."""
        self._draw()
        self._live.stop()

    def _draw(self) -> None:
        began = time.monotonic()
        self._live.update(self.view(), refresh=True)
        ended = time.monotonic()
        self._next_frame = max(began + _FRAME, ended + _SHARE * (ended - began))

    def view(self) -> RenderableType:
        """What the screen shows now: fewer lines where the terminal is low."""
        lines = self._console.height - 6  # the rows that are not samples or epochs, and the cursor's
        parts: list[RenderableType] = [plain(self._title, "bold")]
        if self._block is not None:
            parts += [self._pace(self._block)]
        if self._epochs:
            curve = Text("loss ", no_wrap=True, overflow="crop")
            parts += [curve.append(self._curve.draw(min(self._console.width - 5, 60)), "cyan")]
            parts += [self._epoch_table(max(0, min(_EPOCHS, lines - _SAMPLES)))]
        if self._block is not None:
            parts += [self._sample_table(self._block, max(0, min(_SAMPLES, lines)))]
        return Group(*parts)

    def _pace(self, block: Samples) -> RenderableType:
        done = block.step + len(block.rows) - 1
        elapsed = time.monotonic() - self._started
        left = timedelta(seconds=round(elapsed * (self._steps / done - 1)))
        rate = done / elapsed if elapsed else 0.0
        text = f"epoch {block.epoch}/{self._total_epochs}  {rate:,.0f} steps/s  {left} left"
        bar = ProgressBar(total=self._steps, completed=done, width=min(20, self._console.width))
        if self._console.width < len(text) + 22:
            return Group(bar, Text(text, no_wrap=True, overflow="crop"))
        grid = Table.grid(padding=(0, 1))
        grid.add_row(bar, text)
        return grid

    def _epoch_table(self, lines: int) -> RenderableType:
        table = _table("epoch", "loss", "accuracy")
        for epoch in list(self._epochs)[-lines:] if lines else []:
            table.add_row(str(epoch.epoch), loss_text(epoch.loss), f"{epoch.accuracy:.4f}")
        return table

    def _sample_table(self, block: Samples, lines: int) -> RenderableType:
        table = _table("step", "sample", "loss", "class", "predicted")
        for column in table.columns[3:]:
            column.justify = "left"
        for k in range(max(0, len(block.rows) - lines), len(block.rows)):
            label, predicted = block.labels[k], block.predictions[k]
            style = "" if label == predicted else "yellow"
            names = self._classes[label], self._classes[predicted]
            loss = loss_text(block.losses[k])
            table.add_row(str(block.step + k), str(block.rows[k]), loss, *names, style=style)
        return table


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


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True, overflow="ellipsis")
    return table
