"""Counts what the derivative of a whole graph costs: written out in full, and by the chain.

The graph: inputs, layers of sigmoid nodes, an output node per class, and the loss
log(sum_j exp(o_j)) - o_k. The derivative is that by one weight of the first layer. Written out, as the
article does it, every node's formula is repeated in full wherever it is used: nothing is computed once and
looked up twice. An operation is one + - * / or one evaluation of exp, log or sigmoid (whose slope is
written sigmoid(a) * (1 - sigmoid(a))). The chain is backpropagation: every node's value is kept, and one
delta per node is carried back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from irisbp.nn.network import Network

INPUTS, CLASSES = 4, 3  # of iris
DEPTHS, WIDTHS = (1, 2, 3, 4, 5), (2, 3, 4)


@dataclass(frozen=True)
class Growth:
    """Operations for one network: of one derivative written out, of the same by the chain, and of all."""

    layers: int
    width: int
    parameters: int
    written_out: int
    chain: int
    all_by_chain: int  # the derivatives by all parameters


def measure(depths: Sequence[int] = DEPTHS, widths: Sequence[int] = WIDTHS) -> list[Growth]:
    """Count the operations for each number of hidden layers and each width.

    `irisbp.show.derive.print_growth` shows the result as a table, `irisbp.show.plots.growth.draw_growth`
    as the bytes of a picture; `dataclasses.asdict` makes each row a JSON object.
    """
    return [_measured((width,) * depth) for depth in depths for width in widths]


def _measured(hidden: tuple[int, ...]) -> Growth:
    return Growth(
        layers=len(hidden),
        width=hidden[0],
        parameters=Network(INPUTS, hidden, CLASSES).parameter_count,
        written_out=written_out(INPUTS, hidden, CLASSES),
        chain=chain(INPUTS, hidden, CLASSES, only_one=True),
        all_by_chain=chain(INPUTS, hidden, CLASSES, only_one=False),
    )


def written_out(inputs: int, hidden: Sequence[int], classes: int) -> int:
    """The operations of the loss's derivative by hidden_1.weight[0,0], each formula in full.

    From layer to layer: a weighted sum of n terms and a bias takes n times (the term, a product and a
    sum). A node's slope is a chain of two copies of its sum. Its derivative is the slope times the sum,
    over all nodes below that depend on the weight, of weight times their derivative.
    """
    value = derivative = 0  # of an input
    fan_in, ways = inputs, 0
    for layer, width in enumerate(hidden):
        weighted_sum = fan_in * (value + 2)
        value = weighted_sum + 1
        slope = 2 * value + 2
        # The first layer's sum has the input itself as its derivative, later ones a sum over the ways.
        inner = 0 if layer == 0 else _sum_over_ways(ways, derivative)
        derivative = slope + 1 + inner
        fan_in, ways = width, 1 if layer == 0 else width  # only one node of the first layer depends on it
    logit = fan_in * (value + 2)
    logit_derivative = _sum_over_ways(ways, derivative)
    numerator = classes * (logit + 1 + 1 + logit_derivative) + classes - 1
    denominator = classes * (logit + 1) + classes - 1
    return numerator + 1 + denominator + 1 + logit_derivative


def _sum_over_ways(ways: int, derivative: int) -> int:
    return ways * (derivative + 1) + ways - 1


def chain(inputs: int, hidden: Sequence[int], classes: int, *, only_one: bool) -> int:
    """Backpropagation's operations, forward and back, for that derivative only or for all parameters."""
    widths = [inputs, *hidden, classes]
    forward = sum(n * 2 * m for m, n in pairwise(widths)) + sum(hidden)
    softmax = classes + (classes - 1) + classes + 1  # exp, their sum, quotients; less 1 at the true class
    backward = 0
    for layer, width in enumerate(hidden):
        nodes = 1 if only_one and layer == 0 else width
        above = widths[layer + 2]
        backward += nodes * (above + (above - 1) + 3)  # the weighted sum of deltas, times h * (1 - h)
    weights = sum(m * n for m, n in pairwise(widths))
    return forward + softmax + backward + (1 if only_one else weights)  # delta times input
