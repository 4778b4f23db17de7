"""Normal and uniform draws by inversion, from uniform numbers that are integers over a power of two."""

from math import sqrt

import numpy as np

from irisbp.nn.numerics.portable.elementary import log
from irisbp.nn.types import Array

_NEAREST_TO_ZERO = 1.0 / (1 << 54)

# Numerators and denominators of the three rational functions of AS 241's PPND16, the highest power first.
_MIDDLE = (
    (
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
    ),
    (
        5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0,
    ),
)  # fmt: skip
_OUTER = (
    (
        7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
        3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
        0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0,
    ),
)  # fmt: skip
_TAIL = (
    (
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386,
        0.026532189526576123093, 0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699,
        6.6579046435011037772,
    ),
    (
        2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5,
        7.868691311456132591e-4, 0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769,
        1.0,
    ),
)  # fmt: skip


def normal_quantile(p: float) -> float:
    """The standard normal's quantile at 0 < p < 1: the x that a draw falls below with probability p.

    Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (1988), PPND16, which
    R uses too; about 16 digits.
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        return _ratio(_MIDDLE, 0.180625 - q * q, q)
    r = sqrt(-log(p if q < 0.0 else 1.0 - p))
    x = _ratio(_OUTER, r - 1.6) if r <= 5.0 else _ratio(_TAIL, r - 5.0)
    return -x if q < 0.0 else x


def _ratio(function: tuple[tuple[float, ...], tuple[float, ...]], r: float, factor: float = 1.0) -> float:
    numerator, denominator = (_polynomial(coefficients, r) for coefficients in function)
    return numerator * factor / denominator


def _polynomial(coefficients: tuple[float, ...], r: float) -> float:
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * r + coefficient
    return value


class InversionDraws:
    """Draws for initial parameters from the uniform numbers of a NumPy stream, by inversion.

    NumPy's own normal draws use the machine's logarithm in the tails, and its uniform draws may be scaled
    with one rounding or two.
    """

    def __init__(self, uniforms: "np.random.Generator") -> None:
        self._uniforms = uniforms

    def normal(self, loc: float, scale: float, size: tuple[int, ...]) -> Array:
        """Normal draws with mean loc and standard deviation scale, in C order."""
        uniforms = np.fmax(self._uniforms.random(size), _NEAREST_TO_ZERO).ravel().tolist()
        return np.array([loc + scale * normal_quantile(u) for u in uniforms]).reshape(size)

    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> Array:
        """Uniform draws from low to high, in C order."""
        return low + (high - low) * self._uniforms.random(size)
