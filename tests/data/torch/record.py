"""Makes the numbers in this folder with PyTorch: python tests/data/torch/record.py.

gradients.csv has a row for each of 200 steps: the gradients that PyTorch's autograd finds along a plain
SGD training of a 4-3-3 network on iris, cut to 6 digits and from there on simply given. Every optimizer
starts at initial.csv and is fed these; optimizers/ has the parameters it had after each of STEPS.
schedules.csv has the learning rate of each epoch, a column for each schedule. weighted.csv has a row for each
of WEIGHTED: the loss and the gradient of a 4-3-3 network at initial.csv, by CrossEntropyLoss with weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
STEPS = (1, 2, 3, 10, 50, 100, 200)
EPOCHS = 60
RATE = 0.1  # of all schedules
# The samples of weighted.csv: the first four numbers of so many rows of gradients.csv, and these classes.
LABELS = (0, 2, 0, 0, 1, 0, 0, 1, 0, 2, 1, 0, 0)


class Case(NamedTuple):
    """One optimizer by our name and options and by PyTorch's."""

    rate: float
    name: str
    options: dict[str, Any]
    their_name: str
    their_options: dict[str, Any]


OPTIMIZERS = {
    "sgd": Case(0.1, "sgd", {}, "SGD", {}),
    "momentum": Case(0.05, "sgd", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    "momentum-0.5": Case(0.3, "sgd", {"momentum": 0.5}, "SGD", {"momentum": 0.5}),
    "nesterov": Case(
        0.05, "sgd", {"momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}
    ),
    "nesterov-0.3": Case(
        0.2, "sgd", {"momentum": 0.3, "nesterov": True}, "SGD", {"momentum": 0.3, "nesterov": True}
    ),
    "rmsprop": Case(0.01, "rmsprop", {}, "RMSprop", {}),
    "rmsprop-options": Case(
        0.03, "rmsprop", {"rho": 0.9, "epsilon": 1e-3}, "RMSprop", {"alpha": 0.9, "eps": 1e-3}
    ),
    "adagrad": Case(0.1, "adagrad", {}, "Adagrad", {}),
    "adagrad-options": Case(0.05, "adagrad", {"epsilon": 1e-2}, "Adagrad", {"eps": 1e-2}),
    "adadelta": Case(1.0, "adadelta", {}, "Adadelta", {}),
    "adadelta-options": Case(
        0.5, "adadelta", {"rho": 0.95, "epsilon": 1e-4}, "Adadelta", {"rho": 0.95, "eps": 1e-4}
    ),
    "adam": Case(0.01, "adam", {}, "Adam", {}),
    "adam-options": Case(
        0.05,
        "adam",
        {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3},
        "Adam",
        {"betas": (0.5, 0.9), "eps": 1e-3},
    ),
    "adam-no-memory": Case(0.01, "adam", {"beta1": 0.0}, "Adam", {"betas": (0.0, 0.999)}),
    "amsgrad": Case(
        0.02,
        "adam",
        {"beta2": 0.9, "amsgrad": True},
        "Adam",
        {"betas": (0.9, 0.9), "amsgrad": True},
    ),
    "adamw": Case(0.01, "adamw", {}, "AdamW", {}),
    "adamw-options": Case(
        0.02,
        "adamw",
        {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6, "weight_decay": 0.3, "amsgrad": True},
        "AdamW",
        {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.3, "amsgrad": True},
    ),
    "nadam": Case(0.01, "nadam", {}, "NAdam", {}),
    "nadam-options": Case(
        0.02,
        "nadam",
        {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "momentum_decay": 0.05},
        "NAdam",
        {"betas": (0.8, 0.95), "eps": 1e-4, "momentum_decay": 0.05},
    ),
}


class Shape(NamedTuple):
    """One schedule by our name, warm-up and options and by PyTorch's name and options."""

    name: str
    warmup: int
    options: dict[str, Any]
    their_name: str
    their_options: dict[str, Any]


SCHEDULES = {
    "constant": Shape("constant", 0, {}, "ConstantLR", {"factor": 1.0}),
    "constant-warmup": Shape("constant", 10, {}, "ConstantLR", {"factor": 1.0}),
    "step": Shape("step", 0, {}, "StepLR", {"step_size": 10, "gamma": 0.5}),
    "step-options": Shape("step", 0, {"every": 7, "factor": 0.1}, "StepLR", {"step_size": 7, "gamma": 0.1}),
    "step-warmup": Shape("step", 5, {}, "StepLR", {"step_size": 10, "gamma": 0.5}),
    "exponential": Shape("exponential", 0, {}, "ExponentialLR", {"gamma": 0.95}),
    "exponential-options": Shape("exponential", 0, {"factor": 0.7}, "ExponentialLR", {"gamma": 0.7}),
    "exponential-warmup": Shape("exponential", 1, {}, "ExponentialLR", {"gamma": 0.95}),
    "cosine": Shape("cosine", 0, {}, "CosineAnnealingLR", {"T_max": 60}),
    "cosine-options": Shape(
        "cosine", 0, {"final": 0.004}, "CosineAnnealingLR", {"T_max": 60, "eta_min": 0.004}
    ),
    "cosine-warmup": Shape(
        "cosine", 12, {"final": 0.004}, "CosineAnnealingLR", {"T_max": 48, "eta_min": 0.004}
    ),
}


class Weighted(NamedTuple):
    """The weights of three classes, PyTorch's reduction, and the samples, by their places."""

    weights: tuple[float, float, float]
    reduction: str
    samples: tuple[int, ...]


_ALL = tuple(range(len(LABELS)))
_WEIGHTS = (0.5, 2.0, 7.25)
WEIGHTED = {
    "sum": Weighted(_WEIGHTS, "sum", _ALL),
    "mean": Weighted(_WEIGHTS, "mean", _ALL),
    "mean of none": Weighted(_WEIGHTS, "none", _ALL),
    # 13 samples: 8, 3 and 2 of the three classes.
    "balanced mean": Weighted((13 / 24, 13 / 9, 13 / 6), "mean", _ALL),
    "one of class 0": Weighted(_WEIGHTS, "sum", (0,)),
    "one of class 1": Weighted(_WEIGHTS, "none", (4,)),
    "one of class 2": Weighted(_WEIGHTS, "sum", (9,)),
}


def torch() -> Any:
    """PyTorch, untyped, so that types are checked where it is not installed, too."""
    return import_module("torch")


@contextmanager
def doubles() -> Iterator[None]:
    """float64 throughout: NAdam keeps the product of its momenta in PyTorch's default type, whatever
    the parameters are, and float32 would show in the tenth digit."""
    before = torch().get_default_dtype()
    torch().set_default_dtype(torch().float64)
    try:
        yield
    finally:
        torch().set_default_dtype(before)


def parameters_of(name: str, initial: list[float], gradients: list[list[float]]) -> list[list[float]]:
    """PyTorch's parameters after each step, for given gradients."""
    case, path = OPTIMIZERS[name], []
    with doubles():
        parameters = torch().tensor(initial, requires_grad=True)
        optimizer = getattr(torch().optim, case.their_name)([parameters], lr=case.rate, **case.their_options)
        for gradient in gradients:
            parameters.grad = torch().tensor(gradient)
            optimizer.step()
            path.append(parameters.tolist())
    return path


def weighted_row(name: str, initial: list[float], gradients: list[list[float]]) -> list[float]:
    """PyTorch's loss, or the mean of its losses where it does not reduce them, and its gradient."""
    case = WEIGHTED[name]
    with doubles():
        vector = torch().tensor(initial, requires_grad=True)
        inputs = torch().tensor([gradients[k][:4] for k in case.samples])
        labels = torch().tensor([LABELS[k] for k in case.samples])
        first, second = vector[:15].reshape(5, 3), vector[15:].reshape(4, 3)
        hidden = torch().sigmoid(inputs @ first[:4] + first[4])
        criterion = torch().nn.CrossEntropyLoss(torch().tensor(case.weights), reduction=case.reduction)
        loss = criterion(hidden @ second[:3] + second[3], labels).mean()
        loss.backward()
        return [loss.item(), *vector.grad.tolist()]


def rates_of(name: str) -> Iterator[float]:
    """PyTorch's learning rate of each epoch."""
    shape, schedulers = SCHEDULES[name], torch().optim.lr_scheduler
    optimizer = torch().optim.SGD([torch().zeros(1, requires_grad=True)], lr=RATE)
    scheduler = getattr(schedulers, shape.their_name)(optimizer, **shape.their_options)
    if shape.warmup:
        first = 1.0 / (shape.warmup + 1)
        rise = schedulers.LinearLR(optimizer, start_factor=first, total_iters=shape.warmup)
        scheduler = schedulers.SequentialLR(optimizer, [rise, scheduler], milestones=[shape.warmup])
    for _ in range(EPOCHS):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()


def _training() -> tuple[list[float], list[list[float]]]:
    """Initial parameters and 200 gradients, in our layout: for each layer weights (in, out), then biases."""
    iris = import_module("sklearn.datasets").load_iris()
    torch().manual_seed(1)
    double = torch().float64
    inputs = torch().tensor((iris.data - iris.data.mean(0)) / iris.data.std(0, ddof=1))
    labels = torch().tensor(iris.target, dtype=torch().int64)
    shapes = [(4, 3), (3,), (3, 3), (3,)]
    layers = [torch().randn(shape, dtype=double).requires_grad_() for shape in shapes]
    optimizer = torch().optim.SGD(layers, lr=0.1)
    initial, gradients = _flat(layers), []
    for row in torch().cat([torch().randperm(150), torch().randperm(150)])[:200]:
        hidden = torch().sigmoid(inputs[row] @ layers[0] + layers[1])
        loss = torch().nn.functional.cross_entropy(hidden @ layers[2] + layers[3], labels[row])
        optimizer.zero_grad()
        loss.backward()
        gradients.append([float(f"{entry:.6g}") for entry in _flat([layer.grad for layer in layers])])
        optimizer.step()
    return initial, gradients


def _flat(tensors: list[Any]) -> list[float]:
    return [entry for tensor in tensors for entry in tensor.flatten().tolist()]


def _put(name: str, rows: list[list[float]], header: str = "") -> None:
    lines = [header] if header else []
    lines += [",".join(map(repr, row)) for row in rows]
    (HERE / name).write_text("\n".join(lines) + "\n")


def main() -> None:
    """Write every file."""
    initial, gradients = _training()
    _put("initial.csv", [initial])
    (HERE / "gradients.csv").write_text(
        "".join(",".join(f"{entry:.6g}" for entry in row) + "\n" for row in gradients)
    )
    (HERE / "optimizers").mkdir(exist_ok=True)
    for name in OPTIMIZERS:
        rows = parameters_of(name, initial, gradients)
        _put(f"optimizers/{name}.csv", [rows[step - 1] for step in STEPS])
    _put("weighted.csv", [weighted_row(name, initial, gradients) for name in WEIGHTED])
    columns = [list(rates_of(name)) for name in SCHEDULES]
    _put("schedules.csv", [list(row) for row in zip(*columns, strict=True)], ",".join(SCHEDULES))


if __name__ == "__main__":
    main()
