"""The activation functions of `nn.activations` in portable numerics; called in the same way.

Every exponential is that of -|a| or -2 |a|, which is at most 1, so that nothing overflows.
"""

from collections.abc import Callable
from math import copysign

import numpy as np

from irisbp.nn.activations import ACTIVATIONS, LEAK, Activation
from irisbp.nn.numerics.portable.elementary import exp, exp_each, expm1, expm1_each, log1p, log1p_each
from irisbp.nn.numerics.portable.sizes import FEW_NUMBERS
from irisbp.nn.types import Array


def sigmoid(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = 1 / (1 + e^-a), f'(a) = f(a) f(-a), where f(-|a|) = e^-|a| / (1 + e^-|a|)."""
    if slope.size <= FEW_NUMBERS:
        return _each(_sigmoid, slope, value)
    power = exp_each(-np.abs(slope))
    total = 1.0 + power
    larger, smaller = 1.0 / total, power / total
    value[...] = np.where(slope < 0.0, smaller, larger)
    np.multiply(larger, smaller, slope)
    return None


def _sigmoid(a: float) -> tuple[float, float]:
    power = exp(-abs(a))
    total = 1.0 + power
    larger, smaller = 1.0 / total, power / total
    return smaller if a < 0.0 else larger, larger * smaller


def tanh(pair: Array, slope: Array, value: Array) -> None:
    """Hyperbolic tangent: |f(a)| = (1 - e) / (1 + e) and f'(a) = 4 e / (1 + e)^2 with e = e^(-2 |a|).

    1 - e is formed without e, which keeps its digits where a is small.
    """
    if slope.size <= FEW_NUMBERS:
        return _each(_tanh, slope, value)
    twice = -2.0 * np.abs(slope)
    less, power = expm1_each(twice), exp_each(twice)
    total = 1.0 + power
    np.copysign(less / (2.0 + less), slope, out=value)
    np.divide(4.0 * power, total * total, slope)
    return None


def _tanh(a: float) -> tuple[float, float]:
    twice = -2.0 * abs(a)
    less, power = expm1(twice), exp(twice)
    total = 1.0 + power
    return copysign(less / (2.0 + less), a), 4.0 * power / (total * total)


def relu(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = max(a, 0). np.maximum may return either of two zeros of unequal sign; this returns 0."""
    value[...] = np.where(slope <= 0.0, 0.0, slope)
    slope[...] = slope > 0.0


def leaky_relu(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = a right of 0 and 0.01 a elsewhere."""
    right = slope > 0.0
    value[...] = np.where(right, slope, LEAK * slope)
    slope[...] = np.where(right, 1.0, LEAK)


def softplus(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = max(a, 0) + log(1 + e^-|a|), f'(a) = sigmoid(a)."""
    if slope.size <= FEW_NUMBERS:
        return _each(_softplus, slope, value)
    power = exp_each(-np.abs(slope))
    value[...] = np.where(slope <= 0.0, 0.0, slope) + log1p_each(power)
    slope[...] = np.where(slope < 0.0, power, 1.0) / (1.0 + power)
    return None


def _softplus(a: float) -> tuple[float, float]:
    power = exp(-abs(a))
    return (0.0 if a <= 0.0 else a) + log1p(power), (power if a < 0.0 else 1.0) / (1.0 + power)


def _each(function: Callable[[float], tuple[float, float]], slope: Array, value: Array) -> None:
    """Value and slope of a few sums, one after the other, to the same bits as for arrays."""
    pairs = np.array(list(map(function, slope.ravel().tolist())))  # (sums, 2)
    value[...] = pairs[:, 0].reshape(value.shape)
    slope[...] = pairs[:, 1].reshape(slope.shape)


PORTABLE_ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "softplus": softplus,
    "identity": ACTIVATIONS["identity"],  # it only copies
}
