"""`irisbp config`: show a config in full, check it, or start one from an example."""

from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import ConfigArguments
from irisbp.cli.deferred import new_app
from irisbp.cli.flags import CommandWithKeys
from irisbp.config.arguments import split_arguments
from irisbp.config.examples import example_names, write_example
from irisbp.config.load import load_config, to_yaml
from irisbp.data.table import read_table
from irisbp.errors import literal
from irisbp.training.tables import wanted_of

app = new_app(help="Show a config in full, check it, or start one from an example.")


@app.command("show", cls=CommandWithKeys, short_help="Print the complete config.")
def show(arguments: ConfigArguments = None) -> None:
    """Print the complete config: defaults, then the file, then the overrides."""
    print(to_yaml(load_config(*split_arguments(arguments or []))), end="")


@app.command("validate", cls=CommandWithKeys, short_help="List every problem in a config.")
def validate(arguments: ConfigArguments = None) -> None:
    """Check a config, and its table if the file is there, and list every problem with its place."""
    path, overrides = split_arguments(arguments or [])
    config = load_config(path, overrides)
    wanted = wanted_of(config.data)
    if wanted is not None and Path(wanted.source).exists():
        read_table(wanted)
    print(f"{literal(str(path or 'the article'))}: valid")


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
