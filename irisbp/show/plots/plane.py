"""The slice through the space of the features in which regions are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from irisbp.errors import IrisbpError
from irisbp.nn.types import Array
from irisbp.runs.run import Run
from irisbp.show.plots.names import texts

_MOST_OF_A_NAME = 60  # characters, on an axis
_LARGEST, _FINEST = 1e30, 1e-6  # an axis in a feature's own unit: its sd, and the sd as a part of the mean


@dataclass(frozen=True)
class Over:
    """The wish of a user: the names of two features, or two principal components, counted from 1."""

    features: Sequence[str] | None = None
    components: Sequence[int] | None = None

    def check(self, run: Run, kinds: Sequence[str]) -> None:
        """IrisbpError unless this is nothing, or regions are drawn and the run has what is asked for."""
        if self.features is None and self.components is None:
            return
        if "regions" not in kinds:
            raise IrisbpError("features and components are for the picture regions")
        if self.features is not None and self.components is not None:
            raise IrisbpError("features and components: give one of them")
        if self.features is not None:
            _check_features(run, self.features)
        if self.components is not None:
            _check_components(run, self.components)

    def plane(self, run: Run) -> "Plane":
        """The plane asked for; by default over features if there are at most two, else over components."""
        features = self.features
        if features is None and self.components is None and len(run.features) <= 2:
            features = run.features
        if features is not None:
            return Plane.of_features(run, features)
        inputs = run.dataset.inputs[run.dataset.train_rows]
        return Plane.fit(inputs, self.components or (1, 2))


def _check_features(run: Run, names: Sequence[str]) -> None:
    for name in names:
        if name not in run.features:
            close = get_close_matches(name, run.features, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise IrisbpError(f"features: the network takes no feature {name}{hint}")
    wanted = min(2, len(run.features))
    if len(names) != wanted or len(set(names)) != wanted:
        asked = "two different features" if wanted == 2 else "the only feature"
        raise IrisbpError(f"features: {','.join(names)}: regions are drawn over {asked}")


def _check_components(run: Run, numbers: Sequence[int]) -> None:
    most = min(len(run.features), len(run.dataset.train_rows))
    if len(set(numbers)) != 2 or len(numbers) != 2 or not all(1 <= k <= most for k in numbers):
        given = ",".join(map(str, numbers))
        what = (
            f"give two different numbers from 1 to {most}" if most > 1 else "this run has only one component"
        )
        raise IrisbpError(f"components: {given}: {what}")


@dataclass(frozen=True)
class Plane:
    """Two directions (2, inputs) in the space of standardized features, through its origin, the mean.

    names are those of the axes; an axis shows `origin + scale * distance`, both (2,). Without a second
    direction, samples are set apart by their row. rest says what the other features are; it is empty
    if the plane is all of the space.
    """

    directions: Array
    names: tuple[str, str]
    origin: Array
    scale: Array
    rest: str

    @classmethod
    def fit(cls, inputs: Array, components: Sequence[int] = (1, 2)) -> "Plane":
        """Two principal components of inputs (rows, features), counted from 1, each in a fixed sense."""
        _, sizes, directions = np.linalg.svd(inputs - inputs.mean(axis=0), full_matrices=False)
        shares = sizes**2 / max((sizes**2).sum(), np.finfo(float).tiny)
        strongest = np.abs(directions).argmax(axis=1)
        directions = directions * np.sign(directions[np.arange(len(directions)), strongest])[:, None]
        missing = max(0, 2 - len(directions))
        chosen = [k - 1 for k in components]
        names = [f"principal component {k + 1} (sd units, {_percent(shares, k)} of variance)" for k in chosen]
        names[1] = "row of the table" if missing else names[1]
        others = inputs.shape[1] - 2
        rest = "a slice through the mean of all features: the other components are 0" if others > 0 else ""
        directions = np.pad(directions, ((0, missing), (0, 0)))[chosen]
        return cls(directions, (names[0], names[1]), np.zeros(2), np.ones(2), rest)

    @classmethod
    def of_features(cls, run: Run, features: Sequence[str]) -> "Plane":
        """Two features, or the only one, in their own units where an axis has the digits for it."""
        places = [run.features.index(name) for name in features]
        directions, origin, scale = np.zeros((2, len(run.features))), np.zeros(2), np.ones(2)
        names = texts([*features, "row of the table"], _MOST_OF_A_NAME)[:2]
        for axis, k in enumerate(places):
            directions[axis, k] = 1.0
            mean, sd = float(run.standardizer.mean[k]), float(run.standardizer.sd[k])
            if max(_FINEST * abs(mean), 1 / _LARGEST) < sd < _LARGEST:
                origin[axis], scale[axis] = mean, sd
            else:
                names[axis] += " (sd units, from its mean)"
        others = len(run.features) - len(places)
        rest = {0: "", 1: "a slice: the other feature is at its mean"}.get(
            others, f"a slice: the other {others} features are at their means"
        )
        return cls(directions, (names[0], names[1]), origin, scale, rest)

    def distances(self, inputs: Array) -> Array:
        """The place (rows, 2) of samples (rows, features) along the directions, in sd units."""
        return inputs @ self.directions.T

    def project(self, inputs: Array) -> Array:
        """Points (rows, 2) of samples (rows, features), as the axes show them."""
        points = self.origin + self.scale * self.distances(inputs)
        if not self.directions[1].any():
            points[:, 1] = np.arange(len(inputs))
        return points

    def lift(self, points: Array) -> Array:
        """The samples (rows, features) at points (rows, 2) of the plane itself."""
        return ((points - self.origin) / self.scale) @ self.directions


def _percent(shares: Array, k: int) -> str:
    return f"{100 * shares[k]:.0f} %" if k < len(shares) else "0 %"
