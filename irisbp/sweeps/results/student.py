"""Quantiles of Student's t, for confidence intervals of a mean."""

from functools import cache
from math import exp, lgamma, log, log1p, sqrt

_TINY = 1e-300
_MOST_TERMS = 10_000


@cache
def t_quantile(p: float, degrees: int) -> float:
    """The quantile of Student's t: of 1 or more degrees of freedom, it is below this with probability p.

    p is above 0 and below 1. By bisection of the distribution, to the last digits of float64.
    """
    if p < 0.5:
        return -t_quantile(1 - p, degrees)
    low, high = 0.0, 1.0
    while _upper_tail(high, degrees) > 1 - p:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        if _upper_tail(middle, degrees) > 1 - p:
            low = middle
        else:
            high = middle
    return high


def _upper_tail(t: float, degrees: int) -> float:
    """The probability of more than t, for t from 0: Abramowitz & Stegun, 26.5.27 and 26.7.1."""
    return _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t), t * t / (degrees + t * t)) / 2


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """The regularized incomplete beta function at x = 1 - rest, by the fraction that converges fast."""
    if x == 0 or rest == 0:
        return 0.0 if x == 0 else 1.0
    logarithm = lgamma(a + b) - lgamma(a) - lgamma(b)
    logarithm += a * (log1p(-rest) if rest < 0.5 else log(x)) + b * (log1p(-x) if x < 0.5 else log(rest))
    front = exp(logarithm)
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, rest) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function: DLMF 8.17.22, by Lentz's method."""
    d = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    c, value = 1.0, d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / _not_zero(1 + term * d), _not_zero(1 + term / c)
            change = d * c
            value *= change
        if abs(change - 1) < 1e-16:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def confidence_interval(mean: float, sd: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """The confidence interval of the expectation of n normal values, by their mean and sd; nan below two."""
    if n < 2:
        return float("nan"), float("nan")
    half = t_quantile((1 + level) / 2, n - 1) * (sd / sqrt(n))
    return mean - half, mean + half
