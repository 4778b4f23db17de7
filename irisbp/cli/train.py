"""`irisbp train`: train one run and record it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irisbp.cli.arguments import ConfigArguments, Draw, Json, Quiet, Stream
from irisbp.cli.deferred import new_app
from irisbp.cli.hints import suggest_engine
from irisbp.cli.running import Telling, resume_in, run_in
from irisbp.errors import IrisbpError

if TYPE_CHECKING:
    from irisbp.config.schema import Config


app = new_app()


@app.command()
def train(
    arguments: ConfigArguments = None,
    run_dir: Annotated[Path | None, typer.Option(help="Where the run is to lie.")] = None,
    name: Annotated[str | None, typer.Option(help="The run lies in runs/NAME.")] = None,
    sweep: Annotated[
        Path | None, typer.Option("--from", metavar="SWEEP", help="Train a run of this sweep, in full.")
    ] = None,
    row: Annotated[int | None, typer.Option(metavar="N", help="Which one: its row in results.csv.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that lies there.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that lies there, if there is one.")
    ] = False,
    stream: Stream = False,
    quiet: Quiet = False,
    as_json: Json = False,
    plot: Draw = False,
) -> None:
    """Train a network and write everything about it into a run directory.

    Without CONFIG it is the article's run. Exit code 4 means that the run diverged.
    """
    from irisbp.rundir.place import RUNS, given_place, open_begun_run, open_new_run
    from irisbp.rundir.space import check_space
    from irisbp.rundir.writer import RunWriter
    from irisbp.training.setup import prepare

    if overwrite and resume:
        raise IrisbpError("--overwrite and --resume: give one of them")
    telling = Telling(stream, quiet, as_json, plot)
    path, config = _chosen(arguments or [], sweep, row)
    if resume and (begun := open_begun_run(directory=run_dir, name=name)):
        with begun:
            resume_in(begun, telling, config)
        return
    training = prepare(config)
    check_space(training, given_place(run_dir, name) or RUNS, replaces=overwrite)
    with open_new_run(path, directory=run_dir, name=name, overwrite=overwrite, unbegun=resume) as directory:
        if not quiet:
            suggest_engine(training)
        run_in(directory, training, lambda: RunWriter(directory, training), telling)


def _chosen(arguments: list[str], sweep: Path | None, row: int | None) -> "tuple[Path | None, Config]":
    """The config, and the file that gives the run its name; a row's is called after the sweep and the row."""
    from irisbp.config.load import load_config, split_arguments

    if (sweep is None) != (row is None):
        raise IrisbpError("--from and --row: a run of a sweep needs both")
    if sweep is not None and row is not None:
        if arguments:
            raise IrisbpError(
                f"--from: row {row} has its config; a config or overrides cannot stand beside it"
            )
        from irisbp.sweeps.directory.reader import row_config

        return Path(f"{sweep.absolute().name}-row-{row}.yaml"), row_config(sweep, row)
    path, overrides = split_arguments(arguments)
    return path, load_config(path, overrides)
