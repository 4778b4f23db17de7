"""`irisbp config`: show a config in full, check it, or start one from an example."""

import os
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import ConfigArguments
from irisbp.cli.deferred import new_app
from irisbp.cli.flags import CommandWithKeys
from irisbp.config.arguments import split_arguments
from irisbp.config.examples import example_names, write_example
from irisbp.config.load import load_config, to_yaml
from irisbp.config.schema import DataSection
from irisbp.data.options import STDIN
from irisbp.errors import literal
from irisbp.show.console import make_console, print_lines
from irisbp.show.reading import print_readings
from irisbp.training.tables import table_of

app = new_app(help="Show a config in full, check it, or start one from an example.")


@app.command("show", cls=CommandWithKeys, short_help="Print the complete config.")
def show(arguments: ConfigArguments = None) -> None:
    """Print the complete config: defaults, then the file, then the overrides."""
    print(to_yaml(load_config(*split_arguments(arguments or []))), end="")


@app.command("validate", cls=CommandWithKeys, short_help="List every problem in a config.")
def validate(arguments: ConfigArguments = None) -> None:
    """Check a config, and its table if the file is there, and list every problem with its place."""
    path, overrides = split_arguments(arguments or [])
    _check_tables(load_config(path, overrides).data)
    print(f"{literal(str(path or 'the article'))}: valid")


def _check_tables(data: DataSection) -> None:
    """Read the tables whose files are there, as `train` would, and say what was understood."""
    files = [file for file in (data.source, data.validation_source) if file not in (None, STDIN)]
    gone = [str(file) for file in files if not os.path.exists(str(file))]
    console = make_console(stderr=True)
    print_lines(console, *(f"note: {file} is not there, and was not checked" for file in gone))
    if data.source not in gone:
        held_out = None if data.validation_source in gone else data.validation_source
        table = table_of(data.model_copy(update={"validation_source": held_out}))
        print_readings(console, table.readings)


@app.command("new", short_help="Write a commented example to start from.")
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=f"The example: {', '.join(example_names())}.")
    ] = "article",
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="The new file (default: NAME.yaml in this directory)."),
    ] = None,
) -> None:
    """Write a commented example config to start from, and print its path.

    A file that exists is never overwritten.
    """
    print(literal(str(write_example(name, output))))
