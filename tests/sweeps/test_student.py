"""Quantiles of Student's t against SciPy's, and an interval by hand."""

from math import isnan, sqrt

import pytest
from scipy import stats

from irisbp.sweeps.results.student import confidence_interval, t_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 10, 29, 30, 99, 999, 10**5, 10**6])
@pytest.mark.parametrize("p", [0.001, 0.025, 0.4, 0.5, 0.6, 0.9, 0.975, 0.995])
def test_quantiles_are_scipys(p: float, degrees: int) -> None:
    assert t_quantile(p, degrees) == pytest.approx(stats.t.ppf(p, degrees), rel=2e-9, abs=1e-9)


def test_quantiles_that_are_known_in_closed_form() -> None:
    # With one degree, Cauchy's: tan(pi (p - 1/2)); with two, (2p - 1) sqrt(2 / (4 p (1 - p))).
    assert t_quantile(0.75, 1) == pytest.approx(1, rel=1e-14)
    assert t_quantile(0.975, 2) == pytest.approx(0.95 * sqrt(2 / (4 * 0.975 * 0.025)), rel=1e-13)


def test_an_interval_by_hand() -> None:
    # 1, 2, 3, 4, 5: mean 3, sd sqrt(2.5), standard error sqrt(0.5); t(0.975, 4) = 2.7764451052 of the tables.
    low, high = confidence_interval(3.0, sqrt(2.5), 5)
    assert low == pytest.approx(3 - 2.7764451052 * sqrt(0.5), rel=1e-10)
    assert high == pytest.approx(3 + 2.7764451052 * sqrt(0.5), rel=1e-10)
    assert all(isnan(bound) for bound in confidence_interval(3.0, 1.0, 1))
