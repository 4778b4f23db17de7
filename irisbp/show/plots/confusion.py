"""The confusion matrix of a run, as a picture."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from irisbp.nn.types import Indices
from irisbp.runs.run import Run
from irisbp.show.plots.names import text, texts
from irisbp.show.plots.style import WIDTH, Picture, note_on_rows, panels
from irisbp.training.evaluation import evaluate

_MOST_WITH_COUNTS = 30  # classes


def confusion(run: Run) -> Picture:
    """Counts by true and predicted class, of the held-out rows if there are any, else of all."""
    counts, title = _counts(run)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(WIDTH - 2.2, 0.42 * len(counts)), 14)
    figure, [[axes]] = panels(1, 1, side + 1.2, width=side + 2.2)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class's samples", shrink=0.8)
    names = texts(run.dataset.classes, 24)
    _name_the_axes(axes, names)
    if len(names) <= _MOST_WITH_COUNTS:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_title(title)
    figure.suptitle(text(run.name))
    figure.notes += note_on_rows(run.dataset)
    return figure


def _counts(run: Run) -> tuple[Indices, str]:
    """Counts (classes, classes) of the rows whose inputs are finite, and what the picture says of them."""
    held_out, finite = run.dataset.held_out_rows, run.dataset.finite
    rows = held_out if len(held_out) else np.arange(len(finite))
    chosen = rows[finite[rows]]
    without = f", without {len(rows) - len(chosen)} beyond float64" if len(chosen) < len(rows) else ""
    what = f"{len(chosen)} held-out samples" if len(held_out) else f"all {len(chosen)} samples"
    if not len(chosen):
        return np.zeros((len(run.classes),) * 2, dtype=np.int64), what + without
    found = evaluate(run.network, run.vector, run.dataset, chosen)
    return np.array(found.confusion), f"{what}{without}, accuracy {found.accuracy:.4f}"


def _name_the_axes(axes: Axes, names: list[str]) -> None:
    every = -(-len(names) // 60)  # all, up to 60
    places = range(0, len(names), every)
    slanted = len(names) * max(map(len, names)) > 45
    turned: dict[str, Any] = {
        "rotation": 90 if len(names) > 12 else 40,
        "ha": "right",
        "rotation_mode": "anchor",
    }
    axes.set_xticks(places, names[::every], **(turned if slanted else {}))
    if slanted and len(names) > 12:
        axes.tick_params("x", pad=6)
    axes.set_yticks(places, names[::every])
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.spines[:].set_visible(True)
