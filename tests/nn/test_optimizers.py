"""Every optimizer, step by step, against PyTorch's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from irisbp.config.schema import Config
from irisbp.nn.optimizers import OPTIMIZERS, NormClipping, Optimizer, Sgd
from irisbp.nn.types import Array
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from tests.data.torch import record

NEEDS_TORCH = "PyTorch is not installed: pip install 'irisbp[torch]'"
INITIAL = np.loadtxt(record.HERE / "initial.csv", delimiter=",")  # (27,)
GRADIENTS = np.loadtxt(record.HERE / "gradients.csv", delimiter=",")  # (200, 27)


def _make(case: str, shape: tuple[int, ...] = INITIAL.shape) -> Optimizer:
    chosen = record.OPTIMIZERS[case]
    return _with_rate(OPTIMIZERS[chosen.name](shape, **chosen.options), chosen.rate)


def _with_rate(optimizer: Optimizer, rate: float) -> Optimizer:
    optimizer.learning_rate[...] = rate
    return optimizer


def _path(optimizer: Optimizer, parameters: Array, gradients: Array) -> Array:
    """The parameters after each step, starting at parameters, which move along."""
    path = []
    for gradient in gradients:
        optimizer.update(parameters, gradient.copy())
        path.append(parameters.copy())
    return np.array(path)


@pytest.mark.parametrize("case", record.OPTIMIZERS)
def test_recorded_steps_of_pytorch(case: str) -> None:
    path = _path(_make(case), INITIAL.copy(), GRADIENTS)
    expected = np.loadtxt(record.HERE / "optimizers" / f"{case}.csv", delimiter=",")
    assert expected.shape == (len(record.STEPS), 27)
    np.testing.assert_allclose(path[np.array(record.STEPS) - 1], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("case", record.OPTIMIZERS)
def test_every_step_of_pytorch(case: str) -> None:
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    path = _path(_make(case), INITIAL.copy(), GRADIENTS)
    expected = record.parameters_of(case, INITIAL.tolist(), GRADIENTS.tolist())
    assert len(expected) == 200
    np.testing.assert_allclose(path, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("case", record.OPTIMIZERS)
def test_a_training_of_200_steps_in_pytorch(case: str) -> None:
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    chosen = record.OPTIMIZERS[case]
    config = Config.model_validate(
        {
            "seed": 4,
            "rng": "numpy",
            "learning_rate": chosen.rate,
            "epochs": 1,
            "initializer": "normal",
            "optimizer": {"name": chosen.name} | chosen.options,
            "data": {"shuffle": "once"},
        }
    )
    training = prepare(config)
    training.order = np.concatenate([training.order, training.order[:50]])
    inputs, labels = torch.tensor(training.dataset.inputs), torch.tensor(training.dataset.labels)
    views = training.network.views(training.parameters)
    theirs = [torch.tensor(view.copy(), requires_grad=True) for view in views.values()]
    optimizer = getattr(torch.optim, chosen.their_name)(theirs, lr=chosen.rate, **chosen.their_options)
    with record.doubles():
        for row in training.order:
            hidden = torch.sigmoid(inputs[row] @ theirs[0] + theirs[1])
            loss = torch.nn.functional.cross_entropy(hidden @ theirs[2] + theirs[3], labels[row])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    *_, end = train(training)
    assert end.step == 200
    for ours, tensor in zip(views.values(), theirs, strict=True):
        np.testing.assert_allclose(ours, tensor.detach().numpy(), rtol=0, atol=1e-12)


# By hand.


def _one_step(optimizer: Optimizer, parameters: list[float], gradient: list[float]) -> list[float]:
    moved = np.array(parameters)
    optimizer.update(moved, np.array(gradient))
    return list(moved)


def _clipped(limit: float) -> Optimizer:
    return NormClipping(_with_rate(Sgd((2,)), 1.0), limit)


def test_two_steps_of_momentum_by_hand() -> None:
    # v = 2, p = 10 - 0.5 * 2 = 9; then v = 0.5 * 2 + 4 = 5, p = 9 - 0.5 * 5 = 6.5.
    momentum = _with_rate(Sgd((1,), momentum=0.5), 0.5)
    assert _one_step(momentum, [10.0], [2.0]) == [9.0]
    assert _one_step(momentum, [9.0], [4.0]) == [6.5]
    # The same velocities: p = 10 - 0.5 (2 + 0.5 * 2) = 8.5; then p = 8.5 - 0.5 (4 + 0.5 * 5) = 5.25.
    nesterov = _with_rate(Sgd((1,), momentum=0.5, nesterov=True), 0.5)
    assert _one_step(nesterov, [10.0], [2.0]) == [8.5]
    assert _one_step(nesterov, [8.5], [4.0]) == [5.25]


def test_where_epsilon_stands() -> None:
    # A gradient of 1e-7 and epsilon 1e-8: Adam's first step is 1e-7 / (1e-7 + 1e-8) = 10/11 of the rate.
    # (Beside the root before its correction it would be 0.24 of it; inside the root 0.001.)
    adam = _with_rate(OPTIMIZERS["adam"]((1,)), 1.0)
    assert _one_step(adam, [0.0], [1e-7])[0] == pytest.approx(-10 / 11, rel=1e-12)
    # AdaGrad with epsilon 1: 3 / (3 + 1).
    adagrad = _with_rate(OPTIMIZERS["adagrad"]((1,), epsilon=1.0), 1.0)
    assert _one_step(adagrad, [0.0], [3.0]) == [-0.75]
    # RMSProp with rho 0.75 and epsilon 0.5: sqrt(0.25 * 9) = 1.5, and 3 / (1.5 + 0.5).
    rmsprop = _with_rate(OPTIMIZERS["rmsprop"]((1,), rho=0.75, epsilon=0.5), 1.0)
    assert _one_step(rmsprop, [0.0], [3.0]) == [-1.5]
    # Adadelta, inside both roots, with rho 0.5 and epsilon 0.5: sqrt(0.5) / sqrt(0.5 * 7 + 0.5) * sqrt(7).
    adadelta = _with_rate(OPTIMIZERS["adadelta"]((1,), rho=0.5, epsilon=0.5), 1.0)
    assert _one_step(adadelta, [0.0], [7**0.5])[0] == pytest.approx(-(3.5**0.5) / 2, rel=1e-15)


def test_clipping_by_hand() -> None:
    # |(3, 4)| = 5.
    assert _one_step(_clipped(2.5), [0.0, 0.0], [3.0, 4.0]) == [-1.5, -2.0]
    assert _one_step(_clipped(5.0), [0.0, 0.0], [3.0, 4.0]) == [-3.0, -4.0]
    assert _one_step(_clipped(1e9), [0.0, 0.0], [0.0, 0.0]) == [0.0, 0.0]


@pytest.mark.parametrize(("limit", "moved"), [(5.0, 1.0), (5e200, 1e200), (1e201, 1e200)])
def test_clipping_a_gradient_whose_square_overflows(limit: float, moved: float) -> None:
    with np.errstate(all="ignore"):  # as in the engines
        result = _one_step(_clipped(limit), [0.0, 0.0], [3e200, -4e200])
    np.testing.assert_allclose(result, [-3.0 * moved, 4.0 * moved], rtol=1e-15)


def test_an_infinite_gradient_is_not_hidden_by_clipping() -> None:
    with np.errstate(all="ignore"):
        moved = _one_step(_clipped(1.0), [0.0, 0.0], [np.inf, 1.0])
    assert not np.isfinite(moved[0])


@pytest.mark.parametrize("case", ["sgd", "momentum", "adam-options"])
def test_clipping_against_pytorch(case: str) -> None:
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    limit, clipped = 0.3, []
    for gradient in torch.tensor(GRADIENTS):
        theirs = torch.zeros(27, dtype=torch.float64, requires_grad=True)
        theirs.grad = gradient.clone()
        torch.nn.utils.clip_grad_norm_([theirs], limit)  # it adds 1e-6 to the norm
        clipped.append(theirs.grad.tolist())
    lengths = np.linalg.norm(GRADIENTS, axis=1)
    assert (lengths > limit).any()
    assert (lengths < limit).any()
    expected = record.parameters_of(case, INITIAL.tolist(), clipped)
    path = _path(NormClipping(_make(case), limit), INITIAL.copy(), GRADIENTS)
    np.testing.assert_allclose(path, expected, rtol=0, atol=1e-4)


# What the engines rely on.


@pytest.mark.parametrize("case", record.OPTIMIZERS)
def test_each_run_has_a_rate_which_is_no_number_until_it_is_set(case: str) -> None:
    chosen = record.OPTIMIZERS[case]
    for shape, of_rate in (((27,), ()), ((27, 5), (5,))):
        optimizer = OPTIMIZERS[chosen.name](shape, **chosen.options)
        assert optimizer.learning_rate.shape == of_rate
        assert np.isnan(optimizer.learning_rate).all()
        parameters = np.zeros(shape)
        optimizer.update(parameters, np.ones(shape))
        assert np.isnan(parameters).all()


@pytest.mark.parametrize("case", record.OPTIMIZERS)
def test_many_runs_side_by_side_are_the_runs_one_by_one(case: str) -> None:
    rates = record.OPTIMIZERS[case].rate * np.array([1.0, 0.1, 3.0, 0.0, 0.5])
    starts = INITIAL[:, np.newaxis] * np.array([1.0, -1.0, 0.5, 2.0, 1.0])  # (parameters, runs)
    gradients = np.stack([np.roll(GRADIENTS, 7 * k, axis=0) for k in range(5)], axis=2)
    together = _make(case, starts.shape)
    together.learning_rate[...] = rates
    side_by_side = _path(together, starts.copy(), gradients)  # (200, parameters, runs)
    for k, rate in enumerate(rates):
        alone = _make(case)
        alone.learning_rate[()] = rate
        np.testing.assert_array_equal(
            side_by_side[:, :, k], _path(alone, starts[:, k].copy(), gradients[:, :, k])
        )


@pytest.mark.parametrize("case", record.OPTIMIZERS)
@pytest.mark.parametrize("limit", [None, 0.3])
def test_state_and_parameters_are_all_there_is_to_resume_from(case: str, limit: float | None) -> None:
    def fresh() -> Optimizer:
        return _make(case) if limit is None else NormClipping(_make(case), limit)

    whole = _path(fresh(), INITIAL.copy(), GRADIENTS)
    first = fresh()
    parameters = INITIAL.copy()
    _path(first, parameters, GRADIENTS[:100])
    kept = {name: array.copy() for name, array in first.state.items()}
    second = fresh()
    assert kept.keys() == second.state.keys()
    for name, array in kept.items():
        second.state[name][...] = array
    np.testing.assert_array_equal(_path(second, parameters, GRADIENTS[100:]), whole[100:])


@pytest.mark.parametrize("case", record.OPTIMIZERS)
@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: NormClipping(one, 0.3)], ids=["", "clipped"])
def test_a_new_rate_holds_from_the_next_step_on(case: str, wrap: Callable[[Optimizer], Optimizer]) -> None:
    optimizer, parameters = wrap(_make(case)), INITIAL.copy()
    _path(optimizer, parameters, GRADIENTS[:10])
    before = parameters.copy()
    optimizer.learning_rate[()] = 0.0
    _path(optimizer, parameters, GRADIENTS[10:20])
    np.testing.assert_array_equal(parameters, before)


def test_every_optimizer_is_compared() -> None:
    assert {case.name for case in record.OPTIMIZERS.values()} == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_are_pytorchs(name: str) -> None:
    cases: dict[str, Any] = {case.name: case for case in reversed(record.OPTIMIZERS.values())}
    # The first case of each name gives no options on either side.
    assert not cases[name].options
    assert not cases[name].their_options
