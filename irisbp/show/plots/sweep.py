"""Pictures of a sweep: its settings' loss curves, and the result over two keys."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize

from irisbp.errors import IrisbpError
from irisbp.nn.types import Array
from irisbp.show.figures import loss_text
from irisbp.show.plots.names import text, texts
from irisbp.show.plots.style import (
    COLOURS,
    DASHES,
    DRAWABLE,
    Picture,
    as_bytes,
    drawable,
    drawn,
    legend,
    panels,
    report_once,
    span_epochs,
)
from irisbp.show.sweep import repeats_text
from irisbp.sweeps.directory.place import PICTURES
from irisbp.sweeps.results.statistics import Setting, Summary
from irisbp.sweeps.sweep import Sweep

_MOST_SETTINGS = 7  # as many as there are colours
_MOST_CELLS, _MOST_WRITTEN = (
    40,
    10,
)  # of a heat map's side: that are drawn, and that have their number in them
_BAND = (0.05, 0.95)


def plot_sweep(sweep: Sweep, kind: str = "loss-curves") -> Picture:
    """A picture of a finished sweep as a matplotlib Figure, which belongs to no window.

    kind is loss-curves or, where two keys vary, heat-map. IrisbpError for another kind, or where there is
    none; RunError for an interrupted sweep.
    """
    draw = {"loss-curves": loss_curves, "heat-map": heat_map}.get(kind)
    if draw is None:
        raise IrisbpError(f"plot: {kind} is not a picture of a sweep; give one of {', '.join(PICTURES)}")
    if draw is heat_map and not has_heat_map(sweep):
        raise IrisbpError(f"plot: a heat map needs two varied keys, with at most {_MOST_CELLS} values each")
    picture = drawn(lambda: draw(sweep))
    for note in picture.notes:
        warnings.warn(note, stacklevel=2)
    return picture


def draw_sweep(
    sweep: Sweep, picture_format: str, report: Callable[[str], None]
) -> Iterator[tuple[str, bytes]]:
    """Each picture's file name and content: curves, and a heat map if settings differ in just two keys.

    report is called with notes for the user.
    """
    kinds = {"loss-curves": loss_curves} | ({"heat-map": heat_map} if has_heat_map(sweep) else {})
    notes: list[str] = []
    for kind, draw in kinds.items():
        picture = drawn(partial(draw, sweep))
        report_once(picture.notes, notes, report)
        yield f"{kind}.{picture_format}", as_bytes(picture, picture_format)


def has_heat_map(sweep: Sweep) -> bool:
    """Return whether two keys vary from setting to setting, with few enough values to be drawn."""
    axes = [axis for axis in sweep.grid.varied if axis.key in sweep.grid.keys]
    return len(axes) == 2 and all(len(axis) <= _MOST_CELLS for axis in axes)


def loss_curves(sweep: Sweep) -> Picture:
    """The mean over repeats of each epoch's loss, with the band of most of them, for the best settings.

    It is the validation loss where every run held samples out, else the epoch loss: the mean over an epoch's
    samples, each before its update.
    """
    summary = sweep.statistics
    validation = summary.figure.startswith("validation")
    column, what = ("validation_curve", "validation") if validation else ("curve", "epoch")
    shown = [setting for setting in summary.ranked if setting.lost < setting.runs][:_MOST_SETTINGS]
    curves = np.where(
        (sweep.outcomes.diverged | sweep.outcomes.failed)[:, None], np.nan, sweep.outcomes.columns[column]
    )
    figure, [[axes]] = panels(1, 1, 3.6 + 0.18 * len(shown))
    axes.set_yscale("log")  # before the curves: without any, a logarithmic axis has no limits
    entries = []
    names = texts([_name(summary, setting) for setting in shown], 70)
    for k, setting in enumerate(shown):
        first = setting.number * setting.runs
        mean = _draw_band(axes, k, sweep.outcomes.epochs, curves[first : first + setting.runs])
        entries.append((mean, _label(names[k], summary, setting) + _left_out(mean.get_ydata())))
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{what} loss (nats)")
    span_epochs(axes, sweep.outcomes.epochs)
    named = {"title": f"setting (mean {summary.figure.replace('_', ' ')} in the end)", "alignment": "left"}
    legend(figure, entries, loc="outside lower left", ncols=1, handlelength=4, **named)
    figure.suptitle(_title(sweep, len(shown)))
    return figure


def _title(sweep: Sweep, shown: int) -> str:
    summary = sweep.statistics
    count, runs = len(summary.settings), summary.settings[0].runs
    which = "" if shown == count else f"the best {shown} of {count} settings, "
    band = f"mean and {100 * _BAND[0]:.0f} to {100 * _BAND[1]:.0f} % of {repeats_text(summary)}"
    return f"{text(sweep.name)}: {which}{band if runs > 1 else 'one run each'}"


def _draw_band(axes: Axes, k: int, epochs: Array, curves: Array) -> Any:
    """The mean of curves (runs, points) as a line; around it, where there are several, their band."""
    known = ~np.isnan(curves).all(axis=0)
    curves = curves[:, known]
    with np.errstate(all="ignore"):
        mean = drawable(np.nanmean(curves, axis=0))
        low, high = np.nanquantile(curves, _BAND, axis=0) if known.any() else (mean, mean)
    if len(curves) > 1:
        axes.fill_between(epochs[known], drawable(low), drawable(high), color=COLOURS[k], alpha=0.14, lw=0)
    style = {"color": COLOURS[k], "linestyle": DASHES[k % len(DASHES)]}
    (line,) = axes.plot(epochs[known], mean, marker="" if known.sum() > 1 else "o", **style)
    return line


def _name(summary: Summary, setting: Setting) -> str:
    words = [f"{key}={value}" for key, value in zip(summary.keys, setting.values, strict=True)]
    return "  ".join(words) or "all runs"


def _label(name: str, summary: Summary, setting: Setting) -> str:
    figure = loss_text(setting.spreads[summary.figure].mean)
    counts = {"diverged": setting.diverged, "failed": setting.failed}
    ends = "".join(f", {count} {end}" for end, count in counts.items() if count)
    return f"{name}  ({figure}{ends})"


def _left_out(mean: Array) -> str:
    """A note on the points of a curve (points,) that a logarithmic axis cannot show."""
    shown = drawable(mean) > 0
    if shown.all():
        return ""
    return f", {'in part' if shown.any() else 'not drawn:'} 0 or beyond {DRAWABLE:.0e}".replace("e+", "e")


def heat_map(sweep: Sweep) -> Picture:
    """The mean loss and the mean accuracy for each pair of the two keys' values, over the repeats."""
    summary = sweep.statistics
    first, second = [axis for axis in sweep.grid.varied if axis.key in sweep.grid.keys]
    names = [texts([axis[k].text for k in range(len(axis))], 18) for axis in (first, second)]
    accuracy = summary.figure.replace("loss", "accuracy")
    shape = (len(first), len(second))
    figure, [row] = panels(1, 2, 1.6 + min(0.3 * len(first), 6), sharey=True)
    for axes, name, palette in zip(row, (summary.figure, accuracy), ("viridis_r", "viridis"), strict=True):
        means = np.reshape([setting.spreads[name].mean for setting in summary.settings], shape)
        image = _draw_map(axes, means, names, palette, is_loss=name.endswith("loss"))
        if max(shape) > _MOST_WRITTEN:
            figure.colorbar(image, ax=axes, extend="max" if (means > image.norm.vmax).any() else "neither")
        axes.set_title(f"mean {name.replace('_', ' ')}")
        axes.set_xlabel(text(second.key))
    row[0].set_ylabel(text(first.key))
    runs, grey = summary.settings[0].runs, any(s.lost == s.runs for s in summary.settings)
    over = repeats_text(summary) if runs > 1 else "one run each"
    without = ", runs without figures left out" if any(s.lost for s in summary.settings) else ""
    figure.suptitle(f"{text(sweep.name)}: {over}{without}{' (grey: none has any)' if grey else ''}")
    return figure


