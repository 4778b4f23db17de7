"""Tables for the exponential and the logarithm, computed once with `decimal`, alike on every machine.

A number needed more exactly than float64 holds it is kept as a pair whose sum it is: a first part, and a
second one far smaller.
"""

from decimal import Context, Decimal, localcontext

STEPS = 128
"""A power of two, so that 2^(k / STEPS) is a table entry times a power of two."""

_GRID = 1 << 42
"""Multiples of 1 / _GRID below 2^10 add without rounding: 52 bits hold them."""

# The logarithm's intervals are centred at j / STEPS, and cover [sqrt(1/2), sqrt(2)].
FIRST = 90
_LAST = 182


def _on_grid(value: Decimal) -> tuple[float, float]:
    """A number as a multiple of 1 / _GRID and the rest."""
    first = round(value * _GRID) / _GRID
    return first, float(value - Decimal(first))


def _nearest(value: Decimal) -> tuple[float, float]:
    """A number as the nearest float64 and the rest."""
    first = float(value)
    return first, float(value - Decimal(first))


def _roots_of_two() -> list[tuple[float, float]]:
    """2^(j / STEPS) for j from 0 to STEPS - 1."""
    ratio = Decimal(2)
    for _ in range(STEPS.bit_length() - 1):
        ratio = ratio.sqrt()
    powers = [Decimal(1)]
    while len(powers) < STEPS:
        powers.append(powers[-1] * ratio)
    return [_nearest(power) for power in powers]


with localcontext(Context(prec=50)):
    _LN2 = Decimal(2).ln()
    _POWERS = _roots_of_two()
    STEP, STEP_REST = _on_grid(_LN2 / STEPS)
    """ln 2 / STEPS; the first part has 35 bits, so that 2^18 times it is exact."""
    STEPS_PER_ONE = float(STEPS / _LN2)
    LN2, LN2_REST = _on_grid(_LN2)
    # 11 bits each, so that a product with half of a float64's bits is exact; exactly 1 at the centre 1.
    RECIPROCALS = [round(1024 * STEPS / j) / 1024 for j in range(FIRST, _LAST + 1)]
    _LOGS = [_on_grid(-Decimal(c).ln()) for c in RECIPROCALS]
    SQRT_HALF = float(Decimal("0.5").sqrt())

ROOTS = [first for first, _ in _POWERS]
ROOTS_REST = [rest for _, rest in _POWERS]
LOGS = [first for first, _ in _LOGS]
LOGS_REST = [rest for _, rest in _LOGS]

_REACH = 540
POWERS_OF_TWO = [1.0]
"""Entry k is 2^k: from 0 to _REACH at the front, negative ones from the back."""
for _ in range(_REACH):
    POWERS_OF_TWO.append(2.0 * POWERS_OF_TWO[-1])
POWERS_OF_TWO += [1.0 / power for power in POWERS_OF_TWO[:0:-1]]
