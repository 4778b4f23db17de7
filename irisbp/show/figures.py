"""Numbers as people read them."""

from collections.abc import Sequence
from math import isfinite, isnan

_DIGITS = 6  # behind the point
_LEAST, _MOST = 1e-5, 1e6  # that are written without an exponent: with two digits at least


def loss_text(loss: float) -> str:
    """A loss in about eight characters, whatever its size."""
    return f"{loss:.6f}" if loss == 0 or 1e-3 <= loss < 1e6 else f"{loss:.2e}"


def in_one_notation(values: Sequence[float], *, by_largest: bool = False) -> list[str]:
    """The numbers of a column, all with an exponent or all without; a dash for those that are not numbers.

    Without an exponent if that leaves the smallest two digits (with by_largest: the largest, where the
    smallest are only near to 0) and the largest is not too long.
    """
    sizes = [abs(value) for value in values if isfinite(value) and value]
    smallest, largest = min(sizes, default=1.0), max(sizes, default=1.0)
    is_short = (largest if by_largest else smallest) >= _LEAST and largest < _MOST
    form = f".{_DIGITS}f" if is_short else ".3e"
    return ["-" if isnan(value) else format(value, form) for value in values]


def counted(count: int, noun: str) -> str:
    """A number of things, such as `3 paths` or `1 path`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def short(value: float) -> str:
    """A figure of which only the size matters."""
    return f"{value:.1e}" if isfinite(value) and value else "0" if not value else "inf"
