"""Writes the pictures of a run into its directory: what `irisbp plot` and `irisbp train --plot` share."""

import sys
from collections.abc import Iterable

from irisbp.errors import literal
from irisbp.rundir.storage import Directory
from irisbp.runs.layout import PICTURES, PLOTS
from irisbp.runs.run import Run


def write_into(plots: Directory, pictures: Iterable[tuple[str, bytes]]) -> list[str]:
    """Write pictures, each when it is drawn; returns their names."""
    written = []
    for name, content in pictures:
        plots.write(name, content)
        written.append(name)
    return written


def draw_all(directory: Directory, run: Run) -> None:
    """Draw all pictures of a run; an error is only noted, since the run is complete without them."""
    try:
        from irisbp.show.plots.pictures import draw_run  # loads every picture's file

        with directory.folder(PLOTS) as plots:
            write_into(plots, draw_run(run, PICTURES, "png", print_note))
    except Exception as error:
        reason = literal(str(error) or type(error).__name__)
        print(f"note: the run is complete, but its pictures could not be drawn: {reason}", file=sys.stderr)


def print_note(text: str) -> None:
    """Print a note to stderr."""
    print(f"note: {literal(text)}", file=sys.stderr, flush=True)
