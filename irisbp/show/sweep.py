"""A sweep while it is trained, in lines or a live line, and at its end, a table of the best settings."""

import time
from collections.abc import Callable, Sequence
from math import isnan
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from irisbp.errors import literal
from irisbp.show.console import print_lines
from irisbp.show.figures import loss_text
from irisbp.show.tables import fitted_table
from irisbp.sweeps.results.statistics import MOST_SHOWN, Setting, Summary
from irisbp.sweeps.sweep import Sweep

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


def print_sweep(console: Console, swept: Sweep) -> None:
    """Print a finished sweep's directory and best settings, each with its distance from the best."""
    path, manifest, summary = swept.path or Path(swept.name), swept.manifest, swept.statistics
    assert manifest is not None
    count = len(summary.settings)
    grid = f"{_counted(count, 'setting')}, {repeats_text(summary)}{' each' if count > 1 else ''}"
    pairs = {
        "sweep": str(path),
        "runs": f"{manifest.runs}: {grid}",
        "diverged": str(manifest.diverged),
        **({"failed": f"{manifest.failed}: {_first_failure(swept)}"} if manifest.failed else {}),
        "time": f"{manifest.seconds:.2f} s",
    }
    for name, value in pairs.items():
        print_lines(console, f"{name:<10}{literal(value)}")
    console.print()
    shown = summary.ranked[:MOST_SHOWN]
    columns = _columns(summary, shown)
    importance = [*summary.keys, "validation loss", "loss", "sd", "accuracy", *reversed(columns)]
    console.print(
        fitted_table(
            columns,
            width=console.width,
            by_importance=list(dict.fromkeys(importance)),
            words=[],
            names=summary.keys,
        )
    )
    if count > len(shown):
        print_lines(console, f"... and {count - len(shown)} more settings, in {path / 'summary.csv'}")


def _first_failure(swept: Sweep) -> str:
    row = int(swept.outcomes.failed.argmax())
    return f"row {row}: {swept.outcomes.reasons.get(row, '')}"


def repeats_text(summary: Summary) -> str:
    """The repeats of each setting, such as `3 seeds x 5 folds`."""
    seeds, folds = _counted(summary.seeds, "seed"), _counted(summary.folds, "fold")
    if summary.folds == 1:
        return seeds
    return folds if summary.seeds == 1 else f"{seeds} x {folds}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _columns(summary: Summary, shown: Sequence[Setting]) -> dict[str, list[str]]:
    columns = {key: [literal(s.values[k]) for s in shown] for k, key in enumerate(summary.keys)}
    if any(s.lost for s in summary.settings):  # then the figures are not means over all runs
        columns["runs"] = [f"{s.runs - s.lost} of {s.runs}" for s in shown]
    for name in ("diverged", "failed"):
        if any(getattr(s, name) for s in summary.settings):
            columns[name] = [str(getattr(s, name)) for s in shown]
    for figure in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        if figure.startswith("validation") and not any(s.spreads[figure].n for s in shown):
            continue
        write = loss_text if figure.endswith("loss") else _accuracy_text
        columns[figure.replace("_", " ")] = [_number(s.spreads[figure].mean, write) for s in shown]
        if figure == summary.figure:
            columns["sd"] = [_number(s.spreads[figure].sd, loss_text) for s in shown]
    if len(summary.settings) > 1:
        columns["above the best (95 %)"] = [_apart(s) for s in shown]
    return columns


def _accuracy_text(accuracy: float) -> str:
    return f"{accuracy:.4f}"


def _number(value: float, write: Any) -> str:
    return "-" if isnan(value) else str(write(value))


def _apart(setting: Setting) -> str:
    apart = setting.difference
    if setting.rank == 1 or isnan(apart.mean):
        return "-"
    if isnan(apart.low):
        return loss_text(apart.mean)
    return f"{loss_text(apart.low)} to {loss_text(apart.high)}"
