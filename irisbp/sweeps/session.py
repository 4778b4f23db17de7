"""A sweep that is ready to run, with its recorder: in memory, or in a directory.

Parts are trained here or by other processes; however the sweep ends, its finished rows are kept.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from irisbp.errors import ConfigError, DataError, Diverged, StorageError
from irisbp.runs.interrupts import AtOnce, StoppedAtOnce
from irisbp.runs.session import ShouldStop
from irisbp.sweeps.directory.manifest import Session, SweepManifest, make_manifest
from irisbp.sweeps.plan import Part, SweepPlan
from irisbp.sweeps.queue import Queue
from irisbp.sweeps.results.columns import Results
from irisbp.sweeps.results.statistics import Summary
from irisbp.sweeps.sweep import Sweep
from irisbp.sweeps.trainers.slices import SECONDS, Slice, Trainer, forget
from irisbp.sweeps.workers.pool import Backend, check_backend, check_cluster, run_parts
from irisbp.sweeps.workers.signals import check_signals, has_signals

_WORTH_PROCESSES = 5.0  # seconds, below which processes take longer to start than they save
_HERE = 0.1  # seconds of a slice that no other process has to be given


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

    def jobs_for(self, plan: SweepPlan) -> int:
        """The number of processes for a plan, if it has a part for each."""
        if self.jobs is not None:
            return self.jobs
        if plan.seconds < _WORTH_PROCESSES or not has_signals():
            return 1
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1


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

    done are the rows that are finished, begun those that stand at a state; notes are messages for the user,
    before the others are trained.
    """

    results: Results
    done: set[int]
    begun: list[Part]
    notes: list[str]

    def take(self, rows: list[int], results: Results, begun: list[Part]) -> None:
        """Take the outcomes of some rows, and where all those that have begun stand now."""

    def commit(self) -> None:
        """Keep all rows that are finished or have begun."""

    def finish(self) -> tuple[SweepManifest, Summary | None]:
        """Keep the end; returns the sweep's manifest and, if they were compared for it, its settings."""


class SweepInMemory:
    """Keeps the results of a sweep in memory, as a SweepWriter does in a directory."""

    def __init__(self, plan: SweepPlan) -> None:
        self._plan, self._session, self._clock = plan, Session.begin(), time.perf_counter()
        self.results = Results.empty(len(plan.grid), plan.epochs)
        self.done: set[int] = set()
        self.begun: list[Part] = []
        self.notes: list[str] = []

    def take(self, rows: list[int], results: Results, begun: list[Part]) -> None:
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
        begun = self.recorder.begun
        others = self.plan.parts(without={*self.recorder.done, *(row for part in begun for row in part.rows)})
        self._queue = Queue([*begun, *others])
        self._epochs = sum(len(part.rows) * part.cost.epochs for part in self.plan.parts())
        self._left = sum(len(part.rows) * part.cost.epochs for part in (*begun, *others))

    @property
    def progress(self) -> SweepProgress:
        """Runs done, and epochs settled."""
        settled = self._epochs - self._left + sum(part.settled for part in self._queue.begun)
        return SweepProgress(len(self.plan.grid), len(self.recorder.done), self._epochs, settled)

    def run(self) -> Sweep:
        """Train the missing rows, to the end or until stopped; a stopped sweep is interrupted.

        With fail_fast, Diverged if a row diverged, and DataError if it failed. Finished rows are kept, and
        where the others stand, whatever is raised.
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
        finally:
            forget()
        manifest, compared = self.recorder.finish()
        rows = range(len(self.plan.grid))
        return Sweep(self.plan.grid, self.recorder.results, rows, manifest, self.path, compared)

    def _train(self) -> None:
        self._check()
        workers, wanted = self.workers, self.workers.jobs_for(self.plan)
        jobs = max(1, self._queue.spread(wanted)) if workers.scheduler is None else wanted
        here = jobs == 1 and workers.backend == "loky"
        trainer = Trainer(self.plan.grid, self.plan.epochs, _HERE if here else SECONDS)
        slices = run_parts(
            trainer, self._queue.take, jobs=jobs, backend=workers.backend, scheduler=workers.scheduler
        )
        with closing(slices):
            for part, trained in self._until_stopped(slices):
                self._take(part, trained)

    def _until_stopped(self, slices: Iterator[tuple[Part, Slice]]) -> Iterator[tuple[Part, Slice]]:
        while True:
            with self.at_once():
                found = next(slices, None)
            if found is None:
                return
            yield found

    def _take(self, part: Part, trained: Slice) -> None:
        """Keep what came of a part, tell of it, and stop if the caller asks for it."""
        self._queue.back(part, trained.rest)
        self._left -= len(trained.rows) * part.cost.epochs
        self.recorder.take(trained.rows, trained.results, self._queue.begun)
        progress = self.progress
        for listener in self.listeners:
            listener(progress)
        if progress.done < progress.runs and self.should_stop is not None and self.should_stop():
            raise StoppedAtOnce
        self._check()

    def _check(self) -> None:
        if self.fail_fast:
            raise_first_bad(self.recorder.results)


def raise_first_bad(results: Results) -> None:
    """Raise Diverged or DataError with the reason of the first row that diverged or failed, if one did."""
    if results.reasons:
        row = min(results.reasons)
        reason = f"row {row}: {results.reasons[row]}"
        raise DataError(reason) if results.failed[row] else Diverged.before(reason, None)
