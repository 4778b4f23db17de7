"""`irisbp resume`: go on with a run that was interrupted."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irisbp.cli.arguments import Draw, Json, Quiet, Stream
from irisbp.cli.deferred import new_app
from irisbp.cli.running import Telling, resume_in
from irisbp.cli.sweep import Labour, resume_sweep
from irisbp.errors import IrisbpError

if TYPE_CHECKING:
    from irisbp.rundir.storage import Directory


app = new_app()


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run, or a sweep.", show_default=False)],
    stream: Stream = False,
    quiet: Quiet = False,
    as_json: Json = False,
    plot: Draw = False,
) -> None:
    """Go on with a run where its last checkpoint stands, as if it had never been interrupted.

    A run that is finished says so. A sweep goes on with the parts that are missing.
    """
    from irisbp.runs.resume import open_to_resume
    from irisbp.sweeps.directory.place import is_sweep

    telling = Telling(stream, quiet, as_json, plot)
    with open_to_resume(run) as directory:
        if is_sweep(run):
            _resume_sweep(directory, telling)
        else:
            resume_in(directory, telling)


def _resume_sweep(directory: "Directory", telling: Telling) -> None:
    if telling.stream or telling.plot:
        raise IrisbpError(f"{directory.path} is a sweep: --stream and --plot are for runs")
    resume_sweep(directory, Labour(quiet=telling.quiet, as_json=telling.as_json))
