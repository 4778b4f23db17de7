"""The gradient from its mathematical definition, with 50 digits: backpropagation is compared with it.

Nothing of the network's own forward or backward pass is used here, and nothing of its method: derivatives
are carried forward, as tangents, from each node to the loss. A node's weighted sum is linear in its
incoming weights and its bias, so the derivative by a weight is its input times the node's tangent.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import lru_cache
from math import log1p
from operator import mul

import numpy as np

from irisbp.nn.activations import LEAK
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

DIGITS = 50

# Exponents go as far as they can: e^-800 is nothing unusual here, nor is e^-(10^9).
_CONTEXT = Context(prec=DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX)
_ZERO, _ONE, _TWO, _SMALL = Decimal(0), Decimal(1), Decimal(2), Decimal("1e-3")

Sides = Mapping[tuple[int, int, int], bool]
"""For nodes (row, hidden layer, node) at a kink: whether the derivative is taken from the right."""

_KEPT = 8  # samples: batches of all sizes are made of the same few
_Side = tuple[int, int, bool]  # hidden layer, node, right of the kink
_Row = tuple[tuple[float, ...], int, tuple[_Side, ...]]
_Weights = list[list[Decimal]]  # [input][node]
_Function = Callable[[Decimal, bool], tuple[Decimal, Decimal]]  # (a, right of the kink) -> value, slope


@dataclass(frozen=True)
class Reference:
    """The objective and its gradient; rounded is the gradient in float64, remainder what that left."""

    loss: Decimal
    gradient: list[Decimal]
    rounded: Array
    remainder: Array

    def errors(self, gradient: Array) -> Array:
        """The absolute error of each entry of a float64 gradient, to about 30 digits of the reference."""
        return np.abs((gradient - self.rounded) - self.remainder)


def reference_gradient(
    network: Network,
    parameters: Array,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    sides: Sides | None = None,
) -> Reference:
    """The objective at inputs (rows, inputs) and labels (rows,), and its gradient, as a Reference.

    The float64 numbers given are taken as exact. A derivative at a kink is taken from the left, unless
    sides says otherwise.
    """
    with localcontext(_CONTEXT):
        counts = Counter(_rows(inputs, labels, sides or {}))  # equal rows have one derivative
        of_class = [Decimal(weight) for weight in objective.weights_of(np.arange(network.classes)).tolist()]
        share = _ONE / len(labels) if objective.reduction == "mean" else _ONE
        weights = [share * of_class[label] * count for (_, label, _), count in counts.items()]
        samples = [_exact(network, parameters.tobytes(), *row) for row in counts]
        loss = sum(map(mul, weights, [loss for loss, _ in samples]), _ZERO)
        by_entry = zip(*[gradient for _, gradient in samples], strict=True)
        gradient = [sum(map(mul, weights, entries), _ZERO) for entries in by_entry]
        if objective.l2:
            loss += _add_penalty(network, parameters, Decimal(objective.l2), gradient)
        rounded = [float(g) for g in gradient]
        remainder = [float(g - Decimal(r)) for g, r in zip(gradient, rounded, strict=True)]
    return Reference(loss, gradient, np.array(rounded), np.array(remainder))


def _rows(inputs: Array, labels: Indices, sides: Sides) -> Iterator[_Row]:
    """Each row's inputs, its label and the sides of its nodes."""
    of_row: dict[int, list[_Side]] = {}
    for (row, depth, node), right in sides.items():
        of_row.setdefault(row, []).append((depth, node, right))
    for row, (features, label) in enumerate(zip(inputs.tolist(), labels.tolist(), strict=True)):
        yield tuple(features), label, tuple(of_row.get(row, ()))


@lru_cache(maxsize=_KEPT)
def _exact(
    network: Network, parameters: bytes, features: tuple[float, ...], label: int, side: tuple[_Side, ...]
) -> tuple[Decimal, list[Decimal]]:
    """One sample's loss and its derivative by every parameter."""
    layers = _exact_layers(network, np.frombuffer(parameters))
    right = {(depth, node): is_right for depth, node, is_right in side}
    sample = _Sample(layers, network.activation, [Decimal(x) for x in features], label, right)
    return sample.loss(), sample.gradient()


def hidden_slopes(network: Network, parameters: Array, features: Array) -> list[Array]:
    """The slopes of each hidden layer's nodes at one sample (inputs,), rounded to float64."""
    with localcontext(_CONTEXT):
        layers = _exact_layers(network, parameters)
        sample = _Sample(layers, network.activation, [Decimal(x) for x in features.tolist()], 0, {})
        return [np.array([float(slope) for slope in slopes]) for slopes in sample.slopes]


def _exact_layers(network: Network, parameters: Array) -> list[tuple[_Weights, list[Decimal]]]:
    views = network.views(parameters)
    return [
        (
            [[Decimal(w) for w in row] for row in views[f"{layer.name}.weight"].tolist()],
            [Decimal(b) for b in views[f"{layer.name}.bias"].tolist()],
        )
        for layer in network.layers
    ]


def _add_penalty(network: Network, parameters: Array, l2: Decimal, gradient: list[Decimal]) -> Decimal:
    """Add the penalty's derivative to the gradient; returns the penalty."""
    is_weight = np.zeros(len(parameters))
    for name, view in network.views(is_weight).items():
        view[...] = name.endswith(".weight")
    squares = _ZERO
    for k in np.flatnonzero(is_weight).tolist():
        weight = Decimal(parameters[k].item())
        gradient[k] += l2 * weight
        squares += weight * weight
    return l2 / _TWO * squares


