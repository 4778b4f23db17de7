"""Compares gradients with the reference, a point at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import product

import numpy as np

from irisbp.gradients.bounds import Bounds, rounding_bounds
from irisbp.gradients.points import Point
from irisbp.gradients.reference import Reference, Sides, reference_gradient
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

GradientFunction = Callable[[Network, Array, Array, Indices, Objective], tuple[float | None, Array]]
"""(network, parameters, inputs (rows, inputs), labels, objective) -> the objective, if it has one, and
its gradient (parameters,)."""

_MOST_KINKS = 6  # at one point: 64 combinations of sides


@dataclass(frozen=True)
class Target:
    """One point with the gradient that is right there.

    Usually that is one reference with its tolerances; at kinks it is one for each combination of sides.
    """

    point: Point
    choices: list[tuple[Reference, Bounds]]
    at_kink: bool

    @cached_property
    def detectable(self) -> Array:
        """The smallest relative error in each entry (parameters,) that would show; inf where none would."""
        reference, bounds = self.choices[0]
        return _detectable(reference, bounds)


@dataclass(frozen=True)
class Judgement:
    """A gradient at a point: each entry's absolute error, and over, the same in units of its tolerance.

    So 1 is the limit. path names the code that the gradient comes from. detectable is the smallest relative
    error that would have been noticed in each entry (inf where the reference is negligible). loss_over is
    None where no loss was given.
    """

    target: Target
    path: str
    gradient: Array
    reference: Reference
    errors: Array
    over: Array
    detectable: Array
    loss_over: float | None

    @property
    def wrong(self) -> int:
        """The number of entries that are wrong."""
        return int(np.count_nonzero(~(self.over <= 1.0)))

    @property
    def passed(self) -> bool:
        """Return whether gradient and loss are within their tolerances."""
        return not self.wrong and not (self.loss_over or 0.0) > 1.0


def make_target(network: Network, point: Point, objective: Objective) -> Target:
    """The reference and the tolerances at a point."""
    sample = (network, point.parameters, point.inputs, point.labels, objective)
    bounds = rounding_bounds(*sample)
    if len(bounds.kinks) > _MOST_KINKS:
        return Target(point, [(reference_gradient(*sample), _without_kinked(network, bounds))], at_kink=True)
    choices = [
        (reference_gradient(*sample, sides), rounding_bounds(*sample, sides) if sides else bounds)
        for sides in _combinations(bounds.kinks)
    ]
    return Target(point, choices, at_kink=bool(bounds.kinks))


def _combinations(kinks: Iterable[tuple[int, int, int]]) -> Iterator[Sides]:
    """Every choice of sides: one, if there is no kink."""
    nodes = list(kinks)
    return (dict(zip(nodes, sides, strict=True)) for sides in product((False, True), repeat=len(nodes)))


def _without_kinked(network: Network, bounds: Bounds) -> Bounds:
    """Bounds for too many kinks to combine: only the layers that do not depend on them are judged."""
    deepest = max(layer for _, layer, _ in bounds.kinks)
    gradient = bounds.gradient.copy()
    for block in network.blocks(gradient)[: deepest + 1]:
        block.fill(np.inf)
    return Bounds(gradient, bounds.loss, bounds.kinks)


def judge(
    target: Target, loss: float | None, gradient: Array, path: str = "backward", reading: float = 0.0
) -> Judgement:
    """A gradient at a point, with the sides of its kinks that explain it best: the fewest entries wrong.

    The largest error would not do: where a fault elsewhere makes it, it says nothing about the sides, and
    right entries would be called wrong. reading is the error that reading the gradient off its code may have
    added to an entry, in units of the parameter.
    """
    judgements = [_judge(target, choice, loss, gradient, path, reading) for choice in target.choices]
    return min(judgements, key=lambda judgement: (judgement.wrong, float(judgement.over.max())))


def _judge(
    target: Target,
    choice: tuple[Reference, Bounds],
    loss: float | None,
    gradient: Array,
    path: str,
    reading: float,
) -> Judgement:
    reference, bounds = choice
    with np.errstate(all="ignore"):
        errors = reference.errors(gradient)
        tolerance = bounds.gradient + reading * np.abs(target.point.parameters)
        over = errors / tolerance
    over[errors == 0.0] = 0.0  # where rounding has no say, the gradient is exactly zero
    over[~np.isfinite(gradient)] = np.inf
    over[~np.isfinite(tolerance)] = 0.0  # beyond the range of float64 there is nothing to be right about
    detectable = _detectable(reference, bounds)
    loss_over = _loss_over(reference, bounds, loss)
    return Judgement(target, path, gradient, reference, errors, over, detectable, loss_over)


def _detectable(reference: Reference, bounds: Bounds) -> Array:
    with np.errstate(all="ignore"):
        limits = bounds.gradient / np.abs(reference.rounded)
    limits[~(limits < 1.0)] = np.inf
    return limits


def _loss_over(reference: Reference, bounds: Bounds, loss: float | None) -> float | None:
    if loss is None:
        return None
    if not np.isfinite(bounds.loss):
        return 0.0
    if not np.isfinite(loss):
        return float("inf")
    error = float(abs(Decimal(loss) - reference.loss))
    return error / bounds.loss if error else 0.0


def by_rows(targets: Sequence[Target]) -> list[list[Target]]:
    """Targets of single samples, and those of batches: training has code of its own for each."""
    single = [target for target in targets if len(target.point.labels) == 1]
    return [single, [target for target in targets if len(target.point.labels) > 1]]


def detection_limits(targets: Iterable[Target]) -> Array:
    """The smallest relative error in each entry (parameters,) that some target would show; inf if none."""
    return np.asarray(np.array([target.detectable for target in targets]).min(axis=0))


def reduced_loss(
    network: Network, parameters: Array, losses: Array, labels: Indices, objective: Objective
) -> float:
    """The objective's value from the losses (rows,) of its samples, of classes labels (rows,)."""
    losses = losses if objective.weights is None else objective.weights[labels] * losses
    loss = float(losses.mean() if objective.reduction == "mean" else losses.sum())
    if objective.l2:
        squares = sum(float((block[:-1] ** 2).sum()) for block in network.blocks(parameters))
        loss += objective.l2 / 2.0 * squares
    return loss
