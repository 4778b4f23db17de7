"""A sweep: its grid, the outcomes of its rows, and the verbs on them.

It is in memory, as `sweep` returns it, or in a directory, from which `open_sweep` reads it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import irisbp
from irisbp.annotations import DataFrame, Figure
from irisbp.config.schema import Config
from irisbp.errors import RunError
from irisbp.html import html_pairs, html_table
from irisbp.rundir.directory import OpenDirectory
from irisbp.runs.run import Run
from irisbp.runs.tables import Files
from irisbp.runs.train import train
from irisbp.sweeps.directory.manifest import SweepManifest
from irisbp.sweeps.directory.reader import check_row, load_sweep
from irisbp.sweeps.directory.tables import row_config
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.results.again import difference
from irisbp.sweeps.results.columns import Results
from irisbp.sweeps.results.frames import curves_frame, results_frame, summary_frame
from irisbp.sweeps.results.statistics import MOST_SHOWN, Setting, Summary, best_as_json, summarize

_TOLD = {"status", "runs", "diverged", "failed", "settings", "seconds"}


@dataclass(frozen=True, repr=False, eq=False)
class Sweep:
    """A run for each row of a grid, and their outcomes.

    path is its directory, None of a sweep in memory. rows are those that are done: all, unless it was
    interrupted, which leaves it without a manifest.
    """

    grid: Grid
    outcomes: Results
    rows: Sequence[int]
    manifest: SweepManifest | None = None
    path: Path | None = None
    compared: Summary | None = None  # if its settings have been compared already

    @property
    def name(self) -> str:
        """The last part of its path, or `in memory`."""
        return self.path.resolve().name if self.path else "in memory"

    @property
    def status(self) -> str:
        """Completed or interrupted."""
        return self.manifest.status if self.manifest else "interrupted"

    def __len__(self) -> int:
        """The number of rows of the grid, done or not."""
        return len(self.grid)

    @cached_property
    def results(self) -> DataFrame:
        """A row for each run that is done: the columns of results.csv.

        They are the row's number, the keys that vary, then: status, loss and accuracy (those of the final
        parameters over the training rows), lowest_epoch_loss (the lowest of its epochs' means over samples,
        each before its update), validation_loss and validation_accuracy (over the held-out rows, nan where
        there are none), epochs_begun, steps, stopped_early, best_epoch, parameters (last or best), reason.
        """
        return results_frame(self.grid, self.outcomes, self.rows)

    @cached_property
    def summary(self) -> DataFrame:
        """A row for each setting, over its seeds and folds: the columns of summary.csv.

        A setting is everything but the seed and the fold. RunError if the sweep was interrupted.
        """
        return summary_frame(self.grid, self.statistics)

    @cached_property
    def curves(self) -> DataFrame:
        """The losses of each run, epoch by epoch: row, epoch, epoch_loss, validation_loss.

        epoch_loss is the mean over the epoch's samples, validation_loss that of the held-out rows at its end,
        nan where there are none. Of more than 200 epochs, up to 200.
        """
        return curves_frame(self.outcomes, self.rows)

    @cached_property
    def statistics(self) -> Summary:
        """The settings compared: spreads, ranks and differences; RunError if the sweep was interrupted."""
        if self.manifest is None:
            raise RunError(
                f"the sweep was interrupted: {len(self.rows)} of {len(self)} runs are done;"
                " its settings can be compared when all are"
            )
        return self.compared or summarize(self.grid, self.outcomes)

    @property
    def best(self) -> dict[str, Any]:
        """The keys and values of the setting that ranks first: `irisbp.train(config, **sweep.best)`."""
        return self.grid.setting(self.statistics.ranked[0].number)

    def config(self, row: int, data: Files = None) -> Config:
        """The config of a row; RunError if there is no such row, DataError if its table has changed.

        data is the file, or the files, where its table is now, if it is not where it was.
        """
        owner = self.path or Path("the sweep")
        check_row(str(owner), self.grid, row)
        digests = {**(self.manifest.data if self.manifest else {}), **self.grid.tables}
        return row_config(owner, self.grid.config(row), digests, data, is_own=self.manifest is None)

    def run(self, row: int, *, data: Files = None, **options: Any) -> Run:
        """Train a row in full, by `irisbp.train` with these options: in memory, unless they name a directory.

        data is where its table is now, as for `config`.
        Diverged, with the run attached, for a row that diverges. A warning says so if it does not end as it
        did in the sweep.
        """
        run = train(self.config(row, data), **options)
        if told := self.difference(row, run):
            warnings.warn(told, stacklevel=2)
        return run

    def difference(self, row: int, run: Run) -> str:
        """A sentence on how a row that was trained again differs from this sweep's, and why; "" if not."""
        return difference(self.outcomes, row, run, self.manifest.versions) if self.manifest else ""

    def plot(self, kind: str = "loss-curves") -> Figure:
        """A picture of the sweep as a matplotlib Figure: loss-curves or, where two keys vary, heat-map."""
        return irisbp.plot_sweep(self, kind)

    def as_json(self) -> dict[str, Any]:
        """Plain data: what `irisbp sweep --json` prints. RunError if the sweep was interrupted."""
        best, figure = best_as_json(self.statistics), self.statistics.figure
        assert self.manifest is not None
        place: dict[str, Any] = {"sweep": str(self.path) if self.path else None}
        told = {"tables": self.manifest.tables} if self.manifest.tables else {}
        return place | self.manifest.model_dump(include=_TOLD) | {"ranked_by": figure, "best": best} | told

    @property
    def _diverged(self) -> int:
        return int(self.outcomes.diverged.sum())

    @property
    def failed(self) -> int:
        """The number of runs that could not be trained; results has the reason of each."""
        return int(self.outcomes.failed.sum())

    def __repr__(self) -> str:
        count = f"{len(self)} runs" if self.manifest else f"{len(self.rows)} of {len(self)} runs"
        lost = f"{self._diverged} diverged" + (f", {self.failed} failed" if self.failed else "")
        text = f"{self.path or 'in memory'}: {self.status}, {count} ({lost})"
        if self.manifest is not None:
            statistics = self.statistics
            first = statistics.ranked[0]
            words = [f"{key}={value}" for key, value in zip(statistics.keys, first.values, strict=True)]
            what, mean = statistics.figure.replace("_", " "), first.spreads[statistics.figure].mean
            text += f", best {' '.join(words) or 'setting'}: mean {what} {mean:.6g}"
        return f"<Sweep {text}>"

    def _repr_html_(self) -> str:
        facts = {
            "status": self.status,
            "runs": f"{len(self.rows)} of {len(self)}",
            "diverged": self._diverged,
            "failed": self.failed,
        }
        top = html_pairs(f"Sweep {self.path or 'in memory'}", facts)
        return top if self.manifest is None else top + self._html_of_settings()

    def _html_of_settings(self) -> str:
        """The best settings as a table."""
        found = self.statistics
        figure = found.figure.replace("_", " ")

        def row(setting: Setting) -> list[object]:
            spread = setting.spreads[found.figure]
            counts = setting.runs, setting.diverged, setting.failed
            return [setting.rank, *setting.values, *counts, f"{spread.mean:.6g}", f"{spread.sd:.3g}"]

        header = ["rank", *found.keys, "runs", "diverged", "failed", f"mean {figure}", "sd"]
        return html_table(header, map(row, found.ranked[:MOST_SHOWN]))


def open_sweep(path: str | PathLike[str]) -> Sweep:
    """The finished sweep in a directory.

    RunError if there is none, if it is not finished, or if a file is not the one that it wrote;
    StorageError if one cannot be read.
    """
    with OpenDirectory(Path(path), "sweep") as directory:
        return sweep_in(directory)


def sweep_in(directory: OpenDirectory) -> Sweep:
    """The sweep in an open directory: see `open_sweep`."""
    found = load_sweep(directory)
    return Sweep(found.grid, found.results, range(len(found.grid)), found.manifest, found.path)