class _Sample:
    """One sample's values, and the changes that they would pass on."""

    def __init__(
        self,
        layers: list[tuple[_Weights, list[Decimal]]],
        activation: str,
        features: list[Decimal],
        label: int,
        side: Mapping[tuple[int, int], bool],
    ) -> None:
        function = _FUNCTIONS[activation]
        self._layers, self._label = layers, label
        self._inputs = [features]  # of each layer
        self.slopes: list[list[Decimal]] = []  # of each hidden layer
        for depth, layer in enumerate(layers[:-1]):
            sums = _weighted_sums(layer, self._inputs[-1])
            both = [function(a, side.get((depth, j), a > 0)) for j, a in enumerate(sums)]
            self._inputs.append([value for value, _ in both])
            self.slopes.append([slope for _, slope in both])
        self._logits = _weighted_sums(layers[-1], self._inputs[-1])
        self._largest = self._logits.index(max(self._logits))
        # Relative to the largest, so that no exponential overflows.
        top = self._logits[self._largest]
        self._powers = [_ONE if k == self._largest else (z - top).exp() for k, z in enumerate(self._logits)]

    def loss(self) -> Decimal:
        """-log softmax: the largest logit less the label's, plus the logarithm of the sum of powers."""
        others = sum([p for k, p in enumerate(self._powers) if k != self._largest], _ZERO)
        return self._logits[self._largest] - self._logits[self._label] + _log1p(others)

    def gradient(self) -> list[Decimal]:
        """The loss's derivative by every parameter, in the flat vector's order."""
        total = sum(self._powers, _ZERO)
        probabilities = [(k, power / total) for k, power in enumerate(self._powers) if k != self._label]
        gradient: list[Decimal] = []
        for depth, (_, biases) in enumerate(self._layers):
            tangents = [self._tangent(depth, j, probabilities) for j in range(len(biases))]
            gradient += [x * t for x in self._inputs[depth] for t in tangents]
            gradient += tangents
        return gradient

    def _tangent(self, depth: int, node: int, probabilities: list[tuple[int, Decimal]]) -> Decimal:
        """The derivative of the loss by one node's weighted sum, carried forward from there."""
        change = [_ZERO] * len(self._layers[depth][1])
        change[node] = _ONE
        for slopes, (weights, biases) in zip(self.slopes[depth:], self._layers[depth + 1 :], strict=True):
            moved = [(row, slope * c) for row, slope, c in zip(weights, slopes, change, strict=True) if c]
            change = [sum([row[k] * m for row, m in moved], _ZERO) for k in range(len(biases))]
        own = change[self._label]
        return sum([p * (change[k] - own) for k, p in probabilities], _ZERO)


def _weighted_sums(layer: tuple[_Weights, list[Decimal]], inputs: list[Decimal]) -> list[Decimal]:
    weights, biases = layer
    columns = zip(*weights, strict=True)
    return [sum(map(mul, column, inputs), bias) for column, bias in zip(columns, biases, strict=True)]


def _log1p(t: Decimal) -> Decimal:
    """log(1 + t) for t >= 0; small t by the series of 2 artanh(t / (2 + t)), which keeps its digits."""
    if t > _SMALL:
        # From the 16 digits of a float, one step of Halley's method makes three times as many.
        rough = Decimal(log1p(float(t)))
        power = rough.exp()
        return rough + _TWO * (_ONE + t - power) / (_ONE + t + power)
    s = t / (_TWO + t)
    square, power, total, k = s * s, s, s, 1
    while power > total * Decimal(10) ** -(DIGITS + 2):
        power *= square
        k += 2
        total += power / k
    return _TWO * total


def _sigmoid(a: Decimal, right: bool) -> tuple[Decimal, Decimal]:
    t = (-abs(a)).exp()
    return (_ONE if a > 0 else t) / (_ONE + t), t / ((_ONE + t) * (_ONE + t))


def _tanh(a: Decimal, right: bool) -> tuple[Decimal, Decimal]:
    with localcontext() as context:
        context.prec += max(0, -a.adjusted()) if a else 0  # what 1 - t is about to lose
        t = (-_TWO * abs(a)).exp()
        value = (_ONE - t) / (_ONE + t)
    return +value if a > 0 else -value, 4 * t / ((_ONE + t) * (_ONE + t))


def _relu(a: Decimal, right: bool) -> tuple[Decimal, Decimal]:
    return (a, _ONE) if right else (_ZERO, _ZERO)


def _leaky_relu(a: Decimal, right: bool) -> tuple[Decimal, Decimal]:
    leak = Decimal(LEAK)
    return (a, _ONE) if right else (leak * a, leak)


def _softplus(a: Decimal, right: bool) -> tuple[Decimal, Decimal]:
    t = (-abs(a)).exp()
    return max(a, _ZERO) + _log1p(t), (_ONE if a > 0 else t) / (_ONE + t)


def _identity(a: Decimal, right: bool) -> tuple[Decimal, Decimal]:
    return a, _ONE


_FUNCTIONS: dict[str, _Function] = {
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "softplus": _softplus,
    "identity": _identity,
}
