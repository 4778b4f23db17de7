"""`irisbp train`: train one run and record it."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import irisbp
from irisbp.cli.arguments import ConfigArguments, Draw, Json, Quiet, Stream, whole_number
from irisbp.cli.deferred import new_app
from irisbp.cli.flags import CommandWithKeys
from irisbp.cli.hints import suggest_engine
from irisbp.cli.running import Shown, resume_in, run_shown
from irisbp.config.arguments import split_arguments
from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.errors import IrisbpError
from irisbp.rundir.place import RUNS, given_place
from irisbp.rundir.space import check_space
from irisbp.runs.kept import KeptTables
from irisbp.runs.layout import open_begun_run, open_new_run
from irisbp.runs.run import Run
from irisbp.runs.session import in_directory
from irisbp.show.console import make_console
from irisbp.show.reading import print_readings
from irisbp.training.setup import prepare

app = new_app()


@app.command(cls=CommandWithKeys)
def train(
    arguments: ConfigArguments = None,
    run_dir: Annotated[Path | None, typer.Option(help="The directory of the run.")] = None,
    name: Annotated[str | None, typer.Option(help="The run's name: its directory is runs/NAME.")] = None,
    sweep: Annotated[
        Path | None, typer.Option("--from", metavar="SWEEP", help="Train a run of this sweep, in full.")
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(parser=whole_number, metavar="N", help="With --from: the run's row in results.csv."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in the directory.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the run in the directory, if there is one.")
    ] = False,
    stream: Stream = False,
    quiet: Quiet = False,
    as_json: Json = False,
    plot: Draw = False,
) -> None:
    """Train a network and write everything about it into a run directory.

    Without CONFIG it is the article's run. Exit code 4 means that the run diverged.
    """
    if overwrite and resume:
        raise IrisbpError("--overwrite and --resume: give one of them")
    shown = Shown(stream, quiet, as_json, plot)
    path, config = _chosen(arguments or [], sweep, row)
    if resume and (begun := open_begun_run(directory=run_dir, name=name)):
        with begun:
            kept = KeptTables.of_stdin(config)
            kept.check(begun)
            resume_in(begun, shown, kept.config_in(config, begun.path))
        return
    kept = KeptTables.of_stdin(config)
    training = prepare(config, kept.table(config))
    check_space(training, given_place(run_dir, name) or RUNS, replaces=overwrite)
    print_readings(make_console(stderr=True), training.dataset.readings, notes_only=quiet)
    with open_new_run(path, directory=run_dir, name=name, overwrite=overwrite, unbegun=resume) as directory:
        if not quiet:
            suggest_engine(training)
        session = in_directory(directory, kept.put_into(directory, training))
        run_shown(directory, session, shown, partial(_difference, sweep, row))


def _difference(sweep: Path | None, row: int | None, run: Run) -> str:
    """The difference of a run from the row of a finished sweep that it repeats."""
    if sweep is None or row is None or not (sweep / "manifest.json").exists():
        return ""
    return irisbp.open_sweep(sweep).difference(row, run)


def _chosen(arguments: list[str], sweep: Path | None, row: int | None) -> tuple[Path | None, Config]:
    """The config, and the file that gives the run its name; a row's is called after the sweep and the row."""
    if (sweep is None) != (row is None):
        raise IrisbpError("--from and --row: give both, for a run of a sweep")
    if sweep is not None and row is not None:
        if arguments:
            raise IrisbpError(f"--from: row {row} has a config of its own; give no config and no overrides")
        from irisbp.sweeps.directory.reader import row_config

        return Path(f"{sweep.absolute().name}-row-{row}.yaml"), row_config(sweep, row)
    path, overrides = split_arguments(arguments)
    return path, load_config(path, overrides)
