"""Quantiles of Student's t, for confidence intervals of a mean."""

from functools import cache
from math import exp, lgamma, log, log1p
from statistics import NormalDist

_TINY = 1e-300
_MOST_TERMS = 10_000
_LARGE = 40.0
_NEARLY_NORMAL = 10_000  # degrees of freedom
# Of log(Gamma(a + 1/2) / Gamma(a)) - log(a) / 2, in odd powers of 1/a: from Stirling's series.
_SERIES = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432)


@cache
def t_upper_quantile(tail: float, degrees: int) -> float:
    """The number that Student's t of 1 or more degrees of freedom exceeds with this probability.

    tail is above 0 and at most 0.5; however small, it keeps its digits, which 1 - tail would lose. By
    bisection of the distribution, to the last digits of float64.
    """
    if degrees >= _NEARLY_NORMAL:
        return _near_the_normal(-NormalDist().inv_cdf(tail), degrees)
    low, high = 0.0, 1.0
    while _upper_tail(high, degrees) > tail:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        if _upper_tail(middle, degrees) > tail:
            low = middle
        else:
            high = middle
    return high


def _near_the_normal(z: float, degrees: int) -> float:
    """The quantile of t from the normal one of the same tail: Abramowitz & Stegun, 26.7.5."""
    square = z * z
    terms = (
        (square + 1) / 4,
        ((5 * square + 16) * square + 3) / 96,
        (((3 * square + 19) * square + 17) * square - 15) / 384,
        ((((79 * square + 776) * square + 1482) * square - 1920) * square - 945) / 92160,
    )
    return z * (1 + sum(term / float(degrees) ** k for k, term in enumerate(terms, 1)))


def _upper_tail(t: float, degrees: int) -> float:
    """The probability of more than t, for t from 0: Abramowitz & Stegun, 26.5.27 and 26.7.1."""
    return _incomplete_beta(degrees / 2, degrees / (degrees + t * t), t * t / (degrees + t * t)) / 2


def _incomplete_beta(a: float, x: float, rest: float) -> float:
    """The regularized incomplete beta function of a and 1/2 at x = 1 - rest, by a fraction that converges."""
    if x == 0 or rest == 0:
        return 0.0 if x == 0 else 1.0
    logarithm = _log_gamma_step(a) - lgamma(0.5)
    logarithm += a * (log1p(-rest) if rest < 0.5 else log(x))
    logarithm += 0.5 * (log1p(-x) if x < 0.5 else log(rest))
    front = exp(logarithm)
    if x < (a + 1) / (a + 2.5):
        return front * _fraction(a, 0.5, x) / a
    return 1 - front * _fraction(0.5, a, rest) / 0.5


def _log_gamma_step(a: float) -> float:
    """log(Gamma(a + 1/2) / Gamma(a)); of a large a, their logarithms would cancel."""
    if a < _LARGE:
        return lgamma(a + 0.5) - lgamma(a)
    return log(a) / 2 + sum(factor / a ** (2 * k + 1) for k, factor in enumerate(_SERIES))


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
