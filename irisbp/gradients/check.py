"""The check as a whole: a gradient function at a battery of points, and the report on it."""

import numpy as np

from irisbp.errors import IrisbpError
from irisbp.gradients.judge import GradientFunction, Target, by_path, detection_limits, make_target
from irisbp.gradients.points import SEED, Battery
from irisbp.gradients.report import GradientReport, report_on
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

_MOST_EXTRA_POINTS = 40


def run_check(
    gradient_of: GradientFunction,
    network: Network,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    *,
    seed: int = SEED,
    trained: Array | None = None,
    only_point: str | None = None,
) -> GradientReport:
    """Judge a gradient function at every point of the battery, or at one of them."""
    targets = make_targets(network, inputs, labels, objective, seed, trained, only_point)
    return report_on(gradient_of, network, objective, targets, seed, whole=only_point is None)


def make_targets(
    network: Network,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    seed: int = SEED,
    trained: Array | None = None,
    only_point: str | None = None,
) -> list[Target]:
    """The battery's targets; more points follow where some parameter is not exercised yet.

    (That happens with rectifiers, whose nodes are silent for half of all inputs.)
    """
    battery = Battery(network, inputs, labels, seed)
    points = list(battery.points(trained))
    if only_point is not None:
        chosen = [point for point in points if point.name == only_point]
        if not chosen:
            names = ", ".join(point.name for point in points)
            raise IrisbpError(f"point {only_point}: no such point; there are {names}")
        return [make_target(network, point, objective) for point in chosen]
    targets = [make_target(network, point, objective) for point in points]
    for k in range(_MOST_EXTRA_POINTS):
        if all(np.isfinite(detection_limits(path)).all() for path in by_path(targets)):
            break
        targets.append(make_target(network, battery.extra(k), objective))
    return targets
