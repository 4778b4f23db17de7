"""`irisbp sweep`: train a grid of runs."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irisbp.cli.arguments import Json, Quiet
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.cli.running import can_be_redrawn
from irisbp.cli.stopping import StoppedAtOnce, StopRequest
from irisbp.cli.sweep_hints import suggest_engine_for_sweep
from irisbp.errors import Diverged, IrisbpError, RunError, StorageError, in_shell, literal

if TYPE_CHECKING:
    from irisbp.rundir.storage import Directory
    from irisbp.sweeps.directory.manifest import SweepManifest
    from irisbp.sweeps.directory.writer import SweepWriter
    from irisbp.sweeps.grid.grid import Grid
    from irisbp.sweeps.plan import SweepPlan
    from irisbp.sweeps.results.columns import Results
    from irisbp.sweeps.results.statistics import Summary

_WORTH_PROCESSES = 5.0  # seconds, below which processes take longer to start than they save


class Backend(StrEnum):
    """Who trains the parts of a sweep."""

    LOKY = "loky"
    DASK = "dask"
    RAY = "ray"


@dataclass(frozen=True)
class Labour:
    """Who works, and what the user wants to see of it; no jobs means as many as are worth it.

    arguments are those that the sweep was asked for with, if they are known.
    """

    jobs: int | None = None
    backend: Backend = Backend.LOKY
    scheduler: str | None = None
    fail_fast: bool = False
    quiet: bool = False
    as_json: bool = False
    arguments: tuple[str, ...] = ()


app = new_app()


@app.command()
def sweep(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG] KEY=VALUES...",
            help="A YAML config (default: the article's run), and keys with the values to try, such as"
            " seed=0:100 optimizer=sgd,adam learning_rate=0.1.",
        ),
    ] = None,
    run_dir: Annotated[Path | None, typer.Option(help="Where the sweep is to lie.")] = None,
    name: Annotated[str | None, typer.Option(help="The sweep lies in runs/NAME.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the sweep that lies there.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the sweep that lies there, if there is one.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many processes (default: one for each core).")
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first run that diverges, with exit code 4.")
    ] = False,
    backend: Annotated[Backend, typer.Option(help="Who starts the processes.")] = Backend.LOKY,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The cluster's address, for dask or ray.")
    ] = None,
) -> None:
    """Train a run for every combination of the values given, and compare the settings over seeds and folds.

    Without CONFIG it is the article's run. Values are lists, a,b,c, or ranges without their end, 0:1000 or
    0:100:10. A run that diverges is a row of the results as any other.
    """
    from irisbp.sweeps.directory.place import open_begun_sweep, open_new_sweep
    from irisbp.sweeps.grid.grid import make_grid
    from irisbp.sweeps.plan import plan_sweep
    from irisbp.sweeps.workers.pool import check_backend, check_cluster

    if overwrite and resume:
        raise IrisbpError("--overwrite and --resume: give one of them")
    check_backend(backend.value, scheduler)
    arguments = arguments or []
    labour = Labour(jobs, backend, scheduler, fail_fast, quiet, as_json, tuple(arguments))
    path, texts = _split(arguments)
    grid = make_grid(path, texts)
    if resume and (begun := open_begun_sweep(directory=run_dir, name=name)):
        with begun:
            _check_same(begun, grid)
            resume_sweep(begun, labour)
        return
    prepared = plan_sweep(grid)
    check_cluster(backend.value, scheduler)  # or each attempt would leave a directory behind
    with open_new_sweep(path, directory=run_dir, name=name, overwrite=overwrite, unbegun=resume) as directory:
        if not quiet and backend == Backend.LOKY:  # how many processes a cluster has is not known here
            suggest_engine_for_sweep(prepared, jobs or _worthwhile_jobs(prepared, len(prepared.parts)))
        _sweep_in(directory, prepared, labour)


def _split(arguments: list[str]) -> tuple[Path | None, list[str]]:
    """[CONFIG] and KEY=VALUES apart; at least one of these is needed."""
    from irisbp.config.load import split_arguments

    path, texts = split_arguments(arguments)
    if not texts:
        raise IrisbpError("sweep: no KEY=VALUES; what is to vary? such as seed=0:100 (--help tells more)")
    return path, texts


def resume_sweep(directory: "Directory", labour: Labour) -> None:
    """Go on with the sweep in a directory; one that is finished says so, even if its table is gone."""
    from irisbp.sweeps.directory.place import grid_of
    from irisbp.sweeps.plan import plan_sweep

    if "manifest.json" in directory.names():
        _tell_of_finished(directory, labour)
    else:
        _sweep_in(directory, plan_sweep(grid_of(directory)), labour)


def _check_same(directory: "Directory", wanted: "Grid") -> None:
    from irisbp.sweeps.directory.place import grid_of
    from irisbp.sweeps.grid.grid import to_yaml

    if to_yaml(grid_of(directory)) != to_yaml(wanted):
        raise RunError(f"{directory.path} is the sweep of another config or other values")


def _sweep_in(directory: "Directory", prepared: "SweepPlan", labour: Labour) -> None:
    """Train what is left of a sweep, and print the result."""
    from irisbp.sweeps.directory.writer import SweepWriter

    with StopRequest() as stop:
        writer = SweepWriter(directory, prepared)
        for note in writer.notes:
            print(f"note: {literal(note)}", file=sys.stderr)
        if writer.done and not labour.quiet:
            print(f"{len(writer.done)} of {len(prepared.grid)} runs are done", file=sys.stderr)
        try:
            _train(prepared, writer, labour, stop)
        except StoppedAtOnce:
            writer.commit()
            raise _Stopped(stop.exit_code or 130, _how_to_go_on(directory.path, labour)) from None
        except StorageError:
            raise
        except IrisbpError as error:
            writer.commit()
            error.add(_how_to_go_on(directory.path, labour))
            raise
        manifest, summary = writer.finish()
    _print_result(directory.path, manifest, summary, labour)


class _Stopped(IrisbpError):
    """A signal ended the sweep; its exit code says which."""

    def __init__(self, exit_code: int, how_to_go_on: str) -> None:
        super().__init__("stopped; finished parts of the sweep are kept", how_to_go_on)
        self.exit_code = exit_code


def _how_to_go_on(path: Path, labour: Labour) -> str:
    """The command for it, which is `irisbp resume` unless that would leave a cluster aside."""
    if labour.backend == Backend.LOKY:
        return f"irisbp resume {in_shell(path)} goes on from here"
    options = {
        "--backend": labour.backend.value,
        "--scheduler": labour.scheduler,
        "--jobs": labour.jobs,
        "--run-dir": path,
    }
    words = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    return f"{shlex.join(['irisbp', 'sweep', *labour.arguments, *words, '--resume'])} goes on from here"


def _train(prepared: "SweepPlan", writer: "SweepWriter", labour: Labour, stop: StopRequest) -> None:
    """Train the parts that are not done yet, as they come."""
    from irisbp.sweeps.plan import Trainer
    from irisbp.sweeps.workers.pool import run_parts

    missing = [part for part in prepared.parts if not writer.done.issuperset(part.rows)]
    jobs = labour.jobs or _worthwhile_jobs(prepared, len(missing))
    here = jobs == 1 and labour.backend == Backend.LOKY
    _stop_at_divergence(writer.results, labour)
    with closing(_Shown(prepared, writer, labour)) as shown:
        trainer = Trainer(prepared.grid, prepared.epochs)
        if here:  # elsewhere, nothing is heard of a part until it is done
            trainer = replace(trainer, report=shown.settle)
        parts = run_parts(
            trainer, missing, jobs=jobs, backend=labour.backend.value, scheduler=labour.scheduler
        )
        with closing(parts):
            for index, results in _until_stopped(parts, stop):
                writer.take(missing[index].rows, results)
                shown.part(len(results))
                if not here:
                    shown.settle(missing[index].epochs)
                _stop_at_divergence(writer.results, labour)


def _until_stopped(
    parts: "Iterator[tuple[int, Results]]", stop: StopRequest
) -> "Iterator[tuple[int, Results]]":
    while True:
        with stop.at_once():
            found = next(parts, None)
        if found is None:
            return
        yield found


def _worthwhile_jobs(prepared: "SweepPlan", parts: int) -> int:
    """As many processes as there are cores for, if there is work for them."""
    if prepared.seconds < _WORTH_PROCESSES:
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, parts))


def _stop_at_divergence(results: "Results", labour: Labour) -> None:
    """With --fail-fast, raise what the first row that diverged says."""
    if labour.fail_fast and results.reasons:
        row = min(results.reasons)
        failure = IrisbpError(f"row {row}: {results.reasons[row]}")
        failure.exit_code = Diverged.exit_code
        raise failure


class _Shown:
    """Progress that a sweep can do without: if it cannot be written, it is left out and the sweep goes on."""

    def __init__(self, prepared: "SweepPlan", writer: "SweepWriter", labour: Labour) -> None:
        from irisbp.show.console import make_console
        from irisbp.show.progress import Dispensed
        from irisbp.show.sweep import Pace, PaceLines, PaceView

        settled = sum(part.epochs for part in prepared.parts if writer.done.issuperset(part.rows))
        epochs = sum(part.epochs for part in prepared.parts)
        pace = Pace(len(prepared.grid), epochs, len(writer.done), settled)
        self._view: Dispensed[PaceLines | PaceView] = Dispensed(None)
        if not labour.quiet:
            live = can_be_redrawn()
            self._view = Dispensed(
                PaceView(make_console(stderr=True), pace) if live else PaceLines(sys.stderr, pace)
            )

    def settle(self, epochs: int) -> None:
        """So many epochs more are settled."""
        self._view.do(lambda view: view.settle(epochs))

    def part(self, runs: int) -> None:
        """So many runs more are done."""
        self._view.do(lambda view: view.part(runs))

    def close(self) -> None:
        """No more will come."""
        self._view.do(lambda view: view.close())


def _tell_of_finished(directory: "Directory", labour: Labour) -> None:
    """A sweep that has come to its end before: the result once more, and its tables if they were lost."""
    from irisbp.sweeps.directory.place import SWEEP
    from irisbp.sweeps.directory.reader import load_sweep
    from irisbp.sweeps.directory.writer import restore_tables
    from irisbp.sweeps.results.statistics import summarize

    found = load_sweep(directory.path)
    summary = summarize(found.grid, found.results)
    SWEEP.discard_leftovers(directory, passing=True)
    for name in restore_tables(directory, found, summary):
        print(f"note: {name} was missing or damaged: written again", file=sys.stderr)
    if not labour.quiet:
        print(f"{literal(str(directory.path))} is finished: there is nothing to resume", file=sys.stderr)
    _print_result(directory.path, found.manifest, summary, labour)
    _stop_at_divergence(found.results, labour)


def _print_result(path: Path, manifest: "SweepManifest", summary: "Summary", labour: Labour) -> None:
    from irisbp.show.sweep import best_as_json, print_sweep

    if labour.as_json:
        told = manifest.model_dump(include={"status", "runs", "diverged", "settings", "seconds"})
        print_json({"sweep": str(path), **told, "ranked_by": summary.figure, "best": best_as_json(summary)})
        return
    from irisbp.show.console import make_console

    print_sweep(make_console(), path, manifest, summary)
