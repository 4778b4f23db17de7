"""Optimizers: how a gradient changes the parameters.

Each is a few in-place ufuncs on arrays of one shape, which work as well for one run, (parameters,), as for
many side by side, (parameters, runs). An optimizer is made with that shape and its options, which are public
attributes and do not change. Two things do:

- `learning_rate`, a 0-d array or one entry a run, (runs,), which the training loop sets before the first
  step and may change between steps. Until then it is nan, and so are parameters updated with it.
- `state`, the optimizer's memory by name. A copy of it and of the parameters is all there is to save.

An option is a number; where runs side by side differ in it, it may be an array, (runs,).
"""

from collections.abc import Callable
from math import inf
from operator import pow as native_power
from typing import Any, Protocol

import numpy as np

from irisbp.nn.types import Array

Option = float | Array
"""A number, or one for each run: (runs,)."""


class Optimizer(Protocol):
    """The interface that the engines use; shapes and meanings as above."""

    learning_rate: Array
    state: dict[str, Array]

    def update(self, parameters: Array, gradient: Array) -> None:
        """Change the parameters in place by one step; the gradient may be overwritten."""


def _unset_rate(shape: tuple[int, ...]) -> Array:
    """A learning rate for parameters of this shape, one entry for each run, not yet set: nan."""
    return np.full(shape[1:], np.nan)


class Sgd:
    """Stochastic gradient descent (Robbins & Monro, 1951), with optional momentum.

        v <- momentum * v + g
        p <- p - learning_rate * v                       (Polyak, 1964)
        p <- p - learning_rate * (g + momentum * v)      (nesterov: Nesterov, 1983)

    The learning rate multiplies the velocity, as in PyTorch and in Sutskever et al. (2013), section 2,
    once their rate is constant; v starts at 0. momentum lies in [0, 1). Without momentum it is
    p <- p - learning_rate * g.
    """

    def __init__(self, shape: tuple[int, ...], *, momentum: Option = 0.0, nesterov: bool = False) -> None:
        self.learning_rate = _unset_rate(shape)
        self.momentum, self.nesterov = np.array(momentum), nesterov
        self._velocity = np.zeros(shape)
        self.state: dict[str, Array] = {"velocity": self._velocity} if np.any(momentum) else {}
        self._ahead = np.zeros(shape)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        direction = gradient
        if self.state:
            direction = self._velocity
            np.multiply(direction, self.momentum, direction)
            np.add(direction, gradient, direction)
            if self.nesterov:
                np.multiply(direction, self.momentum, self._ahead)
                direction = np.add(self._ahead, gradient, self._ahead)
        # The gradient is no longer needed, and its array is in the cache: it takes the change.
        np.multiply(direction, self.learning_rate, gradient)
        np.subtract(parameters, gradient, parameters)


class _DividesByRoot:
    """Shared by RMSProp and AdaGrad: p <- p - learning_rate * g / (sqrt(v) + epsilon), v in `square`."""

    def __init__(self, shape: tuple[int, ...], epsilon: Option) -> None:
        self.learning_rate, self.epsilon = _unset_rate(shape), np.array(epsilon)
        self._square = np.zeros(shape)
        self.state = {"square": self._square}
        self._change, self._root = np.zeros(shape), np.zeros(shape)

    def _descend(self, parameters: Array, gradient: Array) -> None:
        change, root = self._change, self._root
        np.sqrt(self._square, root)
        np.add(root, self.epsilon, root)
        np.multiply(gradient, self.learning_rate, change)
        np.divide(change, root, change)
        np.subtract(parameters, change, parameters)


class RmsProp(_DividesByRoot):
    """RMSProp: Tieleman & Hinton, lecture 6.5 of "Neural networks for machine learning" (2012).

        v <- rho v + (1 - rho) g^2
        p <- p - learning_rate * g / (sqrt(v) + epsilon)

    Epsilon is added outside the root, and v starts at 0 without correction, as in PyTorch; rho lies in
    [0, 1), epsilon is positive.
    """

    def __init__(self, shape: tuple[int, ...], *, rho: Option = 0.99, epsilon: Option = 1e-8) -> None:
        super().__init__(shape, epsilon)
        self.rho, self._take = np.array(rho), np.array(1.0 - rho)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        _decay_square(self._square, gradient, self.rho, self._take, self._change)
        self._descend(parameters, gradient)


class Adagrad(_DividesByRoot):
    """AdaGrad with a diagonal: Duchi, Hazan & Singer, "Adaptive subgradient methods" (2011), figure 1.

        v <- v + g^2
        p <- p - learning_rate * g / (sqrt(v) + epsilon)

    Epsilon is added outside the root, as delta is in the paper; it is positive.
    """

    def __init__(self, shape: tuple[int, ...], *, epsilon: Option = 1e-10) -> None:
        super().__init__(shape, epsilon)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        np.multiply(gradient, gradient, self._change)
        np.add(self._square, self._change, self._square)
        self._descend(parameters, gradient)


