"""Computes one gradient by the chain rule: a product for every path from the parameter to the loss.

A path starts at the parameter's node and crosses one node of each layer above, up to an output. Its factors
are partial derivatives: the input, each node's slope, each weight that is crossed, and p - y.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from math import fsum, prod

import numpy as np

from irisbp.explanations.naming import Parameter
from irisbp.explanations.worked import Numbers
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.types import Array

MOST_PATHS = 1000


@dataclass(frozen=True)
class Factor:
    """A partial derivative d `of` / d `by`; called is its name in the network."""

    of: str
    by: str
    called: str
    value: float


@dataclass(frozen=True)
class Path:
    """nodes, one of each layer from the parameter's own to the output; the factors, and their product."""

    nodes: tuple[int, ...]
    factors: tuple[float, ...]

    @property
    def product(self) -> float:
        """All factors multiplied, from the parameter to the loss."""
        return prod(self.factors)


@dataclass(frozen=True)
class Chain:
    """All paths of a parameter: how many, their sum, and the sum of their magnitudes.

    Of more than MOST_PATHS paths, paths and factors are empty: they are summed a layer at a time.
    """

    parameter: Parameter
    count: int
    factors: list[Factor]
    paths: list[Path]
    total: float
    magnitude: float


def sum_name(network: Network, depth: int, node: int) -> str:
    """The name of a node's weighted sum."""
    return f"{network.layers[depth].name}.sum[{node}]" if depth < len(network.hidden) else f"logit[{node}]"


def activation_name(network: Network, depth: int, node: int) -> str:
    """The name of a hidden node's activation."""
    return f"{network.layers[depth].name}.activation[{node}]"


def input_name(parameter: Parameter) -> str:
    """The name of the number that a parameter multiplies."""
    if parameter.source is None:
        return "1"
    if parameter.depth == 0:
        return f"x[{parameter.source}]"
    return activation_name(parameter.network, parameter.depth - 1, parameter.source)


def count_paths(parameter: Parameter) -> int:
    """The number of paths from the parameter to the loss."""
    return prod(layer.fan_out for layer in parameter.network.layers[parameter.depth + 1 :])


def chain_of(parameter: Parameter, parameters: Array, numbers: Numbers) -> Chain:
    """The chain at one sample's numbers and these parameters."""
    count = count_paths(parameter)
    start = 1.0
    if parameter.source is not None:
        start = float(numbers.inputs_of(parameter.depth)[parameter.source])
    weights = [block[:-1] for block in parameter.network.blocks(parameters)]
    if count > MOST_PATHS:
        total, magnitude = (_carried(parameter, weights, numbers, start, size) for size in (False, True))
        return Chain(parameter, count, [], [], total, magnitude)
    paths = list(_paths(parameter, weights, numbers, start))
    products = [path.product for path in paths]
    factors = list(_factors(parameter, weights, numbers, start))
    return Chain(parameter, count, factors, paths, fsum(products), fsum(map(abs, products)))


def _paths(parameter: Parameter, weights: list[Array], numbers: Numbers, start: float) -> Iterator[Path]:
    depth, layers = parameter.depth, parameter.network.layers
    for above in product(*(range(layer.fan_out) for layer in layers[depth + 1 :])):
        nodes, factors = (parameter.node, *above), [start]
        for k, (here, there) in enumerate(pairwise(nodes), depth):
            factors += [float(numbers.hidden[k].slopes[here]), float(weights[k + 1][here, there])]
        yield Path(nodes, (*factors, float(numbers.by_logit[nodes[-1]])))


def _carried(parameter: Parameter, weights: list[Array], numbers: Numbers, start: float, size: bool) -> float:
    """The sum of all products, or of their magnitudes, a layer at a time, common factors taken out.

    The change of the parameter's sum is carried up to the logits, the opposite direction of backpropagation.
    """
    of = np.abs if size else np.asarray
    change = np.zeros(parameter.layer.fan_out)
    change[parameter.node] = abs(start) if size else start
    with fixed_threads(parameter.network, 1):
        for k in range(parameter.depth, len(numbers.hidden)):
            change = (change * of(numbers.hidden[k].slopes)) @ of(weights[k + 1])
        return float(change @ of(numbers.by_logit))


def _factors(parameter: Parameter, weights: list[Array], numbers: Numbers, start: float) -> Iterator[Factor]:
    """Every partial derivative that a path may cross, each once, from the parameter to the loss."""
    network, nodes = parameter.network, [parameter.node]
    yield Factor(
        sum_name(network, parameter.depth, parameter.node), parameter.name, input_name(parameter), start
    )
    for depth in range(parameter.depth, len(numbers.hidden)):
        above = network.layers[depth + 1]
        for j in nodes:
            value = float(numbers.hidden[depth].slopes[j])
            names = activation_name(network, depth, j), sum_name(network, depth, j)
            yield Factor(*names, f"slope of {network.activation}", value)
        for j in nodes:
            for k in range(above.fan_out):
                names = sum_name(network, depth + 1, k), activation_name(network, depth, j)
                yield Factor(*names, f"{above.name}.weight[{j},{k}]", float(weights[depth + 1][j, k]))
        nodes = list(range(above.fan_out))
    for k in nodes:
        yield Factor("loss", f"logit[{k}]", f"p[{k}] - y[{k}]", float(numbers.by_logit[k]))
