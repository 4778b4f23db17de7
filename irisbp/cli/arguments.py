"""Arguments and options that several commands take."""

import re
from typing import Annotated

import typer


def whole_number(text: str) -> int:
    """A whole number of the digits 0 to 9: int would take other scripts' digits and underscores, too."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise typer.BadParameter(f"{text!r} is not a whole number in the digits 0 to 9.")
    return int(text)


ConfigArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONFIG] [KEY=VALUE]...",
        help="A YAML config (default: the article's run), and keys to override in it.",
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Stream = Annotated[bool, typer.Option("--stream", help="Print every sample's loss.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the result only.")]
Draw = Annotated[bool, typer.Option("--plot", help="Draw the run at the end, into its plots/.")]
