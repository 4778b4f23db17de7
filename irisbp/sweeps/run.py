"""Trains a grid of runs: the verbs of the library, for which the command line is a shell."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import irisbp
from irisbp.config.given import Given
from irisbp.errors import ConfigError, Interrupted, IrisbpError, RunError, StorageError, in_shell
from irisbp.rundir.storage import Directory
from irisbp.runs.interrupts import Interrupts, noticing_interrupts
from irisbp.runs.resume import open_to_resume
from irisbp.runs.session import ShouldStop
from irisbp.sweeps.directory.place import (
    SWEEP,
    check_that_it_is_a_sweep,
    grid_of,
    open_begun_sweep,
    open_new_sweep,
)
from irisbp.sweeps.directory.reader import load_sweep
from irisbp.sweeps.directory.writer import SweepWriter, restore_tables
from irisbp.sweeps.grid.grid import Grid, differences, grid_of_values, to_yaml
from irisbp.sweeps.plan import SweepPlan, plan_sweep
from irisbp.sweeps.session import SweepInMemory, SweepListener, SweepSession, Workers, raise_first_bad
from irisbp.sweeps.sweep import Sweep
from irisbp.sweeps.workers.pool import Backend


def in_memory(plan: SweepPlan, workers: Workers) -> SweepSession:
    """A session that keeps everything in memory."""
    return SweepSession(plan, SweepInMemory(plan), workers=workers)


def in_directory(directory: Directory, plan: SweepPlan, workers: Workers) -> SweepSession:
    """A session that records a new sweep in an empty directory, or the missing rows of one that has begun."""
    return SweepSession(plan, SweepWriter(directory, plan), directory.path, workers)


def begun_session(directory: Directory, workers: Workers) -> SweepSession:
    """The rest of the unfinished sweep in a directory, ready to be trained."""
    return in_directory(directory, plan_sweep(grid_of(directory)), workers)


def finished_sweep(directory: Directory) -> tuple[Sweep, list[str]] | None:
    """The sweep in an open directory and the tables that had to be restored, if it is finished.

    Leftovers of an interruption are removed. RunError if a file is not the one that the sweep wrote.
    """
    if "manifest.json" not in directory.names():
        return None
    found = load_sweep(directory)
    swept = Sweep(found.grid, found.results, range(len(found.grid)), found.manifest, found.path)
    SWEEP.discard_leftovers(directory, passing=True)
    return swept, restore_tables(directory, found, swept.statistics)


def check_same(directory: Directory, wanted: Grid) -> None:
    """RunError if the sweep in a directory has another grid."""
    begun = grid_of(directory)
    if to_yaml(begun) != to_yaml(wanted):
        raise RunError(f"{directory.path} is another sweep: {'; '.join(differences(begun, wanted))}")


@dataclass(frozen=True)
class _Asked:
    """The wishes of a caller in Python: workers, listeners, when to stop, and a progress bar."""

    workers: Workers
    listeners: Iterable[SweepListener] = ()
    should_stop: ShouldStop | None = None
    progress: bool = False
    fail_fast: bool = False

    def run(self, session: SweepSession) -> Sweep:
        """Run a session; Interrupted after a Ctrl-C, with the sweep attached, which ended in good order."""
        for note in session.notes:
            warnings.warn(note, stacklevel=4)
        with ExitStack() as stack:
            interrupts = stack.enter_context(noticing_interrupts())
            listeners = [*self.listeners]
            if self.progress:
                listeners.append(stack.enter_context(irisbp.sweep_bar()))
            swept = _resumable(self._prepared(session, listeners, interrupts))
        if interrupts.came and swept.manifest is None:
            raise Interrupted(*_stopped_at(swept), result=swept)
        return swept

    def _prepared(
        self, session: SweepSession, listeners: list[SweepListener], interrupts: Interrupts
    ) -> SweepSession:
        asked = self.should_stop
        until = interrupts if asked is None else lambda: interrupts() or asked()
        return replace(
            session,
            listeners=listeners,
            should_stop=until,
            at_once=interrupts.at_once,
            fail_fast=self.fail_fast,
        )

    def resume_in(self, directory: Directory, wanted: Grid | None = None) -> Sweep:
        """Resume the sweep in an open directory; a finished one is returned as it is."""
        if wanted is not None:
            check_same(directory, wanted)
        finished = finished_sweep(directory)
        if finished is None:
            return self.run(begun_session(directory, self.workers))
        swept, restored = finished
        for name in restored:
            warnings.warn(f"{name} was missing or damaged; it was written again", stacklevel=4)
        if self.fail_fast:
            raise_first_bad(swept.outcomes)
        return swept


def _resumable(session: SweepSession) -> Sweep:
    """Run a session; an error's message says how to resume the sweep, if it can be resumed."""
    try:
        return session.run()
    except StorageError:
        raise
    except IrisbpError as error:
        if session.path is not None:
            error.add(how_to_resume(session.path))
        raise


