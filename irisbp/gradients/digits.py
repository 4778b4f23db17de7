"""Measures of agreement: the relative error of a number, and how many of its decimal digits are right."""

from math import inf, isfinite, log10

MOST_DIGITS = 16.0


def relative_error(error: float, size: float) -> float:
    """An absolute error divided by the size of the right number; inf if that is zero."""
    if error == 0.0:
        return 0.0
    return error / size if size else inf


def digits(relative_error: float) -> float:
    """The number of decimal digits that agree: 16, all that a float64 has, at the most."""
    if relative_error == 0.0:
        return MOST_DIGITS
    return min(MOST_DIGITS, max(0.0, -log10(relative_error))) if isfinite(relative_error) else 0.0
