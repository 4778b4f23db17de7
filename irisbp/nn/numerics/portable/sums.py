"""Sums and products of matrices in a fixed order.

`np.add.accumulate` has a fixed order by definition: each of its results is the one before plus the next term.
`np.sum` and matrix products may add their terms in any order. `math.fsum` is correctly rounded, and therefore
the same in any order.
"""

from math import fsum, inf, sqrt

import numpy as np

from irisbp.nn.numerics.portable.sizes import AT_ONCE, FEW_RESULTS
from irisbp.nn.types import Array


def dot(left: Array, right: Array, out: Array) -> Array:
    """The product of (rows, n) and (n, columns) into out (rows, columns), terms added from the first on."""
    if right.shape[0] == 1:
        return np.multiply(left, right, out)
    return _one_by_one(left, right, out) if out.size > FEW_RESULTS else _many_at_once(left, right, out)


def _one_by_one(left: Array, right: Array, out: Array) -> Array:
    products = np.empty_like(out)
    np.multiply(left[:, :1], right[0], out)
    for k in range(1, len(right)):
        np.multiply(left[:, k : k + 1], right[k], products)
        np.add(out, products, out)
    return out


def _many_at_once(left: Array, right: Array, out: Array) -> Array:
    by_term, right_by_term = left.T[:, :, np.newaxis], right[:, np.newaxis, :]
    most = AT_ONCE // out.size
    for start in range(0, len(right), most):
        products = by_term[start : start + most] * right_by_term[start : start + most]
        if start:
            np.add(out, products[0], products[0])
        np.add.accumulate(products, 0, None, products)  # (terms, rows, columns)
        out[...] = products[-1]
    return out


def mean(values: Array) -> float:
    """The mean of values (n,), rounded twice; finite if they are."""
    total = _total(values)
    return total / len(values) if total != inf else _total(values / len(values))


def mean_and_sd(values: Array) -> tuple[Array, Array]:
    """Each column's mean and its standard deviation with ddof 1, for values (rows, columns)."""
    means = np.array([mean(column) for column in values.T])
    apart = values - means
    squares = np.array([_total(column) for column in (apart * apart).T])
    rest = np.array([mean(column) for column in apart.T])  # the mean may lie between two numbers
    squares = np.maximum(squares - len(values) * rest * rest, 0.0)
    return means, np.sqrt(squares / (len(values) - 1.0))


def norm(values: Array) -> float:
    """The Euclidean norm of values (n,); infinity if a square overflows float64."""
    return sqrt(_total(values * values))


def _total(values: Array) -> float:
    try:
        return fsum(values.tolist())
    except (OverflowError, ValueError):  # an overflow on the way, or infinities of both signs
        return inf
