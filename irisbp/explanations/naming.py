"""Parameters by name: irisbp's own names, and those of the article for a network with one hidden layer.

The article counts from 1: `x1a3` is the weight from input 1 to hidden node 3, `a1z2` that from hidden
node 1 to output 2, `ba3` and `bz2` are the biases of hidden node 3 and of output 2.
"""

import re
from dataclasses import dataclass

from irisbp.errors import IrisbpError
from irisbp.nn.network import Layer, Network

_OWN = re.compile(
    r"(?P<layer>hidden_[0-9]+|output)\.(?:weight\[(?P<input>[0-9]+),(?P<node>[0-9]+)\]|bias\[(?P<bias>[0-9]+)\])"
)
_ARTICLE = re.compile(r"(?:x(?P<x>[0-9]+)a|a(?P<a>[0-9]+)z|b(?P<b>[az]))(?P<node>[0-9]+)")
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Parameter:
    """One parameter's place: depth is its layer's (0 is the first), source the input that it multiplies.

    source is None for a bias.
    """

    network: Network
    depth: int
    source: int | None
    node: int

    @property
    def layer(self) -> Layer:
        """The layer that it belongs to."""
        return self.network.layers[self.depth]

    @property
    def index(self) -> int:
        """Its index in the flat vector."""
        row = self.layer.fan_in if self.source is None else self.source
        return self.layer.offset + row * self.layer.fan_out + self.node

    @property
    def name(self) -> str:
        """Its own name, such as `hidden_1.weight[0,2]`."""
        if self.source is None:
            return f"{self.layer.name}.bias[{self.node}]"
        return f"{self.layer.name}.weight[{self.source},{self.node}]"

    @property
    def article_name(self) -> str | None:
        """Its name in the article, if the network has one hidden layer."""
        if len(self.network.hidden) != 1:
            return None
        below, here = ("x", "a") if self.depth == 0 else ("a", "z")
        if self.source is None:
            return f"b{here}{self.node + 1}"
        return f"{below}{self.source + 1}{here}{self.node + 1}"


def all_parameters(network: Network) -> list[Parameter]:
    """Every parameter in the vector's order."""
    return [
        Parameter(network, depth, None if row == layer.fan_in else row, node)
        for depth, layer in enumerate(network.layers)
        for row in range(layer.fan_in + 1)
        for node in range(layer.fan_out)
    ]


def find_parameter(network: Network, name: str) -> Parameter:
    """Find a parameter by either name; IrisbpError lists the names that there are."""
    text = name.replace(" ", "")
    own, article = _OWN.fullmatch(text), _ARTICLE.fullmatch(text)
    if own:
        names = [layer.name for layer in network.layers]
        if own["layer"] not in names:
            raise IrisbpError(f"parameter {name}: the layers are {_listed(names)}")
        source = None if own["bias"] else _number(own["input"])
        node = _number(own["bias"] or own["node"])
        return _checked(Parameter(network, names.index(own["layer"]), source, node), name)
    if article:
        if len(network.hidden) != 1:
            raise IrisbpError(
                f"parameter {name}: the article's names are for one hidden layer;"
                " use hidden_1.weight[0,0], output.bias[0] and so on"
            )
        digits = article["x"] or article["a"]
        depth = int(bool(article["a"]) or article["b"] == "z")
        source = None if digits is None else _number(digits) - 1
        return _checked(Parameter(network, depth, source, _number(article["node"]) - 1), name)
    raise IrisbpError(
        f"parameter {name}: not the name of a parameter, such as hidden_1.weight[0,2], output.bias[1]"
        " or the article's x1a3, a1z2, ba3, bz2"
    )


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} to {names[-2]}, and {names[-1]}"


def _checked(parameter: Parameter, name: str) -> Parameter:
    """The parameter, if it exists."""
    layer, source, node = parameter.layer, parameter.source, parameter.node
    if 0 <= node < layer.fan_out and (source is None or 0 <= source < layer.fan_in):
        return parameter
    last = Parameter(
        parameter.network, parameter.depth, None if source is None else layer.fan_in - 1, layer.fan_out - 1
    )
    first = Parameter(parameter.network, parameter.depth, None if source is None else 0, 0)
    also = f" ({first.article_name} to {last.article_name})" if first.article_name else ""
    raise IrisbpError(f"parameter {name}: there are {first.name} to {last.name}{also}")
