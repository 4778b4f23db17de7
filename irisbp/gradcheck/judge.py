"""Holds gradients against the reference, a point at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

import numpy as np

from irisbp.gradcheck.bounds import Bounds, rounding_bounds
from irisbp.gradcheck.points import Point
from irisbp.gradcheck.reference import Reference, Sides, reference_gradient
from irisbp.nn.backprop import Backprop, Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

GradientFunction = Callable[[Network, Array, Array, Indices, Objective], tuple[float | None, Array]]
"""(network, parameters, inputs (rows, inputs), labels, objective) -> the objective, if it has one, and
its gradient (parameters,)."""

_MOST_KINKS = 6  # at one point: 64 combinations of sides


@dataclass(frozen=True)
class Target:
    """One point with what a gradient must be there.

    Usually that is one reference with its tolerances; at kinks it is one for each combination of sides.
    """

    point: Point
    choices: list[tuple[Reference, Bounds]]

    @property
    def at_kink(self) -> bool:
        """Whether more than one answer is right."""
        return len(self.choices) > 1


@dataclass(frozen=True)
class Judgement:
    """A gradient at a point: over is each entry's error in units of its tolerance, so 1 is the limit.

    detectable is the smallest relative error that would have been noticed in each entry (inf where the
    reference is negligible). loss_over is None where no loss was given.
    """

    target: Target
    gradient: Array
    reference: Reference
    over: Array
    detectable: Array
    loss_over: float | None

    @property
    def passed(self) -> bool:
        """Whether gradient and loss are within their tolerances."""
        return bool((self.over <= 1.0).all()) and not (self.loss_over or 0.0) > 1.0


def make_target(network: Network, point: Point, objective: Objective) -> Target:
    """The reference and the tolerances at a point."""
    sample = (network, point.parameters, point.inputs, point.labels, objective)
    bounds = rounding_bounds(*sample)
    if not bounds.kinks:
        return Target(point, [(reference_gradient(*sample), bounds)])
    choices = [
        (reference_gradient(*sample, sides), rounding_bounds(*sample, sides))
        for sides in _combinations(bounds.kinks)
    ]
    return Target(point, choices)


def _combinations(kinks: list[tuple[int, int, int]]) -> Iterator[Sides]:
    """Every choice of sides; where there are too many, all to the left and all to the right."""
    if len(kinks) > _MOST_KINKS:
        return iter([dict.fromkeys(kinks, False), dict.fromkeys(kinks, True)])
    each = product((False, True), repeat=len(kinks))
    return (dict(zip(kinks, sides, strict=True)) for sides in each)


def judge(target: Target, loss: float | None, gradient: Array) -> Judgement:
    """The most favourable judgement over the choices of sides."""
    judgements = [_judge(target, choice, loss, gradient) for choice in target.choices]
    return min(judgements, key=lambda judgement: float(judgement.over.max()))


def _judge(
    target: Target, choice: tuple[Reference, Bounds], loss: float | None, gradient: Array
) -> Judgement:
    reference, bounds = choice
    with np.errstate(all="ignore"):
        errors, tolerance = reference.errors(gradient), bounds.gradient
        over = errors / tolerance
        detectable = tolerance / np.abs(reference.rounded)
    over[errors == 0.0] = 0.0  # where rounding has no say, the gradient is exactly zero
    over[~np.isfinite(gradient)] = np.inf
    detectable[~(detectable < 1.0)] = np.inf
    return Judgement(target, gradient, reference, over, detectable, _loss_over(reference, bounds, loss))


def _loss_over(reference: Reference, bounds: Bounds, loss: float | None) -> float | None:
    if loss is None:
        return None
    if not np.isfinite(loss):
        return float("inf")
    error = float(abs(Decimal(loss) - reference.loss))
    return error / bounds.loss if error else 0.0


def own_gradient(
    network: Network, parameters: Array, inputs: Array, labels: Indices, objective: Objective
) -> tuple[float, Array]:
    """The network's own backward pass, by the code that trains it: one sample, or a batch."""
    gradient = np.zeros_like(parameters)
    extended = np.column_stack([inputs, np.ones(len(inputs))])
    backprop = Backprop(network, parameters, gradient, rows=len(inputs))
    with np.errstate(all="ignore"):
        if len(inputs) == 1 and not objective.l2:
            return backprop.sample(extended, extended.T, int(labels[0]))[0], gradient
        losses, _ = backprop.batch(extended, labels, objective)
        return reduced_loss(network, parameters, losses, objective), gradient


def reduced_loss(network: Network, parameters: Array, losses: Array, objective: Objective) -> float:
    """The objective's value from the losses of its samples."""
    loss = float(losses.mean() if objective.reduction == "mean" else losses.sum())
    if objective.l2:
        squares = sum(float((block[:-1] ** 2).sum()) for block in network.blocks(parameters))
        loss += objective.l2 / 2.0 * squares
    return loss
