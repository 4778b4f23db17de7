"""`irisbp runs`: list runs, show one, compare two, or repeat one."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Data, Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.cli.stopping import StopRequest
from irisbp.config.settings import settings
from irisbp.errors import CheckFailed, IrisbpError, RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.place import RUNS
from irisbp.runs.compare import diff as compare
from irisbp.runs.layout import manifest_of
from irisbp.runs.listing import last_epochs, list_entries, list_files, read_entry
from irisbp.runs.tables import Files
from irisbp.runs.verify import Verification, verify_in
from irisbp.show.console import make_console
from irisbp.show.progress import Dispensable, EpochLines
from irisbp.show.runs import print_diff, print_list, print_run, print_verification
from irisbp.training.state import Record

app = new_app(help="List runs, show one, compare two, or repeat one.", invoke_without_command=True)

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", readable=False)]


@app.callback()
def runs(context: typer.Context) -> None:
    """List runs, show one, compare two, or repeat one. Without a command, list those in runs/."""
    if context.invoked_subcommand is None:
        list_()


@app.command("list", short_help="List the runs in a directory.")
def list_(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="The directory to search (default: runs).", readable=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """List every run in or below a directory, the newest last: state, config, last epoch, start."""
    place = folder or RUNS
    entries = list_entries(place) if folder or place.exists() else []
    if as_json:
        print_json({"runs": [entry.as_json() for entry in entries]})
        return

    print_list(make_console(), entries, str(place))


@app.command("show", short_help="Show everything about a run.")
def show(run: RunArgument, as_json: Json = False) -> None:
    """Show everything about a run: how it ended, its config, its last epochs, and the state of its files."""
    with OpenDirectory(run) as directory:
        entry = read_entry(directory)
        epochs, files = last_epochs(directory, 5), list_files(directory, entry.manifest)
    if as_json:
        chosen = settings(entry.config) if entry.config else {}
        print_json(
            entry.as_json()
            | {
                "not_default": [key for key, setting in chosen.items() if not setting.is_default],
                "manifest": entry.manifest.model_dump() if entry.manifest else None,
                "epochs": [epoch.as_json() for epoch in epochs],
                "files": [file._asdict() for file in files],
            }
        )
        return

    print_run(make_console(), entry, epochs, files)


@app.command("diff", short_help="Compare two runs.")
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run directory.", readable=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another run directory.", readable=False)],
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 also if the runs differ.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare two runs: their configs, where their losses first differ, their last epochs and parameters.

    Exit code 1 means that they differ, in their versions or data too; their times do not count.
    """
    found = compare(a, b)
    if as_json:
        print_json(found.as_json())
    else:
        print_diff(make_console(), found)
    if found.differ and not exit_zero:
        raise typer.Exit(1)


@app.command("verify", short_help="Repeat a run, and compare its files.")
def verify(
    run: RunArgument,
    data: Data = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result only.")] = False,
    as_json: Json = False,
) -> None:
    """Train a run again from its own config, and compare every file to the byte.

    Exit code 3 means that a file differs, 2 that the run cannot be repeated, or that it differs and was
    made by other versions. Nothing is written into the run.
    """
    result = _verify(run, data, quiet)
    if as_json:
        print_json(result.as_json())
    else:
        print_verification(make_console(), result)
    first = result.first
    if first is None or first.difference is None:
        return
    message = f"{run} does not repeat: {first.name} differs first, at {first.difference.where}"
    if result.versions:
        raise RunError(f"{message}; different versions may be the cause")
    raise CheckFailed(message)


def _verify(run: Path, data: Files, quiet: bool) -> Verification:
    """The repetition, with a line for some of its epochs, and an end at the first signal."""
    with OpenDirectory(run) as directory, StopRequest() as stop:
        lines = Dispensable(EpochLines(sys.stderr, manifest_of(directory).epochs))

        def listen(record: Record) -> None:
            if not quiet:
                lines.take(record)
            if stop.exit_code:
                error = IrisbpError("stopped; nothing was compared")
                error.exit_code = stop.exit_code
                raise error

        with closing(lines):
            return verify_in(directory, listen, data)
