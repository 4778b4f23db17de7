"""The look of all pictures: colours for colour-blind readers too, and lines that differ in grey.

Colours are those of Okabe & Ito, "Color universal design" (2008). A user's own settings of Matplotlib
are ignored, and nothing depends on clock or chance: the same run gives the same file.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import MaxNLocator

from irisbp.data.dataset import Dataset
from irisbp.nn.types import Array
from irisbp.show.plots.names import USUAL, letters

BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#777777"
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK)
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "p")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 2, 1, 2)))
WIDTH = 6.5  # inches: the text of a page
_MOST_ROWS = 5  # that a note names
DRAWABLE = 1e12  # only a diverged run exceeds it, and would hide everything else

_SETTINGS: Any = {
    "font.family": USUAL,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "figure.titlesize": 10,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.5,
    "savefig.dpi": 200,
    "svg.hashsalt": "irisbp",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Everything that is drawn inside looks the same everywhere."""
    with matplotlib.rc_context(), np.errstate(all="ignore"):
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def drawn(draw: Callable[[], "Drawn"]) -> "Drawn":
    """A picture in the house style, with the fonts that its text needs."""
    with house_style(), letters() as needed:
        picture = draw()
        if picture is not None:
            needed.give_fonts(picture)
            picture.notes += needed.notes()
    return picture


def note_on_rows(dataset: Dataset) -> list[str]:
    """A note for the user on the rows that no picture shows, if there are any."""
    rows = np.flatnonzero(~dataset.finite).tolist()
    if not rows:
        return []
    told = ", ".join(map(str, rows[:_MOST_ROWS])) + (", ..." if len(rows) > _MOST_ROWS else "")
    which = f"row {told} of the table is" if len(rows) == 1 else f"{len(rows)} rows of the table ({told}) are"
    return [f"{which} left out of pictures: standardized, a feature is beyond float64"]


def report_once(notes: Sequence[str], told: list[str], report: Callable[[str], None]) -> None:
    """Report the notes that are not among those told, and add them there."""
    for note in notes:
        if note not in told:
            told.append(note)
            report(note)


def panels(
    rows: int, columns: int, height: float, *, width: float = WIDTH, **options: Any
) -> tuple["Picture", list[list[Axes]]]:
    """A figure, its size in inches, and its panels by row."""
    figure = Picture(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options).tolist()


class Picture(Figure):
    """A figure that a notebook shows as it is: it belongs to no window, so that pyplot does not know it.

    notes are for the user: what the picture leaves out.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.notes: list[str] = []

    def _repr_png_(self) -> bytes:
        return as_bytes(self, "png", self.dpi)


Drawn = TypeVar("Drawn", Picture, Picture | None)


def as_bytes(figure: Figure, picture_format: str, dpi: float | None = None) -> bytes:
    """The picture as a PNG or SVG file, without the time at which it was made."""
    content = io.BytesIO()
    without = {"Date": None} if picture_format == "svg" else {"Software": None}
    with house_style():
        figure.savefig(content, format=picture_format, metadata=without, dpi=dpi)
    return content.getvalue()


def legend(place: Axes | Figure, entries: Sequence[tuple[Any, str]], **options: Any) -> Legend:
    """A legend whose texts may be anything; Matplotlib's default would drop `_name`."""
    handles = [handle for handle, _ in entries]
    made = place.legend(handles, [str(k) for k in range(len(entries))], **options)
    for shown, (_, label) in zip(made.get_texts(), entries, strict=True):
        shown.set_text(label)
    return made


def legend_below(figure: Figure, entries: Sequence[tuple[Any, str]]) -> Legend:
    """A legend under all panels, as many entries in a row as there is room for."""
    widths, columns = [len(label) + 8 for _, label in entries], len(entries)  # 8: a handle and gaps
    while columns > 1 and _width(widths, columns) > figure.get_size_inches()[0] * 15:  # letters to an inch
        columns -= 1
    return legend(figure, entries, loc="outside lower center", ncols=columns)


def _width(widths: Sequence[int], columns: int) -> int:
    """The width of a table that is filled column by column, the first columns taking what is left over."""
    return sum(int(column.max()) for column in np.array_split(widths, columns))


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers only."""
    axis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def span_epochs(axes: Axes, epochs: Array) -> None:
    """An axis from the first to the last of these epochs, if it is not one and the same."""
    if epochs[-1] > epochs[0]:
        margin = 0.02 * (epochs[-1] - epochs[0])
        axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)
    if epochs[-1] > 1:
        whole_numbers(axes.xaxis)


def drawable(values: Array) -> Array:
    """The values, with nan for those that no picture can show."""
    return np.where(np.abs(values) <= DRAWABLE, values, np.nan)


def line_style(k: int) -> dict[str, Any]:
    """Colour, marker and dashes of the k-th of several lines, no two alike among the first 28."""
    return {
        "color": COLOURS[k % len(COLOURS)],
        "marker": MARKERS[k % len(MARKERS)],
        "linestyle": DASHES[(k + k // len(COLOURS)) % len(DASHES)],
    }
