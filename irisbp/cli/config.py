"""`irisbp config`: look at a config, or have it checked."""

from typing import Annotated

import typer

app = typer.Typer(help="Show a config in full, or check it.", rich_markup_mode=None)

_Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONFIG] [KEY=VALUE]...",
        help="A YAML config (default: the article's run), and keys to override in it.",
    ),
]


@app.command("show", short_help="Print the complete config.")
def show(arguments: _Arguments = None) -> None:
    """Print the complete config: defaults, then the file, then the overrides."""
    from irisbp.config.load import load_config, split_arguments, to_yaml

    print(to_yaml(load_config(*split_arguments(arguments or []))), end="")


@app.command("validate", short_help="List every problem in a config.")
def validate(arguments: _Arguments = None) -> None:
    """Check a config: every problem in it with its place, or one line that there is none."""
    from irisbp.config.load import load_config, split_arguments
    from irisbp.errors import literal

    path, overrides = split_arguments(arguments or [])
    load_config(path, overrides)
    print(f"{literal(str(path or 'the article'))}: valid")
