"""The look of all pictures: colours for colour-blind readers too, and lines that differ in grey.

Colours are those of Okabe & Ito, "Color universal design" (2008). A user's own settings of Matplotlib
are ignored, and nothing depends on clock or chance: the same run gives the same file.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.legend import Legend
from matplotlib.ticker import MaxNLocator

from irisbp.errors import literal
from irisbp.nn.types import Array

BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#777777"
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK)
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "p")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 2, 1, 2)))
WIDTH = 6.5  # inches: the text of a page
DRAWABLE = 1e12  # only a diverged run exceeds it, and would hide everything else

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # it comes with Matplotlib
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


def panels(
    rows: int, columns: int, height: float, *, width: float = WIDTH, **options: Any
) -> tuple[Figure, list[list[Axes]]]:
    """A figure, its size in inches, and its panels by row."""
    figure = Picture(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options).tolist()


class Picture(Figure):
    """A figure that a notebook shows as it is: it belongs to no window, so that pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        return as_bytes(self, "png")


def as_bytes(figure: Figure, picture_format: str) -> bytes:
    """The picture as a PNG or SVG file, without the time at which it was made."""
    content = io.BytesIO()
    without = {"Date": None} if picture_format == "svg" else {"Software": None}
    figure.savefig(content, format=picture_format, metadata=without)
    return content.getvalue()


def text(outside: str, most: int = 40) -> str:
    """Text from outside, shown literally: not as a formula, nor as empty boxes.

    Of more than `most` characters the middle is left out.
    """
    shown = "".join(c if _has_glyph(c) else f"\\u{ord(c):04x}" for c in literal(outside))
    if len(shown) > most:
        shown = f"{shown[: most // 2]}\u2026{shown[len(shown) + 1 - (most - most // 2) :]}"
    return shown.replace("$", r"\$")


@cache
def _has_glyph(character: str) -> bool:
    return bool(get_font(findfont("DejaVu Sans")).get_char_index(ord(character)))


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
