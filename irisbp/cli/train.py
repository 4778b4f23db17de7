"""`irisbp train`: train one run and record it."""

from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import ConfigArguments, Draw, Json, Quiet, Stream
from irisbp.cli.running import Telling, resume_in, run_in
from irisbp.errors import IrisbpError


def train(
    arguments: ConfigArguments = None,
    run_dir: Annotated[Path | None, typer.Option(help="Where the run is to lie.")] = None,
    name: Annotated[str | None, typer.Option(help="The run lies in runs/NAME.")] = None,
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
    from irisbp.config.load import load_config, split_arguments
    from irisbp.rundir.place import RUNS, open_begun_run, open_new_run
    from irisbp.rundir.space import check_space
    from irisbp.rundir.writer import RunWriter
    from irisbp.training import prepare

    if overwrite and resume:
        raise IrisbpError("--overwrite and --resume: give one of them")
    telling = Telling(stream, quiet, as_json, plot)
    path, overrides = split_arguments(arguments or [])
    config = load_config(path, overrides)
    if resume and (begun := open_begun_run(directory=run_dir, name=name)):
        with begun:
            resume_in(begun, telling, config)
        return
    training = prepare(config)
    check_space(training, run_dir or RUNS)
    with open_new_run(path, directory=run_dir, name=name, overwrite=overwrite, unbegun=resume) as directory:
        run_in(directory, training, lambda: RunWriter(directory, training), telling)
