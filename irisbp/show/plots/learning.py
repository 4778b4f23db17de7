"""Loss, accuracy and learning rate, as the run recorded them."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from irisbp.nn.types import Array
from irisbp.runs.curves import epoch_curves, sample_losses
from irisbp.runs.retrace import steps_per_epoch
from irisbp.runs.run import Run
from irisbp.show.plots.names import text
from irisbp.show.plots.style import (
    BLACK,
    BLUE,
    DASHES,
    GREEN,
    GREY,
    VERMILLION,
    Picture,
    legend_below,
    panels,
    whole_numbers,
)

_FEW = 25  # epochs, up to which each has its mark
_LARGEST, _SMALLEST = 1e100, 1e-16  # losses; an axis has no room for more


def loss_and_accuracy(run: Run) -> Picture | None:
    """Every sample's loss as a point, epoch means as lines, validation beside them; None without any.

    A mean over an epoch is drawn at the epoch's middle; validation, which is measured with the
    parameters at the epoch's end, is drawn there.
    """
    epochs, losses = epoch_curves(run), sample_losses(run)
    whole = len(epochs["epoch"]) > 0
    if not whole and not losses[2]:
        return None
    heights = [3.0, 1.6, 0.9] if whole else [3.0]
    figure, rows = panels(len(heights), 1, sum(heights) + 1, sharex=True, height_ratios=heights)
    axes = [row[0] for row in rows]
    entries = _draw_losses(axes[0], run, epochs, losses)
    if whole:
        _draw_accuracy(axes[1], epochs)
        starts, rates = epochs["epoch"] - 1, epochs["learning_rate"]
        axes[2].step([*starts, starts[-1] + 1], [*rates, rates[-1]], where="post", color=BLACK)
        axes[2].set_ylabel("learning rate")
        axes[2].set_ylim(0, 1.15 * epochs["learning_rate"].max())
    _mark_the_axes(axes, run)
    legend_below(figure, entries)
    figure.suptitle(text(run.name))
    figure.align_ylabels(axes)
    return figure


def _draw_losses(
    axes: Axes, run: Run, epochs: dict[str, Array], losses: tuple[Array, Array, int]
) -> list[tuple[Any, str]]:
    """Points and lines; returns the legend's entries."""
    axes.set_yscale("log")  # first: without anything drawn, a logarithmic axis would have no limits
    steps, values, count = losses
    shown = (values > 0) & (values < _LARGEST)  # nan is neither
    shown &= values >= _floor(values[shown])
    entries: list[tuple[Any, str]] = []
    if count:
        size = 4.0 if count <= 2000 else 1.5
        style: dict[str, Any] = {"color": GREY, "alpha": 0.4, "linewidths": 0, "rasterized": True}
        axes.scatter(steps[shown] / steps_per_epoch(run), values[shown], s=size, **style)
        number, handle = int(shown.sum()), axes.scatter([], [], s=12, color=GREY, linewidths=0)
        entries.append((handle, "a sample" if number == count else f"a sample ({number} of {count} shown)"))
    entries += _lines(axes, epochs, "loss", "epoch mean")
    axes.set_ylabel("loss (nats)")
    return entries


def _floor(values: Array) -> float:
    """The smallest loss to show: of losses over many powers of ten a few, nearly 0, would hide the rest."""
    if not len(values):
        return 0.0
    lowest = float(values.min())
    return lowest if lowest > values.max() * 1e-6 else max(float(np.quantile(values, 0.02)), _SMALLEST)


def _draw_accuracy(axes: Axes, epochs: dict[str, Array]) -> None:
    _lines(axes, epochs, "accuracy", "")
    axes.set_ylabel("accuracy")
    lowest = min(
        np.nanmin(epochs["epoch_accuracy"]), np.nanmin(np.append(epochs["validation_accuracy"], 1.0))
    )
    axes.set_ylim(max(-0.02, lowest - 0.05), 1.02)


def _lines(axes: Axes, epochs: dict[str, Array], what: str, name: str) -> list[tuple[Any, str]]:
    marked = len(epochs["epoch"]) <= _FEW
    entries = []
    for column, offset, colour, dashes, marker, label in (
        (f"epoch_{what}", 0.5, BLUE, "-", "o", name),
        (f"validation_{what}", 0.0, VERMILLION, DASHES[1], "s", "validation"),
    ):
        values = np.where(np.abs(epochs[column]) < _LARGEST, epochs[column], np.nan)
        if np.isfinite(values).any():
            (line,) = axes.plot(
                epochs["epoch"] - offset,
                values,
                color=colour,
                linestyle=dashes,
                marker=marker if marked else "",
                markersize=4,
            )
            entries.append((line, label))
    return entries


def _mark_the_axes(axes: list[Axes], run: Run) -> None:
    """Epochs below, steps above; where the run diverged, and where its best parameters were."""
    per_epoch, manifest = steps_per_epoch(run), run.manifest
    end = manifest.steps / per_epoch
    axes[-1].set_xlabel("epoch")
    axes[-1].set_xlim(-0.01 * max(end, 0.01), 1.01 * max(end, 0.01))
    if end > 1:
        whole_numbers(axes[-1].xaxis)
    there_and_back: Any = (lambda x: x * per_epoch, lambda x: x / per_epoch)
    above = axes[0].secondary_xaxis("top", functions=there_and_back)
    above.set_xlabel("step (update)")
    whole_numbers(above.xaxis)
    if manifest.status in ("diverged", "not_finite"):
        _mark(axes, end, manifest.status.replace("_", " "), VERMILLION)
    elif manifest.which == "best" and manifest.best_epoch:
        _mark(axes, manifest.best_epoch, "best", GREEN)


def _mark(axes: list[Axes], epoch: float, what: str, colour: str) -> None:
    for panel in axes:
        panel.axvline(epoch, color=colour, linestyle=DASHES[2], linewidth=1)
    axes[0].annotate(
        what,
        (epoch, 0.98),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 0),
        textcoords="offset points",
        ha="right",
        va="top",
        color=colour,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        fontsize=8,
    )
