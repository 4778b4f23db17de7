"""Initial parameters, drawn in the article's order.

Layer by layer and node by node: a node's incoming weights in input order, then its bias.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

from irisbp.nn.network import Network
from irisbp.nn.random import Draws
from irisbp.nn.types import Array

Sampler = Callable[[Draws, int, int, tuple[int, int]], Array]


def normal(*, sd: float = 1.0) -> Sampler:
    """Normal with mean 0 and standard deviation sd > 0, whatever the layer's widths."""

    def draw(draws: Draws, fan_in: int, fan_out: int, size: tuple[int, int]) -> Array:
        return draws.normal(0.0, sd, size)

    return draw


def glorot_uniform(*, gain: float = 1.0) -> Sampler:
    """Uniform in (-l, l) with l = gain * sqrt(6 / (fan_in + fan_out)), gain > 0.

    Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks"
    (2010), equation 16.
    """

    def draw(draws: Draws, fan_in: int, fan_out: int, size: tuple[int, int]) -> Array:
        limit = gain * sqrt(6.0 / (fan_in + fan_out))
        return draws.uniform(-limit, limit, size)

    return draw


INITIALIZERS: dict[str, Callable[..., Sampler]] = {
    "normal": normal,
    "glorot_uniform": glorot_uniform,
}


def initial_parameters(network: Network, sampler: Sampler, draws: Draws, *, draw_biases: bool) -> Array:
    """A new flat vector of parameters; biases drawn like their layer's weights, or zeros."""
    vector = np.zeros(network.parameter_count)
    for layer, block in zip(network.layers, network.blocks(vector), strict=True):
        incoming = layer.fan_in + 1 if draw_biases else layer.fan_in
        values = sampler(draws, layer.fan_in, layer.fan_out, (layer.fan_out, incoming))
        block[:incoming] = values.T
    return vector
