"""The plain loop in NumPy: a sample or a batch, then an update. It is the reference for the other engines.

To be fast, it allocates nothing for a step: a block of samples is copied into one buffer, and the views of
its rows are made once.
"""

from collections.abc import Callable
from math import isfinite

import numpy as np

from irisbp.nn.backprop import Backprop, Objective
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.optimizers import Optimizer
from irisbp.nn.types import Array, Indices

_BLOCK = 256  # samples; enough to make a block's overhead small, few enough to stop at once
_WORK = 2**29  # parameters times samples; a few seconds at most


def block_of(batch_size: int, parameters: int) -> int:
    """The largest number of samples for one call of the loop: whole batches, at least one."""
    samples = min(_BLOCK, max(1, _WORK // parameters))
    return max(batch_size, samples // batch_size * batch_size)


class PlainLoop:
    """Trains a flat parameter vector in place, batch by batch; see `engines.Engine`.

    batch_size is at least 1; the objective is by default the mean of a batch's losses.
    """

    def __init__(
        self,
        network: Network,
        parameters: Array,
        optimizer: Optimizer,
        batch_size: int = 1,
        objective: Objective | None = None,
    ) -> None:
        self._network, self._parameters, self._optimizer = network, parameters, optimizer
        self._batch_size, self._objective = batch_size, objective or Objective()
        self.block = block_of(batch_size, network.parameter_count)
        self._gradient = np.zeros_like(parameters)
        self._rows = np.ones((self.block, network.inputs + 1))
        self._backprops = {batch_size: Backprop(network, parameters, self._gradient, batch_size)}
        views = range(self.block) if batch_size == 1 else ()
        self._row_views = [(self._rows[k : k + 1], self._rows[k : k + 1].T) for k in views]

    def run(self, inputs: Array, labels: Indices) -> tuple[list[float], list[int]]:
        """Train on up to `block` samples in order: inputs (n, inputs), labels (n,); see `engines.Engine`."""
        self._rows[: len(inputs), :-1] = inputs
        # Overflow is no error here: a node saturates, or a loss is infinite and reported as such.
        with np.errstate(all="ignore"), fixed_threads(self._network, self._batch_size):
            if self._batch_size == 1 and not self._objective.l2:
                return self._run_samples(labels)
            return self._run_batches(labels)

    def _run_samples(self, labels: Indices) -> tuple[list[float], list[int]]:
        sample, update = self._sample(), self._optimizer.update
        parameters, gradient = self._parameters, self._gradient
        losses: list[float] = []
        predictions: list[int] = []
        for (row, column), label in zip(self._row_views, labels.tolist(), strict=False):
            loss, predicted = sample(row, column, label)
            losses.append(loss)
            predictions.append(predicted)
            if not isfinite(loss):
                break
            update(parameters, gradient)
        return losses, predictions

    def _sample(self) -> Callable[[Array, Array, int], tuple[float, int]]:
        """The passes of one sample, whose gradient has the weight of its class."""
        backprop, weights = self._backprops[1], self._objective.class_weight
        if weights is None:
            return backprop.sample
        weighted = backprop.weighted_sample
        return lambda row, column, label: weighted(row, column, label, weights[label])

    def _run_batches(self, labels: Indices) -> tuple[list[float], list[int]]:
        losses: list[float] = []
        predictions: list[int] = []
        for start in range(0, len(labels), self._batch_size):
            of_batch = labels[start : start + self._batch_size]
            backprop = self._backprop(len(of_batch))
            rows = self._rows[start : start + len(of_batch)]
            batch_losses, predicted = backprop.batch(rows, of_batch, self._objective)
            finite = np.isfinite(batch_losses)
            count = len(finite) if finite.all() else int(finite.argmin()) + 1
            losses += batch_losses[:count].tolist()
            predictions += predicted[:count].tolist()
            if not finite.all():
                break
            self._optimizer.update(self._parameters, self._gradient)
        return losses, predictions

    def _backprop(self, rows: int) -> Backprop:
        if rows not in self._backprops:  # the last batch of an epoch
            self._backprops[rows] = Backprop(self._network, self._parameters, self._gradient, rows)
        return self._backprops[rows]
