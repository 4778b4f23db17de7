"""`irisbp sweep`: train a grid of runs."""

import shlex
import sys
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Json, Quiet
from irisbp.cli.deferred import new_app
from irisbp.cli.flags import CommandWithKeys
from irisbp.cli.output import print_json
from irisbp.cli.running import can_be_redrawn
from irisbp.cli.stopping import StopRequest
from irisbp.cli.sweep_hints import suggest_engine_for_sweep
from irisbp.config.arguments import split_arguments
from irisbp.errors import CheckFailed, IrisbpError, StorageError, literal
from irisbp.rundir.storage import Directory
from irisbp.show.console import make_console
from irisbp.show.progress import Dispensed
from irisbp.show.reading import print_readings
from irisbp.show.sweep import Pace, PaceLines, PaceView, print_sweep
from irisbp.sweeps.directory.place import open_begun_sweep, open_new_sweep
from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.plan import SweepPlan, plan_sweep
from irisbp.sweeps.run import begun_session, check_same, finished_sweep, how_to_resume, in_directory
from irisbp.sweeps.session import SweepProgress, SweepSession, Workers, raise_first_bad
from irisbp.sweeps.sweep import Sweep


class Backend(StrEnum):
    """The library whose processes train the parts of a sweep."""

    LOKY = "loky"
    DASK = "dask"
    RAY = "ray"


@dataclass(frozen=True)
class Call:
    """The options of a call: the workers, and the output that the user asked for.

    arguments are those that the sweep was asked for with, if they are known.
    """

    workers: Workers = field(default_factory=Workers)
    fail_fast: bool = False
    allow_failed: bool = False
    quiet: bool = False
    as_json: bool = False
    arguments: tuple[str, ...] = ()


app = new_app()


@app.command(cls=CommandWithKeys)
def sweep(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG] KEY=VALUES...",
            help="A YAML config (default: the article's run), and keys with the values to try, such as"
            " seed=0:100 optimizer=sgd,adam learning_rate=0.1.",
        ),
    ] = None,
    run_dir: Annotated[Path | None, typer.Option(help="The directory of the sweep.")] = None,
    name: Annotated[str | None, typer.Option(help="The sweep's name: its directory is runs/NAME.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the sweep in the directory.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the sweep in the directory, if there is one.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="The number of processes (default: one for each core).")
    ] = None,
    fail_fast: Annotated[
        bool,
        typer.Option(
            "--fail-fast", help="Stop at the first run that diverges or fails, with exit code 4 or 2."
        ),
    ] = False,
    allow_failed: Annotated[
        bool, typer.Option("--allow-failed", help="Exit with 0 even if runs failed.")
    ] = False,
    backend: Annotated[Backend, typer.Option(help="The library that starts the processes.")] = Backend.LOKY,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The cluster's address, for dask or ray.")
    ] = None,
) -> None:
    """Train a run for every combination of the values given, and compare the settings over seeds and folds.

    Without CONFIG it is the article's run. Values are lists, a,b,c, or ranges without their end, 0:1000 or
    0:100:10. A run that diverges is a row of the results like any other, and so is one that fails since it
    cannot be trained; exit code 3 means that some failed.
    """
    if overwrite and resume:
        raise IrisbpError("--overwrite and --resume: give one of them")
    workers = Workers(jobs, backend.value, scheduler)
    workers.check()
    arguments = arguments or []
    call = Call(workers, fail_fast, allow_failed, quiet, as_json, tuple(arguments))
    path, texts = _split(arguments)
    grid = make_grid(path, texts)
    if resume and (begun := open_begun_sweep(directory=run_dir, name=name)):
        with begun:
            check_same(begun, grid)
            resume_sweep(begun, call)
        return
    plan = plan_sweep(grid)
    workers.check_cluster()
    for readings in plan.readings:
        print_readings(make_console(stderr=True), readings, notes_only=quiet)
    with open_new_sweep(path, directory=run_dir, name=name, overwrite=overwrite, unbegun=resume) as directory:
        if not quiet and backend == Backend.LOKY:  # how many processes a cluster has is not known here
            suggest_engine_for_sweep(plan, workers.jobs_for(plan))
        _run(directory, plan, call)


def _split(arguments: list[str]) -> tuple[Path | None, list[str]]:
    """[CONFIG] and KEY=VALUES apart; at least one of these is needed."""
    path, texts = split_arguments(arguments)
    if not texts:
        raise IrisbpError("sweep: no KEY=VALUES; name the keys to vary, such as seed=0:100 (see --help)")
    return path, texts


