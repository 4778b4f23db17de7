"""The regions of each predicted class, in a slice through the space of the features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb

from irisbp.nn.network import fixed_threads
from irisbp.nn.types import Array, Indices, Mask
from irisbp.runs.run import Run
from irisbp.show.figures import counted
from irisbp.show.plots.names import text, texts
from irisbp.show.plots.plane import Over, Plane
from irisbp.show.plots.style import (
    BLACK,
    COLOURS,
    DRAWABLE,
    MARKERS,
    Picture,
    legend,
    note_on_rows,
    panels,
)
from irisbp.training.evaluation import probabilities

_GRID = 400
_COARSE = 40
_MOST_SAMPLES = 4000
_MOST_NAMED = 20  # classes
_FAR = f"{DRAWABLE:.0e}".replace("e+", "e")


@dataclass(frozen=True)
class Projected:
    """The samples that can be drawn: points (rows, 2), labels and predicted classes (rows,), and two masks.

    A sample is off the slice if the network predicts another class than is drawn where its point is: its
    other features are not those of the slice. A prediction of -1 is an output that is not finite.
    """

    points: Array
    labels: Indices
    predicted: Indices
    held_out: Mask
    off: Mask

    @property
    def wrong(self) -> Mask:
        """The samples of another class than predicted."""
        wrong: Mask = self.predicted != self.labels
        return wrong


@dataclass(frozen=True)
class Window:
    """A part of the plane: its two axes, and each class's probability where they cross (ys, xs, classes)."""

    xs: Array
    ys: Array
    probabilities: Array

    @property
    def predicted(self) -> Indices:
        """The most probable class at each crossing, (ys, xs); -1 where the network's output is not finite."""
        return _most_probable(self.probabilities)

    @property
    def corners(self) -> tuple[Array, Array]:
        """The lowest and the highest point."""
        return np.array([self.xs[0], self.ys[0]]), np.array([self.xs[-1], self.ys[-1]])


def regions(run: Run, over: Over = Over()) -> Picture:  # noqa: B008
    """Regions where a class is the most probable, and the samples: rings around those predicted wrong.

    A cross marks a sample off the slice, whose prediction is not the class drawn at its point.
    """
    figure, [[axes]] = panels(1, 1, 4.6)
    with fixed_threads(run.network, max(len(run.dataset.inputs), _GRID**2)):
        plane = over.plane(run)
        samples, far = _samples(run, plane)
        window = _look_around(run, plane, samples.points)
    _fill(axes, window)
    entries = _draw_samples(axes, run, samples)
    if len(run.dataset.classes) <= _MOST_NAMED:
        _name_regions(axes, run, samples.points, window)
    (left, bottom), (right, top) = window.corners
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xlabel(plane.names[0])
    axes.set_ylabel(plane.names[1])
    axes.set_title(_title(plane, samples), fontsize=8)
    legend(figure, entries, loc="outside right upper")
    figure.suptitle(text(run.name))
    figure.notes += [*note_on_rows(run.dataset), *_note_on_far(far)]
    return figure


def _title(plane: Plane, samples: Projected) -> str:
    """The lines that say what the slice is, and what it does not show."""
    off = int(samples.off.sum())
    crossed = f"\n\u00d7 off the slice: predicted otherwise than drawn here ({off} of {len(samples.off)})"
    return plane.rest + (crossed if off else "")


def _note_on_far(far: int) -> list[str]:
    return [f"regions are drawn without {counted(far, 'sample')} beyond {_FAR} sd"] if far else []


def _samples(run: Run, plane: Plane) -> tuple[Projected, int]:
    """The samples that can be drawn, and the number of those that lie too far out, though they are finite."""
    dataset = run.dataset
    near = (np.abs(plane.distances(dataset.inputs)) <= DRAWABLE).all(axis=1)  # nan is not
    shown = near & dataset.finite
    points = plane.project(dataset.inputs)[shown]
    predicted, drawn = (
        _most_probable(probabilities(run.network, run.vector, inputs))
        if len(points)
        else np.empty(0, np.int64)
        for inputs in (dataset.inputs[shown], plane.lift(points))
    )
    held_out = np.isin(np.flatnonzero(shown), dataset.held_out_rows)
    found = Projected(points, dataset.labels[shown], predicted, held_out, predicted != drawn)
    return found, int((dataset.finite & ~near).sum())


def _most_probable(found: Array) -> Indices:
    """The class of the largest probability along the last axis; -1 where one is not finite."""
    return np.where(np.isnan(found).any(axis=-1), -1, found.argmax(axis=-1))


def _look_around(run: Run, plane: Plane, points: Array) -> Window:
    """The window with all points in it."""
    if not len(points):
        points = plane.origin + plane.scale * np.array([[-3.0], [3.0]])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.08 * np.maximum(high - low, 1e-9 * plane.scale)
    count = _GRID if len(run.dataset.classes) <= _MOST_NAMED else _GRID // 3
    xs, ys = (np.linspace(low[k] - margin[k], high[k] + margin[k], count) for k in (0, 1))
    crossings = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    found = probabilities(run.network, run.vector, plane.lift(crossings))
    return Window(xs, ys, found.reshape(count, count, -1))


