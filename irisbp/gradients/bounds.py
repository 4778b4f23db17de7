"""Bounds the error that rounding alone can make in a correct float64 gradient, to first order.

Every quantity x of the forward and backward pass is followed by a bound on its error in units of
u = 2^-53, to first order in u: an operation adds the rounding of its own result to the errors that it
carries over from its operands. The result, S, is the bound for each entry of the gradient, so that an error
above 8 u S is none that rounding made. The factor 8 is for mathematical functions that are a little
worse than their documentation, and for terms of second order; there is nothing else to tune.

After Wilkinson's running error analysis; Higham, "Accuracy and stability of numerical algorithms" (2002),
section 3.3. A sum of n products in any order is within n u times the sum of their magnitudes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from irisbp.gradients.reference import Sides
from irisbp.nn.activations import LEAK
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.types import Array, Indices

_Mask = npt.NDArray[np.bool_]

FACTOR = 8.0
U = 2.0**-53

# In units of u: what is lost where an exponential falls below the smallest normal number, and half the
# spacing of the numbers below it, which is what a product there may be off.
_UNDERFLOW = 2.0**-1022 / U
_SPACING = 2.0**-1022  # 2^-1075 / u, where 2^-1075 itself is no number


@dataclass(frozen=True)
class Bounds:
    """gradient (parameters,) and loss are the tolerances 8 u S; kinks are the nodes that may be at one.

    A node (row, hidden layer, node) is at a kink when rounding decides on which side it is.
    """

    gradient: Array
    loss: float
    kinks: list[tuple[int, int, int]]


@dataclass(frozen=True)
class _BoundedLayer:
    """A layer's values and slopes (rows, nodes), each with the bound of its error.

    The network's inputs are a layer without slopes, and exact.
    """

    value: Array
    value_error: Array
    slope: Array
    slope_error: Array


def rounding_bounds(
    network: Network,
    parameters: Array,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    sides: Sides | None = None,
) -> Bounds:
    """The tolerances at inputs (rows, inputs), labels (rows,); sides as for the reference."""
    blocks = network.blocks(parameters)
    exact = np.zeros_like(inputs)
    layers = [_BoundedLayer(inputs, exact, exact, exact)]
    kinks: list[tuple[int, int, int]] = []
    with np.errstate(all="ignore"), fixed_threads(network, len(labels)):
        for depth, block in enumerate(blocks[:-1]):
            a, error = _weighted_sums(layers[-1], block)
            right = a > 0.0
            if network.activation in _KINKED:
                kinks += [(row, depth, node) for row, node in np.argwhere(_near_kink(a, error)).tolist()]
                for (row, at, node), side in (sides or {}).items():
                    if at == depth:
                        right[row, node] = side
            layers.append(_BoundedLayer(*_ACTIVATIONS[network.activation](a, error, right)))
        logits, error = _weighted_sums(layers[-1], blocks[-1])
        losses, loss_error, delta, delta_error = _cross_entropy(logits, error, labels)
        if objective.weights is not None:
            weights = objective.weights[labels]
            loss_error = weights * (loss_error + losses)
            delta = weights[:, np.newaxis] * delta
            delta_error = weights[:, np.newaxis] * delta_error + np.abs(delta) + _SPACING
        loss = float(loss_error.sum())
        if objective.reduction == "mean":
            loss, delta = loss / len(labels), delta / len(labels)
            delta_error = delta_error / len(labels) + np.abs(delta)
        bounds = np.zeros_like(parameters)
        _backward(network.blocks(bounds), blocks, layers, delta, delta_error)
        if objective.l2:
            loss += _add_penalty(network.blocks(bounds), blocks, objective.l2)
    return Bounds(FACTOR * U * bounds, FACTOR * U * float(loss), kinks)


def sums_of(network: Network, parameters: Array, inputs: Array) -> list[Array]:
    """Each layer's weighted sums (rows, nodes) at inputs (rows, inputs); the last are the logits."""
    sums, value = list[Array](), inputs
    with np.errstate(all="ignore"), fixed_threads(network, len(inputs)):
        for block in network.blocks(parameters):
            sums.append(value @ block[:-1] + block[-1])
            value = activated(network.activation, sums[-1])
    return sums


def activated(activation: str, sums: Array) -> Array:
    """A hidden layer's values for these weighted sums, by this file's own formulas."""
    with np.errstate(all="ignore"):
        return _ACTIVATIONS[activation](sums, np.zeros_like(sums), sums > 0.0)[0]


def _weighted_sums(below: _BoundedLayer, block: Array) -> tuple[Array, Array]:
    """A layer's weighted sums (rows, nodes) and their bounds."""
    weights, biases = block[:-1], block[-1]
    magnitude = np.abs(below.value) @ np.abs(weights) + np.abs(biases)
    error = below.value_error @ np.abs(weights) + len(block) * magnitude
    return below.value @ weights + biases, error


