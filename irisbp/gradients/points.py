"""The points at which gradients are compared: ordinary ones, and those where gradients break."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from irisbp.gradients.bounds import activated, sums_of
from irisbp.gradients.sizes import BATCH, Sizes
from irisbp.nn.losses import NEAR
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.types import Array, Indices

SEED = 20250
"""Draws the points, whatever is checked, so that a verdict can be repeated."""

_FAR = 4  # samples


@dataclass(frozen=True)
class Point:
    """Parameters (count,), inputs (rows, inputs) and labels (rows,), under a name."""

    name: str
    parameters: Array
    inputs: Array
    labels: Indices


class Battery:
    """Makes the points of one network from samples: inputs (n, inputs), labels (n,)."""

    def __init__(self, network: Network, inputs: Array, labels: Indices, seed: int = SEED) -> None:
        self._network, self._inputs, self._labels = network, inputs, labels
        self._draws = np.random.Generator(np.random.PCG64(seed))
        # Of a stream of its own, so that no size changes another point.
        self._draws_of_sizes = np.random.Generator(np.random.PCG64((seed, 1)))

    def points(self, trained: Array | None = None, sizes: Sizes | None = None) -> Iterator[Point]:
        """All points; with the parameters of a run, those too; with sizes, batches of so many rows."""
        for label in range(self._network.classes):
            yield self._point(f"class-{label}", self._generic(), self._rows_of(label))
        yield self._point("weights-1e-6", self._normal(1e-6), self._any_rows(1))
        yield self._point("weights-10", self._normal(10.0), self._any_rows(1))
        if self._network.hidden:
            for level in (20.0, -20.0, 40.0, -40.0, 300.0, 750.0):
                rows = self._any_rows(1)
                yield self._point(f"saturated{level:+.0f}", self._saturated(level, rows), rows)
        if self._network.hidden and self._network.activation in ("relu", "leaky_relu"):
            rows = self._any_rows(1)
            yield self._point("kink", self._kinked(), rows)
        for name, logit in (
            ("improbable-e-40", -40.0),
            ("certain-1-e-40", 40.0),
            ("improbable-e-700", -700.0),
        ):
            rows = self._any_rows(1)
            yield self._point(name, self._with_label_logit(logit, rows), rows)
        batch = self._point(f"batch-{BATCH}", self._generic(), self._any_rows(BATCH))
        yield batch
        if sizes is not None:
            yield from self._sized("batch", batch, sizes.near)
            yield from self._sized("far-batch", self._far(batch), sizes.far)
        if trained is not None:
            for label in range(self._network.classes):
                yield self._point(f"trained-{label}", trained, self._rows_of(label))
            yield self._point(f"trained-batch-{BATCH}", trained, self._any_rows(BATCH))

    def extra(self, number: int) -> Point:
        """One more ordinary point, for what none before has exercised: samples and batches in turn.

        Its biases are positive, which wakes rectifiers.
        """
        parameters = self._generic()
        for block in self._network.blocks(parameters):
            np.abs(block[-1], out=block[-1])
        return self._point(f"extra-{number}", parameters, self._any_rows(BATCH if number % 2 else 1))

    def _sized(self, name: str, few: Point, sizes: Iterable[int]) -> Iterator[Point]:
        """Batches of many sizes, made of the same few samples: more rows cost the reference nothing."""
        count = len(few.labels)
        for rows in sizes:
            chosen = np.concatenate([np.arange(count), self._draws_of_sizes.integers(count, size=rows)])[
                :rows
            ]
            yield Point(f"{name}-{rows}", few.parameters, few.inputs[chosen], few.labels[chosen])

    def _far(self, batch: Point) -> Point:
        """A few of the batch's samples with logits so large that about half of them need a shift."""
        parameters, inputs = batch.parameters.copy(), batch.inputs[:_FAR]
        logits = sums_of(self._network, parameters, inputs)[-1]
        block = self._network.blocks(parameters)[-1]
        block *= NEAR / np.median(np.abs(logits).max(axis=1))
        return Point(batch.name, parameters, inputs, batch.labels[:_FAR])

    def _point(self, name: str, parameters: Array, rows: Indices) -> Point:
        return Point(name, parameters, self._inputs[rows], self._labels[rows])

    def _rows_of(self, label: int) -> Indices:
        candidates = np.flatnonzero(self._labels == label)
        return candidates[self._draws.integers(len(candidates), size=1)]

    def _any_rows(self, count: int) -> Indices:
        return self._draws.integers(len(self._labels), size=count)

    def _normal(self, sd: float) -> Array:
        return self._draws.normal(0.0, sd, self._network.parameter_count)

    def _generic(self) -> Array:
        """Weights that keep the sums of any width near 1, so that every gradient is well conditioned."""
        parameters = self._normal(1.0)
        for layer, block in zip(self._network.layers, self._network.blocks(parameters), strict=True):
            block[:-1] /= np.sqrt(layer.fan_in)
        return parameters

    def _saturated(self, level: float, rows: Indices) -> Array:
        """Every hidden node's weighted sum at +-level, the signs alternating from node to node."""
        parameters = self._generic()
        blocks = self._network.blocks(parameters)
        value = self._inputs[rows[0]]
        for block in blocks[:-1]:
            target = np.where(np.arange(block.shape[1]) % 2, -level, level)
            with fixed_threads(self._network, 1):
                block[-1] = target - value @ block[:-1]
            value = activated(self._network.activation, target)
        return parameters

    def _kinked(self) -> Array:
        """The first node of every hidden layer exactly at 0."""
        parameters = self._generic()
        for block in self._network.blocks(parameters)[:-1]:
            block[:, 0] = 0.0
        return parameters

    def _with_label_logit(self, logit: float, rows: Indices) -> Array:
        """The label's logit above (or below) all others, which are 0, by this much."""
        parameters = self._generic()
        block = self._network.blocks(parameters)[-1]
        block[:-1] /= 16.0  # what the hidden nodes add is small beside it
        block[-1] = 0.0
        block[-1, self._labels[rows[0]]] = logit
        return parameters