def how_to_resume(path: Path) -> str:
    """The command that resumes the sweep in a directory."""
    return f"irisbp resume {in_shell(path)} resumes it"


def _stopped_at(swept: Sweep) -> list[str]:
    """The message after a Ctrl-C."""
    lines = [f"stopped; {len(swept.rows)} of {len(swept)} runs are done and kept"]
    return lines if swept.path is None else [*lines, how_to_resume(swept.path)]


def sweep(
    config: Given,
    values: Mapping[str, Iterable[Any]],
    *,
    jobs: int | None = None,
    directory: str | PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    backend: Backend = "loky",
    scheduler: str | None = None,
    fail_fast: bool = False,
    listeners: Iterable[SweepListener] = (),
    should_stop: Callable[[], object] | None = None,
    progress: bool = False,
    **keys: Any,
) -> Sweep:
    """Train a run for every combination of values, and compare the settings over their seeds and folds.

    config is a path, a mapping, a Config or None (the article's run); keys are put into it. values maps keys
    to lists or ranges: {"seed": range(100), "optimizer": ["sgd", "adam"], "network.hidden": [[3], [8, 4]]}.
    The last key varies fastest, but the fold and, fastest of all, the seed. A sweep has at most 10^6 runs.

    directory records the sweep there; resume trains the missing rows of the sweep in it, if there is one, and
    overwrite replaces it. jobs processes (by default as many as are worth it), or a cluster (backend dask or
    ray, at the address scheduler), train parts of the grid; no figure depends on that choice. listeners are
    called with a SweepProgress, progress shows a bar. should_stop is called repeatedly: once it returns true,
    the sweep ends there, interrupted.

    A run that diverges is a row like any other, and so is one that cannot be trained: it failed, for the
    reason in its row. With fail_fast, Diverged or DataError is raised at the first of these. ConfigError,
    DataError and RunError are raised for wrong arguments, tables and directories. Interrupted, also a
    KeyboardInterrupt, is raised after a Ctrl-C, with the finished rows attached.
    """
    asked = _Asked(_workers(jobs, backend, scheduler), listeners, should_stop, progress, fail_fast)
    place = _place(directory, resume, overwrite)
    grid = grid_of_values(config, values, keys)
    if place is None:
        return asked.run(in_memory(plan_sweep(grid), asked.workers))
    if resume and (begun := open_begun_sweep(directory=place, name=None)):
        with begun:
            return asked.resume_in(begun, grid)
    plan = plan_sweep(grid)
    asked.workers.check_cluster()
    with open_new_sweep(None, directory=place, name=None, overwrite=overwrite, unbegun=resume) as held:
        return asked.run(in_directory(held, plan, asked.workers))


def resume_sweep(
    path: str | PathLike[str],
    *,
    jobs: int | None = None,
    backend: Backend = "loky",
    scheduler: str | None = None,
    fail_fast: bool = False,
    listeners: Iterable[SweepListener] = (),
    should_stop: Callable[[], object] | None = None,
    progress: bool = False,
) -> Sweep:
    """Train the missing rows of the sweep in a directory; a finished sweep is returned as it is.

    The options, and what is raised, are those of `sweep`.
    """
    asked = _Asked(_workers(jobs, backend, scheduler), listeners, should_stop, progress, fail_fast)
    with open_to_resume(Path(path)) as directory:
        check_that_it_is_a_sweep(directory)
        return asked.resume_in(directory)


def _place(directory: str | PathLike[str] | None, resume: bool, overwrite: bool) -> Path | None:
    if resume and overwrite:
        raise ConfigError("resume and overwrite: give one of them")
    if directory is None and (resume or overwrite):
        raise ConfigError("resume and overwrite need a directory")
    return None if directory is None else Path(directory)


def _workers(jobs: int | None, backend: Backend, scheduler: str | None) -> Workers:
    """The workers; ConfigError if they cannot be used."""
    workers = Workers(jobs, backend, scheduler)
    workers.check()
    return workers
