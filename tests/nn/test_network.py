"""The layout of the parameters in the flat vector."""

import numpy as np

from irisbp.nn.initializers import INITIALIZERS, initial_parameters
from irisbp.nn.network import Network
from irisbp.nn.random import Draws
from irisbp.nn.types import Array


def test_layout_of_the_articles_network() -> None:
    network = Network(4, (3,), 3)
    assert network.parameter_count == 4 * 3 + 3 + 3 * 3 + 3
    vector = np.arange(27.0)
    views = network.views(vector)
    assert {name: view.shape for name, view in views.items()} == {
        "hidden_1.weight": (4, 3),
        "hidden_1.bias": (3,),
        "output.weight": (3, 3),
        "output.bias": (3,),
    }
    # Weights in C order, then biases, layer by layer.
    assert views["hidden_1.weight"][0, 2] == 2.0
    assert views["hidden_1.weight"][3, 1] == 10.0
    assert views["hidden_1.bias"].tolist() == [12.0, 13.0, 14.0]
    assert views["output.weight"][1, 0] == 18.0
    views["output.bias"][2] = -1.0
    assert vector[26] == -1.0


def test_names_follow_the_vector() -> None:
    network = Network(2, (1, 2), 2)
    vector = np.arange(float(network.parameter_count))
    names = list(network.parameter_names())
    assert names[:4] == [
        "hidden_1.weight[0,0]",
        "hidden_1.weight[1,0]",
        "hidden_1.bias[0]",
        "hidden_2.weight[0,0]",
    ]
    assert names[-1] == "output.bias[1]"
    assert len(names) == len(vector)
    assert [layer.name for layer in network.layers] == ["hidden_1", "hidden_2", "output"]


def test_no_hidden_layer() -> None:
    assert [(layer.fan_in, layer.fan_out) for layer in Network(4, (), 3).layers] == [(4, 3)]


class _Counting:
    """Draws 1, 2, 3, ... in the order in which they are asked for."""

    def __init__(self) -> None:
        self.last = 0

    def normal(self, loc: float, scale: float, size: tuple[int, ...]) -> np.ndarray:
        count = int(np.prod(size))
        drawn = np.arange(self.last + 1.0, self.last + count + 1.0).reshape(size)
        self.last += count
        return drawn

    uniform = normal


def _drawn(
    network: Network, name: str, draws: Draws, biases: bool = True, **options: float
) -> dict[str, Array]:
    sampler = INITIALIZERS[name](**options)
    return network.views(initial_parameters(network, sampler, draws, draw_biases=biases))


def test_draw_order_is_node_by_node() -> None:
    network = Network(2, (2,), 2)
    views = network.views(
        initial_parameters(network, INITIALIZERS["normal"](), _Counting(), draw_biases=True)
    )
    assert views["hidden_1.weight"].tolist() == [[1.0, 4.0], [2.0, 5.0]]
    assert views["hidden_1.bias"].tolist() == [3.0, 6.0]
    assert views["output.weight"].tolist() == [[7.0, 10.0], [8.0, 11.0]]
    without = network.views(
        initial_parameters(network, INITIALIZERS["normal"](), _Counting(), draw_biases=False)
    )
    assert without["hidden_1.weight"].tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert without["hidden_1.bias"].tolist() == [0.0, 0.0]


def test_glorot_limit_and_spread() -> None:
    network = Network(40, (50,), 10)
    draws = np.random.default_rng(0)
    drawn = network.views(
        initial_parameters(network, INITIALIZERS["glorot_uniform"](gain=2.0), draws, draw_biases=True)
    )
    limit = 2.0 * (6.0 / 90.0) ** 0.5  # 0.516
    weights = drawn["hidden_1.weight"]
    assert 0.99 * limit < np.abs(weights).max() <= limit
    assert abs(weights.var() / (limit**2 / 3.0) - 1.0) < 0.08  # 2,000 draws: 4 standard errors
