"""A figure over repeats: its mean, standard deviation and quantiles."""

from dataclasses import dataclass
from math import nan

import numpy as np

from irisbp.nn.types import Array

QUANTILES = {
    "min": 0.0,
    "quantile_05": 0.05,
    "quantile_25": 0.25,
    "median": 0.5,
    "quantile_75": 0.75,
    "quantile_95": 0.95,
    "max": 1.0,
}


@dataclass(frozen=True)
class Spread:
    """A figure over repeats: n runs that have it, their mean, sd (n - 1) and quantiles, or nan.

    NumPy's, not pandas' own of a group: those sum otherwise, and are nan near the end of float64.
    """

    n: int
    mean: float
    sd: float
    quantiles: tuple[float, ...]

    @classmethod
    def of(cls, values: Array) -> "Spread":
        """Describe values, an array or a Series (n,); those that are not numbers are left out."""
        known = np.asarray(values)
        known = known[~np.isnan(known)]
        if not len(known):
            return cls(0, nan, nan, (nan,) * len(QUANTILES))
        with np.errstate(all="ignore"):  # a figure may be infinite
            mean, sd = mean_and_sd(known)
            quantiles = np.quantile(known, list(QUANTILES.values())).tolist()
        return cls(len(known), mean, sd, tuple(quantiles))


def mean_and_sd(values: Array) -> tuple[float, float]:
    """Of values (n,), scaled by a power of two, which changes no digit and lets no sum or square overflow."""
    _, exponent = np.frexp(np.abs(values).max())
    scaled = np.ldexp(values, -exponent)
    sd = scaled.std(ddof=1) if len(values) > 1 else nan
    return float(np.ldexp(scaled.mean(), exponent)), float(np.ldexp(sd, exponent))
