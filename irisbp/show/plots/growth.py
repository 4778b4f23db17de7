"""The growth of a derivative's operations with the hidden layers: written out, and by the chain."""

from collections.abc import Sequence

from irisbp.derivations.growth import Growth
from irisbp.show.plots.style import (
    Picture,
    as_bytes,
    drawn,
    legend_below,
    line_style,
    panels,
    whole_numbers,
)


def draw_growth(rows: Sequence[Growth], picture_format: str) -> bytes:
    """The picture as a PNG or SVG file."""
    return as_bytes(drawn(lambda: growth_picture(rows)), picture_format)


def growth_picture(rows: Sequence[Growth]) -> Picture:
    """A line per width over the hidden layers; filled marks written out, open ones by the chain."""
    figure, [[axes]] = panels(1, 1, 3.8)
    entries = []
    for k, width in enumerate(sorted({row.width for row in rows})):
        chosen = sorted((row for row in rows if row.width == width), key=lambda row: row.layers)
        layers = [row.layers for row in chosen]
        style = line_style(k) | {"markersize": 5}
        written = axes.plot(layers, [row.written_out for row in chosen], **style)[0]
        chain = axes.plot(layers, [row.chain for row in chosen], **style, markerfacecolor="white")[0]
        entries += [(written, f"width {width}, written out"), (chain, f"width {width}, by the chain")]
    axes.set_yscale("log")
    axes.set_xlabel("hidden layers")
    axes.set_ylabel("operations for one derivative")
    whole_numbers(axes.xaxis)
    legend_below(figure, entries)
    return figure
