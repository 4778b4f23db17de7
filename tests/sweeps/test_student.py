"""Quantiles of Student's t against SciPy's."""

from math import sqrt

import pytest
from scipy import stats

from irisbp.sweeps.results.student import t_upper_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 10, 29, 30, 99, 999, 10**5, 10**6])
@pytest.mark.parametrize("tail", [0.5, 0.4, 0.1, 0.025, 0.005, 0.001])
def test_quantiles_are_scipys(tail: float, degrees: int) -> None:
    expected = stats.t.isf(tail, degrees)
    assert t_upper_quantile(tail, degrees) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_quantiles_that_are_known_in_closed_form() -> None:
    # With one degree, Cauchy's: tan(pi (p - 1/2)); with two, (2p - 1) sqrt(2 / (4 p (1 - p))).
    assert t_upper_quantile(0.25, 1) == pytest.approx(1, rel=1e-14)
    assert t_upper_quantile(0.025, 2) == pytest.approx(0.95 * sqrt(2 / (4 * 0.975 * 0.025)), rel=1e-13)


@pytest.mark.parametrize("degrees", [1, 2, 5, 19, 79, 80, 9_999, 10_000, 10**6])
@pytest.mark.parametrize("tail", [0.025, 0.05 / 12, 0.05 / 1260, 1e-9, 1e-14])
def test_small_tails_keep_their_digits(tail: float, degrees: int) -> None:
    assert t_upper_quantile(tail, degrees) == pytest.approx(stats.t.isf(tail, degrees), rel=1e-12)
