"""The plain loop: one sample, one update, in NumPy. It is the reference for every other engine.

It is fast for what it is because nothing is allocated inside it: a block of samples is gathered into
one buffer, and the views of its rows are made once.
"""

from math import isfinite

import numpy as np

from irisbp.nn.backprop import Backprop
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Optimizer
from irisbp.nn.types import Array, Indices

BLOCK = 256  # samples at most; enough to make a block's own cost small, few enough to stop at once


class PlainLoop:
    """Trains a flat parameter vector in place, sample by sample."""

    def __init__(self, network: Network, parameters: Array, optimizer: Optimizer) -> None:
        self._parameters, self._optimizer = parameters, optimizer
        self._gradient = np.zeros_like(parameters)
        self._backprop = Backprop(network, parameters, self._gradient)
        self._rows = np.ones((BLOCK, network.inputs + 1))
        self._row_views = [(self._rows[k : k + 1], self._rows[k : k + 1].T) for k in range(BLOCK)]

    def run(self, inputs: Array, labels: Indices) -> tuple[list[float], list[int]]:
        """Train on up to BLOCK samples in order: inputs (n, inputs), labels (n,).

        Each sample's loss and predicted class, before its update. The first loss that is not finite
        ends the lists, and its sample changes nothing.
        """
        self._rows[: len(inputs), :-1] = inputs
        sample, update = self._backprop.sample, self._optimizer.update
        parameters, gradient = self._parameters, self._gradient
        losses: list[float] = []
        predictions: list[int] = []
        # Overflow is an answer here, not an accident: a saturated node or a loss to be reported.
        with np.errstate(all="ignore"):
            for (row, column), label in zip(self._row_views, labels.tolist(), strict=False):
                loss, predicted = sample(row, column, label)
                losses.append(loss)
                predictions.append(predicted)
                if not isfinite(loss):
                    break
                update(parameters, gradient)
        return losses, predictions
