"""Consoles for stdout and stderr, on which text from outside is shown literally."""

import sys
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from irisbp.errors import literal

_NO_LIMIT = 10_000  # columns; in a pipe, lines are kept whole


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Let the command line decide; Rich itself would exit with 1."""
        raise BrokenPipeError


def make_console(*, stderr: bool = False) -> Console:
    """A console that interprets no markup and, off a terminal, never wraps."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _NO_LIMIT
    return _Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)


def plain(text: str, style: str = "") -> Text:
    """Text from outside, with everything escaped that a terminal or Rich would interpret."""
    return Text(literal(text), style=style)


def print_lines(console: Console, *lines: str, style: str = "") -> None:
    """Print literal lines, each whole: a terminal may wrap them, we do not; an inner line end is escaped."""
    for line in lines:
        console.print(plain(line, style), soft_wrap=True)