class Adadelta:
    """Adadelta: Zeiler, "ADADELTA: an adaptive learning rate method" (2012), algorithm 1.

        v <- rho v + (1 - rho) g^2
        d <- sqrt(u + epsilon) / sqrt(v + epsilon) * g
        u <- rho u + (1 - rho) d^2
        p <- p - learning_rate * d

    Epsilon is added inside both roots, as in the paper, which has no learning rate: 1 is its method. rho
    lies in [0, 1), epsilon is positive.
    """

    def __init__(self, shape: tuple[int, ...], *, rho: Option = 0.9, epsilon: Option = 1e-6) -> None:
        self.learning_rate = _unset_rate(shape)
        self._square, self._moved = np.zeros(shape), np.zeros(shape)
        self.state = {"square": self._square, "moved": self._moved}
        self.rho, self._take, self.epsilon = np.array(rho), np.array(1.0 - rho), np.array(epsilon)
        self._change, self._root, self._spare = np.zeros(shape), np.zeros(shape), np.zeros(shape)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        square, moved, change, root = self._square, self._moved, self._change, self._root
        _decay_square(square, gradient, self.rho, self._take, change)
        np.add(square, self.epsilon, root)
        np.sqrt(root, root)
        np.add(moved, self.epsilon, change)
        np.sqrt(change, change)
        np.divide(change, root, change)
        np.multiply(change, gradient, change)
        _decay_square(moved, change, self.rho, self._take, self._spare)
        np.multiply(change, self.learning_rate, change)
        np.subtract(parameters, change, parameters)


