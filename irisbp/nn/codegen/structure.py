"""The structure that code is written for, and the data that it reads, both taken from network and optimizer.

The compiled engines for one run and for many share this: an optimizer's kind decides which code is written,
its options are data. Nothing here needs llvmlite.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Adadelta, Adagrad, Adam, AdamW, Nadam, NormClipping, Optimizer, RmsProp, Sgd
from irisbp.nn.types import Array

HOW_TO_INSTALL = "pip install 'irisbp[fast]'"
ARGUMENTS = 10
"""The number of arrays that the compiled function takes."""
_Inner: TypeAlias = Sgd | RmsProp | Adagrad | Adadelta | Adam
_NAMES = {
    Sgd: "sgd", RmsProp: "rmsprop", Adagrad: "adagrad", Adadelta: "adadelta",
    Adam: "adam", AdamW: "adamw", Nadam: "nadam",
}  # fmt: skip
_MEMORY = {
    "sgd": ("velocity",),
    "rmsprop": ("square",),
    "adagrad": ("square",),
    "adadelta": ("square", "moved"),
}
_MOMENTS = ("mean", "square", "largest")
_NOTHING_OF_ONE = 2.0**-54  # 1 less a smaller number is 1


@dataclass(frozen=True)
class Structure:
    """All choices that the code depends on.

    widths are those of the layers from the inputs to the classes; variant is "momentum" or "nesterov"
    for sgd, "amsgrad" for Adam's kind, else empty; lanes is the number of runs side by side.
    """

    widths: tuple[int, ...]
    activation: str
    optimizer: str
    variant: str
    single_samples: bool
    is_mean: bool
    has_penalty: bool
    is_weighted: bool
    is_clipped: bool
    lanes: int

    @property
    def parameter_count(self) -> int:
        """The number of one run's parameters."""
        return sum((a + 1) * b for a, b in zip(self.widths[:-1], self.widths[1:], strict=True))


def structure_of(
    network: Network, optimizer: Optimizer, batch_size: int, objective: Objective, lanes: int
) -> Structure:
    """The structure of a training; TypeError if the optimizer is not one of `irisbp.nn.optimizers`."""
    inner = _inner(optimizer)
    return Structure(
        widths=(network.inputs, *network.hidden, network.classes),
        activation=network.activation,
        optimizer=_NAMES[type(inner)],
        variant=_variant(inner),
        single_samples=batch_size == 1,
        is_mean=objective.reduction == "mean" and batch_size > 1,
        has_penalty=objective.l2 > 0.0,
        is_weighted=objective.class_weight is not None,
        is_clipped=isinstance(optimizer, NormClipping),
        lanes=lanes,
    )


def available() -> bool:
    """Return whether llvmlite is installed and can be loaded."""
    try:
        import llvmlite.binding  # noqa: F401
    except (ImportError, OSError):  # OSError: its shared library is missing or unfit
        return False
    return True


def memory_names(structure: Structure) -> tuple[str, ...]:
    """The keys of the optimizer's state whose arrays the code changes, in the order of its memory."""
    if structure.optimizer == "sgd" and not structure.variant:
        return ()
    names = _MEMORY.get(structure.optimizer, _MOMENTS)
    return names if structure.variant == "amsgrad" or names != _MOMENTS else names[:2]


def options_of(optimizer: Optimizer, objective: Objective) -> list[float]:
    """l2, the limit of the norm, epsilon, the two decays, weight_decay, and the weights of the classes.

    It is 0 for one that the optimizer does not have; without weights there are six.
    """
    inner = _inner(optimizer)
    limit = optimizer.limit if isinstance(optimizer, NormClipping) else 0.0
    epsilon = 0.0 if isinstance(inner, Sgd) else float(inner.epsilon)
    weight_decay = float(inner.weight_decay) if isinstance(inner, AdamW) else 0.0
    weights = objective.class_weight or ()
    return [objective.l2, limit, epsilon, *_decays(inner), weight_decay, *weights]


def _decays(inner: _Inner) -> tuple[float, float]:
    """The factors by which the optimizer's memory decays."""
    if isinstance(inner, Sgd):
        return float(inner.momentum), 0.0
    if isinstance(inner, RmsProp | Adadelta):
        return float(inner.rho), 0.0
    return (0.0, 0.0) if isinstance(inner, Adagrad) else (inner.beta1, inner.beta2)


def corrections_of(optimizer: Optimizer, steps: int) -> tuple[Array, list[float]]:
    """The factors of the next updates that depend on the step's number, (steps, 3), and nadam's products.

    For adam and adamw 1 - beta1^t and 1 - beta2^t. For nadam the factors of the gradient and of the mean
    are first and last: (1 - mu_t) / (1 - M_t) and mu_(t+1) / (1 - M_(t+1)); its product after each step is
    M_t. Other optimizers have no rows.
    """
    inner, products = _inner(optimizer), list[float]()
    if isinstance(inner, Nadam):
        rows = _nadam_rows(inner, steps, products)
        return np.fromiter(rows, np.dtype((np.float64, 3)), count=steps), products
    return _adam_rows(inner, steps) if isinstance(inner, Adam) else np.zeros((0, 3)), products


def _adam_rows(adam: Adam, steps: int) -> Array:
    rows, first = np.zeros((steps, 3)), adam.state["step"].item() + 1.0
    for column, beta in enumerate((adam.beta1, adam.beta2)):
        if beta**first < _NOTHING_OF_ONE:
            rows[:, column] = 1.0
        else:  # NumPy's power may round differently from the plain loop's
            rows[:, column] = [1.0 - beta**step for step in np.arange(first, first + steps).tolist()]
    return rows


def _nadam_rows(nadam: Nadam, steps: int, products: list[float]) -> Iterator[tuple[float, float, float]]:
    step, product = nadam.state["step"].item(), nadam.state["product"].item()
    for _ in range(steps):
        step += 1.0
        now, soon = nadam.momentum_at(step), nadam.momentum_at(step + 1.0)
        product *= now
        products.append(product)
        yield (1.0 - now) / (1.0 - product), 1.0 - nadam.beta2**step, soon / (1.0 - product * soon)


def count_steps(optimizer: Optimizer, steps: int, products: list[float]) -> None:
    """Add the steps that the code took to the optimizer's state; products are those of `corrections_of`."""
    state = optimizer.state
    if steps and "step" in state:
        state["step"][()] += steps
    if steps and "product" in state:
        state["product"][()] = products[steps - 1]


def _inner(optimizer: Optimizer) -> _Inner:
    """The optimizer itself, without the clipping around it."""
    inner = optimizer.inner if isinstance(optimizer, NormClipping) else optimizer
    if not isinstance(inner, _Inner):
        raise TypeError(f"no code is written for {type(inner).__name__}")
    return inner


def _variant(inner: _Inner) -> str:
    if isinstance(inner, Sgd):
        return "" if not inner.state else "nesterov" if inner.nesterov else "momentum"
    return "amsgrad" if isinstance(inner, Adam) and inner.amsgrad else ""
