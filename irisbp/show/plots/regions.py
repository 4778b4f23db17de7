"""The regions of each predicted class, in the plane in which the samples spread most."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure

from irisbp.nn.types import Array, Indices
from irisbp.runs.run import Run
from irisbp.show.plots.style import BLACK, COLOURS, MARKERS, legend, panels, text
from irisbp.training.evaluation import probabilities

_GRID = 400
_COARSE = 40
_MOST_SAMPLES = 4000
_MOST_NAMED = 20  # classes


@dataclass(frozen=True)
class Plane:
    """Two directions (2, features) in the space of standardized features, through its origin.

    shares are the parts of the training samples' variance along them. With a single feature there is
    no second direction, and samples are set apart by their row.
    """

    directions: Array
    shares: Array

    @classmethod
    def fit(cls, inputs: Array) -> "Plane":
        """The first two principal components of inputs (rows, features), each in a fixed sense."""
        _, sizes, directions = np.linalg.svd(inputs - inputs.mean(axis=0), full_matrices=False)
        shares = sizes**2 / (sizes**2).sum()
        strongest = np.abs(directions).argmax(axis=1)
        directions = directions * np.sign(directions[np.arange(len(directions)), strongest])[:, None]
        missing = max(0, 2 - len(directions))
        return cls(np.pad(directions[:2], ((0, missing), (0, 0))), np.pad(shares[:2], (0, missing)))

    def project(self, inputs: Array) -> Array:
        """Points (rows, 2) of samples (rows, features)."""
        points = inputs @ self.directions.T
        if not self.directions[1].any():
            points[:, 1] = np.arange(len(inputs))
        return points

    def lift(self, points: Array) -> Array:
        """The samples (rows, features) at points (rows, 2); all other components are 0."""
        return points @ self.directions


@dataclass(frozen=True)
class Window:
    """A part of the plane: its two axes, and each class's probability where they cross (ys, xs, classes)."""

    xs: Array
    ys: Array
    probabilities: Array

    @property
    def predicted(self) -> Indices:
        """The most probable class at each crossing, (ys, xs); -1 where the network's output is not finite."""
        unknown = np.isnan(self.probabilities).any(axis=-1)
        return np.where(unknown, -1, self.probabilities.argmax(axis=-1))

    @property
    def corners(self) -> tuple[Array, Array]:
        """The lowest and the highest point."""
        return np.array([self.xs[0], self.ys[0]]), np.array([self.xs[-1], self.ys[-1]])


def regions(run: Run) -> Figure:
    """Regions where a class is the most probable, and the samples, those predicted wrong ringed."""
    dataset = run.dataset
    plane = Plane.fit(dataset.inputs[dataset.train_rows])
    points = plane.project(dataset.inputs)
    figure, [[axes]] = panels(1, 1, 4.6)
    window = _look_around(run, plane, points)
    _fill(axes, window)
    entries = _draw_samples(axes, run, points)
    if len(dataset.classes) <= _MOST_NAMED:
        _name_regions(axes, run, points, window)
    (left, bottom), (right, top) = window.corners
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    first, second = (
        f"principal component {k + 1} (sd units, {100 * plane.shares[k]:.0f} % of variance)" for k in (0, 1)
    )
    axes.set_xlabel(first)
    axes.set_ylabel(second if plane.directions[1].any() else "row of the table")
    legend(figure, entries, loc="outside right upper")
    figure.suptitle(text(run.name))
    return figure


def _look_around(run: Run, plane: Plane, points: Array) -> Window:
    """The window with all points in it."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.08 * np.maximum(high - low, 1e-9)
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


def _draw_samples(axes: Axes, run: Run, points: Array) -> list[tuple[Any, str]]:
    """Filled markers for training samples, open ones for those held out, rings around the wrong."""
    dataset = run.dataset
    predicted = probabilities(run.network, run.vector, dataset.inputs).argmax(axis=1)
    wrong = predicted != dataset.labels
    held_out = np.isin(np.arange(len(points)), dataset.held_out_rows)
    few = np.arange(len(points)) % -(-len(points) // _MOST_SAMPLES) == 0
    for k in range(len(dataset.classes)):
        for open_, rows in ((False, ~held_out), (True, held_out)):
            at = points[(dataset.labels == k) & rows & (few | wrong)]
            axes.scatter(at[:, 0], at[:, 1], **_marker(k, open_), zorder=3)
    at = points[wrong]
    ring: dict[str, Any] = {"facecolors": "none", "edgecolors": BLACK, "linewidths": 1.1, "s": 75}
    axes.scatter(at[:, 0], at[:, 1], **ring, zorder=4)
    return _entries(axes, run, ring, int(wrong.sum()), bool(held_out.any()))


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


def _entries(axes: Axes, run: Run, ring: dict[str, Any], wrong: int, held_out: bool) -> list[tuple[Any, str]]:
    """Handles are empty, so that a class without samples has one, too."""
    classes = run.dataset.classes[:_MOST_NAMED]
    entries: list[tuple[Any, str]] = [
        (axes.scatter([], [], **_marker(k, False)), text(name, 22)) for k, name in enumerate(classes)
    ]
    if len(classes) < len(run.dataset.classes):
        entries.append((axes.scatter([], [], s=0), f"and {len(run.dataset.classes) - len(classes)} more"))
    if held_out:
        entries.append((axes.scatter([], [], **(_marker(0, True) | {"edgecolors": BLACK})), "held out"))
    entries.append((axes.scatter([], [], **ring), f"predicted wrong ({wrong})"))
    return entries


def _name_regions(axes: Axes, run: Run, points: Array, window: Window) -> None:
    """Each region's name where it is farthest from all samples and borders, if there is room for it."""
    step = len(window.xs) // _COARSE
    xs, ys = window.xs[step // 2 :: step], window.ys[step // 2 :: step]
    predicted = window.predicted[step // 2 :: step, step // 2 :: step].ravel()
    cells = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    low, high = window.corners
    some = points[:: -(-len(points) // 600)]
    for k in np.unique(predicted[predicted >= 0]):
        name, inside = text(run.dataset.classes[k], 16), predicted == k
        half = (high - low) * np.array([0.0095 * len(name), 0.024])  # of the room that a name takes
        others = np.concatenate([some, cells[~inside]])
        gaps = np.abs(cells[inside][:, None, :] - others) / half  # (cells of the region, others, 2)
        to_frame = (np.minimum(cells[inside] - low, high - cells[inside]) / half).min(axis=1)
        room = np.minimum(gaps.max(axis=2).min(axis=1), to_frame)
        if room.max() > 1.2:
            x, y = cells[inside][room.argmax()]
            axes.text(x, y, name, ha="center", va="center", style="italic", color="#333333", zorder=2)
