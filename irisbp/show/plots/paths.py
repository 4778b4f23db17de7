"""The values of every parameter over the epochs."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irisbp.nn.network import Layer
from irisbp.nn.types import Array
from irisbp.runs.retrace import MOST_LINES, History
from irisbp.runs.run import Run
from irisbp.show.plots.names import text
from irisbp.show.plots.style import (
    BLUE,
    COLOURS,
    DASHES,
    GREY,
    MARKERS,
    Picture,
    drawable,
    legend_below,
    panels,
    span_epochs,
)

_MOST_LAYERS = 8


def shown_layers(layers: tuple[Layer, ...]) -> list[int]:
    """The layers that a picture has room for: the first ones, and the output."""
    return [*range(min(len(layers), _MOST_LAYERS) - 1), len(layers) - 1]


def note_on_layers(layers: tuple[Layer, ...]) -> str:
    """A note on the layers that are left out."""
    left_out = len(layers) - _MOST_LAYERS
    return f", without {left_out} layers before the output" if left_out > 0 else ""


def parameter_paths(run: Run, history: History) -> Picture:
    """A panel for each layer: a line for each parameter, or quantiles of many."""
    layers = run.network.layers
    chosen = shown_layers(layers)
    columns = min(len(chosen), 2)
    rows = -(-len(chosen) // columns)
    figure, grid = panels(rows, columns, 1.2 + 2.4 * rows, sharex=True)
    axes = [panel for row in grid for panel in row]
    epochs = np.array([moment.epoch for moment in history.moments])
    entries: dict[str, Any] = {}
    for panel, k in zip(axes, chosen, strict=False):
        values = drawable(np.array([moment.layers[k] for moment in history.moments]))
        draw = _draw_quantiles if layers[k].size > MOST_LINES else _draw_lines
        entries |= draw(panel, layers[k], epochs, values)
        beyond = "" if np.isfinite(values).all() else "\nsome went beyond 1e12"
        panel.set_title(f"{layers[k].name} ({layers[k].size} parameters){beyond}")
    _name_the_axes(figure, grid, len(chosen), epochs)
    legend_below(figure, [(handle, label) for label, handle in entries.items()])
    figure.suptitle(text(run.name) + note_on_layers(layers))
    return figure


def _name_the_axes(figure: Figure, grid: "list[list[Axes]]", count: int, epochs: Array) -> None:
    axes = [panel for row in grid for panel in row]
    columns = len(grid[0])
    for k, panel in enumerate(axes):
        panel.set_visible(k < count)
        lowest = k + columns >= count
        panel.tick_params(labelbottom=lowest)
        panel.set_xlabel("epoch" if lowest else "")
    for row in grid:
        row[0].set_ylabel("value")
    span_epochs(axes[0], epochs)


def _draw_lines(axes: Axes, layer: Layer, epochs: Array, values: Array) -> dict[str, Any]:
    """Lines of values (moments, parameters), those of biases dashed; a few nodes have a look of their own."""
    entries, few = {}, layer.fan_out <= len(COLOURS)
    for k in range(values.shape[1]):
        row, node = divmod(k, layer.fan_out)
        bias, look = row == layer.fan_in, node if few else 0
        (line,) = axes.plot(
            epochs,
            values[:, k],
            color=COLOURS[look],
            linestyle=DASHES[1] if bias else "-",
            linewidth=1.6 if bias else 1.0,
            marker=MARKERS[look] if few else "",
            markersize=3.5,
            markevery=(look / 80, 0.1) if len(epochs) > 12 else 1,
        )
        entries[("bias" if bias else "weights") + (f" of node {node}" if few else "")] = line
    return entries


def _draw_quantiles(axes: Axes, layer: Layer, epochs: Array, values: Array) -> dict[str, Any]:
    """Bands of values (moments, quantiles)."""
    wide = axes.fill_between(epochs, values[:, 0], values[:, 4], color=GREY, alpha=0.25, linewidth=0)
    middle = axes.fill_between(epochs, values[:, 1], values[:, 3], color=BLUE, alpha=0.4, linewidth=0)
    (median,) = axes.plot(epochs, values[:, 2], color=BLUE)
    return {"median": median, "middle half": middle, "from 5 % to 95 %": wide}