class Adam:
    """Adam, algorithm 1 of Kingma & Ba, "Adam: a method for stochastic optimization" (2015).

        m <- beta1 m + (1 - beta1) g              v <- beta2 v + (1 - beta2) g^2
        p <- p - learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Epsilon is added outside the bias-corrected root, as in the algorithm itself, not inside the root
    and not beside the uncorrected one (the paper's faster form), which changes the first steps where
    gradients are small. With amsgrad (Reddi, Kale & Kumar, "On the convergence of Adam and beyond",
    2018) the largest v so far replaces v, before its correction, as in PyTorch. beta1 and beta2 lie in
    [0, 1) and are the same for runs side by side; epsilon is positive. power is the function that forms
    beta^t.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: Option = 1e-8,
        amsgrad: bool = False,
        power: Callable[[float, float], float] = native_power,
    ) -> None:
        self.learning_rate = _unset_rate(shape)
        self._mean, self._square = np.zeros(shape), np.zeros(shape)
        self._step = np.zeros(())
        self.state = {"mean": self._mean, "square": self._square, "step": self._step}
        self._largest = np.zeros(shape)
        self.amsgrad = amsgrad
        if amsgrad:
            self.state["largest"] = self._largest
        self.beta1, self.beta2, self._power = beta1, beta2, power
        self._keep1, self._take1 = np.array(beta1), np.array(1.0 - beta1)
        self._keep2, self._take2 = np.array(beta2), np.array(1.0 - beta2)
        self.epsilon = np.array(epsilon)
        self._correct1, self._correct2 = np.zeros(()), np.zeros(())
        self._root, self._change = np.zeros(shape), np.zeros(shape)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        change = self._change
        self._accumulate(gradient)
        np.divide(self._mean, self._correct1, change)
        np.multiply(change, self.learning_rate, change)
        np.divide(change, self._root, change)
        np.subtract(parameters, change, parameters)

    def _accumulate(self, gradient: Array) -> None:
        """Count the step, update both means with the gradient, and form the divisor in `_root`."""
        mean, square, root = self._mean, self._square, self._root
        step = self._step.item() + 1.0
        self._step[()] = step
        self._correct1[()] = 1.0 - self._power(self.beta1, step)
        self._correct2[()] = 1.0 - self._power(self.beta2, step)
        np.multiply(mean, self._keep1, mean)
        np.multiply(gradient, self._take1, root)
        np.add(mean, root, mean)
        _decay_square(square, gradient, self._keep2, self._take2, root)
        if self.amsgrad:
            np.maximum(self._largest, square, out=self._largest)
            square = self._largest
        np.divide(square, self._correct2, root)
        np.sqrt(root, root)
        np.add(root, self.epsilon, root)


class AdamW(Adam):
    """Adam with decoupled weight decay: Loshchilov & Hutter (2019), algorithm 2, green.

        p <- p - learning_rate * weight_decay * p, then a step of Adam

    All parameters decay, biases too, as in the paper and in PyTorch; the decay is scaled by the
    learning rate, as in PyTorch (the paper scales it by the schedule alone). weight_decay is at least 0;
    options are Adam's.
    """

    def __init__(self, shape: tuple[int, ...], *, weight_decay: Option = 0.01, **options: Any) -> None:
        super().__init__(shape, **options)
        self.weight_decay = np.array(weight_decay)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        np.multiply(parameters, self.learning_rate * self.weight_decay, self._change)
        np.subtract(parameters, self._change, parameters)
        super().update(parameters, gradient)


class Nadam(Adam):
    """Nadam: Dozat, "Incorporating Nesterov momentum into Adam" (2016), algorithm 2, with its schedule.

        mu_t = beta1 (1 - 0.5 * 0.96^(t * momentum_decay))
        m, v as in Adam; M_t = mu_1 ... mu_t
        p <- p - learning_rate * (mu_(t+1) m / (1 - M_(t+1)) + (1 - mu_t) g / (1 - M_t))
                               / (sqrt(v / (1 - beta2^t)) + epsilon)

    momentum_decay is 0.004 by default, the paper's value, as in PyTorch; options are Adam's.
    """

    def __init__(self, shape: tuple[int, ...], *, momentum_decay: float = 0.004, **options: Any) -> None:
        super().__init__(shape, **options)
        self.momentum_decay = momentum_decay
        self._product = np.ones(())
        self.state["product"] = self._product
        self._ahead = np.zeros(shape)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        change, ahead = self._change, self._ahead
        self._accumulate(gradient)
        step = self._step.item()
        now, soon = (self.momentum_at(t) for t in (step, step + 1.0))
        product = self._product.item() * now
        self._product[()] = product
        np.multiply(gradient, (1.0 - now) / (1.0 - product), change)
        np.multiply(self._mean, soon / (1.0 - product * soon), ahead)
        np.add(change, ahead, change)
        np.multiply(change, self.learning_rate, change)
        np.divide(change, self._root, change)
        np.subtract(parameters, change, parameters)

    def momentum_at(self, step: float) -> float:
        """mu_t of the step t, counted from 1."""
        return self.beta1 * (1.0 - 0.5 * self._power(0.96, step * self.momentum_decay))


def _decay_square(square: Array, gradient: Array, keep: Array, take: Array, spare: Array) -> None:
    """In place: square <- keep * square + take * gradient^2; spare is overwritten."""
    np.multiply(square, keep, square)
    np.multiply(gradient, gradient, spare)
    np.multiply(spare, take, spare)
    np.add(square, spare, square)


def native_norm(values: Array) -> float:
    """The Euclidean norm of all entries."""
    return float(np.linalg.norm(values))


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": Sgd,
    "rmsprop": RmsProp,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": Nadam,
}


class NormClipping:
    """Gradient clipping by norm: g <- g * min(1, limit / |g|), |g| the Euclidean norm of all of g.

    Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks" (2013),
    algorithm 1; limit is positive. Nothing is added to the norm, so a gradient within it is untouched.
    The clipped gradient goes to the inner optimizer, whose learning rate and state are also this one's.
    """

    def __init__(self, inner: Optimizer, limit: float, norm: Callable[[Array], float] = native_norm) -> None:
        self.inner, self.limit, self._norm = inner, limit, norm
        self.learning_rate, self.state = inner.learning_rate, inner.state

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place with the clipped gradient."""
        norm, scale = self._norm(gradient), 1.0
        if norm == inf:  # the squares may overflow where the norm does not
            scale = float(np.abs(gradient).max())
            np.divide(gradient, scale, gradient)
            norm = self._norm(gradient)
        if norm > self.limit / scale:
            np.multiply(gradient, self.limit / norm, gradient)
        elif scale != 1.0:
            np.multiply(gradient, scale, gradient)
        self.inner.update(parameters, gradient)


class NormClippingOfRuns:
    """`NormClipping` for many runs side by side: each gradient by its own norm and limit, (runs,)."""

    def __init__(self, inner: Optimizer, limit: Array) -> None:
        self.inner, self.limit = inner, limit
        self.learning_rate, self.state = inner.learning_rate, inner.state

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place with the clipped gradients, (parameters, runs)."""
        norm = np.linalg.norm(gradient, axis=0)
        scale = np.where(norm == inf, np.abs(gradient).max(axis=0), 1.0)
        if (norm == inf).any():
            np.divide(gradient, scale, gradient)
            norm = np.linalg.norm(gradient, axis=0)
        factor = np.where(norm > self.limit / scale, self.limit / norm, scale)
        np.multiply(gradient, factor, gradient)
        self.inner.update(parameters, gradient)
