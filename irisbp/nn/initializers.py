"""Initial parameters, drawn in the article's order.

Layer by layer and node by node: a node's incoming weights in input order, then its bias. With n the
layer's fan_in, m its fan_out and a gain g:

    glorot_uniform  +-g sqrt(6 / (n + m))       glorot_normal  sd g sqrt(2 / (n + m))
    he_uniform      +-g sqrt(6 / n)             he_normal      sd g sqrt(2 / n)
                                                lecun_normal   sd g sqrt(1 / n)
"""

from collections.abc import Callable
from math import inf, isfinite, sqrt

import numpy as np

from irisbp.nn.network import Network
from irisbp.nn.random import Draws
from irisbp.nn.types import Array

Sampler = Callable[[Draws, int, int, tuple[int, int]], Array]


def normal(*, sd: float = 1.0) -> Sampler:
    """Normal with mean 0 and standard deviation sd > 0, for layers of any width."""
    return lambda draws, fan_in, fan_out, size: draws.normal(0.0, sd, size)


def uniform(*, limit: float = 1.0) -> Sampler:
    """Uniform in (-limit, limit), limit > 0, for layers of any width."""
    return lambda draws, fan_in, fan_out, size: _uniform(draws, limit, size)


def zeros() -> Sampler:
    """All zeros. The nodes of a hidden layer then stay equal throughout training."""
    return lambda draws, fan_in, fan_out, size: np.zeros(size)


def constant(*, value: float = 0.1) -> Sampler:
    """One value for all; the nodes of a hidden layer stay equal, as with zeros."""
    return lambda draws, fan_in, fan_out, size: np.full(size, value)


def _scaled(distribution: str, scale: float, fan: Callable[[int, int], int]) -> Callable[..., Sampler]:
    """An initializer with variance gain^2 * scale / fan(fan_in, fan_out), gain > 0."""

    def with_gain(*, gain: float = 1.0) -> Sampler:
        def draw(draws: Draws, fan_in: int, fan_out: int, size: tuple[int, int]) -> Array:
            if distribution == "normal":
                return draws.normal(0.0, gain * sqrt(scale / fan(fan_in, fan_out)), size)
            limit = gain * sqrt(3.0 * scale / fan(fan_in, fan_out))
            return _uniform(draws, limit, size)

        return draw

    return with_gain


def _uniform(draws: Draws, limit: float, size: tuple[int, int]) -> Array:
    """Uniform in (-limit, limit); all infinite if the width of that range overflows."""
    return draws.uniform(-limit, limit, size) if isfinite(2.0 * limit) else np.full(size, inf)


def _both(fan_in: int, fan_out: int) -> int:
    return fan_in + fan_out


def _in(fan_in: int, fan_out: int) -> int:
    return fan_in


INITIALIZERS: dict[str, Callable[..., Sampler]] = {
    "normal": normal,
    "uniform": uniform,
    # Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks"
    # (2010), equation 12 for the variance, 16 for the uniform form: +-sqrt(6 / (fan_in + fan_out)).
    "glorot_uniform": _scaled("uniform", 2.0, _both),
    "glorot_normal": _scaled("normal", 2.0, _both),
    # He et al., "Delving deep into rectifiers" (2015), equation 10. The normal is not truncated.
    "he_uniform": _scaled("uniform", 2.0, _in),
    "he_normal": _scaled("normal", 2.0, _in),
    # LeCun, Bottou, Orr & Mueller, "Efficient BackProp" (1998), equation 16. Not truncated.
    "lecun_normal": _scaled("normal", 1.0, _in),
    "zeros": zeros,
    "constant": constant,
}


def initial_parameters(network: Network, sampler: Sampler, draws: Draws, *, draw_biases: bool) -> Array:
    """A new flat vector of parameters; biases drawn like their layer's weights, or zeros.

    Entries are not finite where the sampler's numbers overflow float64.
    """
    vector = np.zeros(network.parameter_count)
    for layer, block in zip(network.layers, network.blocks(vector), strict=True):
        incoming = layer.fan_in + 1 if draw_biases else layer.fan_in
        values = sampler(draws, layer.fan_in, layer.fan_out, (layer.fan_out, incoming))
        block[:incoming] = values.T
    return vector
