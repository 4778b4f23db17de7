"""Softmax with categorical cross-entropy, computed from the logits, never through probabilities.

With z the logits, y the true class and m the class of the largest logit,

    loss = -log softmax(z)_y = (z_m - z_y) + log1p(sum over k != m of e^(z_k - z_m))

keeps a probability of 1 - e^-40 apart from 1. The gradient at the logits is p - one_hot(y): the
softmax's own derivative and the -1/p_y of the logarithm cancel to it. Its entry y is formed as minus
the sum of the other probabilities, since p_y - 1 would be 0 once p_y rounds to 1.
"""

from math import fsum, log1p

import numpy as np

from irisbp.nn.types import Array, Indices


class SampleCrossEntropy:
    """Loss and gradient of one sample's logits, in a buffer made once.

    logits and delta are (1, classes) arrays, read and written in place by each call. A row this
    short is summed faster, and without rounding, as a Python list.
    """

    def __init__(self, logits: Array, delta: Array) -> None:
        self._logits, self._delta = logits, delta
        self._logits_row, self._delta_row = logits[0], delta[0]
        self._each_logit = [logits[0, k : k + 1].reshape(()) for k in range(logits.shape[1])]
        self._total = np.empty(())

    def __call__(self, label: int) -> tuple[float, int]:
        """The loss and the predicted class (the first of the largest logits) for the true class.

        delta becomes the gradient at the logits. A logit that is not finite gives a loss that is not
        finite.
        """
        logits = self._logits_row.tolist()
        largest = max(logits)
        predicted = logits.index(largest)
        np.subtract(self._logits, self._each_logit[predicted], self._delta)
        np.exp(self._delta, self._delta)
        others = self._delta_row.tolist()  # e^(z_k - z_m), where entry m is 1
        others[predicted] = 0.0
        rest = fsum(others)
        loss, total = log1p(rest), 1.0 + rest
        if predicted != label:
            loss += largest - logits[label]
            others[predicted], others[label] = 1.0, 0.0
            rest = fsum(others)
        self._total[()] = total
        np.divide(self._delta, self._total, self._delta)
        self._delta_row[label] = -rest / total
        return loss, predicted


def cross_entropy(logits: Array, labels: Indices, delta: Array | None = None) -> tuple[Array, Indices]:
    """Each row's loss and predicted class, for logits (rows, classes) and labels (rows,).

    If delta (rows, classes) is given, it becomes each row's gradient at its logits.
    """
    rows = np.arange(len(labels))
    predicted = logits.argmax(axis=1)
    largest = logits[rows, predicted]
    powers = np.exp(logits - largest[:, np.newaxis])  # (rows, classes)
    of_label = powers[rows, labels]
    powers[rows, predicted] = 0.0
    losses = np.log1p(powers.sum(axis=1)) + (largest - logits[rows, labels])
    if delta is not None:
        powers[rows, predicted] = 1.0
        powers[rows, labels] = 0.0
        rest = powers.sum(axis=1)
        total = rest + of_label
        np.divide(powers, total[:, np.newaxis], delta)
        delta[rows, labels] = -rest / total
    return losses, predicted


def softmax(logits: Array) -> Array:
    """Probabilities (rows, classes) of logits (rows, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
