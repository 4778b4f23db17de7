"""Weights of classes against PyTorch's CrossEntropyLoss(weight), hand arithmetic and repeated rows."""

from typing import Literal, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from irisbp.gradients.paths import own_gradient
from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.backprop import Backprop, Objective
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Sgd
from irisbp.nn.types import Array, Indices
from irisbp.training.class_weights import balanced_weights
from tests.data.torch import record

INITIAL = np.loadtxt(record.HERE / "initial.csv", delimiter=",")  # (27,)
GRADIENTS = np.loadtxt(record.HERE / "gradients.csv", delimiter=",")  # (200, 27)
RECORDED = dict(zip(record.WEIGHTED, np.loadtxt(record.HERE / "weighted.csv", delimiter=","), strict=True))
ARTICLE = Network(4, (3,), 3)
REPEATS = st.lists(st.integers(1, 5), min_size=3, max_size=3)
Reduction: TypeAlias = Literal["mean", "sum"]
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum")
QUICK = settings(max_examples=40, deadline=None)


def _ours(name: str, objective: Objective) -> Array:
    """The objective and its gradient at the samples of a recorded case, (28,)."""
    samples = list(record.WEIGHTED[name].samples)
    inputs, labels = GRADIENTS[samples, :4], np.array(record.LABELS)[samples]
    loss, gradient = own_gradient(ARTICLE, INITIAL, inputs, labels, objective)
    return np.array([loss, *gradient])


@pytest.mark.parametrize(
    ("name", "reduction"),
    [
        ("sum", "sum"),
        ("mean of none", "mean"),
        # The weights of all 13 samples have the sum 13 there, so both means divide by the same.
        ("balanced mean", "mean"),
        ("one of class 0", "mean"),
        ("one of class 1", "mean"),
        ("one of class 2", "sum"),
    ],
)
def test_losses_and_gradients_are_pytorchs(name: str, reduction: Reduction) -> None:
    ours = _ours(name, Objective(reduction, class_weight=record.WEIGHTED[name].weights))
    np.testing.assert_allclose(ours, RECORDED[name], rtol=0, atol=1e-12)


def test_pytorchs_own_mean_divides_by_the_weights() -> None:
    ours = _ours("mean", Objective("mean", class_weight=record.WEIGHTED["mean"].weights))
    # Of 13 samples, 8 have the weight 1/2, 3 have 2 and 2 have 7.25: the sum is 24.5.
    np.testing.assert_allclose(ours * 13 / 24.5, RECORDED["mean"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", record.WEIGHTED)
def test_the_recorded_numbers_are_pytorchs(name: str) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'irisbp[torch]'")
    row = record.weighted_row(name, INITIAL.tolist(), GRADIENTS.tolist())
    np.testing.assert_allclose(row, RECORDED[name], rtol=0, atol=1e-14)


def _samples(network: Network, rows: int, seed: int) -> tuple[Array, Array, Indices]:
    draws = np.random.default_rng(seed)
    labels = draws.integers(network.classes, size=rows)
    return draws.normal(size=network.parameter_count), draws.normal(size=(rows, network.inputs)), labels


def _trained(
    network: Network, start: Array, inputs: Array, labels: Indices, size: int, objective: Objective
) -> tuple[Array, list[float]]:
    parameters, optimizer = start.copy(), Sgd(start.shape)
    optimizer.learning_rate[()] = 0.1
    losses, _ = PlainLoop(network, parameters, optimizer, size, objective).run(inputs, labels)
    return parameters, losses


@QUICK
@given(
    st.sampled_from(list(ACTIVATIONS)),
    st.sampled_from(REDUCTIONS),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from(["native", "portable"]),
    st.integers(1, 9),
    st.integers(0, 10**6),
)
def test_weights_of_1_are_none_to_the_bit(
    activation: str, reduction: Reduction, l2: float, numerics: str, size: int, seed: int
) -> None:
    network = Network(4, (3, 2), 3, activation, numerics)
    samples = _samples(network, 20, seed)
    plain = _trained(network, *samples, size, Objective(reduction, l2))
    weighted = _trained(network, *samples, size, Objective(reduction, l2, (1.0, 1.0, 1.0)))
    assert plain[0].tobytes() == weighted[0].tobytes()
    assert plain[1] == weighted[1]


@QUICK
@given(REPEATS, st.integers(1, 12), st.integers(0, 10**6))
def test_whole_weights_repeat_rows(repeats: list[int], rows: int, seed: int) -> None:
    parameters, inputs, labels = _samples(ARTICLE, rows, seed)
    times = np.array(repeats)[labels]
    objective = Objective("sum", class_weight=tuple(map(float, repeats)))
    loss, gradient = own_gradient(ARTICLE, parameters, inputs, labels, objective)
    repeated = np.repeat(inputs, times, axis=0), np.repeat(labels, times)
    expected_loss, expected = own_gradient(ARTICLE, parameters, *repeated, Objective("sum"))
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)
    assert loss == pytest.approx(expected_loss, rel=1e-12)


def test_a_single_samples_step_has_the_weight_of_its_class() -> None:
    # By hand: 1 input, 2 classes, no hidden layer, all parameters 0, so that both probabilities are 1/2.
    # The sample x = 2 of class 1 has the gradient (1/2, -1/2) at its logits, times the weight 3 of its class:
    # weights +-3, biases +-1.5; with the rate 0.1 they move by -+0.3 and -+0.15. The loss stays log 2.
    network, sample = Network(1, (), 2), (np.array([[2.0]]), np.array([1]))
    for reduction in REDUCTIONS:
        objective = Objective(reduction, class_weight=(100.0, 3.0))
        parameters, losses = _trained(network, np.zeros(4), *sample, 1, objective)
        assert parameters == pytest.approx([-0.3, 0.3, -0.15, 0.15], rel=1e-15)
        assert losses == pytest.approx([np.log(2.0)], rel=1e-15)


def test_losses_are_without_weights() -> None:
    parameters, inputs, labels = _samples(ARTICLE, 9, 1)
    extended = np.column_stack([inputs, np.ones(9)])
    backprop = Backprop(ARTICLE, parameters, np.zeros_like(parameters), 9)
    weighted, _ = backprop.batch(extended, labels, Objective(class_weight=(5.0, 6.0, 7.0)))
    plain, _ = backprop.batch(extended, labels, Objective())
    np.testing.assert_array_equal(weighted, plain)


@QUICK
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_balanced_weights_are_scikit_learns(labels: list[int]) -> None:
    occurring = np.unique(labels)
    expected = np.ones(4)
    expected[occurring] = compute_class_weight("balanced", classes=occurring, y=np.array(labels))
    np.testing.assert_allclose(balanced_weights(np.array(labels), 4), expected, rtol=1e-15)
