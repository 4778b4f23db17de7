"""A network's shape, and the place of each of its parameters in one flat vector.

An operation on all parameters at once (an update, a checkpoint, a gradient check) is then one operation
on one array, and a layer's weights and biases are views into it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from irisbp.nn.types import Array

# Up to so many products of numbers, no operation of any OpenBLAS uses threads. Products of two matrices do
# beyond 262,144; of a matrix and a vector from 460,800 on, in earlier versions 9,216; outer products beyond
# 8,192, and dot products beyond 10,000.
_NEVER_CUT = 8192


@dataclass(frozen=True)
class Layer:
    """One layer's place in the flat vector.

    Its weights, (fan_in, fan_out) in C order, come first and its fan_out biases follow. Both together
    are one (fan_in + 1, fan_out) block, so that a single product with it applies weights and biases to
    inputs with a trailing 1.
    """

    name: str
    fan_in: int
    fan_out: int
    offset: int

    @property
    def size(self) -> int:
        """The number of the layer's parameters."""
        return (self.fan_in + 1) * self.fan_out

    def block(self, vector: Array) -> Array:
        """The layer's part of a flat vector as a (fan_in + 1, fan_out) view, biases in the last row.

        For many runs side by side, (parameters, runs), it is (fan_in + 1, fan_out, runs).
        """
        part = vector[self.offset : self.offset + self.size]
        return part.reshape(self.fan_in + 1, self.fan_out, *vector.shape[1:])


@dataclass(frozen=True)
class Network:
    """Layers of nodes: inputs, any number of hidden layers, one softmax output node per class.

    inputs and classes are at least 1 and 2; hidden lists the widths of the hidden layers and may be
    empty (softmax regression); activation is a key of `activations.ACTIVATIONS`. numerics, native or
    portable, says how its numbers are computed, by every engine and caller (see `numerics.choice`), and
    threads, at least 1, into how many parts BLAS cuts a large product of native numerics.
    """

    inputs: int
    hidden: tuple[int, ...]
    classes: int
    activation: str = "sigmoid"
    numerics: str = "native"
    threads: int = 1

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers with parameters, from the first hidden one to the output."""
        widths = (self.inputs, *self.hidden, self.classes)
        names = [f"hidden_{k}" for k in range(1, len(self.hidden) + 1)] + ["output"]
        layers, offset = [], 0
        for name, fan_in, fan_out in zip(names, widths[:-1], widths[1:], strict=True):
            layers.append(Layer(name, fan_in, fan_out, offset))
            offset += layers[-1].size
        return tuple(layers)

    @property
    def parameter_count(self) -> int:
        """The length of a vector of all parameters."""
        return self.layers[-1].offset + self.layers[-1].size

    def blocks(self, vector: Array) -> list[Array]:
        """Each layer's (fan_in + 1, fan_out) view into a flat vector, in layer order."""
        return [layer.block(vector) for layer in self.layers]

    def views(self, vector: Array) -> dict[str, Array]:
        """Named views: `hidden_1.weight` (fan_in, fan_out), `hidden_1.bias` (fan_out,), ..."""
        named: dict[str, Array] = {}
        for layer, block in zip(self.layers, self.blocks(vector), strict=True):
            named[f"{layer.name}.weight"] = block[:-1]
            named[f"{layer.name}.bias"] = block[-1]
        return named

    def parameter_names(self) -> Iterator[str]:
        """Every parameter's own name in the vector's order, such as `hidden_1.weight[0,2]`."""
        for name, view in self.views(np.empty(self.parameter_count)).items():
            for index in np.ndindex(view.shape):
                yield f"{name}[{','.join(map(str, index))}]"

    def may_be_cut(self, rows: int) -> bool:
        """Return whether BLAS may cut an operation of a pass over so many rows, or of an update."""
        return self.parameter_count * rows > _NEVER_CUT


def fixed_threads(network: Network, rows: int) -> AbstractContextManager[None]:
    """Hold BLAS to the network's number of threads, while something is computed over so many rows.

    ValueError if this machine's BLAS does not take so many. The code within must not wait for other threads:
    one of them may be waiting for BLAS.
    """
    if not network.may_be_cut(rows):
        return nullcontext()
    from irisbp.nn.blas import blas_threads

    return blas_threads(network.threads)
