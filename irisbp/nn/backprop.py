"""Backpropagation: the loss of samples and its derivative by every parameter.

Forward, each layer multiplies its inputs by its weights and applies its activation, which also gives the
slope. Backward, the chain rule goes through the layers in reverse, and the forward pass has left it every
factor that it needs: the derivative by a weight is the node's delta times the input that the weight
multiplies, and the deltas of the layer below are these deltas times the weights, times the slopes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from irisbp.nn.network import Network
from irisbp.nn.numerics.choice import numerics_of
from irisbp.nn.types import Array, Indices


@dataclass(frozen=True)
class Objective:
    """The function minimized over a batch: the mean or the sum of its losses, plus an L2 penalty.

    The penalty is l2 / 2 times the sum of the squared weights, without biases; l2 is at least 0.
    class_weight has a weight above 0 for each class, by which the losses of its samples are multiplied; None
    is 1 for all. The mean is always over the number of samples: PyTorch's
    CrossEntropyLoss(weight, reduction="none").mean(), and its reduction="sum" is the sum here. Its own mean
    divides by the sum of the batch's weights, so that the weight of a single sample would cancel out.
    """

    reduction: Literal["mean", "sum"] = "mean"
    l2: float = 0.0
    class_weight: tuple[float, ...] | None = None

    @cached_property
    def weights(self) -> Array | None:
        """The weight of each class (classes,); None if there are none."""
        return None if self.class_weight is None else np.array(self.class_weight)

    def weights_of(self, labels: Indices) -> Array:
        """The weight of each sample (rows,), for labels (rows,): ones if there are no weights."""
        return np.ones(len(labels)) if self.weights is None else self.weights[labels]


class _HiddenLayer:
    """The buffers of one hidden layer for a fixed number of rows."""

    def __init__(self, block: Array, rows: int) -> None:
        fan_out = block.shape[1]
        self.block = block  # (fan_in + 1, fan_out)
        self.pair = np.zeros((2, rows, fan_out))
        self.slope, self.value = self.pair[0], self.pair[1]
        self.outputs = np.ones((rows, fan_out + 1))  # the trailing 1 multiplies the next layer's biases
        self.inner = self.outputs[:, :-1]
        self.delta = np.zeros((rows, fan_out))


class Backprop:
    """Forward and backward passes over a fixed number of rows, in buffers made once.

    parameters is the flat vector to read, gradient the flat vector of the same length to write; both
    are kept, not copied. Without a gradient vector, only `forward` may be called. Inputs are
    (rows, inputs + 1), with a last column of ones.
    """

    def __init__(
        self, network: Network, parameters: Array, gradient: Array | None = None, rows: int = 1
    ) -> None:
        blocks = network.blocks(parameters)
        self._numerics = numerics_of(network.numerics)
        self._activate, self._dot = self._numerics.activations[network.activation], self._numerics.dot
        self._hidden = [_HiddenLayer(block, rows) for block in blocks[:-1]]
        self._output_block = blocks[-1]
        self.logits = np.zeros((rows, network.classes))
        if gradient is not None:
            self._prepare_backward(network, blocks, gradient)

    def _prepare_backward(self, network: Network, blocks: list[Array], gradient: Array) -> None:
        self._delta = np.zeros_like(self.logits)
        self._loss = self._numerics.sample_loss(self.logits, self._delta)
        gradients = network.blocks(gradient)
        self._first_gradient = gradients[0]
        self._penalized = [
            (block[:-1], gradient[:-1]) for block, gradient in zip(blocks, gradients, strict=True)
        ]
        # The operands of each layer's backward pass, from the output down to the second layer.
        self._way_back = [
            (layer.outputs.T, block_gradient, block[:-1].T, layer.delta, layer.slope)
            for layer, block, block_gradient in zip(
                reversed(self._hidden), reversed(blocks), reversed(gradients), strict=False
            )
        ]

    def forward(self, inputs: Array) -> Array:
        """The logits (rows, classes): the same buffer at every call."""
        activate, dot = self._activate, self._dot
        for layer in self._hidden:
            dot(inputs, layer.block, layer.slope)
            activate(layer.pair, layer.slope, layer.value)
            layer.inner[...] = layer.value
            inputs = layer.outputs
        return dot(inputs, self._output_block, self.logits)

    def sample(self, inputs: Array, inputs_transposed: Array, label: int) -> tuple[float, int]:
        """One sample's loss and predicted class; its gradient is left in the gradient vector.

        inputs is (1, inputs + 1) with a trailing 1, inputs_transposed its transpose (a view that the caller
        makes once for thousands of samples), label the index of the true class.
        """
        self.forward(inputs)
        result = self._loss(label)
        self._backward(inputs_transposed)
        return result

    def weighted_sample(
        self, inputs: Array, inputs_transposed: Array, label: int, weight: float
    ) -> tuple[float, int]:
        """Like `sample`, but the gradient is that of the loss times a weight; the loss is without it."""
        self.forward(inputs)
        result = self._loss(label)
        np.multiply(self._delta, weight, self._delta)
        self._backward(inputs_transposed)
        return result

    def batch(self, inputs: Array, labels: Indices, objective: Objective) -> tuple[Array, Indices]:
        """Each sample's loss (rows,) and predicted class (rows,); the gradient vector holds the objective's.

        inputs is (rows, inputs + 1) with a last column of ones, labels (rows,). The losses are the
        samples' own, without weights and penalty and before any reduction.
        """
        self.forward(inputs)
        losses, predictions = self._numerics.cross_entropy(self.logits, labels, self._delta)
        if objective.weights is not None:
            np.multiply(self._delta, objective.weights[labels][:, np.newaxis], self._delta)
        if objective.reduction == "mean":
            np.divide(self._delta, len(labels), self._delta)
        self._backward(inputs.T)
        if objective.l2:
            for weights, gradient in self._penalized:
                gradient += objective.l2 * weights
        return losses, predictions

    def _backward(self, inputs_transposed: Array) -> None:
        delta, dot = self._delta, self._dot
        for outputs_transposed, block_gradient, weights_transposed, below, slope in self._way_back:
            dot(outputs_transposed, delta, block_gradient)
            dot(delta, weights_transposed, below)
            np.multiply(below, slope, below)
            delta = below
        dot(inputs_transposed, delta, self._first_gradient)
