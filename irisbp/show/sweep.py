"""A sweep while it is trained: in lines, or as a live line."""

import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_MOST_LINES = 20  # for parts that are done
_FIRST_SILENCE, _SILENCE = 10.0, 30.0  # seconds without a line
_FRAME = 0.2  # seconds


class Pace:
    """Progress of a sweep: runs done of all, and epochs settled of all, to estimate the time left."""

    def __init__(
        self,
        runs: int,
        epochs: int,
        done: int,
        settled: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with some of all runs done and some of all epochs settled before; clock gives seconds."""
        self.runs, self.epochs, self.done, self.settled = runs, epochs, done, settled
        self._before, self._began, self._clock, self._start = settled, done, clock, clock()

    def elapsed(self) -> float:
        """Seconds since the sweep began, or was resumed."""
        return self._clock() - self._start

    def text(self) -> str:
        """Runs done and, once they are known, their rate and the time left."""
        words = f"runs {self.done}/{self.runs}"
        elapsed, new = self.elapsed(), self.settled - self._before
        if self.done > self._began and elapsed > 0:
            words += f"  {(self.done - self._began) / elapsed:.3g}/s"
        if new and elapsed > 0.5 and self.settled < self.epochs:
            words += f"  {_duration((self.epochs - self.settled) * elapsed / new)} left"
        return words


class PaceLines:
    """Prints a line when a part is done, up to 20 in all, and when none was for some time."""

    def __init__(self, stream: TextIO, pace: Pace) -> None:
        self._stream, self._pace = stream, pace
        self._next, self._due = float(pace.done), _FIRST_SILENCE

    def part(self, runs: int) -> None:
        """So many runs more are done."""
        self._pace.done += runs
        if self._pace.done >= min(self._next, self._pace.runs):
            self._next = self._pace.done + self._pace.runs / _MOST_LINES
            self._print()

    def settle(self, epochs: int) -> None:
        """So many epochs more are."""
        self._pace.settled += epochs
        if self._pace.elapsed() >= self._due:
            self._print()

    def _print(self) -> None:
        self._due = self._pace.elapsed() + _SILENCE
        print(self._pace.text(), file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is left to do."""


class PaceView:
    """A line that is drawn again and again."""

    def __init__(self, console: Console, pace: Pace) -> None:
        self._pace, self._next = pace, 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def part(self, runs: int) -> None:
        """So many runs more are done."""
        self._pace.done += runs
        self._draw()

    def settle(self, epochs: int) -> None:
        """So many epochs more are."""
        self._pace.settled += epochs
        self._draw()

    def close(self) -> None:
        """Remove the line: what follows is the result."""
        self._live.stop()

    def _draw(self) -> None:
        if time.monotonic() >= self._next:
            self._live.update(self.view(), refresh=True)
            self._next = time.monotonic() + _FRAME

    def view(self) -> Table:
        """The bar and the words, on one line."""
        line = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(self._pace.epochs, 1), completed=self._pace.settled, width=20)
        line.add_row(bar, Text(self._pace.text(), no_wrap=True, overflow="crop"))
        return line


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
