"""The probabilities that the network gives to the true classes, epoch by epoch."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from irisbp.nn.types import Array
from irisbp.runs.retrace import History
from irisbp.runs.run import Run
from irisbp.show.plots.names import text, texts
from irisbp.show.plots.style import (
    BLACK,
    BLUE,
    DASHES,
    VERMILLION,
    Picture,
    legend_below,
    note_on_rows,
    panels,
    span_epochs,
)

_MOST_CLASSES = 24
_LETTERS = {1: 60, 2: 36, 3: 24, 4: 16}  # of a class's name, by the number of columns
_FEW = 12  # moments, up to which each has its mark
_MEAN, _LOWER, _MEDIAN, _UPPER = range(4)


def probabilities_over_time(run: Run, history: History) -> Picture:
    """The probability given to the true class: a panel for each class, with quartiles."""
    classes = run.dataset.classes[:_MOST_CLASSES]
    columns = min(len(classes), 3 if len(classes) < 10 else 4)
    rows = -(-len(classes) // columns)
    figure, grid = panels(rows, columns, 1.1 + 2.0 * rows, sharex=True, sharey=True)
    axes = [panel for row in grid for panel in row]
    epochs = np.array([moment.epoch for moment in history.moments])
    training = np.array([moment.training for moment in history.moments])  # (moments, classes, 4)
    validation = np.array([moment.validation for moment in history.moments])
    entries: list[tuple[Any, str]] = []
    for k, name in enumerate(texts(run.dataset.classes, _LETTERS[columns])[:_MOST_CLASSES]):
        entries = _draw_class(axes[k], epochs, training[:, k], validation[:, k])
        count = int((run.dataset.labels[run.dataset.train_rows] == k).sum())
        axes[k].set_title(f"{name}\nn = {count}")
    for k, panel in enumerate(axes):
        panel.set_visible(k < len(classes))
        panel.tick_params(labelbottom=k + columns >= len(classes))
    for panel in axes[max(0, len(classes) - columns) : len(classes)]:
        panel.set_xlabel("epoch")
    axes[0].set_ylim(-0.02, 1.02)
    span_epochs(axes[0], epochs)
    legend_below(figure, entries)
    beyond = len(run.dataset.classes) - len(classes)
    more = f", the first {len(classes)} of {len(run.dataset.classes)} classes" if beyond else ""
    figure.suptitle(text(run.name) + more)
    figure.notes += note_on_rows(run.dataset)
    figure.supylabel("probability of the true class", fontsize=9)
    return figure


def _draw_class(axes: Axes, epochs: Array, training: Array, validation: Array) -> list[tuple[Any, str]]:
    band = axes.fill_between(
        epochs, training[:, _LOWER], training[:, _UPPER], color=BLUE, alpha=0.25, linewidth=0
    )
    marker = "o" if len(epochs) <= _FEW else ""
    (median,) = axes.plot(epochs, training[:, _MEDIAN], color=BLUE, marker=marker, markersize=4)
    (mean,) = axes.plot(epochs, training[:, _MEAN], color=BLACK, linestyle=DASHES[1], linewidth=1.2)
    entries: list[tuple[Any, str]] = [(median, "median"), (band, "middle half"), (mean, "mean")]
    if np.isfinite(validation).any():
        (held_out,) = axes.plot(epochs, validation[:, _MEDIAN], color=VERMILLION, linestyle=DASHES[2])
        entries.append((held_out, "median of the held-out samples"))
    return entries