def resume_sweep(directory: Directory, call: Call) -> None:
    """Resume the sweep in a directory, or report that it is finished, even if its table is gone."""
    finished = finished_sweep(directory)
    if finished is None:
        _run(directory, None, call)
        return
    swept, restored = finished
    for name in restored:
        print(f"note: {name} was missing or damaged; it was written again", file=sys.stderr)
    if not call.quiet:
        print(f"{literal(str(directory.path))} is finished: there is nothing to resume", file=sys.stderr)
    _print_result(swept, call)
    if call.fail_fast:
        raise_first_bad(swept.outcomes)


def _run(directory: Directory, plan: SweepPlan | None, call: Call) -> None:
    """Train what is left of a sweep, by its plan if it is a new one, and print the result."""
    how = _how_to_resume(directory.path, call)
    with StopRequest() as stop:
        if plan is None:
            session = begun_session(directory, call.workers)
        else:
            session = in_directory(directory, plan, call.workers)
        _print_notes(session, call)
        swept = _train(session, stop, call, how)
    if swept.manifest is None:
        raise _Stopped(stop.exit_code or 130, how)
    _print_result(swept, call)


def _print_notes(session: SweepSession, call: Call) -> None:
    for note in session.recorder.notes:
        print(f"note: {literal(note)}", file=sys.stderr)
    if session.recorder.done and not call.quiet:
        print(f"{len(session.recorder.done)} of {len(session.plan.grid)} runs are done", file=sys.stderr)
    if session.recorder.begun and not call.quiet:
        begun = sum(len(part.begun) for part in session.recorder.begun)
        print(f"{begun} runs go on from where they stood", file=sys.stderr)


def _train(session: SweepSession, stop: StopRequest, call: Call, how_to_resume: str) -> Sweep:
    shown = _Shown(session.progress, quiet=call.quiet)
    try:
        return replace(session, listeners=[shown.take], at_once=stop.at_once, fail_fast=call.fail_fast).run()
    except StorageError:
        raise
    except IrisbpError as error:
        error.add(how_to_resume)
        raise
    finally:
        shown.close()


class _Stopped(IrisbpError):
    """A signal ended the sweep; its exit code says which."""

    def __init__(self, exit_code: int, how_to_resume: str) -> None:
        super().__init__("stopped; the sweep holds all but the last second or so", how_to_resume)
        self.exit_code = exit_code


def _how_to_resume(path: Path, call: Call) -> str:
    """The command that resumes the sweep: `irisbp resume`, unless that would not use the cluster."""
    workers = call.workers
    if workers.backend == "loky":
        return how_to_resume(path)
    options = {
        "--backend": workers.backend,
        "--scheduler": workers.scheduler,
        "--jobs": workers.jobs,
        "--run-dir": path,
    }
    words = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    return f"{shlex.join(['irisbp', 'sweep', *call.arguments, *words, '--resume'])} resumes it"


class _Shown:
    """Shows the progress; if it cannot be written, the sweep continues without it."""

    def __init__(self, progress: SweepProgress, *, quiet: bool) -> None:
        self._last = progress
        self._view: Dispensed[PaceLines | PaceView] = Dispensed(None)
        if not quiet:
            pace = Pace(progress.runs, progress.epochs, progress.done, progress.settled)
            live = can_be_redrawn()
            self._view = Dispensed(
                PaceView(make_console(stderr=True), pace) if live else PaceLines(sys.stderr, pace)
            )

    def take(self, progress: SweepProgress) -> None:
        """Show how far the sweep is now."""
        runs, epochs = progress.done - self._last.done, progress.settled - self._last.settled
        self._last = progress
        if runs:
            self._view.do(lambda view: view.part(runs))
        if epochs:
            self._view.do(lambda view: view.settle(epochs))

    def close(self) -> None:
        """End the display."""
        self._view.do(lambda view: view.close())


def _print_result(swept: Sweep, call: Call) -> None:
    if call.as_json:
        print_json(swept.as_json())
    else:
        print_sweep(make_console(), swept)
    if swept.failed and not (call.allow_failed or call.fail_fast):
        raise CheckFailed(
            f"{swept.failed} of {len(swept)} runs failed: results.csv says why (--allow-failed exits with 0)"
        )
