"""The distributions of weights, activations and gradients by layer, before and after training."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.backprop import Backprop
from irisbp.nn.losses import softmax
from irisbp.nn.network import fixed_threads
from irisbp.nn.types import Array, Indices
from irisbp.runs.retrace import History
from irisbp.runs.run import Run
from irisbp.show.plots.names import text
from irisbp.show.plots.paths import note_on_layers, shown_layers
from irisbp.show.plots.style import BLACK, BLUE, DASHES, Picture, drawable, legend_below, panels

_MOST_SAMPLES = 500
_MOST_NUMBERS = 2_000_000
_SMALLEST = 1e-30  # of a gradient; what is less counts as 0


@dataclass(frozen=True)
class Values:
    """The values of one layer: its weights, its nodes' outputs and its parameters' gradients per sample."""

    weights: Array
    activations: Array
    gradients: Array


def distributions(run: Run, history: History) -> Picture:
    """A row for each layer: its weights, its outputs, and the sizes of each sample's gradients."""
    layers = run.network.layers
    chosen = shown_layers(layers)
    figure, grid = panels(len(chosen), 3, 0.9 + 1.75 * len(chosen))
    initial, final = (_by_layer(run, parameters) for parameters in (history.initial, history.final))
    for panels_of, k in zip(grid, chosen, strict=True):
        _draw_layer(panels_of, layers[k].name, initial[k], final[k])
    handles = [grid[0][0].plot([], [], **style)[0] for style in (_INITIAL, _FINAL)]
    legend_below(figure, list(zip(handles, ("initial", "final"), strict=True)))
    figure.suptitle(text(run.name) + note_on_layers(layers))
    figure.align_ylabels([row[0] for row in grid])
    return figure


_INITIAL: dict[str, Any] = {"color": BLACK, "linestyle": DASHES[1], "linewidth": 1.1}
_FINAL: dict[str, Any] = {"color": BLUE, "linestyle": "-", "linewidth": 1.6}


def _draw_layer(axes: list[Axes], name: str, initial: Values, final: Values) -> None:
    _draw(axes[0], initial.weights, final.weights)
    _draw(axes[1], initial.activations, final.activations)
    _draw(axes[2], initial.gradients, final.gradients, logarithmic=True)
    axes[0].set_ylabel(f"{name}\nshare of values")
    axes[0].set_xlabel("weight")
    axes[1].set_xlabel("probability" if name == "output" else "activation")
    axes[2].set_xlabel("|gradient| of a sample")


def _draw(axes: Axes, initial: Array, final: Array, *, logarithmic: bool = False) -> None:
    """Histograms over common bins; the height is a bin's share of all values, drawn or not."""
    kept = [values[np.isfinite(drawable(values))] for values in (initial, final)]
    if logarithmic:
        kept = [values[values > _SMALLEST] for values in kept]
        axes.set_xscale("log")
    edges = _edges(np.concatenate(kept), logarithmic)
    for values, whole, style in zip(kept, (initial, final), (_INITIAL, _FINAL), strict=True):
        heights = np.histogram(values, edges)[0] / len(whole)
        fill = {"fill": True, "alpha": 0.2, "linewidth": 0} if style is _FINAL else None
        if fill:
            axes.stairs(heights, edges, color=BLUE, **fill)  # type: ignore[arg-type]
        axes.stairs(heights, edges, **style)
    axes.set_ylim(bottom=0)
    missing = _missing(final, logarithmic)
    if missing:
        axes.set_title(f"final: {missing}", fontsize=8, loc="right")


def _missing(values: Array, logarithmic: bool) -> str:
    """A note on the share of values outside the histogram."""
    parts = {
        "zero": (values <= _SMALLEST).mean() if logarithmic else 0.0,
        "beyond 1e12": (np.isnan(drawable(values)) & ~np.isnan(values)).mean(),
        "nan": np.isnan(values).mean(),
    }
    return ", ".join(f"{100 * part:.0f} % {what}" for what, part in parts.items() if part > 0.005)


def _edges(values: Array, logarithmic: bool) -> Array:
    """More bins for more values, between 8 and 40 of them."""
    count = int(np.clip(2 * len(values) ** (1 / 3), 8, 40))
    if not len(values):
        return np.geomspace(0.1, 1, 3) if logarithmic else np.linspace(0, 1, 3)
    low, high = values.min(), values.max()
    if logarithmic:
        # A few gradients are nearly 0: the lowest bin begins where there are some.
        low = np.quantile(values, 0.002)
        return np.geomspace(low, high, count + 1) if high > low else np.array([low / 2, high * 2])
    if high - low < 1e-9 * max(abs(low), 1):
        return np.array([low - 0.5, low + 0.5])
    return np.linspace(low, high, count + 1)


def _by_layer(run: Run, parameters: Array) -> list[Values]:
    """Each layer's values for some of the training samples: all of them, if there are few."""
    most = max(1, min(_MOST_SAMPLES, _MOST_NUMBERS // len(parameters)))
    training = run.dataset.train_rows
    rows = training[:: -(-len(training) // most)]
    with fixed_threads(run.network, len(rows)):
        activations = _activations(run, parameters, rows)
        gradients = _gradients(run, parameters, rows)
    return [
        Values(_some(block[:-1]), _some(outputs), _some(np.abs(gradient)))
        for block, outputs, gradient in zip(
            run.network.blocks(parameters), activations, gradients, strict=True
        )
    ]


def _some(values: Array) -> Array:
    flat = values.ravel()
    return flat[:: -(-len(flat) // _MOST_NUMBERS)]


def _activations(run: Run, parameters: Array, rows: Indices) -> list[Array]:
    """Each layer's outputs (rows, fan_out); the output layer's are probabilities."""
    values, found = run.dataset.inputs[rows], []
    *hidden, output = run.network.blocks(parameters)
    for block in hidden:
        pair = np.zeros((2, len(values), block.shape[1]))
        pair[0] = values @ block[:-1] + block[-1]
        ACTIVATIONS[run.network.activation](pair, pair[0], pair[1])
        values = pair[1]
        found.append(values)
    return [*found, softmax(values @ output[:-1] + output[-1])]


def _gradients(run: Run, parameters: Array, rows: Indices) -> list[Array]:
    """Each layer's gradients (rows, its parameters), those of one sample's loss in each row."""
    gradient = np.zeros_like(parameters)
    backprop = Backprop(run.network, parameters, gradient)
    each = np.empty((len(rows), len(parameters)))
    for k, row in enumerate(rows):
        inputs = np.append(run.dataset.inputs[row], 1.0)[None, :]
        backprop.sample(inputs, inputs.T, int(run.dataset.labels[row]))
        each[k] = gradient
    return [each[:, layer.offset : layer.offset + layer.size] for layer in run.network.layers]
