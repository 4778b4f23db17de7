"""`irisbp resume`: go on with a run that was interrupted."""

from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Draw, Json, Quiet, Stream
from irisbp.cli.running import Telling, resume_in


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    stream: Stream = False,
    quiet: Quiet = False,
    as_json: Json = False,
    plot: Draw = False,
) -> None:
    """Go on with a run where its last checkpoint stands, as if it had never been interrupted.

    A run that is finished says so.
    """
    from irisbp.rundir.resume import open_to_resume

    telling = Telling(stream, quiet, as_json, plot)
    with open_to_resume(run) as directory:
        resume_in(directory, telling)
