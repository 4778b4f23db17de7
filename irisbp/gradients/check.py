"""The check as a whole: a battery of points, a verdict for every parameter, hints at the cause."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite, log10

import numpy as np

from irisbp.data.dataset import Standardizer, classes_by_appearance, make_dataset
from irisbp.data.table import load_table
from irisbp.errors import IrisbpError
from irisbp.gradients.hints import find_hints
from irisbp.gradients.judge import (
    GradientFunction,
    Judgement,
    Target,
    detection_limits,
    judge,
    make_target,
    own_gradient,
)
from irisbp.gradients.points import SEED, Battery
from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

MOST_DIGITS = 16.0
_MOST_EXTRA_POINTS = 40

BackwardPass = Callable[[dict[str, Array], Array, Indices], Mapping[str, Array]]
"""A user's own: (parameters by name, inputs (rows, inputs), labels (rows,)) -> gradients by name."""


@dataclass(frozen=True)
class ParameterRow:
    """One parameter at its worst point: digits is how many of them agree, over its error in tolerances.

    detects is the smallest relative error that some point would have shown; verdict is OK, WRONG or
    NOT EXERCISED.
    """

    name: str
    backprop: float
    reference: float
    relative_error: float
    digits: float
    over: float
    detects: float
    point: str
    verdict: str


@dataclass(frozen=True)
class LayerRow:
    """A layer's weights or biases as a whole: the largest norm-wise relative error over the points."""

    name: str
    relative_error: float
    digits: float
    point: str


@dataclass(frozen=True)
class PointRow:
    """A point: its worst entry and its loss in tolerances; verdict is OK, KINK or WRONG."""

    name: str
    rows: int
    worst: str
    over: float
    loss_over: float | None
    verdict: str


@dataclass(frozen=True)
class Report:
    """What a check found; passed only if every parameter is right and exercised, and every loss right.

    A relative error of detects in any one entry would have shown at a single sample, one of
    detects_in_batches at a batch (inf: not in all entries).
    """

    passed: bool
    seed: int
    detects: float
    detects_in_batches: float
    parameters: list[ParameterRow]
    layers: list[LayerRow]
    points: list[PointRow]
    hints: list[str] = field(default_factory=list)


def check(
    backward: BackwardPass | None = None,
    *,
    network: Network | None = None,
    inputs: Array | None = None,
    labels: Indices | None = None,
    objective: Objective | None = None,
    seed: int = SEED,
) -> Report:
    """Check a backward pass: irisbp's own, or one with the same network and parameter names.

    backward takes the parameters by name (`hidden_1.weight` (fan_in, fan_out), `hidden_1.bias`, ...,
    `output.bias`), inputs (rows, inputs) and labels (rows,), class indices, and returns the gradient of
    the objective (default: the mean of the cross-entropies) under the same names. network defaults to
    the article's, inputs and labels to the standardized iris data.
    """
    network = network or Network(4, (3,), 3)
    inputs, labels = _checked_samples(network, inputs, labels)
    gradient_of = own_gradient if backward is None else _adapted(backward)
    objective = objective or Objective()
    if not (isfinite(objective.l2) and objective.l2 >= 0.0):
        raise IrisbpError(f"objective: l2 is {objective.l2}, not a number from 0")
    return run_check(gradient_of, network, inputs, labels, objective, seed=seed)


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
) -> Report:
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
            raise IrisbpError(f"--point {only_point}: no such point; there are {names}")
        return [make_target(network, point, objective) for point in chosen]
    targets = [make_target(network, point, objective) for point in points]
    for k in range(_MOST_EXTRA_POINTS):
        if all(np.isfinite(detection_limits(path)).all() for path in _by_path(targets)):
            break
        targets.append(make_target(network, battery.extra(k), objective))
    return targets


def _by_path(targets: list[Target]) -> list[list[Target]]:
    """Single samples and batches apart, since training takes either by code of its own."""
    single = [target for target in targets if len(target.point.labels) == 1]
    return [single, [target for target in targets if len(target.point.labels) > 1]]


def report_on(
    gradient_of: GradientFunction,
    network: Network,
    objective: Objective,
    targets: list[Target],
    seed: int = SEED,
    *,
    whole: bool = True,
) -> Report:
    """A gradient function at prepared targets; only a whole battery has to exercise every parameter."""
    judgements = []
    for target in targets:
        point = target.point
        result = gradient_of(network, point.parameters, point.inputs, point.labels, objective)
        judgements.append(judge(target, *result))
    names = list(network.parameter_names())
    parameters = _parameter_rows(names, judgements)
    points = [_point_row(names, judgement) for judgement in judgements]
    good = ("OK",) if whole else ("OK", "NOT EXERCISED")
    passed = all(row.verdict in good for row in parameters) and all(row.verdict != "WRONG" for row in points)
    limits = [float(detection_limits(path).max()) if path else inf for path in _by_path(targets)]
    hints = [] if passed else find_hints(network, objective, judgements)
    layers = _layer_rows(network, judgements)
    return Report(passed, seed, limits[0], limits[1], parameters, layers, points, hints)


