"""`irisbp resume`: resume a run, or a sweep, that was interrupted."""

from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Data, Draw, Json, Quiet, Stream
from irisbp.cli.deferred import new_app
from irisbp.cli.running import Shown, resume_in
from irisbp.errors import IrisbpError
from irisbp.rundir.storage import Directory
from irisbp.runs.resume import open_to_resume
from irisbp.runs.tables import Files

app = new_app()


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run, or a sweep.", show_default=False)],
    data: Data = None,
    stream: Stream = False,
    quiet: Quiet = False,
    as_json: Json = False,
    plot: Draw = False,
) -> None:
    """Resume a run from its last checkpoint, as if it had never been interrupted.

    A finished run is reported again. For a sweep, the missing parts are trained.
    """
    shown = Shown(stream, quiet, as_json, plot)
    with open_to_resume(run) as directory:
        if directory.has("sweep.yaml"):
            _resume_sweep(directory, shown, data)
        else:
            resume_in(directory, shown, data=data)


def _resume_sweep(directory: Directory, shown: Shown, data: Files) -> None:
    from irisbp.cli.sweep import Call, resume_sweep  # loaded for sweeps only

    if shown.stream or shown.plot:
        raise IrisbpError(f"{directory.path} is a sweep: --stream and --plot are only for runs")
    resume_sweep(directory, Call(quiet=shown.quiet, as_json=shown.as_json, data=data))
