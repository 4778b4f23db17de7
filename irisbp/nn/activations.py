"""Activation functions, each with its slope, as ufunc code that works in place on any shape.

An activation is called with one C-contiguous array `pair` of shape (2, ...) and its two halves,
`slope = pair[0]` and `value = pair[1]`, which the caller makes once. On entry `slope` holds the
weighted sums a; on exit `value` holds f(a) and `slope` holds f'(a). The pair is what lets a function
and its complement share one pass over memory.
"""

from collections.abc import Callable

import numpy as np

from irisbp.nn.types import Array

Activation = Callable[[Array, Array, Array], None]

# A ufunc takes a 0-d array in half the time it takes to convert a Python float.
_ONE = np.array(1.0)


def sigmoid(pair: Array, slope: Array, value: Array) -> None:
    """f(a) = 1 / (1 + e^-a), f'(a) = f(a) f(-a).

    Both f(a) and f(-a) are formed by the same few operations on [a, -a], so that the slope keeps all
    its digits where h (1 - h) would have lost them (at a = 40, h is 1 to the last bit). Beyond
    |a| = 709.78 the exponential overflows to infinity and the smaller of the two is 0, which differs
    from the true value by less than 1e-308.
    """
    np.negative(slope, value)
    np.exp(pair, pair)
    np.add(pair, _ONE, pair)
    np.divide(_ONE, pair, pair)  # [f(-a), f(a)]
    np.multiply(slope, value, slope)


ACTIVATIONS: dict[str, Activation] = {"sigmoid": sigmoid}
