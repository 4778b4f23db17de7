"""The chance of being the best: by all resamples that there are, by symmetry, and again the same."""

from itertools import product

import numpy as np
import pytest

from irisbp.sweeps.results.chances import chances_of_best

N = np.nan


def _exactly(figures: np.ndarray) -> np.ndarray:
    """By all draws of the seeds with replacement, each with its folds, one after the other."""
    settings, _, seeds = figures.shape
    found = np.zeros(settings)
    for draw in product(range(seeds), repeat=seeds):
        drawn = figures[:, :, list(draw)].reshape(settings, -1)
        keys = [
            (
                int(np.isnan(row).sum()),
                float(row[~np.isnan(row)].mean()) if (~np.isnan(row)).any() else np.inf,
            )
            for row in drawn
        ]
        best = [key == min(keys) for key in keys]
        found += np.array(best) / sum(best)
    return np.asarray(found / seeds**seeds)


@pytest.mark.parametrize(
    "figures",
    [
        [[[1.0, 2.0, 3.5, 6.0]], [[1.5, 2.25, 2.5, 6.5]], [[0.5, 0.25, 9.0, 8.0]]],
        [[[1.0, 5.0, 3.0], [2.0, 2.5, 4.0]], [[1.5, 4.0, 3.75], [2.5, 2.0, 3.0]]],
        [[[1.0, N, 3.0]], [[2.0, 4.0, 5.0]], [[N, N, N]]],
    ],
)
def test_chances_are_those_of_all_resamples(figures: list[list[list[float]]]) -> None:
    found = chances_of_best(np.array(figures))
    assert found.resamples == 10_000
    assert found.of.sum() == pytest.approx(1)
    # Five standard errors of a part of 10,000 draws are at most 0.025.
    np.testing.assert_allclose(found.of, _exactly(np.array(figures)), atol=0.025)


def test_equal_settings_share_the_chance() -> None:
    own = np.random.default_rng(0).normal(size=(1, 7))
    found = chances_of_best(np.stack([own, own + 10, own, own])).of
    np.testing.assert_allclose(found, [1 / 3, 0, 1 / 3, 1 / 3], rtol=1e-12)


def test_with_one_seed_folds_are_drawn() -> None:
    figures = np.array([[1.0, 5.0, 3.0, 4.0], [2.0, 3.0, 3.5, 3.0]])
    by_fold, by_seed = chances_of_best(figures[:, :, None]), chances_of_best(figures[:, None, :])
    assert by_fold.of.tolist() == by_seed.of.tolist()


def test_one_run_or_no_figure_tells_no_chance() -> None:
    assert np.isnan(chances_of_best(np.ones((3, 1, 1))).of).all()
    assert np.isnan(chances_of_best(np.full((3, 1, 4), N)).of).all()


def test_figures_near_the_end_of_float64_have_their_chances() -> None:
    figures = np.array([[[1.0, 2.0, 3.5, 6.0]], [[1.5, 2.25, 2.5, 6.5]]])
    plain = chances_of_best(figures).of
    assert chances_of_best(figures * 2.0**1021).of.tolist() == plain.tolist()


def test_many_runs_are_resampled_less_often() -> None:
    figures = np.random.default_rng(0).normal(size=(20, 1, 5_000))
    found = chances_of_best(figures)
    assert found.resamples == 400
    assert found.of.tolist() == chances_of_best(figures).of.tolist()
