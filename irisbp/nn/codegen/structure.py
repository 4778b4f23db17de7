"""What code is written for, told from a network and an optimizer; the rest of a training is data for it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Adadelta, Adagrad, Adam, AdamW, Nadam, NormClipping, Optimizer, RmsProp, Sgd
from irisbp.nn.types import Array

HOW_TO_INSTALL = "pip install 'irisbp[fast]'"
_NAMES = {
    Sgd: "sgd", RmsProp: "rmsprop", Adagrad: "adagrad", Adadelta: "adadelta",
    Adam: "adam", AdamW: "adamw", Nadam: "nadam",
}  # fmt: skip
_KEPT = {
    "sgd": ("velocity",),
    "rmsprop": ("square",),
    "adagrad": ("square",),
    "adadelta": ("square", "moved"),
}
_NOTHING_OF_ONE = 2.0**-54  # what is smaller leaves 1 as it is
_MOMENTS = ("mean", "square", "largest")


@dataclass(frozen=True)
class Structure:
    """What code is written for.

    widths are those of the layers from the inputs to the classes; variant is "momentum" or "nesterov"
    for sgd, "amsgrad" for Adam's kind, else empty; lanes is how many runs are side by side.
    """

    widths: tuple[int, ...]
    activation: str
    optimizer: str
    variant: str
    single_samples: bool
    is_mean: bool
    has_penalty: bool
    is_clipped: bool
    lanes: int

    @property
    def parameter_count(self) -> int:
        """How many parameters a run has."""
        return sum((a + 1) * b for a, b in zip(self.widths[:-1], self.widths[1:], strict=True))


def structure_of(
    network: Network, optimizer: Optimizer, batch_size: int, objective: Objective, lanes: int
) -> Structure:
    """The structure of a training; the optimizer is one of `irisbp.nn.optimizers`."""
    inner = _inner(optimizer)
    return Structure(
        widths=(network.inputs, *network.hidden, network.classes),
        activation=network.activation,
        optimizer=_NAMES[type(inner)],
        variant=_variant(inner),
        single_samples=batch_size == 1,
        is_mean=objective.reduction == "mean" and batch_size > 1,
        has_penalty=objective.l2 > 0.0,
        is_clipped=isinstance(optimizer, NormClipping),
        lanes=lanes,
    )


def available() -> bool:
    """Whether what compiles is installed, and can be loaded."""
    try:
        import llvmlite.binding  # noqa: F401
    except (ImportError, OSError):  # OSError: its shared library
        return False
    return True


def kept_names(structure: Structure) -> tuple[str, ...]:
    """The optimizer's arrays in the order in which the code keeps them."""
    if structure.optimizer == "sgd" and not structure.variant:
        return ()
    names = _KEPT.get(structure.optimizer, _MOMENTS)
    return names if structure.variant == "amsgrad" or names != _MOMENTS else names[:2]


def options_of(optimizer: Optimizer, objective: Objective) -> list[float]:
    """l2, the limit of the norm, epsilon, the optimizer's two decays and weight_decay; 0 for what is not."""
    inner = _inner(optimizer)
    limit = optimizer._limit if isinstance(optimizer, NormClipping) else 0.0
    epsilon = float(getattr(inner, "_epsilon", 0.0))  # sgd has none
    decays = {
        Sgd: ("_momentum",), RmsProp: ("_keep",), Adadelta: ("_keep",), Adagrad: (),
    }.get(type(inner), ("_beta1", "_beta2"))  # fmt: skip
    first, second, *_ = [float(getattr(inner, name)) for name in decays] + [0.0, 0.0]
    weight_decay = float(inner._weight_decay) if isinstance(inner, AdamW) else 0.0
    return [objective.l2, limit, epsilon, first, second, weight_decay]


def corrections_of(optimizer: Optimizer, steps: int) -> tuple[Array, list[float]]:
    """What the next steps' updates need to know of their number, (steps, 3), and nadam's products after each.

    For adam and adamw 1 - beta1^t and 1 - beta2^t. For nadam the factors of the gradient and of the mean
    stand first and last: (1 - mu_t) / (1 - M_t) and mu_(t+1) / (1 - M_(t+1)).
    """
    inner, products = _inner(optimizer), list[float]()
    if isinstance(inner, Nadam):
        rows = _nadam_rows(inner, steps, products)
        return np.fromiter(rows, np.dtype((np.float64, 3)), count=steps), products
    return _adam_rows(inner, steps) if isinstance(inner, Adam) else np.zeros((0, 3)), products


def _adam_rows(adam: Adam, steps: int) -> Array:
    rows, first = np.zeros((steps, 3)), adam.state["step"].item() + 1.0
    for column, beta in enumerate((adam._beta1, adam._beta2)):
        if beta**first < _NOTHING_OF_ONE:
            rows[:, column] = 1.0
        else:  # a power of NumPy's might be another one than the plain loop's
            rows[:, column] = [1.0 - beta**step for step in np.arange(first, first + steps).tolist()]
    return rows


def _nadam_rows(nadam: Nadam, steps: int, products: list[float]) -> Iterator[tuple[float, float, float]]:
    step, product = nadam.state["step"].item(), nadam.state["product"].item()
    for _ in range(steps):
        step += 1.0
        now, soon = nadam._momentum(step), nadam._momentum(step + 1.0)
        product *= now
        products.append(product)
        yield (1.0 - now) / (1.0 - product), 1.0 - nadam._beta2**step, soon / (1.0 - product * soon)


def count_steps(optimizer: Optimizer, steps: int, products: list[float]) -> None:
    """Tell the optimizer that so many steps were taken, of those that it was asked about."""
    state = optimizer.state
    if steps and "step" in state:
        state["step"][()] += steps
    if steps and "product" in state:
        state["product"][()] = products[steps - 1]


def _inner(optimizer: Optimizer) -> Optimizer:
    return optimizer._optimizer if isinstance(optimizer, NormClipping) else optimizer


def _variant(optimizer: Optimizer) -> str:
    if isinstance(optimizer, Sgd):
        return "" if not optimizer.state else "nesterov" if optimizer._nesterov else "momentum"
    return "amsgrad" if isinstance(optimizer, Adam) and optimizer._amsgrad else ""
