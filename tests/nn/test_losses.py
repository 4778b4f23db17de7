"""Softmax cross-entropy and its gradient against high precision."""

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
]


def _exact(logits: list[float], label: int) -> tuple[mpmath.mpf, list[mpmath.mpf]]:
    exact = [mpmath.mpf(z) for z in logits]
    total = mpmath.fsum(mpmath.exp(z) for z in exact)
    loss = mpmath.log(total) - exact[label]
    p = [mpmath.exp(z) / total for z in exact]
    p[label] = -mpmath.fsum(mpmath.exp(z) for k, z in enumerate(exact) if k != label) / total
    return loss, p


def _computed(logits: list[float], label: int) -> tuple[float, int, Array]:
    delta = np.zeros((1, len(logits)))
    with np.errstate(under="ignore"):
        loss, predicted = SampleCrossEntropy(np.array([logits]), delta)(label)
    return loss, predicted, delta[0]


@pytest.mark.parametrize("logits", LOGITS, ids=str)
@pytest.mark.parametrize("label", [0, 1])
def test_loss_and_gradient_to_the_last_digits(logits: list[float], label: int) -> None:
    loss, predicted, delta = _computed(logits, label)
    assert predicted == logits.index(max(logits))
    with mpmath.workdps(700):
        exact_loss, exact_delta = _exact(logits, label)
        # exp(z) carries the rounding of its argument: |z| ulps.
        scale = 1 + max(logits) - min(logits)
        assert abs(loss - exact_loss) <= 4e-16 * scale * abs(exact_loss)
        for got, exact in zip(delta.tolist(), exact_delta, strict=True):
            assert abs(got - exact) <= 1e-15 * scale * abs(exact) + mpmath.mpf(2) ** -1074


@given(
    st.lists(st.floats(-600, 600), min_size=2, max_size=6).flatmap(
        lambda z: st.tuples(st.just(z), st.integers(0, len(z) - 1))
    )
)
def test_row_and_matrix_agree(case: tuple[list[float], int]) -> None:
    logits, label = case
    loss, predicted, delta = _computed(logits, label)
    with np.errstate(under="ignore"):
        losses, predictions = cross_entropy(np.array([logits, logits]), np.array([label, label]))
        expected = softmax(np.array([logits]))[0]
    assert predictions.tolist() == [predicted, predicted]
    np.testing.assert_allclose(losses, loss, rtol=1e-14, atol=0)
    expected[label] -= 1.0
    np.testing.assert_allclose(delta, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_logit_that_is_not_finite_shows_in_the_loss(bad: float) -> None:
    with np.errstate(all="ignore"):
        delta = np.zeros((1, 3))
        loss, _ = SampleCrossEntropy(np.array([[0.0, bad, 1.0]]), delta)(0)
    assert not np.isfinite(loss)
