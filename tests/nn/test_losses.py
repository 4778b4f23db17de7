"""Softmax cross-entropy and its gradient against high precision."""

from math import inf, ulp

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irisbp.nn.losses import SampleCrossEntropy, cross_entropy, softmax
from irisbp.nn.types import Array

LOGITS = [
    [0.1, -0.7, 1.3],
    [40.0, 0.0, 0.0],  # the largest has a probability near 1 - 2 e^-40
    [0.0, 40.0, 0.0],
    [0.5, 0.5, 0.5],
    [1e4, -1e4, 0.0],
    [-745.0, 0.0, -700.0],
    [3.0, 3.0 + 1e-9],
    [9999.123, 9990.456, 9999.1],  # differences that float64 cannot hold
    [0.1234, -339.9, 339.9],  # the farthest of the near rows
    [0.1234, -12.3, 340.5],
    [-5000.1, -5000.1, -5040.7],
    [0.0, -744.9, -708.9],  # powers below the smallest normal number
    [0.0, *[-36.74] * 9],  # each power is lost if it is added to 1
    [0.1, 1e-300, -1e-300],
]


def _exact(logits: list[float], label: int) -> tuple[mpmath.mpf, list[mpmath.mpf]]:
    exact = [mpmath.mpf(z) for z in logits]
    total = mpmath.fsum(mpmath.exp(z) for z in exact)
    loss = mpmath.log1p(mpmath.fsum(mpmath.exp(z - exact[label]) for k, z in enumerate(exact) if k != label))
    p = [mpmath.exp(z) / total for z in exact]
    p[label] = -mpmath.fsum(mpmath.exp(z) for k, z in enumerate(exact) if k != label) / total
    return loss, p


def _computed(logits: list[float], label: int) -> tuple[float, int, Array]:
    delta = np.zeros((1, len(logits)))
    with np.errstate(under="ignore"):
        loss, predicted = SampleCrossEntropy(np.array([logits]), delta)(label)
    return loss, predicted, delta[0]


def _ulps(got: float, exact: mpmath.mpf) -> float:
    """The error in units in the last place of the exact value, of 2^-1074 below 2^-1022."""
    return float(abs(mpmath.mpf(got) - exact) / mpmath.mpf(ulp(max(abs(float(exact)), 2.0**-1022))))


@pytest.mark.parametrize("logits", LOGITS, ids=str)
@pytest.mark.parametrize("label", [0, 1])
def test_loss_and_gradient_within_4_ulp(logits: list[float], label: int) -> None:
    loss, predicted, delta = _computed(logits, label)
    losses, matrix_delta = _as_matrix(logits, label)
    assert predicted == logits.index(max(logits))
    with mpmath.workdps(60):
        exact_loss, exact_delta = _exact(logits, label)
        assert _ulps(loss, exact_loss) <= 4
        assert _ulps(losses[0], exact_loss) <= 4
        for got, again, exact in zip(delta, matrix_delta[0], exact_delta, strict=True):
            assert _ulps(got, exact) <= 4
            assert _ulps(again, exact) <= 4


def _as_matrix(logits: list[float], label: int) -> tuple[Array, Array]:
    """Losses and gradients of rows that are near and far in turn, of which these logits are the first."""
    others = [[0.25] * len(logits), [500.25] * len(logits)]
    rows = np.array([logits, *others])
    delta = np.zeros_like(rows)
    losses, _ = cross_entropy(rows, np.full(3, label), delta)
    assert losses[1:] == pytest.approx(np.log(len(logits)), rel=1e-15)
    return losses, delta


@pytest.mark.parametrize("logits", LOGITS, ids=str)
def test_softmax_within_4_ulp(logits: list[float]) -> None:
    with mpmath.workdps(60):
        total = mpmath.fsum(mpmath.exp(mpmath.mpf(z)) for z in logits)
        for got, z in zip(softmax(np.array([logits]))[0], logits, strict=True):
            assert _ulps(got, mpmath.exp(mpmath.mpf(z)) / total) <= 4


@given(
    st.lists(st.floats(-600, 600) | st.floats(-30, 30), min_size=2, max_size=6).flatmap(
        lambda z: st.tuples(st.just(z), st.integers(0, len(z) - 1))
    )
)
def test_row_and_matrix_are_the_same(case: tuple[list[float], int]) -> None:
    logits, label = case
    loss, predicted, delta = _computed(logits, label)
    with np.errstate(under="ignore"):
        deltas = np.zeros((2, len(logits)))
        losses, predictions = cross_entropy(np.array([logits, logits]), np.array([label, label]), deltas)
        expected = softmax(np.array([logits]))[0]
    assert predictions.tolist() == [predicted, predicted]
    np.testing.assert_allclose(losses, loss, rtol=1e-15, atol=0)
    np.testing.assert_array_equal(deltas, [delta, delta])
    expected[label] -= 1.0
    np.testing.assert_allclose(delta, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("classes", [2, 3, 10, 17])
def test_many_rows_are_the_same_as_each_alone(classes: int) -> None:
    draws = np.random.default_rng(classes)
    logits = draws.normal(size=(300, classes)) * draws.choice([1.0, 30.0, 100.0], size=(300, 1))
    labels = draws.integers(0, classes, 300)
    deltas, alone = np.zeros_like(logits), np.zeros((1, classes))
    losses, predictions = cross_entropy(logits, labels, deltas)
    for row, label, loss, predicted, delta in zip(logits, labels, losses, predictions, deltas, strict=True):
        expected = SampleCrossEntropy(row[np.newaxis], alone)(int(label))
        assert predicted == expected[1]
        assert loss == pytest.approx(expected[0], rel=1e-15)
        np.testing.assert_array_equal(delta, alone[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_logit_that_is_not_finite_shows_in_the_loss(bad: float) -> None:
    with np.errstate(all="ignore"):
        delta = np.zeros((1, 3))
        loss, _ = SampleCrossEntropy(np.array([[0.0, bad, 1.0]]), delta)(0)
    assert not np.isfinite(loss)


def test_the_ends_of_float64() -> None:
    rows = np.array([[1e308, -1e308, 0.0], [-inf, 1.0, 1.0], [1e308, 1e308, 1.0]])
    with np.errstate(all="ignore"):
        losses, _ = cross_entropy(rows, np.array([1, 1, 0]))
    # 2e308 is no number of float64; a class of probability 0 leaves the others theirs.
    assert losses.tolist() == [
        inf,
        pytest.approx(np.log(2.0), rel=1e-15),
        pytest.approx(np.log(2.0), rel=1e-15),
    ]
