"""The check as a whole: code that makes gradients, at a battery of points, and the report on it."""

from collections.abc import Sequence

import numpy as np

from irisbp.errors import IrisbpError
from irisbp.gradients.judge import Target, by_rows, detection_limits, make_target
from irisbp.gradients.paths import CodePath
from irisbp.gradients.points import SEED, Battery
from irisbp.gradients.report import GradientReport, report_on
from irisbp.gradients.sizes import Sizes
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

_MOST_EXTRA_POINTS = 40


def run_check(
    paths: Sequence[CodePath],
    network: Network,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    *,
    seed: int = SEED,
    trained: Array | None = None,
    only_point: str | None = None,
    sizes: Sizes | None = None,
) -> GradientReport:
    """Judge the gradients of every path at every point of the battery, or at one of them."""
    targets = make_targets(network, inputs, labels, objective, seed, trained, only_point, sizes)
    return report_on(paths, network, objective, targets, seed, whole=only_point is None)


def make_targets(
    network: Network,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    seed: int = SEED,
    trained: Array | None = None,
    only_point: str | None = None,
    sizes: Sizes | None = None,
) -> list[Target]:
    """The battery's targets; more points follow where some parameter is not exercised yet.

    (That happens with rectifiers, whose nodes are silent for half of all inputs.)
    """
    battery = Battery(network, inputs, labels, seed)
    points = list(battery.points(trained, sizes))
    if only_point is not None:
        chosen = [point for point in points if point.name == only_point]
        if not chosen:
            names = ", ".join(point.name for point in points)
            raise IrisbpError(f"point {only_point}: no such point; there are {names}")
        return [make_target(network, point, objective) for point in chosen]
    targets = [make_target(network, point, objective) for point in points]
    for k in range(_MOST_EXTRA_POINTS):
        if all(np.isfinite(detection_limits(alike)).all() for alike in by_rows(targets)):
            break
        targets.append(make_target(network, battery.extra(k), objective))
    return targets