def _draw_map(
    axes: Axes, means: Array, names: Sequence[Sequence[str]], palette: str, *, is_loss: bool
) -> Any:
    norm = _scale(means, is_loss=is_loss)
    within = np.clip(means, norm.vmin, norm.vmax)  # values beyond the scale have the colour of its end
    axes.set_facecolor("#dddddd")  # where no run has a figure
    image = axes.imshow(within, cmap=palette, norm=norm, aspect="auto")
    axes.set_yticks(range(len(names[0])), names[0])
    long = max(map(len, names[1])) * len(names[1]) > 36
    axes.set_xticks(range(len(names[1])), names[1], rotation=90 if long else 0)
    if max(means.shape) <= _MOST_WRITTEN:
        _write_numbers(axes, means, norm(within), is_loss)
    return image


def _scale(means: Array, *, is_loss: bool) -> Normalize:
    """From the least to the largest figure that can be drawn; of losses, by their logarithms."""
    known = drawable(means)
    known = known[(known > 0) | ((known == 0) & (not is_loss))]
    low, high = (known.min(), known.max()) if len(known) else (1.0, 1.0)
    if not is_loss:
        return Normalize(low, high)
    return LogNorm(low, high if high > low else 10 * low)


def _write_numbers(axes: Axes, means: Array, shades: Array, is_loss: bool) -> None:
    for (i, j), value in np.ndenumerate(means):
        dark = shades[i, j] > 0.5 if is_loss else shades[i, j] < 0.5
        words = "-" if np.isnan(value) else f"{value:.3g}"
        colour = "white" if dark and not np.isnan(value) else "black"
        axes.text(j, i, words, ha="center", va="center", fontsize=8, color=colour)