def _parameter_rows(names: list[str], judgements: list[Judgement]) -> list[ParameterRow]:
    over = np.array([judgement.over for judgement in judgements])  # (points, parameters)
    detects = np.array([judgement.detectable for judgement in judgements]).min(axis=0)
    worst = over.argmax(axis=0)
    rows = []
    for k, name in enumerate(names):
        judgement = judgements[worst[k]]
        got, right = judgement.gradient[k].item(), judgement.reference.rounded[k].item()
        error = judgement.errors[k].item()
        relative = relative_error(error, abs(right))
        verdict = "WRONG" if over[worst[k], k] > 1.0 else "OK" if isfinite(detects[k]) else "NOT EXERCISED"
        rows.append(
            ParameterRow(
                name=name,
                backprop=got,
                reference=right,
                relative_error=relative,
                digits=digits(relative),
                over=over[worst[k], k].item(),
                detects=detects[k].item(),
                point=judgement.target.point.name,
                verdict=verdict,
            )
        )
    return rows


def _point_row(names: list[str], judgement: Judgement) -> PointRow:
    worst = int(judgement.over.argmax())
    verdict = "WRONG" if not judgement.passed else "KINK" if judgement.target.at_kink else "OK"
    return PointRow(
        name=judgement.target.point.name,
        rows=len(judgement.target.point.labels),
        worst=names[worst],
        over=judgement.over[worst].item(),
        loss_over=judgement.loss_over,
        verdict=verdict,
    )


def _layer_rows(network: Network, judgements: list[Judgement]) -> list[LayerRow]:
    errors = np.array([judgement.errors for judgement in judgements])  # (points, parameters)
    right = np.array([judgement.reference.rounded for judgement in judgements])
    rows = []
    for name, entries in network.views(np.arange(float(network.parameter_count))).items():
        of_layer = entries.astype(np.int64).ravel()
        pairs = zip(_norms(errors[:, of_layer]), _norms(right[:, of_layer]), strict=True)
        relative = [relative_error(error, size) for error, size in pairs]
        worst = int(np.argmax(relative))
        point = judgements[worst].target.point.name
        rows.append(LayerRow(name, relative[worst], digits(relative[worst]), point))
    return rows


def _norms(values: Array) -> list[float]:
    """The Euclidean norm of each row (points, entries), scaled so that no square overflows or vanishes."""
    largest = np.abs(values).max(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        scaled = np.where(largest > 0.0, values / largest, 0.0)
        norms: list[float] = (largest[:, 0] * np.sqrt((scaled**2).sum(axis=1))).tolist()
    return norms


def relative_error(error: float, size: float) -> float:
    """An absolute error in relation to the size of what it is an error of; inf if that is zero."""
    if error == 0.0:
        return 0.0
    return error / size if size else inf


def digits(relative_error: float) -> float:
    """How many decimal digits agree: 16 at the most, which is all that there are."""
    if relative_error == 0.0:
        return MOST_DIGITS
    return min(MOST_DIGITS, max(0.0, -log10(relative_error))) if isfinite(relative_error) else 0.0


def _checked_samples(network: Network, inputs: Array | None, labels: Indices | None) -> tuple[Array, Indices]:
    """Samples that fit the network, as arrays; iris where none are given."""
    if network.activation not in ACTIVATIONS:
        raise IrisbpError(f"network: {network.activation} is not one of {', '.join(ACTIVATIONS)}")
    if (inputs is None) != (labels is None):
        raise IrisbpError("check: give inputs and labels, or neither")
    if inputs is None or labels is None:
        inputs, labels = _iris()
    inputs, labels = np.asarray(inputs, dtype=np.float64), np.asarray(labels)
    if inputs.ndim != 2 or labels.shape != (len(inputs),) or labels.dtype.kind not in "iu":
        raise IrisbpError("check: inputs is to be an array (rows, inputs), labels whole numbers (rows,)")
    if not np.isfinite(inputs).all():
        raise IrisbpError("check: inputs hold a number that is not finite")
    if inputs.shape[1] != network.inputs or set(labels.tolist()) != set(range(network.classes)):
        raise IrisbpError(
            f"the samples do not fit the network: {inputs.shape[1]} inputs and labels"
            f" {sorted(set(labels.tolist()))}, but {network.inputs} inputs and {network.classes} classes"
        )
    return inputs, labels.astype(np.int64)


def _iris() -> tuple[Array, Indices]:
    table = load_table(None, None, None)
    classes = classes_by_appearance(table, np.arange(len(table.targets)))
    dataset = make_dataset(table, classes, Standardizer.fit(table.values, table.features))
    return dataset.inputs, dataset.labels


def _adapted(backward: BackwardPass) -> GradientFunction:
    """A user's backward pass, its results put into one flat vector."""

    def gradient_of(
        network: Network, parameters: Array, inputs: Array, labels: Indices, objective: Objective
    ) -> tuple[None, Array]:
        with np.errstate(all="ignore"):  # far out, overflow is to be expected
            given = backward(network.views(parameters.copy()), inputs.copy(), labels.copy())
        if not isinstance(given, Mapping) or any(np.iscomplexobj(array) for array in given.values()):
            raise IrisbpError("backward: it is to return real arrays by the parameters' names")
        gradient = np.empty_like(parameters)
        for name, view in network.views(gradient).items():
            if name not in given or np.shape(given[name]) != view.shape:
                shape = np.shape(given[name]) if name in given else "nothing"
                raise IrisbpError(f"backward: {name} is to be an array of {view.shape}, not {shape}")
            view[...] = given[name]
        return None, gradient

    return gradient_of
