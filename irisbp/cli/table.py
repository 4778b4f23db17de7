"""`irisbp table`: show how a table is understood, without training on it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from irisbp.cli.arguments import Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.config.load import load_config
from irisbp.data.files import attempt_table, last_column
from irisbp.data.problems import error_of, merged
from irisbp.show.console import make_console
from irisbp.show.reading import attempt_data, print_reading
from irisbp.training.tables import wanted_of

app = new_app()


@app.command()
def table(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table.", readable=False)],
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Keys of data, such as data.separator=semicolon."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of the classes (default: the last).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how a table is understood: each column, the classes, and what has to be decided.

    Exit code 2 means that something has to be decided before a run can be trained on it.
    """
    data = load_config(None, [*(keys or [])], **_source(file, keys or [], target)).data
    wanted = wanted_of(data)
    assert wanted is not None
    if wanted.target == _LAST:
        wanted = replace(wanted, target=last_column(wanted))
    attempt = attempt_table(replace(wanted, source=str(file), thorough=True))
    if as_json:
        print_json(attempt_data(attempt, merged(key for problem in attempt.problems for key in problem.keys)))
    elif attempt.reading is not None:
        print_reading(make_console(), attempt.reading)
    if attempt.problems:
        raise error_of(str(file), attempt.problems)


_LAST = "\0"  # stands for the last column, and can be no name


def _source(file: Path, keys: list[str], target: str | None) -> dict[str, Any]:
    """The keys that the file and its target are."""
    found: dict[str, Any] = {"data.source": str(file)}
    if target is not None or not any(key.startswith("data.target=") for key in keys):
        found["data.target"] = target or _LAST
    return found
