"""Optimizers: how a gradient changes the parameters.

Each is a few in-place ufuncs on arrays of one shape, which works as well for one run (parameters,) as
for many side by side (parameters, runs). An optimizer holds its learning rate as a 0-d array (or one
entry a run), which a caller may change between steps, and names its memory in `state`, so that a copy
of `state` and of the parameters is all there is to keep.
"""

from typing import Protocol

import numpy as np

from irisbp.nn.types import Array


class Optimizer(Protocol):
    """What the engines ask of an optimizer."""

    learning_rate: Array
    state: dict[str, Array]

    def update(self, parameters: Array, gradient: Array) -> None:
        """Change the parameters in place by one step; the gradient is left as it was."""


class Sgd:
    """Stochastic gradient descent: p <- p - learning_rate * g (Robbins & Monro, 1951)."""

    def __init__(self, shape: tuple[int, ...], learning_rate: float) -> None:
        self.learning_rate = np.array(learning_rate)
        self.state: dict[str, Array] = {}
        self._change = np.zeros(shape)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        np.multiply(gradient, self.learning_rate, self._change)
        np.subtract(parameters, self._change, parameters)


class Adam:
    """Adam, algorithm 1 of Kingma & Ba, "Adam: a method for stochastic optimization" (2015).

        m <- beta1 m + (1 - beta1) g              v <- beta2 v + (1 - beta2) g^2
        p <- p - learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Epsilon stands outside the bias-corrected root, as in the algorithm itself, not inside the root
    and not beside the uncorrected one (the paper's faster form), which changes the first steps where
    gradients are small. beta1 and beta2 lie in [0, 1), epsilon is positive.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        learning_rate: float,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.learning_rate = np.array(learning_rate)
        self._mean, self._square = np.zeros(shape), np.zeros(shape)
        self._step = np.zeros(())
        self.state = {"mean": self._mean, "square": self._square, "step": self._step}
        self._beta1, self._beta2 = beta1, beta2
        self._keep1, self._take1 = np.array(beta1), np.array(1.0 - beta1)
        self._keep2, self._take2 = np.array(beta2), np.array(1.0 - beta2)
        self._epsilon = np.array(epsilon)
        self._correct1, self._correct2 = np.zeros(()), np.zeros(())
        self._root, self._change = np.zeros(shape), np.zeros(shape)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        mean, square, root, change = self._mean, self._square, self._root, self._change
        step = self._step.item() + 1.0
        self._step[()] = step
        self._correct1[()] = 1.0 - self._beta1**step
        self._correct2[()] = 1.0 - self._beta2**step
        np.multiply(mean, self._keep1, mean)
        np.multiply(gradient, self._take1, change)
        np.add(mean, change, mean)
        np.multiply(square, self._keep2, square)
        np.multiply(gradient, gradient, change)
        np.multiply(change, self._take2, change)
        np.add(square, change, square)
        np.divide(square, self._correct2, root)
        np.sqrt(root, root)
        np.add(root, self._epsilon, root)
        np.divide(mean, self._correct1, change)
        np.multiply(change, self.learning_rate, change)
        np.divide(change, root, change)
        np.subtract(parameters, change, parameters)


OPTIMIZERS: dict[str, type[Sgd] | type[Adam]] = {"sgd": Sgd, "adam": Adam}
