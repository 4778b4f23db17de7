"""Patterns of wrong gradients, by which the usual mistakes are recognized."""

from collections.abc import Iterator

import numpy as np

from irisbp.gradients.judge import Judgement
from irisbp.gradients.reference import hidden_slopes, reference_gradient
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array

_ORDINARY = ("class-", "batch-", "trained-", "extra-")
_CLOSE = 1e-6  # relative: these mistakes are large, and rounding is far below


def find_hints(network: Network, objective: Objective, judgements: list[Judgement]) -> list[str]:
    """Hints at what may be wrong, most telling first, each once with a point that shows it.

    They are looked for at ordinary points, if those fail at all: far out, one mistake looks like another.
    """
    failed = [j for j in judgements if not j.passed and np.isfinite(j.gradient).all()]
    ordinary = [j for j in failed if j.target.point.name.startswith(_ORDINARY)]
    hints: dict[str, str] = {}
    for judgement in ordinary or failed:
        for hint in _hints_at(network, objective, judgement):
            where = judgement.target.point.name
            if judgement.path != judgements[0].path:
                where += f", {judgement.path}"
            hints.setdefault(hint, where)
    return [f"{hint} (seen at {point})" for hint, point in hints.items()]


def _hints_at(network: Network, objective: Objective, judgement: Judgement) -> Iterator[str]:
    whole = list(_about_the_whole(network, objective, judgement))
    if whole:
        yield from whole
        return
    yield from _about_the_first_layer(network, judgement)
    slopes = dict(_about_slopes(network, judgement))
    yield from slopes.values()
    got, right = network.views(judgement.gradient), network.views(judgement.reference.rounded)
    over = network.views(judgement.over)
    weights = network.views(judgement.target.point.parameters)
    for name in got:
        if (over[name] > 1.0).any() and name.split(".")[0] not in slopes:
            count = int(np.count_nonzero(over[name] > 1.0))
            yield from _about_an_array(name, got[name], right[name], weights[name], count)


def _about_the_first_layer(network: Network, judgement: Judgement) -> Iterator[str]:
    """Name the layer where the mistake begins, if that is not the output; the layers below inherit it."""
    wrong = [(block > 1.0).any() for block in network.blocks(judgement.over)]
    first = max((k for k, is_wrong in enumerate(wrong) if is_wrong), default=-1)
    if 0 <= first < len(wrong) - 1 and len(wrong) > 2:
        yield f"from the output downwards, {network.layers[first].name} is the first layer that is wrong"


def _about_the_whole(network: Network, objective: Objective, judgement: Judgement) -> Iterator[str]:
    got, right, point = judgement.gradient, judgement.reference.rounded, judgement.target.point
    if _alike(got, -right):
        yield "every entry has the wrong sign (ratio -1): y - p for p - y?"
    rows = len(point.labels)
    if rows > 1 and _alike(got, right * rows):
        yield f"every entry is {rows} times too large: the sum over the batch, not the mean?"
    if rows > 1 and _alike(got, right / rows):
        yield f"every entry is {rows} times too small: the mean over the batch, not the sum?"
    weight = objective.weights_of(point.labels)[0].item()
    if rows == 1 and weight != 1.0 and _alike(got * weight, right):
        yield f"every entry is without the factor {weight:.6g}: the weight of the sample's class left out?"
    if rows == 1:
        for label in range(network.classes):
            if label == point.labels[0]:
                continue
            other = reference_gradient(network, point.parameters, point.inputs, np.array([label]), objective)
            if _alike(got, other.rounded):
                yield "it is the gradient for another label: labels shifted or shuffled?"


def _about_an_array(name: str, got: Array, right: Array, parameters: Array, wrong: int) -> Iterator[str]:
    if _alike(got, right):
        yield f"{name}: right to six digits, and off by less in {wrong} of {got.size} entries"
    elif not got.any():
        yield f"{name}: the gradient is zero: left out?"
    elif _alike(got, -right):
        yield f"{name}: the sign is wrong (ratio -1)"
    elif got.ndim == 2 and min(got.shape) > 1 and _alike(got, right.T.reshape(got.shape)):
        yield f"{name}: the layout is transposed"
    elif got.size > 1 and any(_alike(got.ravel(), np.roll(right.ravel(), k)) for k in (1, -1)):
        yield f"{name}: the layout is shifted by one entry"
    elif got.ndim == 2 and any(_alike(got, np.roll(right, k, axis)) for k in (1, -1) for axis in (0, 1)):
        yield f"{name}: a row or column is taken for its neighbour"
    elif got.size > 1 and (factor := _constant(got - right, parameters)):
        yield f"{name}: it differs by {factor:.6g} times the weight: a penalty left out or put in?"
    elif got.size > 1 and (factor := _constant(got, right)):
        yield f"{name}: every entry is {factor:.6g} times what it should be"


def _about_slopes(network: Network, judgement: Judgement) -> Iterator[tuple[str, str]]:
    """Recognize a missing slope: the entries of each node are off by a factor of its own.

    Only the topmost such layer: those below inherit the mistake. Yields its name and the hint.
    """
    point = judgement.target.point
    if len(point.labels) > 1:
        return
    slopes = hidden_slopes(network, point.parameters, point.inputs[0])
    got, right = network.views(judgement.gradient), network.views(judgement.reference.rounded)
    for layer, slope in reversed(list(zip(network.layers, slopes, strict=False))):
        name = f"{layer.name}.bias"
        if _alike(got[name] * slope, right[name]) and not _alike(got[name], right[name]):
            yield layer.name, f"{layer.name}: the activation's slope is missing"
            return


def _alike(left: Array, right: Array) -> bool:
    """Equal to six digits, entry by entry, and not all zero."""
    return bool(right.any()) and bool((np.abs(left - right) <= _CLOSE * np.abs(right)).all())


def _constant(numerator: Array, denominator: Array) -> float:
    """The ratio of two arrays, if it is the same to six digits in every entry; else 0."""
    if not denominator.all():
        return 0.0
    ratio = numerator / denominator
    middle = float(np.median(ratio))
    return middle if (np.abs(ratio - middle) <= _CLOSE * abs(middle)).all() else 0.0
