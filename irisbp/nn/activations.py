"""Activation functions, each with its slope, as ufunc code that works in place on any shape.

An activation is called with one C-contiguous array `pair` of shape (2, ...) and its two halves,
`slope = pair[0]` and `value = pair[1]`, which the caller makes once. On entry `slope` holds the
weighted sums a; on exit `value` holds f(a) and `slope` holds f'(a). Thanks to the pair, a
function and its complement share one pass over memory.
"""

from collections.abc import Callable
from math import log
from sys import float_info

import numpy as np

from irisbp.nn.types import Array

Activation = Callable[[Array, Array, Array], None]

LEAK = 0.01
"""The slope of leaky_relu on the left."""

MANY = 1000
"""From this many entries on, an exponential saved is worth more than the ufunc calls that save it."""

# A ufunc takes a 0-d array in half the time it takes to convert a Python float.
_ZERO, _ONE, _LEAK = np.array(0.0), np.array(1.0), np.array(LEAK)
_FARTHEST = np.array(log(float_info.max))


def sigmoid(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = 1 / (1 + e^-a), f'(a) = f(a) f(-a).

    Both f(a) and f(-a) are formed by the same few operations on [a, -a], so that the slope keeps all
    its digits where h (1 - h) would have lost them (at a = 40, h is 1 to the last bit). Beyond
    |a| = 709.78 the exponential overflows to infinity and the smaller of the two is 0, which differs
    from the true value by less than 1e-308.
    """
    if value.size >= MANY:
        _sigmoid_of_many(slope, value)
        return
    np.negative(slope, value)
    np.exp(pair, pair)
    np.add(pair, _ONE, pair)
    np.divide(_ONE, pair, pair)  # [f(-a), f(a)]
    np.multiply(slope, value, slope)


def _sigmoid_of_many(slope: Array, value: Array) -> None:
    """`sigmoid` with one exponential for each entry: f(-a) = e^-a f(a), with e^-a kept finite."""
    np.negative(slope, value)
    if not value.max() <= _FARTHEST:  # false for a nan too; faster than clipping always
        np.minimum(value, _FARTHEST, out=value)
    np.exp(value, slope)
    np.add(slope, _ONE, value)
    np.divide(_ONE, value, value)
    np.multiply(slope, value, slope)
    np.multiply(slope, value, slope)


def tanh(pair: Array, slope: Array, value: Array) -> None:
    """Hyperbolic tangent, with the slope 1 / cosh(a)^2, which keeps digits that 1 - f(a)^2 loses.

    Beyond |a| = 355 the square overflows and the slope is 0; its true value is below 1e-307.
    """
    np.tanh(slope, value)
    np.cosh(slope, slope)
    np.multiply(slope, slope, slope)
    np.divide(_ONE, slope, slope)


def relu(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = max(a, 0), f'(a) = 1 right of 0 and 0 elsewhere, also at the kink."""
    np.maximum(slope, _ZERO, out=value)
    np.greater(slope, _ZERO, slope)


def leaky_relu(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = a right of 0 and 0.01 a elsewhere; f'(a) is 1 or 0.01, and 0.01 at the kink.

    Maas, Hannun & Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).
    """
    np.multiply(slope, _LEAK, value)
    np.maximum(slope, value, out=value)
    np.greater(slope, _ZERO, slope)
    np.maximum(slope, _LEAK, out=slope)


def softplus(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = log(1 + e^a), f'(a) = 1 / (1 + e^-a); Glorot, Bordes & Bengio (2011)."""
    np.logaddexp(slope, _ZERO, value)
    np.negative(slope, slope)
    np.exp(slope, slope)
    np.add(slope, _ONE, slope)
    np.divide(_ONE, slope, slope)


def identity(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = a, f'(a) = 1: a linear network, for comparison."""
    np.copyto(value, slope)
    slope.fill(1.0)


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "softplus": softplus,
    "identity": identity,
}
