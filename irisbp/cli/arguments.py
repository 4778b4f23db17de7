"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

ConfigArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONFIG] [KEY=VALUE]...",
        help="A YAML config (default: the article's run), and keys to override in it.",
    ),
]

Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="The file where the run's table is now; its sha256 has to be the recorded one. Repeatable.",
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Stream = Annotated[bool, typer.Option("--stream", help="Print every sample's loss.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the result only.")]
Draw = Annotated[bool, typer.Option("--plot", help="Draw the run at the end, into its plots/.")]
