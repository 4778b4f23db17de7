"""The loop of many runs at once in NumPy: the run is the last axis of every array.

A ufunc call costs nearly the same for a thousand runs as for one, and calls are most of what a small
network's update costs the plain loop. Layers are (nodes, rows, runs) arrays, parameters (parameters, runs).
Three things that the plain loop does for each sample are done here for many samples at once: gathering the
inputs, the losses, and the search for logits that need a shift (see `nn.losses`).

A run's numbers have the same bits whatever runs are beside it. No operation mixes runs, none takes another
way for another number of them, and their number is a multiple of LANES: each is in a whole register.
"""

from collections.abc import Iterable, Iterator
from itertools import repeat
from math import log
from sys import float_info
from typing import Literal

import numpy as np

from irisbp.nn.activations import ACTIVATIONS, Activation
from irisbp.nn.losses import NEAR, cross_entropy, samples_summed_alike
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Optimizer, Sgd
from irisbp.nn.types import Array, Indices

try:  # NumPy's private function: the public wrapper takes as long as the sums that it is called for here
    from numpy._core.multiarray import c_einsum as einsum
except ImportError:
    einsum = np.einsum

LANES = 8  # the numbers in the widest register; fewer runs are filled up with copies
_GATHERED = 2**13  # inputs of each feature that are gathered at once; they fit into the cache
# The smallest buffer that ufuncs may have, in numbers: copying short rows into one doubles a product's time.
_NO_BUFFER = 16
_MOST, _LEAST = np.exp(NEAR), np.exp(-NEAR)
_ONE, _FARTHEST = np.array(1.0), np.array(log(float_info.max))


def _sigmoid(pair: Array, slope: Array, value: Array) -> None:
    """`activations.sigmoid` with half as many exponentials, for sums up to 709; nan beyond.

    With e = e^a: f(-a) = 1 / (1 + e), f(a) = e f(-a).
    """
    np.exp(slope, value)
    np.add(value, _ONE, slope)
    np.divide(_ONE, slope, slope)
    np.multiply(value, slope, value)
    np.multiply(slope, value, slope)


def _sigmoid_of_any(pair: Array, slope: Array, value: Array) -> None:
    """The same for all sums: bit by bit up to 709, and 1 with a slope of 0 beyond."""
    beyond = slope > _FARTHEST
    _sigmoid(pair, slope, value)
    value[beyond], slope[beyond] = 1.0, 0.0


_QUICK: dict[str, Activation] = ACTIVATIONS | {"sigmoid": _sigmoid}
_CAREFUL: dict[str, Activation] = ACTIVATIONS | {"sigmoid": _sigmoid_of_any}


class _HiddenLayerOfRuns:
    """The buffers of one hidden layer for a fixed number of rows."""

    def __init__(self, block: Array, rows: int) -> None:
        _, fan_out, runs = block.shape
        self.block = block  # (fan_in + 1, fan_out, runs)
        # Slopes, values and ones. Values and ones together are the next layer's inputs, without a copy.
        buffer = np.ones((2 * fan_out + 1, rows, runs))
        self.pair = buffer[:-1].reshape(2, fan_out, rows, runs)
        self.slope, self.value = self.pair
        self.outputs = buffer[fan_out:]
        self.delta = np.zeros((fan_out, rows, runs))


