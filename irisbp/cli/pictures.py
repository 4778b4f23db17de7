"""Writes the pictures of a run into its directory: what `irisbp plot` and `irisbp train --plot` share."""

import sys
from collections.abc import Sequence

from irisbp.errors import literal
from irisbp.rundir.storage import Directory
from irisbp.runs.layout import PICTURES, PLOTS
from irisbp.runs.run import Run


def draw_into(plots: Directory, run: Run, picture_format: str, kinds: Sequence[str]) -> list[str]:
    """Draw and write pictures; returns their names."""
    from irisbp.show.plots import draw_run  # loads every picture's file

    written = []
    for name, content in draw_run(run, kinds, picture_format, print_note):
        plots.write(name, content)
        written.append(name)
    return written


def draw_all(directory: Directory, run: Run) -> None:
    """Draw all pictures of a run; an error is only noted, since the run is complete without them."""
    try:
        with directory.folder(PLOTS) as plots:
            draw_into(plots, run, "png", PICTURES)
    except Exception as error:
        reason = literal(str(error) or type(error).__name__)
        print(f"note: the run is complete, but its pictures could not be drawn: {reason}", file=sys.stderr)


def print_note(text: str) -> None:
    """Print a note to stderr."""
    print(f"note: {literal(text)}", file=sys.stderr, flush=True)