def _cross_entropy(logits: Array, error: Array, labels: Indices) -> tuple[Array, Array, Array, Array]:
    """The losses (rows,) and their bounds; the gradient at the logits (rows, classes) and its bound.

    The losses' bounds, added up, have room for the rounding of their sum.
    """
    (rows, classes), label = logits.shape, (np.arange(len(labels)), labels)
    difference = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(difference)
    p = powers / powers.sum(axis=1, keepdims=True)
    # A power carries its argument's error and adds its own; in a far row it is corrected, too.
    q = error + 3.0
    others = p.copy()
    others[label] = 0.0
    rest = others.sum(axis=1)  # 1 - p of the label, with its digits
    rest_spread = (others * q).sum(axis=1)
    # dp_k = p_k ((1 - p_k) dz_k - sum over j != k of p_j dz_j)
    spread = (p * q).sum(axis=1, keepdims=True) - p * q
    delta_error = p * ((1.0 - p) * q + np.abs(spread)) + (classes + 3.0) * p
    delta_error[label] = p[label] * (rest * q[label] + rest_spread) + (classes + 3.0) * rest
    powers[np.arange(rows), logits.argmax(axis=1)] = 0.0
    losses = np.log1p(powers.sum(axis=1)) - difference[label]
    loss_error = rest_spread + rest * q[label] + (classes + 5.0 + rows) * losses
    others[label] = -rest
    return losses, loss_error + _UNDERFLOW, others, delta_error + _UNDERFLOW


def _backward(
    bounds: list[Array], blocks: list[Array], layers: list[_BoundedLayer], delta: Array, error: Array
) -> None:
    """Fill the bounds of each layer's gradient, from the output down."""
    rows = len(delta)
    for bound, block, below in zip(reversed(bounds), reversed(blocks), reversed(layers), strict=True):
        size, value, weights = np.abs(delta), np.abs(below.value), np.abs(block[:-1])
        products = _products(value.T, size)
        bound[:-1] = value.T @ error + below.value_error.T @ size + rows * products
        bound[-1] = error.sum(axis=0) + (rows - 1) * size.sum(axis=0)
        carried = delta @ block[:-1].T
        carried_error = error @ weights.T + block.shape[1] * _products(size, weights.T)
        delta = carried * below.slope
        own = np.abs(delta) + _SPACING * ((carried != 0.0) & (below.slope != 0.0))
        error = below.slope * carried_error + np.abs(carried) * below.slope_error + own


def _products(left: Array, right: Array) -> Array:
    """The sums of the products of magnitudes, which bound their rounding; a product with 0 is exact."""
    return np.asarray(left @ right + _SPACING * ((left > 0.0) @ (right > 0.0)))


def _add_penalty(bounds: list[Array], blocks: list[Array], l2: float) -> float:
    """Add the penalty's rounding to the bounds; returns that of the penalty itself."""
    count, squares = 0, 0.0
    for bound, block in zip(bounds, blocks, strict=True):
        # Two roundings of the product and one of a sum no larger than |g| + l2 |w|, where S >= |g|.
        bound[:-1] += bound[:-1] + 3.0 * l2 * np.abs(block[:-1]) + _SPACING
        squares += float((block[:-1] ** 2).sum())
        count += block[:-1].size
    return (count + 4.0) * l2 * squares


def _sigmoid(a: Array, error: Array, right: _Mask) -> tuple[Array, Array, Array, Array]:
    t = np.exp(-np.abs(a))
    small, large = t / (1.0 + t), 1.0 / (1.0 + t)
    value, slope = np.where(a > 0.0, large, small), small * large
    return value, slope * error + 4.0 * value + _UNDERFLOW, slope, slope * error + 9.0 * slope + _UNDERFLOW


def _tanh(a: Array, error: Array, right: _Mask) -> tuple[Array, Array, Array, Array]:
    value, t = np.tanh(a), np.exp(-2.0 * np.abs(a))
    slope = 4.0 * t / (1.0 + t) ** 2
    # |f''| = 2 |f| f'; beyond |a| = 355 the square of cosh overflows.
    slope_error = 2.0 * slope * error + 7.0 * slope + 2.0**-1018 / U
    return value, slope * error + 4.0 * np.abs(value), slope, slope_error


def _relu(a: Array, error: Array, right: _Mask) -> tuple[Array, Array, Array, Array]:
    slope = right.astype(float)
    return a * slope, _either_side(a, error, slope), slope, np.zeros_like(a)


def _either_side(a: Array, error: Array, slope: Array) -> Array:
    """The bound of a rectifier's value: near the kink it may have been formed on the other side."""
    return np.where(_near_kink(a, error), error, slope * error)


def _near_kink(a: Array, error: Array) -> _Mask:
    return np.asarray(np.abs(a) <= FACTOR * U * error)


def _leaky_relu(a: Array, error: Array, right: _Mask) -> tuple[Array, Array, Array, Array]:
    slope = np.where(right, 1.0, LEAK)
    value = a * slope
    value_error = _either_side(a, error, slope) + np.abs(value) + _SPACING
    return value, value_error, slope, np.zeros_like(a)


def _softplus(a: Array, error: Array, right: _Mask) -> tuple[Array, Array, Array, Array]:
    t = np.exp(-np.abs(a))
    slope = np.where(a > 0.0, 1.0, t) / (1.0 + t)
    value = np.maximum(a, 0.0) + np.log1p(t)
    slope_error = t / (1.0 + t) ** 2 * error + 4.0 * slope + _UNDERFLOW
    return value, slope * error + 6.0 * value + _UNDERFLOW, slope, slope_error


def _identity(a: Array, error: Array, right: _Mask) -> tuple[Array, Array, Array, Array]:
    return a, error, np.ones_like(a), np.zeros_like(a)


_KINKED = ("relu", "leaky_relu")

# Weighted sums and their bounds -> values, their bounds, slopes, their bounds.
_ACTIVATIONS: dict[str, Callable[[Array, Array, _Mask], tuple[Array, Array, Array, Array]]] = {
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "softplus": _softplus,
    "identity": _identity,
}
