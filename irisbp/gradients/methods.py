"""The usual numeric gradients, from the loss alone, and the digits that each of them gets right."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from irisbp.gradients.digits import digits, relative_error
from irisbp.gradients.judge import GradientFunction, Target, judge, reduced_loss
from irisbp.gradients.paths import own_gradient
from irisbp.nn.activations import LEAK
from irisbp.nn.backprop import Backprop, Objective
from irisbp.nn.losses import cross_entropy
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.types import Array, Indices

_Complex = npt.NDArray[np.complex128]

# Central differences lose least where truncation h^2 and rounding u / h are equal.
CENTRAL_STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
COMPLEX_STEP = 1e-20  # nothing is subtracted, so the step may be as small as one likes


def central_differences(
    network: Network,
    parameters: Array,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    *,
    only: int | None = None,
) -> tuple[None, Array]:
    """(L(w + h) - L(w - h)) / 2h for every parameter, with h = 6e-6 max(1, |w|).

    With only, just that entry of the gradient; the others are nan.
    """
    moved, gradient = parameters.copy(), np.full_like(parameters, np.nan)
    extended = np.column_stack([inputs, np.ones(len(inputs))])
    forward = Backprop(network, moved, rows=len(inputs)).forward

    def loss() -> float:
        losses, _ = cross_entropy(forward(extended), labels)
        return reduced_loss(network, moved, losses, labels, objective)

    with np.errstate(all="ignore"), fixed_threads(network, len(labels)):
        for k in range(len(parameters)) if only is None else (only,):
            here = parameters[k].item()
            h = CENTRAL_STEP * max(1.0, abs(here))
            moved[k] = above = here + h
            upper = loss()
            moved[k] = below = here - h
            gradient[k] = (upper - loss()) / (above - below)
            moved[k] = here
    return None, gradient


def complex_step(
    network: Network,
    parameters: Array,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    *,
    only: int | None = None,
) -> tuple[None, Array]:
    """Im L(w + ih) / h for every parameter, with h = 1e-20 (Squire & Trapp, 1998).

    With only, just that entry of the gradient; the others are nan.
    """
    moved, gradient = parameters.astype(np.complex128), np.full_like(parameters, np.nan)
    with np.errstate(all="ignore"), fixed_threads(network, len(labels)):
        for k in range(len(parameters)) if only is None else (only,):
            moved[k] += 1j * COMPLEX_STEP
            gradient[k] = _complex_loss(network, moved, inputs, labels, objective).imag / COMPLEX_STEP
            moved[k] = parameters[k]
    return None, gradient


def _complex_loss(
    network: Network, parameters: _Complex, inputs: Array, labels: Indices, objective: Objective
) -> complex:
    activate = _ACTIVATIONS[network.activation]
    values: _Complex = inputs.astype(np.complex128)
    penalty = 0j
    for layer in network.layers:
        block = parameters[layer.offset : layer.offset + layer.size].reshape(layer.fan_in + 1, layer.fan_out)
        sums = values @ block[:-1] + block[-1]
        values = activate(sums)
        penalty += complex((block[:-1] ** 2).sum())
    shifted = sums - sums.real.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    losses = objective.weights_of(labels) * losses
    loss = losses.mean() if objective.reduction == "mean" else losses.sum()
    return complex(loss) + objective.l2 / 2.0 * penalty


def _sigmoid(a: _Complex) -> _Complex:
    return np.asarray(1.0 / (1.0 + np.exp(-a)))


def _softplus(a: _Complex) -> _Complex:
    positive = np.where(a.real > 0.0, a, 0.0)
    return np.asarray(positive + np.log(1.0 + np.exp(np.where(a.real > 0.0, -a, a))))


_ACTIVATIONS: dict[str, Callable[[_Complex], _Complex]] = {
    "sigmoid": _sigmoid,
    "tanh": lambda a: np.tanh(a),
    "relu": lambda a: np.where(a.real > 0.0, a, 0.0),
    "leaky_relu": lambda a: np.where(a.real > 0.0, a, LEAK * a),
    "softplus": _softplus,
    "identity": lambda a: a,
}

METHODS: dict[str, GradientFunction] = {"central": central_differences, "complex-step": complex_step}


@dataclass(frozen=True)
class MethodRow:
    """The correct digits of a method's gradient at a point, beside those of backpropagation."""

    point: str
    worst_digits: float
    median_digits: float
    backprop_worst_digits: float
    backprop_median_digits: float


def compare(method: str, network: Network, objective: Objective, targets: list[Target]) -> list[MethodRow]:
    """A method of METHODS, and the network's own backward pass, against the reference at each point."""
    rows = []
    for target in targets:
        both = [_digits_at(f, network, objective, target) for f in (METHODS[method], own_gradient)]
        figures = [figure for d in both for figure in (float(d.min()), float(np.median(d)))]
        rows.append(MethodRow(target.point.name, *figures))
    return rows


def _digits_at(
    gradient_of: GradientFunction, network: Network, objective: Objective, target: Target
) -> Array:
    point = target.point
    _, gradient = gradient_of(network, point.parameters, point.inputs, point.labels, objective)
    reference = judge(target, None, gradient).reference
    errors = zip(reference.errors(gradient).tolist(), np.abs(reference.rounded).tolist(), strict=True)
    return np.array([digits(relative_error(error, size)) for error, size in errors])
