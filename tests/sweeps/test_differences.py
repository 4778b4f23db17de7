"""Differences of settings against SciPy, and what is so whatever the figures are."""

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.results.differences import PairedDifference, paired_difference
from irisbp.sweeps.results.statistics import shared_rows, summarize
from tests.benchmarks.intervals import FIGURES as DRAWN
from tests.benchmarks.intervals import rates, shared_rates
from tests.sweeps.test_statistics import GRID, LOSSES, results_of

A = np.array([0.31, 0.42, 0.27, 0.55, 0.38, 0.30, 0.47])
B = np.array([0.25, 0.44, 0.20, 0.41, 0.38, 0.26, 0.35])


@pytest.mark.parametrize("comparisons", [1, 6, 66, 630])
def test_intervals_are_scipys_at_bonferronis_level(comparisons: int) -> None:
    found = paired_difference(A, B, comparisons=comparisons)
    test = stats.ttest_rel(A, B)
    for interval, level in ((found.pairwise, 0.95), (found.simultaneous, 1 - 0.05 / comparisons)):
        expected = test.confidence_interval(level)
        assert interval == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_mean_sd_effect_and_wins() -> None:
    found = paired_difference(A, B)
    assert (found.pairs, found.wins, found.ties, found.losses) == (7, 1, 1, 5)
    assert found.mean == pytest.approx(stats.tmean(A - B), rel=1e-12)
    assert found.sd == pytest.approx(stats.tstd(A - B), rel=1e-12)
    # The paired t statistic is the effect times the root of the number of pairs.
    assert found.effect * sqrt(7) == pytest.approx(stats.ttest_rel(A, B).statistic, rel=1e-12)


@pytest.mark.parametrize("shared", [0.25, 1 / 9])
def test_runs_that_share_rows_have_the_corrected_resampled_t(shared: float) -> None:
    # Nadeau & Bengio 2003: the variance of the mean is (1/n + n2/n1) s^2, with n - 1 degrees of freedom.
    half = stats.t.ppf(0.975, 6) * stats.tstd(A - B) * sqrt(1 / 7 + shared)
    mean = stats.tmean(A - B)
    found = paired_difference(A, B, shared=shared).pairwise
    assert found == pytest.approx((mean - half, mean + half), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["data.folds=5", "data.fold=0:5"], 1 / 4),
        (["data.folds=5", "data.fold=0:5", "seed=0:3"], 1 / 4),
        (["data.validation=0.2", "seed=0:4"], 1 / 4),
        (["data.validation=0.2,0.5", "seed=0:4"], 1),
        (["data.validation_source=other.csv", "seed=0:4"], 0),
        (["seed=0:4"], 0),
    ],
)
def test_the_part_of_the_rows_that_is_held_out(arguments: list[str], expected: float) -> None:
    grid = make_grid(None, ["learning_rate=0.1,0.2", "data.source=x.csv", "data.target=y", *arguments])
    assert shared_rows(grid, "validation_loss") == pytest.approx(expected, rel=1e-15)
    assert shared_rows(grid, "loss") == 0


def test_all_pairs_of_settings_with_figures_are_counted() -> None:
    assert summarize(GRID, results_of()).comparisons == 3
    assert summarize(GRID, results_of({0, 1, 2, 3})).comparisons == 1
    found = summarize(GRID, results_of()).settings[0].difference
    expected = stats.ttest_rel(LOSSES[0], LOSSES[2]).confidence_interval(1 - 0.05 / 3)
    assert found.simultaneous == pytest.approx((expected.low, expected.high), rel=1e-12)


def _ends(found: PairedDifference) -> tuple[float, ...]:
    return (*found.simultaneous, *found.pairwise)


def test_equal_settings_are_ties_and_do_not_differ() -> None:
    found = paired_difference(A, A, comparisons=6)
    assert (found.wins, found.ties, found.losses, found.mean, found.sd) == (0, 7, 0, 0, 0)
    assert isnan(found.effect)
    assert _ends(found) == (0, 0, 0, 0)
    assert not found.differs("simultaneous")
    assert not found.differs("pairwise")


@pytest.mark.parametrize("n", [0, 1])
def test_without_two_pairs_there_is_no_interval_and_no_effect(n: int) -> None:
    found = paired_difference(A[:n], B[:n])
    assert found.pairs == n
    assert all(map(isnan, (*_ends(found), found.sd, found.effect)))
    assert not found.differs("pairwise")


def test_two_pairs_have_cauchys_interval() -> None:
    # With one degree of freedom, t(0.975) = tan(0.475 pi); differences 1 and 3: mean 2, sd sqrt(2), error 1.
    found = paired_difference(np.array([1.0, 3.0]), np.zeros(2), comparisons=1)
    assert found.pairwise == pytest.approx((2 - 12.706204736174694, 2 + 12.706204736174694), rel=1e-12)


def test_of_equal_settings_some_one_is_apart_in_one_sweep_of_twenty_at_most() -> None:
    """A short form of `python -m tests.benchmarks.intervals`."""
    found = rates(DRAWN["normal"], 12, 100)
    wrong, right = found["simultaneous"]
    assert wrong <= 0.05
    assert right > 0.3
    assert found["pairwise"][0] > 0.5


def test_equal_learners_on_common_rows_are_rarely_apart() -> None:
    found = shared_rates(4, 5, 100)
    assert found["corrected"] <= 0.05 + 3 * sqrt(0.05 * 0.95 / 100)
    assert found["without"] > 0.2


FIGURES = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([np.nan, np.inf, 0.0, 1e308, -1e308, 5e-324, 1.0]))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(FIGURES, FIGURES), max_size=8),
    st.sampled_from([1, 6, 630, 10**6]),
    st.sampled_from([0.0, 0.25]),
)
def test_whatever_the_figures_are(pairs: list[tuple[float, float]], comparisons: int, shared: float) -> None:
    values, others = (np.array(column) for column in (list(zip(*pairs, strict=True)) or [(), ()]))
    found = paired_difference(values, others, comparisons=comparisons, shared=shared)
    back = paired_difference(others, values, comparisons=comparisons, shared=shared)
    assert found.wins + found.ties + found.losses == found.pairs == back.pairs
    assert (found.wins, found.losses) == (back.losses, back.wins)
    for kind in ("simultaneous", "pairwise"):
        (low, high), (other_low, other_high) = found.interval(kind), back.interval(kind)
        assert isnan(low) == isnan(high) == isnan(other_low)
        assert isnan(low) or low <= found.mean <= high
        assert isnan(low) or (low, high) == (-other_high, -other_low)
    wide, narrow = found.simultaneous, found.pairwise
    assert isnan(wide.low) or (wide.low <= narrow.low and narrow.high <= wide.high)
