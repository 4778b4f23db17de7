"""The error of a number that was computed in float64, estimated by computing it again.

Each time, the result of every operation is moved by a unit in the last place, up or down at random. Rounding
may have changed the first outcome by as much as these differ (Vignes, "A stochastic arithmetic for reliable
scientific computation", 1993).
"""

from collections.abc import Callable
from dataclasses import replace
from math import inf, isnan
from random import Random

from irisbp.derivations.arithmetic import Arithmetic, N
from irisbp.errors import IrisbpError

_REPEATS = 6
_SAFETY = 32  # a random walk is shorter than the errors of a long expression in the worst case
ULP = 2.0**-52
_SMALLEST_NORMAL = 2.0**-1022


def rounding_error(value: float, compute: Callable[[Random], float], unit: float = 1.0) -> float:
    """An estimate of what rounding did to this value; inf if it has none.

    compute gives the same again with the results of its operations moved by this generator. unit is what the
    result was divided by at the end: digits that were lost below the smallest normal number grow by it.
    """
    random = Random(0)
    moved = [found for found in (_computed(compute, random) for _ in range(_REPEATS)) if found is not None]
    if not moved:
        return inf
    spread = max(abs(found - value) for found in moved)
    error = _SAFETY * max(spread, ULP * abs(value)) + _SMALLEST_NORMAL / unit
    return inf if isnan(error) else error


def shaken(arithmetic: Arithmetic[N], random: Random) -> Arithmetic[N]:
    """The arithmetic with a unit in the last place added to each result, or subtracted, at random."""

    def move(part: float) -> float:
        return part * (1 + random.choice((ULP, -ULP)))

    def moved(operation: Callable[..., N]) -> Callable[..., N]:
        return lambda *operands: arithmetic.each(operation(*operands), move)

    operations = {name: moved(operation) for name, operation in arithmetic.operations.items()}
    return replace(arithmetic, operations=operations)


def _computed(compute: Callable[[Random], float], random: Random) -> float | None:
    try:
        return compute(random)
    except IrisbpError:  # an exponent that is no longer whole, or a number that leaves the range
        return None
