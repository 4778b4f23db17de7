"""Softmax with categorical cross-entropy, computed from the logits, never through probabilities.

With z the logits, y the true class, e_k = e^(z_k - s) the powers, s a shift common to all, and b any class,

    p_k = e_k / (sum over j of e_j)
    loss = -log p_y = (z_b - z_y) + log1p((sum over k != b of e_k) / e_b)

The loss keeps a probability of 1 - e^-40 apart from 1. The gradient at the logits is p - one_hot(y): the
softmax's own derivative and the -1/p_y of the logarithm cancel to it. Its entry y is formed as minus
the sum of the other probabilities, since p_y - 1 would be 0 once p_y rounds to 1.

Rounding z_k - s would change e_k by up to |z_k - s| ulp (the spacing of float64 at a number), which is
thousands where logits are large. Rows of logits are therefore of two kinds:

- a near row, all of it within +-NEAR, has no shift: s = 0, no power or quotient overflows or underflows,
  and b = y;
- any other, a far row, has s = z_m, the first of the largest logits. The rounding r of each difference is
  recovered (Knuth's two-sum), and e_k = e^d + e^d r for d = z_k - s as rounded; the term left out is
  r^2 / 2, where r is at most 2^-44. Below d = -746 both are 0. As e_y may be 0, b = m.

Every sum over classes is rounded once, by fsum, or as if formed in twice the precision where rows are many.
Probabilities, losses and gradients are thus within 4 ulp of their true values (below 2^-1022, an ulp is
2^-1074).
"""

from collections.abc import Callable
from math import fsum, log1p
from typing import NamedTuple

import numpy as np

from irisbp.nn.types import Array, Indices

NEAR = 340.0
"""e^(2 * 340), the largest quotient of two powers in a near row, and its inverse are normal numbers."""

_MANY = 300
"""From this many powers on, a few calls for all rows are faster than a list and fsum for each row."""

_NO_POWER = -746.0  # below it e^x is 0 in float64
_NO_ROWS: Indices = np.empty(0, dtype=np.int64)


class Functions(NamedTuple):
    """The functions that native and portable numerics round differently.

    exp writes into its second argument; log1p takes a number, log1p_each an array.
    """

    exp: Callable[[Array, Array], object]
    log1p: Callable[[float], float]
    log1p_each: Callable[[Array], Array]


NATIVE = Functions(np.exp, log1p, np.log1p)


class SampleCrossEntropy:
    """Loss and gradient of one sample's logits, in a buffer made once.

    logits and delta are (1, classes) arrays, read and written in place by each call. So short a row
    is summed faster as a Python list.
    """

    def __init__(self, logits: Array, delta: Array, functions: Functions = NATIVE) -> None:
        self._logits, self._delta, self._functions = logits, delta, functions
        self._exp, self._log1p = functions.exp, functions.log1p
        self._logits_row, self._delta_row = logits[0], delta[0]
        self._total = np.empty(())

    def __call__(self, label: int) -> tuple[float, int]:
        """The loss for the true class, and the predicted class (the first of the largest logits).

        delta becomes the gradient at the logits. A logit that is nan or inf gives a loss that is not
        finite; one of -inf has the probability 0.
        """
        logits = self._logits_row.tolist()
        largest = max(logits)
        if not (largest < NEAR and min(logits) > -NEAR):
            return self._far(label)
        self._exp(self._logits, self._delta)
        powers = self._delta_row.tolist()
        total, of_label = fsum(powers), powers[label]
        powers[label] = 0.0
        rest = fsum(powers)
        self._total[()] = total
        np.divide(self._delta, self._total, self._delta)
        self._delta_row[label] = -rest / total
        return self._log1p(rest / of_label), logits.index(largest)

    def _far(self, label: int) -> tuple[float, int]:
        losses, predicted = cross_entropy(self._logits, np.array([label]), self._delta, self._functions)
        return losses.item(), predicted.item()


def cross_entropy(
    logits: Array, labels: Indices, delta: Array | None = None, functions: Functions = NATIVE
) -> tuple[Array, Indices]:
    """Each row's loss and predicted class, for logits (rows, classes) and labels (rows,).

    If delta (rows, classes) is given, it becomes each row's gradient at its logits.
    """
    rows, far = np.arange(len(labels)), _far_rows(logits)
    powers, predicted = _powers(logits, far, functions), logits.argmax(axis=1)
    others, of_label = _without(powers, labels), powers[rows, labels]
    if delta is None:
        rest = _row_sums(others)
    else:  # the sums of both at once: most of their time is calls
        rest, total = np.split(_row_sums(np.concatenate([others, powers])), 2)
        np.divide(powers, total[:, np.newaxis], delta)
        delta[rows, labels] = -rest / total
    if not len(far):
        return functions.log1p_each(rest / of_label), predicted
    base = np.array(labels)
    base[far] = predicted[far]
    behind = logits[rows, base] - logits[rows, labels]
    return behind + functions.log1p_each(_row_sums(_without(powers, base)) / powers[rows, base]), predicted


def samples_summed_alike(classes: int) -> int:
    """The most samples that `cross_entropy` can take at once so that each is summed as if it were alone."""
    return max(1, (_MANY - 1) // (2 * classes))


def softmax(logits: Array, functions: Functions = NATIVE) -> Array:
    """Probabilities (rows, classes) of logits (rows, classes)."""
    powers = _powers(logits, _far_rows(logits), functions)
    return np.asarray(powers / _row_sums(powers)[:, np.newaxis])


def _far_rows(logits: Array) -> Indices:
    """The numbers of the far rows; a nan makes a row a far one."""
    if np.abs(logits).max() < NEAR:
        return _NO_ROWS
    return np.flatnonzero(~(np.abs(logits) < NEAR).all(axis=1))


def _powers(logits: Array, far: Indices, functions: Functions) -> Array:
    """The powers e_k (rows, classes)."""
    powers = np.empty_like(logits)
    if not len(far):
        functions.exp(logits, powers)
        return powers
    shift = np.zeros((len(logits), 1))
    shift[far, 0] = logits[far].max(axis=1)
    difference = logits - shift
    back = difference - logits
    rounding = (logits - (difference - back)) - (shift + back)
    rounding[difference < _NO_POWER] = 0.0
    functions.exp(difference, powers)
    powers += powers * rounding
    return powers


def _without(powers: Array, classes: Indices) -> Array:
    """The powers (rows, classes) with a 0 for one class of each row, classes (rows,)."""
    others = powers.copy()
    others[np.arange(len(others)), classes] = 0.0
    return others


def _row_sums(powers: Array) -> Array:
    if powers.size >= _MANY:
        return _sums_of_pairs(np.ascontiguousarray(powers.T))
    return np.array(list(map(fsum, powers.tolist())))


def _sums_of_pairs(terms: Array) -> Array:
    """The sums of terms (terms, n), none negative, over the first axis: (n,).

    Pairs are added, then pairs of their sums; the rounding errors of all additions (Knuth's two-sum) are
    summed separately and added last (Ogita, Rump & Oishi, "Accurate sum and dot product", 2005). The result
    is as accurate as if computed in twice the precision and then rounded.
    """
    lost = np.zeros(terms.shape[1:])
    while len(terms) > 1:
        half = len(terms) // 2
        a, b = terms[:half], terms[half : 2 * half]
        sums = a + b
        back = sums - a
        lost += ((a - (sums - back)) + (b - back)).sum(axis=0)
        terms = np.concatenate([sums, terms[2 * half :]])
    return np.asarray(terms[0] + lost)