def _fill(axes: Axes, window: Window) -> None:
    """A tint for every class, and a line where one ends."""
    classes = window.probabilities.shape[-1]
    low, high = window.corners
    axes.imshow(
        window.predicted,
        origin="lower",
        extent=(low[0], high[0], low[1], high[1]),
        aspect="auto",
        interpolation="nearest",
        cmap=ListedColormap([[1.0, 1.0, 1.0], *(_tint(k) for k in range(classes))]),
        vmin=-1.5,
        vmax=classes - 0.5,
    )
    present = np.unique(window.predicted)
    for k in present[present >= 0] if len(present) > 1 else ():
        others = np.delete(window.probabilities, k, axis=-1).max(axis=-1)
        margin = window.probabilities[..., k] - others
        axes.contour(window.xs, window.ys, margin, levels=[0.0], colors=BLACK, linewidths=0.7)


def _tint(k: int) -> list[float]:
    """A class's colour thinned with white, less so where colours come again."""
    strength = (0.28, 0.5, 0.14)[k // len(COLOURS) % 3]
    return [1 - strength * (1 - part) for part in to_rgb(COLOURS[k % len(COLOURS)])]


def _draw_samples(axes: Axes, run: Run, samples: Projected) -> list[tuple[Any, str]]:
    """Filled markers for training samples, open ones for those held out; rings and crosses around them."""
    points, wrong = samples.points, samples.wrong
    few = np.arange(len(points)) % max(1, -(-len(points) // _MOST_SAMPLES)) == 0
    for k in range(len(run.dataset.classes)):
        for open_, rows in ((False, ~samples.held_out), (True, samples.held_out)):
            at = points[(samples.labels == k) & rows & (few | wrong)]
            axes.scatter(at[:, 0], at[:, 1], **_marker(k, open_), zorder=3)
    for mark, of, order in ((_RING, wrong, 4), (_CROSS, samples.off & (few | wrong), 5)):
        axes.scatter(points[of, 0], points[of, 1], **mark, zorder=order)
    return _entries(axes, run, samples)


_RING: dict[str, Any] = {"facecolors": "none", "edgecolors": BLACK, "linewidths": 1.1, "s": 75}
_CROSS: dict[str, Any] = {"marker": "x", "c": BLACK, "linewidths": 0.7, "s": 55}


def _marker(k: int, open_: bool) -> dict[str, Any]:
    colour = COLOURS[k % len(COLOURS)]
    face = "white" if open_ else colour
    edge = colour if open_ else "white"
    width = 1.1 if open_ else 0.4
    return {
        "marker": MARKERS[k % len(MARKERS)],
        "s": 22,
        "facecolors": face,
        "edgecolors": edge,
        "linewidths": width,
    }


def _entries(axes: Axes, run: Run, samples: Projected) -> list[tuple[Any, str]]:
    """Handles are empty, so that a class without samples has one, too."""
    classes = texts(run.dataset.classes, 22)
    entries: list[tuple[Any, str]] = [
        (axes.scatter([], [], **_marker(k, False)), name) for k, name in enumerate(classes[:_MOST_NAMED])
    ]
    if len(classes) > _MOST_NAMED:
        entries.append((axes.scatter([], [], s=0), f"and {len(classes) - _MOST_NAMED} more"))
    if samples.held_out.any():
        entries.append((axes.scatter([], [], **(_marker(0, True) | {"edgecolors": BLACK})), "held out"))
    entries.append((axes.scatter([], [], **_RING), f"predicted wrong ({samples.wrong.sum()})"))
    if samples.off.any():
        entries.append((axes.scatter([], [], **_CROSS), f"off the slice ({samples.off.sum()})"))
    return entries


def _name_regions(axes: Axes, run: Run, points: Array, window: Window) -> None:
    """Each region's name where it is farthest from all samples and borders, if there is room for it."""
    step = len(window.xs) // _COARSE
    xs, ys = window.xs[step // 2 :: step], window.ys[step // 2 :: step]
    predicted = window.predicted[step // 2 :: step, step // 2 :: step].ravel()
    cells = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    low, high = window.corners
    some = points[:: max(1, -(-len(points) // 600))]
    names = texts(run.dataset.classes, 16)
    for k in np.unique(predicted[predicted >= 0]):
        name, inside = names[k], predicted == k
        half = (high - low) * np.array([0.0095 * len(name), 0.024])  # of the room that a name takes
        others = np.concatenate([some, cells[~inside]])
        gaps = np.abs(cells[inside][:, None, :] - others) / half  # (cells of the region, others, 2)
        to_frame = (np.minimum(cells[inside] - low, high - cells[inside]) / half).min(axis=1)
        room = np.minimum(gaps.max(axis=2).min(axis=1), to_frame)
        if room.max() > 1.2:
            x, y = cells[inside][room.argmax()]
            axes.text(x, y, name, ha="center", va="center", color="#333333", zorder=2)
