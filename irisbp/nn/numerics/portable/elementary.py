"""Exponential and logarithm of a number or of every entry of an array, within 1 ulp of the true value.

Both reduce their argument with a table (Tang, "Table-driven implementation of the exponential function in
IEEE floating-point arithmetic", 1989, and of the logarithm, 1990) to one so small that a short polynomial
suffices. Table entries and the reduced argument are pairs of numbers: the second holds the digits beyond the
first one's 53 bits, and is added before the last rounding. A number and an array go through the same
operations, so that they get the same bits.
"""

from math import frexp, inf, nan
from typing import TypeVar

import numpy as np

from irisbp.nn.numerics.portable import tables
from irisbp.nn.numerics.portable.sizes import FEW_NUMBERS
from irisbp.nn.numerics.portable.tables import LN2, LN2_REST, SQRT_HALF, STEP, STEP_REST, STEPS, STEPS_PER_ONE
from irisbp.nn.types import Array, Indices

_Real = TypeVar("_Real", float, Array)

# Adding and subtracting this rounds to an integer: between 2^52 and 2^53 float64 has only integers.
_TO_INTEGER = 1.5 * (1 << 52)
# Likewise for multiples of 2^-26.
_TO_HALF = 1.5 * (1 << 26)

_HIGHEST, _LOWEST = 710.0, -746.0  # beyond these e^x is infinity or 0
_LEAST = -540  # the least power of two in the table; adding a smaller number to 1 leaves 1

_ROOTS, _ROOTS_REST = np.array(tables.ROOTS), np.array(tables.ROOTS_REST)
_POWERS_OF_TWO = np.array(tables.POWERS_OF_TWO)
_RECIPROCALS = np.array(tables.RECIPROCALS)
_LOGS, _LOGS_REST = np.array(tables.LOGS), np.array(tables.LOGS_REST)


def exp(x: float) -> float:
    """e^x; infinity above 709.78, 0 below -745.13."""
    if not _LOWEST < x < _HIGHEST:
        return x if x != x else (0.0 if x < 0.0 else inf)
    count, rest = _in_steps(x)
    whole, j = divmod(int(count), STEPS)
    half = whole >> 1
    powers = tables.POWERS_OF_TWO
    value = _near_root(tables.ROOTS[j], tables.ROOTS_REST[j], _expm1_series(rest))
    return value * powers[half] * powers[whole - half]


def exp_each(x: Array) -> Array:
    """e^x of every entry."""
    if x.size <= FEW_NUMBERS:
        return np.array(list(map(exp, x.ravel().tolist()))).reshape(x.shape)
    count, rest = _in_steps(np.fmin(np.fmax(x, _LOWEST), _HIGHEST))
    steps: Indices = count.astype(np.int64)
    j, whole = steps & (STEPS - 1), steps >> (STEPS.bit_length() - 1)
    half = whole >> 1
    value = _near_root(_ROOTS[j], _ROOTS_REST[j], _expm1_series(rest))
    value *= _POWERS_OF_TWO[half]
    value *= _POWERS_OF_TWO[whole - half]
    return np.where(np.isnan(x), x, value)


def exp_into(x: Array, out: Array) -> None:
    """e^x of every entry, into out."""
    out[...] = exp_each(x)


def expm1_each(x: Array) -> Array:
    """e^x - 1 of every entry x <= 0."""
    count, rest = _in_steps(np.fmax(x, _LOWEST))
    steps: Indices = count.astype(np.int64)
    j, whole = steps & (STEPS - 1), steps >> (STEPS.bit_length() - 1)
    scale = _POWERS_OF_TWO[np.maximum(whole, _LEAST)]
    small = _expm1_series(rest)
    value = _less_one(scale, _ROOTS[j], _ROOTS_REST[j], small)
    return np.where(np.isnan(x), x, np.where(steps == 0, small, value))


def expm1(x: float) -> float:
    """e^x - 1 for x <= 0, within 2 ulp, with all digits near 0."""
    if not x > _LOWEST:
        return x if x != x else -1.0
    count, rest = _in_steps(x)
    small = _expm1_series(rest)
    if not count:
        return small
    whole, j = divmod(int(count), STEPS)
    scale = tables.POWERS_OF_TWO[max(whole, _LEAST)]
    return _less_one(scale, tables.ROOTS[j], tables.ROOTS_REST[j], small)


def _in_steps(x: _Real) -> tuple[_Real, _Real]:
    """`x` as a whole number of steps of ln 2 / STEPS and a rest of at most half a step.

    count * STEP is exact, since they have 18 and 35 bits, and so is its difference from x, which is a
    multiple of 2^-60 or of x's own last bit, and below 2^-7.
    """
    count = (x * STEPS_PER_ONE + _TO_INTEGER) - _TO_INTEGER
    return count, (x - count * STEP) - count * STEP_REST


