"""irisbp gradcheck beside other gradient checkers: `python -m tests.benchmarks.gradcheckers`.

All of them see the article's network at the same 15 points. Counted is, for each checker at its default
settings, the smallest relative error in one gradient entry that it catches at some point for 95 % of the
27 entries; how many of the 15 correct gradients it rejects; and what one pass over the points takes.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from irisbp.config.load import load_config
from irisbp.data.dataset import Dataset
from irisbp.gradients.check import make_targets, run_check
from irisbp.gradients.judge import Target, judge
from irisbp.gradients.methods import central_differences, complex_step
from irisbp.gradients.paths import own_gradient, path_of
from irisbp.nn.backprop import Backprop, Objective
from irisbp.nn.losses import cross_entropy
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices
from irisbp.training.setup import prepare

ERRORS = [10.0**-k for k in range(14)]
NETWORK, OBJECTIVE = Network(4, (3,), 3), Objective()

Accepts = Callable[[Target, Array], bool]


def _ours(target: Target, gradient: Array) -> bool:
    return judge(target, None, gradient).passed


def _close_to_complex_step(target: Target, gradient: Array) -> bool:
    """The comparison that its users write: a relative tolerance of 1e-12."""
    point = target.point
    _, expected = complex_step(NETWORK, point.parameters, point.inputs, point.labels, OBJECTIVE)
    return bool(np.allclose(gradient, expected, rtol=1e-12, atol=0.0))


def _close_to_central_differences(target: Target, gradient: Array) -> bool:
    """The lecture notes' rule: |a - n| / max(|a|, |n|) below 1e-7."""
    point = target.point
    _, expected = central_differences(NETWORK, point.parameters, point.inputs, point.labels, OBJECTIVE)
    size = np.maximum(np.abs(gradient), np.abs(expected))
    return bool((np.abs(gradient - expected) <= 1e-7 * size).all())


def _scipy(target: Target, gradient: Array) -> bool:
    """scipy.optimize.check_grad returns a norm; below 1e-6 is what its documentation calls good."""
    from scipy.optimize import check_grad

    point = target.point
    error = check_grad(lambda p: _loss(p, point.inputs, point.labels), lambda p: gradient, point.parameters)
    return bool(error < 1e-6)


def _loss(parameters: Array, inputs: Array, labels: Indices) -> float:
    extended = np.column_stack([inputs, np.ones(len(inputs))])
    with np.errstate(all="ignore"):
        logits = Backprop(NETWORK, parameters, rows=len(inputs)).forward(extended)
        return float(cross_entropy(logits, labels)[0].mean())


def _torch(target: Target, gradient: Array) -> bool:
    """torch.autograd.gradcheck on a function whose backward returns the gradient under test."""
    import torch

    point = target.point

    def forward(context: object, parameters: Any) -> Any:
        value = _loss(parameters.detach().numpy().copy(), point.inputs, point.labels)
        return torch.tensor(value, dtype=torch.float64)

    def backward(context: object, upstream: Any) -> Any:
        return upstream * torch.tensor(gradient)

    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    loss: Any = type("Loss", (torch.autograd.Function,), methods)
    parameters = torch.tensor(point.parameters, requires_grad=True)
    return bool(torch.autograd.gradcheck(loss.apply, (parameters,), raise_exception=False))


def _checkers() -> dict[str, Accepts]:
    checkers: dict[str, Accepts] = {
        "irisbp gradcheck": _ours,
        "complex step, 1e-12": _close_to_complex_step,
        "central differences, 1e-7": _close_to_central_differences,
    }
    try:
        import scipy.optimize  # noqa: F401
    except ImportError:
        print("scipy is not installed; its row is left out")
    else:
        checkers["scipy check_grad"] = _scipy
    try:
        import torch  # noqa: F401
    except ImportError:
        print("PyTorch is not installed; its row is left out")
    else:
        checkers["torch gradcheck"] = _torch
    return checkers


def _smallest_caught(accepts: Accepts, targets: list[Target]) -> float:
    """The smallest error caught in 95 % of the entries, at points whose correct gradient is accepted."""
    right = [(t, t.choices[0][0].rounded) for t in targets if accepts(t, t.choices[0][0].rounded)]
    smallest = np.inf
    for error in ERRORS:
        caught = 0
        for entry in range(NETWORK.parameter_count):
            scale = np.ones(NETWORK.parameter_count)
            scale[entry] += error
            caught += any(not accepts(target, gradient * scale) for target, gradient in right)
        if caught < 0.95 * NETWORK.parameter_count:
            break
        smallest = error
    return smallest


def _milliseconds(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(9):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def _passes(accepts: Accepts, targets: list[Target]) -> Callable[[], object]:
    return lambda: [accepts(target, target.choices[0][0].rounded) for target in targets]


def _ours_from_scratch(data: Dataset) -> Callable[[], object]:
    """Points, references, tolerances and the network's own gradients included."""
    return lambda: run_check([path_of(own_gradient)], NETWORK, data.inputs, data.labels, OBJECTIVE)


def main() -> None:
    """Measure and print the table."""
    data = prepare(load_config(None)).dataset
    targets = make_targets(NETWORK, data.inputs, data.labels, OBJECTIVE)
    table = Table("checker, at its defaults", "smallest error caught", "correct rejected", "all points, ms")
    for name, accepts in _checkers().items():
        rejected = sum(not accepts(target, target.choices[0][0].rounded) for target in targets)

        took = _milliseconds(_ours_from_scratch(data) if accepts is _ours else _passes(accepts, targets))
        caught = _smallest_caught(accepts, targets)
        table.add_row(name, f"{caught:.0e}", f"{rejected} of {len(targets)}", f"{took:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