class _Forward:
    """Forward passes of every run over a fixed number of rows, up to the gradient at the logits."""

    def __init__(self, network: Network, parameters: Array, rows: int) -> None:
        self._blocks = network.blocks(parameters)
        self._hidden = [_HiddenLayerOfRuns(block, rows) for block in self._blocks[:-1]]
        self.rows = rows
        self.logits = np.zeros((network.classes, rows, parameters.shape[1]))
        self._delta = np.zeros_like(self.logits)
        self._of_class = self._delta.reshape(-1)
        self._total, self._spare = np.zeros((2, *self._delta.shape[1:]))

    def __call__(self, inputs: Array, activate: Activation) -> Array:
        """The logits (classes, rows, runs), for inputs (inputs + 1, rows, runs) with a last row of ones."""
        for layer in self._hidden:
            einsum("ibr,ior->obr", inputs, layer.block, out=layer.slope)
            activate(layer.pair, layer.slope, layer.value)
            inputs = layer.outputs
        return einsum("ibr,ior->obr", inputs, self._blocks[-1], out=self.logits)

    def differentiate(self, places: Indices, scale: Array, rest: Array, of_label: Array) -> None:
        """The gradient of the softmax loss at the logits, times scale: 0-d, (runs,) or (rows, runs).

        places (rows, runs) are the flat indices of the labels' logits. rest and of_label, (rows, runs),
        become the powers whose quotient is the loss, log1p(rest / of_label).
        """
        delta, of_class, spare = self._delta, self._of_class, self._spare
        np.exp(self.logits, delta)
        of_class.take(places, out=of_label, mode="clip")
        of_class[places] = 0.0
        np.add.reduce(delta, 0, out=rest)
        np.add(rest, of_label, self._total)
        np.negative(rest, spare)
        of_class[places] = spare
        np.divide(scale, self._total, spare)
        np.multiply(delta, spare, delta)

    def places(self, labels: Indices) -> Indices:
        """The flat indices of the labels' logits, for labels (batches, rows, runs)."""
        _, rows, runs = self.logits.shape
        return labels * (rows * runs) + np.arange(rows * runs).reshape(rows, runs)

    def correct(self, labels: Indices, scale: Array, rest: Array, of_label: Array) -> tuple[Indices, Array]:
        """Repeat loss and gradient like the plain loop where a sample's logits need a shift.

        All arrays are (rows, runs), the last two as `differentiate` left them. Returns the flat indices of
        those samples in (rows, runs), and their losses.
        """
        logits, delta = (array.reshape(len(array), -1) for array in (self.logits, self._delta))
        far = np.flatnonzero(~((rest < _MOST) & (of_label < _MOST) & (of_label > _LEAST)))
        losses, scales = np.empty(len(far)), np.broadcast_to(scale, labels.shape).reshape(-1)
        size = samples_summed_alike(len(logits))
        for start in range(0, len(far), size):
            part = far[start : start + size]
            gradient = np.empty((len(part), len(logits)))
            losses[start : start + size], _ = cross_entropy(
                logits[:, part].T, labels.reshape(-1)[part], gradient
            )
            delta[:, part] = gradient.T * scales[part]
        return far, losses


class _Step(_Forward):
    """Forward and backward passes over a batch of fixed size; the gradients are left in a buffer."""

    def __init__(self, network: Network, parameters: Array, gradient: Array, rows: int) -> None:
        super().__init__(network, parameters, rows)
        gradients = network.blocks(gradient)
        self._first_gradient = gradients[0]
        self._way_back = []
        delta = self._delta
        for layer, block, of_block in zip(
            reversed(self._hidden), reversed(self._blocks), reversed(gradients), strict=False
        ):
            self._way_back.append(
                (layer.outputs, self._factor(delta), of_block, delta, block[:-1], layer.delta, layer.slope)
            )
            delta = layer.delta
        self._first_delta = self._factor(delta)

    def _factor(self, delta: Array) -> Array:
        """A layer's deltas (nodes, rows, runs) in the shape for the product with its inputs."""
        return delta.reshape(1, len(delta), -1) if self.rows == 1 else delta

    def backward(self, inputs: Array) -> None:
        """The gradients of all parameters, from that at the logits."""
        outer = _product if self.rows == 1 else _sum_of_products
        for outputs, factor, of_block, delta, weights, below, slope in self._way_back:
            outer(outputs, factor, of_block)
            einsum("obr,ior->ibr", delta, weights, out=below)
            np.multiply(below, slope, below)
        outer(inputs, self._first_delta, self._first_gradient)