def _expm1_series(r: _Real) -> _Real:
    """e^r - 1 for |r| <= 0.0028, to r^6: the terms left out are below 2^-63 r."""
    r3 = 1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720)))
    return r + r * r * (0.5 + r * r3)


def _near_root(root: _Real, rest: _Real, small: _Real) -> _Real:
    """(root + rest) (1 + small), where rest and small are far below 1."""
    return root + (rest + root * small)


def _less_one(scale: _Real, root: _Real, rest: _Real, small: _Real) -> _Real:
    """`scale (root + rest) (1 + small) - 1`, whose first difference is exact where digits cancel."""
    return (scale * root - 1.0) + scale * (rest + root * small)


def log(x: float) -> float:
    """The natural logarithm; -infinity at 0, nan below."""
    return _log(x, 0.0)


def log1p(x: float) -> float:
    """log(1 + x), with all digits near 0."""
    near = 1.0 + x
    # The rounding error of 1 + x, exactly: the larger of the two is subtracted first.
    return _log(near, x - (near - 1.0) if x < 1.0 else 1.0 - (near - x))


def log1p_each(x: Array) -> Array:
    """log(1 + x) of every entry."""
    if x.size <= FEW_NUMBERS:
        return np.array(list(map(log1p, x.ravel().tolist()))).reshape(x.shape)
    near = 1.0 + x
    lost = np.where(x < 1.0, x - (near - 1.0), 1.0 - (near - x))
    usual = (near > 0.0) & (near < inf)
    near = np.where(usual, near, 1.0)
    fraction, exponent = np.frexp(near)
    below = fraction < SQRT_HALF
    fraction, exponent = np.where(below, 2.0 * fraction, fraction), exponent - below
    at = (fraction * STEPS + 0.5).astype(np.int64) - tables.FIRST
    beside = _LOGS_REST[at] + exponent * LN2_REST + np.where(usual, lost, 0.0) / near
    value = _near_log(fraction, _RECIPROCALS[at], exponent * LN2 + _LOGS[at], beside)
    return value if usual.all() else _unusual(value, x)


def _unusual(value: Array, x: Array) -> Array:
    """`value` with log(1 + x) put in where x is outside (-1, infinity)."""
    value = np.where(x > -1.0, value, np.where(x == -1.0, -inf, nan))
    return np.where(np.isnan(x) | (x == inf), x, value)


def _log(x: float, lost: float) -> float:
    """log(x + lost), where lost is below half a last bit of x."""
    if not 0.0 < x < inf:
        return -inf if x == 0.0 else (x if x == inf else nan)
    fraction, exponent = frexp(x)
    if fraction < SQRT_HALF:
        fraction, exponent = 2.0 * fraction, exponent - 1
    at = int(fraction * STEPS + 0.5) - tables.FIRST
    beside = tables.LOGS_REST[at] + exponent * LN2_REST + lost / x
    return _near_log(fraction, tables.RECIPROCALS[at], exponent * LN2 + tables.LOGS[at], beside)


def _near_log(fraction: _Real, reciprocal: _Real, known: _Real, beside: _Real) -> _Real:
    """`known + beside + log(fraction * reciprocal)`, whose product is within 0.007 of 1.

    With r that product less 1, formed from two exact products, known + r is rounded with its error kept.
    known is exact and 0 or larger than r.
    """
    half = (fraction + _TO_HALF) - _TO_HALF
    most, least = half * reciprocal - 1.0, (fraction - half) * reciprocal
    r = most + least
    total = known + r
    series = r * (1 / 5 + r * (-1 / 6 + r * (1 / 7 + r * (-1 / 8 + r * (1 / 9)))))
    series = r * r * (-0.5 + r * (1 / 3 + r * (-0.25 + series)))
    return total + (((known - total) + r) + (((most - r) + least) + (beside + series)))


def power(base: float, exponent: float) -> float:
    """base^exponent for a base in [0, 1] and an exponent from 0, within some ulps of 1; 0^0 is 1."""
    return exp(exponent * log(base)) if exponent else 1.0


def cos(x: float) -> float:
    """The cosine of x in [0, 3.15], within some ulps of 1: Taylor's series up to x^22 about the near end."""
    if x > 1.5707963267948966:
        return -cos(3.141592653589793 - x)
    square, value = x * x, 1.0
    for k in range(21, 0, -2):
        value = 1.0 - square / (k * (k + 1)) * value
    return value
