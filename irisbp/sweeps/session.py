"""A sweep that is ready to run, with its recorder: in memory, or in a directory.

Parts are trained here or by other processes; however the sweep ends, its finished rows are kept.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from irisbp.errors import ConfigError, DataError, Diverged, StorageError
from irisbp.runs.interrupts import AtOnce, StoppedAtOnce
from irisbp.runs.session import ShouldStop
from irisbp.sweeps.directory.manifest import Session, SweepManifest, make_manifest
from irisbp.sweeps.plan import Part, SweepPlan, Trainer
from irisbp.sweeps.results.columns import Results
from irisbp.sweeps.results.statistics import Summary
from irisbp.sweeps.sweep import Sweep
from irisbp.sweeps.workers.pool import Backend, check_backend, check_cluster, run_parts
from irisbp.sweeps.workers.signals import check_signals, has_signals

_WORTH_PROCESSES = 5.0  # seconds, below which processes take longer to start than they save


@dataclass(frozen=True)
class Workers:
    """The workers that train the parts of a sweep; without a number of jobs, as many as save time."""

    jobs: int | None = None
    backend: Backend = "loky"
    scheduler: str | None = None

    def check(self) -> None:
        """ConfigError if they cannot be used."""
        if self.jobs is not None and (type(self.jobs) is not int or self.jobs < 1):
            raise ConfigError(f"jobs: {self.jobs} is not a number of processes: use 1 or more")
        check_backend(self.backend, self.scheduler)
        if self.jobs is not None and self.jobs > 1:
            check_signals()

    def check_cluster(self) -> None:
        """ConfigError if the cluster cannot be reached: checked before a directory is made."""
        check_cluster(self.backend, self.scheduler)

    def jobs_for(self, plan: SweepPlan, parts: int | None = None) -> int:
        """The number of processes for so many parts, by default all, of a plan."""
        if self.jobs is not None:
            return self.jobs
        if plan.seconds < _WORTH_PROCESSES or not has_signals():
            return 1
        affinity = getattr(os, "sched_getaffinity", None)
        cores = len(affinity(0)) if affinity else os.cpu_count() or 1
        return min(cores, max(1, len(plan.parts) if parts is None else parts))


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep: runs done of all, and epochs settled of all, to estimate the time left.

    Epochs after a run's early end are settled, too.
    """

    runs: int
    done: int
    epochs: int
    settled: int


SweepListener = Callable[[SweepProgress], object]


class SweepRecorder(Protocol):
    """Keeps the outcomes of a sweep's rows, and writes its end.

    done are the rows that are finished; notes are messages for the user, before the others are trained.
    """

    results: Results
    done: set[int]
    notes: list[str]

    def take(self, rows: list[int], results: Results) -> None:
        """Take the outcomes of some rows."""

    def commit(self) -> None:
        """Keep all rows that are finished."""

    def finish(self) -> tuple[SweepManifest, Summary | None]:
        """Keep the end; returns the sweep's manifest and, if they were compared for it, its settings."""


class SweepInMemory:
    """Keeps the results of a sweep in memory, as a SweepWriter does in a directory."""

    def __init__(self, plan: SweepPlan) -> None:
        self._plan, self._session, self._clock = plan, Session.begin(), time.perf_counter()
        self.results = Results.empty(len(plan.grid), plan.epochs)
        self.done: set[int] = set()
        self.notes: list[str] = []

    def take(self, rows: list[int], results: Results) -> None:
        """See SweepRecorder."""
        self.results.take(rows, results)
        self.done.update(rows)

    def commit(self) -> None:
        """See SweepRecorder."""

    def finish(self) -> tuple[SweepManifest, None]:
        """The manifest of the sweep, which has no files; its settings are compared when that is asked for."""
        session = self._session.after(time.perf_counter() - self._clock)
        settings = len(self._plan.grid) // self._plan.grid.repeats
        return make_manifest(self._plan, self.results, settings, session, {}), None


@dataclass
class SweepSession:
    """A sweep that is about to start, or to be resumed.

    listeners are called with its progress. should_stop is called at each; inside at_once, the
    wait for the next part, a signal raises StoppedAtOnce. fail_fast ends it at the first row that
    diverged or failed.
    """

    plan: SweepPlan
    recorder: SweepRecorder
    path: Path | None = None
    workers: Workers = field(default_factory=Workers)
    listeners: Sequence[SweepListener] = ()
    should_stop: ShouldStop | None = None
    at_once: AtOnce = nullcontext
    fail_fast: bool = False

    def __post_init__(self) -> None:
        parts = self.plan.parts
        self._missing = [part for part in parts if not self.recorder.done.issuperset(part.rows)]
        self._epochs = sum(part.epochs for part in parts)
        self._settled = self._epochs - sum(part.epochs for part in self._missing)

    @property
    def progress(self) -> SweepProgress:
        """Runs done, and epochs settled."""
        return SweepProgress(len(self.plan.grid), len(self.recorder.done), self._epochs, self._settled)

    def run(self) -> Sweep:
        """Train the missing rows, to the end or until stopped; a stopped sweep is interrupted.

        With fail_fast, Diverged if a row diverged, and DataError if it failed. Finished rows are kept,
        whatever is raised.
        """
        try:
            self._train()
        except StorageError:  # another write would fail in the same way
            raise
        except StoppedAtOnce:
            self.recorder.commit()
            done = sorted(self.recorder.done)
            return Sweep(self.plan.grid, self.recorder.results, done, path=self.path)
        except BaseException:
            self.recorder.commit()
            raise
        manifest, compared = self.recorder.finish()
        rows = range(len(self.plan.grid))
        return Sweep(self.plan.grid, self.recorder.results, rows, manifest, self.path, compared)

    def _train(self) -> None:
        self._check()
        workers, most = self.workers, max(1, len(self._missing))
        jobs = min(workers.jobs_for(self.plan, most), most)  # others would only start
        here = jobs == 1 and workers.backend == "loky"
        trainer = Trainer(self.plan.grid, self.plan.epochs)
        if here:  # other processes report a part only once it is done
            trainer = replace(trainer, report=self._settle)
        parts = run_parts(
            trainer, self._missing, jobs=jobs, backend=workers.backend, scheduler=workers.scheduler
        )
        with closing(parts):
            for part, results in self._until_stopped(parts):
                self._take(part, results, was_settled=here)

    def _until_stopped(self, parts: Iterator[tuple[int, Results]]) -> Iterator[tuple[Part, Results]]:
        while True:
            with self.at_once():
                found = next(parts, None)
            if found is None:
                return
            yield self._missing[found[0]], found[1]

    def _take(self, part: Part, results: Results, *, was_settled: bool) -> None:
        """Keep the outcomes of a part, and stop if the caller asks for it."""
        self.recorder.take(part.rows, results)
        self._settle(0 if was_settled else part.epochs)
        self._check()

    def _settle(self, epochs: int) -> None:
        """Report that so many epochs more are settled; StoppedAtOnce if the rest is not wanted."""
        self._settled += epochs
        progress = self.progress
        for listener in self.listeners:
            listener(progress)
        if progress.done < progress.runs and self.should_stop is not None and self.should_stop():
            raise StoppedAtOnce

    def _check(self) -> None:
        if self.fail_fast:
            raise_first_bad(self.recorder.results)


def raise_first_bad(results: Results) -> None:
    """Raise Diverged or DataError with the reason of the first row that diverged or failed, if one did."""
    if results.reasons:
        row = min(results.reasons)
        reason = f"row {row}: {results.reasons[row]}"
        raise DataError(reason) if results.failed[row] else Diverged.before(reason, None)
