"""The two numerics, side by side: every function in which native and portable differ.

Native numerics take exponentials, logarithms, sums and matrix products from NumPy and the machine's
libraries, which may round them differently from machine to machine. Portable numerics form them from
correctly rounded operations in a fixed order. Operations not named here are correctly rounded in both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from math import isfinite

import numpy as np

from irisbp.nn import losses
from irisbp.nn.activations import ACTIVATIONS, Activation
from irisbp.nn.optimizers import OPTIMIZERS, Optimizer, native_norm
from irisbp.nn.random import SOURCES, NumpySource, RSource, Source
from irisbp.nn.schedules import SCHEDULES, Schedule
from irisbp.nn.types import Array, Indices


@dataclass(frozen=True)
class Numerics:
    """The functions that one of the two numerics consists of.

    dot writes a product of matrices into its third argument. sample_loss(logits, delta) makes the loss of
    single samples, see `losses.SampleCrossEntropy`. mean is that of (n,), finite if they are, even where
    their sum is not; mean_and_sd are those of the columns of (rows, columns); norm is that of (parameters,).
    """

    activations: Mapping[str, Activation]
    dot: Callable[[Array, Array, Array], Array]
    sample_loss: Callable[[Array, Array], Callable[[int], tuple[float, int]]]
    cross_entropy: Callable[..., tuple[Array, Indices]]
    softmax: Callable[[Array], Array]
    mean: Callable[[Array], float]
    mean_and_sd: Callable[[Array], tuple[Array, Array]]
    norm: Callable[[Array], float]
    optimizers: Mapping[str, Callable[..., Optimizer]]
    schedules: Mapping[str, Callable[..., Schedule]]
    sources: Mapping[str, Callable[[int], Source]]


def _mean(values: Array) -> float:
    with np.errstate(all="ignore"):
        mean = float(values.mean())
        return mean if isfinite(mean) else float((values / len(values)).sum())


def _mean_and_sd(values: Array) -> tuple[Array, Array]:
    mean = values.mean(axis=0)
    mean += (values - mean).mean(axis=0)  # its rounding error may exceed a nearly constant column's sd
    apart = values - mean
    rest = apart.mean(axis=0)  # of a column far from 0, the mean may lie between two numbers
    apart *= apart
    squares = np.maximum(apart.sum(axis=0) - len(values) * rest * rest, 0.0)
    return mean, np.sqrt(squares / (len(values) - 1))


NATIVE = Numerics(
    activations=ACTIVATIONS,
    dot=np.ndarray.dot,
    sample_loss=losses.SampleCrossEntropy,
    cross_entropy=losses.cross_entropy,
    softmax=losses.softmax,
    mean=_mean,
    mean_and_sd=_mean_and_sd,
    norm=native_norm,
    optimizers=OPTIMIZERS,
    schedules=SCHEDULES,
    sources=SOURCES,
)


def numerics_of(numerics: str) -> Numerics:
    """The functions of `native` or `portable` numerics."""
    return NATIVE if numerics == "native" else _portable()


@cache
def _portable() -> Numerics:
    # Loading these takes about 17 ms, half of it for computing tables; native runs do without.
    from irisbp.nn.numerics.portable import activations, draws, elementary, sums

    functions = losses.Functions(elementary.exp_into, elementary.log1p, elementary.log1p_each)
    return Numerics(
        activations=activations.PORTABLE_ACTIVATIONS,
        dot=sums.dot,
        sample_loss=partial(losses.SampleCrossEntropy, functions=functions),
        cross_entropy=partial(losses.cross_entropy, functions=functions),
        softmax=partial(losses.softmax, functions=functions),
        mean=sums.mean,
        mean_and_sd=sums.mean_and_sd,
        norm=sums.norm,
        optimizers=OPTIMIZERS
        | {name: partial(OPTIMIZERS[name], power=elementary.power) for name in ("adam", "adamw", "nadam")},
        schedules=SCHEDULES
        | {name: partial(SCHEDULES[name], power=elementary.power) for name in ("step", "exponential")}
        | {"cosine": partial(SCHEDULES["cosine"], cos=elementary.cos)},
        sources={
            "numpy": partial(NumpySource, draws=draws.InversionDraws),
            "r": partial(RSource, quantile=draws.normal_quantile),
        },
    )