def _product(inputs: Array, delta: Array, gradient: Array) -> None:
    """The block's gradient from one sample: inputs (fan_in + 1, 1, runs), delta (1, fan_out, runs)."""
    np.multiply(inputs, delta, gradient)


def _sum_of_products(inputs: Array, delta: Array, gradient: Array) -> None:
    """The block's gradient from a batch: inputs (fan_in + 1, rows, runs), delta (fan_out, rows, runs)."""
    einsum("ibr,obr->ior", inputs, delta, out=gradient)


class PlainLoopOfRuns:
    """Trains the columns of parameters (parameters, runs) in place, batch by batch.

    Each run's numbers are the plain loop's, to rounding. runs is a multiple of LANES. inputs (any number of
    rows, inputs) is one table for all runs. l2 is a penalty for each run, (runs,), or None, and class_weight
    the weights of each run's classes, (classes, runs), or None; the optimizer is one of `nn.optimizers` for
    arrays of this shape.
    """

    def __init__(
        self,
        network: Network,
        parameters: Array,
        optimizer: Optimizer,
        inputs: Array,
        *,
        batch_size: int,
        reduction: Literal["mean", "sum"] = "mean",
        l2: Array | None = None,
        class_weight: Array | None = None,
    ) -> None:
        self._network, self._parameters, self._optimizer = network, parameters, optimizer
        self._batch_size, self._mean, self._l2 = batch_size, reduction == "mean", l2
        self._class_weight = class_weight
        self._gradient = np.zeros_like(parameters)
        self._penalized = [
            (block[:-1], gradient[:-1])
            for block, gradient in zip(
                network.blocks(parameters), network.blocks(self._gradient), strict=True
            )
        ]
        # Plain descent is linear: the rate multiplies the few numbers at the logits, not every gradient.
        self._is_linear = isinstance(optimizer, Sgd) and not optimizer.state and l2 is None
        self._steps: dict[int, _Step] = {}
        self._is_careful = False
        self._gather = _Gatherer(inputs)

    def run(self, rows: Indices, labels: Indices) -> Array:
        """Train on samples in order, rows of the table and their labels, both (n, runs).

        Returns each one's loss (n, runs) before its batch's update. A run whose loss is not finite has
        meaningless parameters from there on.
        """
        losses = np.empty(rows.shape)
        with np.errstate(all="ignore"):
            np.setbufsize(_NO_BUFFER)
            if not self._is_careful:
                before = self._memory()
                if self._train(rows, labels, losses):
                    return losses
                for array, kept in zip(self._arrays(), before, strict=True):
                    array[...] = kept
            self._is_careful = True
            self._is_careful = not self._train(rows, labels, losses)
        return losses

    def _arrays(self) -> list[Array]:
        return [self._parameters, *self._optimizer.state.values()]

    def _memory(self) -> list[Array]:
        return [array.copy() for array in self._arrays()]

    def _train(self, rows: Indices, labels: Indices, losses: Array) -> bool:
        """Train and fill losses; returns False if logits needed a shift, where the quick form stops early."""
        all_near = True
        for part in self._parts(len(rows)):
            near = self._train_part(self._gather(rows[part]), labels[part], losses[part])
            all_near &= near
            if not (near or self._is_careful):
                break
        return all_near

    def _parts(self, samples: int) -> Iterator[slice]:
        """Samples whose inputs are gathered together: whole batches, and the short one by itself."""
        size = self._batch_size
        most, full = max(size, _GATHERED // self._parameters.shape[1] // size * size), samples // size * size
        for start in range(0, full, most):
            yield slice(start, min(start + most, full))
        if full < samples:
            yield slice(full, samples)

    def _train_part(self, inputs: Array, labels: Indices, losses: Array) -> bool:
        """Train on gathered inputs (inputs + 1, n, runs); returns True if all logits were near."""
        step = self._step(min(self._batch_size, len(labels)))
        activate = (_CAREFUL if self._is_careful else _QUICK)[self._network.activation]
        size, of_label = step.rows, np.empty_like(losses)
        shape = -1, size, losses.shape[1]
        by_batch = labels.reshape(shape)
        batches = zip(
            inputs.reshape(len(inputs), *shape).swapaxes(0, 1),
            by_batch,
            self._scales(by_batch),
            step.places(by_batch),
            losses.reshape(shape),
            of_label.reshape(shape),
            strict=True,
        )
        shifted: list[tuple[Array, Indices, Array]] = []
        for x, of_batch, scale, places, rest, powers in batches:
            step(x, activate)
            step.differentiate(places, scale, rest, powers)
            if self._is_careful:
                shifted.append((rest, *step.correct(of_batch, scale, rest, powers)))
            step.backward(x)
            self._update()
        near = losses.max() < _MOST and of_label.max() < _MOST and of_label.min() > _LEAST
        np.log1p(np.divide(losses, of_label, losses), losses)
        for rest, at, values in shifted:
            rest.reshape(-1)[at] = values
        return bool(near)

    def _scale(self, rows: int) -> Array:
        """The factor of the gradients of a batch's losses, 0-d or (runs,)."""
        share = 1.0 / rows if self._mean else 1.0
        return self._optimizer.learning_rate * share if self._is_linear else np.array(share)

    def _scales(self, labels: Indices) -> Iterable[Array]:
        """The factor of each batch, for labels (batches, rows, runs); with weights it is (rows, runs)."""
        batches, rows, _ = labels.shape
        scale, weights = self._scale(rows), self._class_weight
        if weights is None:
            return repeat(scale, batches)
        return (scale * np.take_along_axis(weights, of_batch, 0) for of_batch in labels)

    def _update(self) -> None:
        if self._is_linear:
            np.subtract(self._parameters, self._gradient, self._parameters)
            return
        if self._l2 is not None:
            for weights, gradient in self._penalized:
                gradient += self._l2 * weights
        self._optimizer.update(self._parameters, self._gradient)

    def _step(self, rows: int) -> _Step:
        if rows not in self._steps:  # the last batch of an epoch
            self._steps[rows] = _Step(self._network, self._parameters, self._gradient, rows)
        return self._steps[rows]


class _Gatherer:
    """Gathers the inputs of all runs' samples from a table (rows, inputs), in buffers made once."""

    def __init__(self, inputs: Array) -> None:
        self._columns = np.ascontiguousarray(inputs.T)
        self._buffers: dict[tuple[int, ...], Array] = {}

    def __call__(self, rows: Indices) -> Array:
        """The inputs (inputs + 1, n, runs) of rows (n, runs), ones last; the next call overwrites them."""
        if rows.shape not in self._buffers:
            self._buffers[rows.shape] = np.ones((len(self._columns) + 1, *rows.shape))
        buffer = self._buffers[rows.shape]
        for column, gathered in zip(self._columns, buffer, strict=False):
            column.take(rows, out=gathered, mode="clip")
        return buffer


def classify_runs(
    network: Network, parameters: Array, inputs: Array, rows: Indices, labels: Indices
) -> tuple[Array, Indices]:
    """Each sample's loss and predicted class in every run, both (n, runs).

    parameters is (parameters, runs), inputs a table (any number of rows, inputs) for all runs; rows of the
    table and their labels are (n, runs), where runs is a multiple of LANES.
    """
    losses, predictions = np.empty(rows.shape), np.empty_like(rows)
    gather, activate = _Gatherer(inputs), _CAREFUL[network.activation]
    size = max(1, _GATHERED // rows.shape[1])
    with np.errstate(all="ignore"):
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            of_part, rest = labels[part], losses[part]
            forward = _Forward(network, parameters, len(of_part))
            predictions[part] = forward(gather(rows[part]), activate).argmax(axis=0)
            of_label = np.empty_like(rest)
            forward.differentiate(forward.places(of_part), _ONE, rest, of_label)
            at, values = forward.correct(of_part, _ONE, rest, of_label)
            np.log1p(np.divide(rest, of_label, rest), rest)
            rest.reshape(-1)[at] = values
    return losses, predictions
