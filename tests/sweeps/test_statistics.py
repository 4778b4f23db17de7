"""Settings over seeds and folds: figures, ranks and paired differences, against SciPy and by hand."""

import csv
from collections.abc import Set
from math import isnan

import numpy as np
import pytest
from scipy import stats

from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.results.columns import Results, points, results_csv
from irisbp.sweeps.results.statistics import Spread, Summary, paired_difference, summarize, summary_csv
from irisbp.sweeps.trainers.outcome import Outcome


def _outcome(loss: float, *, diverged: bool = False, validation: float | None = None) -> Outcome:
    return Outcome(
        status="diverged" if diverged else "completed",
        reason="diverged: the loss is inf at epoch 2, step 9, sample 1" if diverged else None,
        epochs=2,
        steps=9,
        stopped_early=False,
        best_epoch=None if validation is None else 1,
        which="last",
        loss=loss,
        accuracy=1 - loss / 10,
        lowest_epoch_loss=loss / 2,
        validation_loss=validation,
        validation_accuracy=None if validation is None else 0.5,
        curve=np.array([loss + 1, loss]),
        validation_curve=None if validation is None else np.array([3.0, 2.0]),
    )


GRID = make_grid(None, ["seed=0:4", "learning_rate=0.1,0.2,0.3", "epochs=2"])
LOSSES = [[1.0, 2.0, 3.0, 6.0], [1.5, 2.0, 4.5, 6.0], [0.1, 0.2, 0.3, 9.0]]
ALL_LOSSES = [loss for losses in LOSSES for loss in losses]


def _results(diverged: Set[int] = frozenset(), validation: bool = False) -> Results:
    results = Results.empty(12, points([2], 12))
    for row, loss in enumerate(ALL_LOSSES):
        held_out = 10 - loss if validation else None
        results.put(row, _outcome(loss, diverged=row in diverged, validation=held_out))
    return results


def _ranks(summary: Summary) -> list[int]:
    return [setting.rank for setting in summary.settings]


def test_figures_by_hand() -> None:
    summary = summarize(GRID, _results())
    assert (summary.keys, summary.figure) == (("learning_rate",), "loss")
    first = summary.settings[0]
    assert (first.values, first.runs, first.diverged) == (("0.1",), 4, 0)
    spread = first.spreads["loss"]
    # 1, 2, 3, 6: mean 3, squares 4 + 1 + 0 + 9 over 3; the quantile q lies at place 3 q of those sorted.
    assert (spread.n, spread.mean) == (4, 3.0)
    assert spread.sd == pytest.approx((14 / 3) ** 0.5)
    assert spread.quantiles == pytest.approx((1, 1.15, 1.75, 2.5, 3.75, 5.55, 6))
    assert first.spreads["accuracy"].mean == pytest.approx(0.7)
    assert first.spreads["validation_loss"].n == 0
    assert isnan(first.spreads["validation_loss"].mean)
    assert [s.spreads["loss"].mean for s in summary.settings] == pytest.approx([3.0, 3.5, 2.4])
    assert _ranks(summary) == [2, 3, 1]
    assert [setting.values for setting in summary.ranked] == [("0.3",), ("0.1",), ("0.2",)]


def test_differences_are_paired_and_scipys() -> None:
    summary = summarize(GRID, _results())
    for k in (0, 1):
        apart = summary.settings[k].difference
        found = stats.ttest_rel(LOSSES[k], LOSSES[2])
        interval = found.confidence_interval(0.95)
        assert apart.pairs == 4
        assert (apart.low, apart.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    best = summary.settings[2].difference
    assert (best.mean, best.low, best.high) == (0, 0, 0)


def test_folds_are_repeats_like_seeds() -> None:
    grid = make_grid(None, ["data.fold=0:2", "learning_rate=0.1,0.2,0.3", "seed=0:2", "data.folds=2"])
    summary = summarize(grid, _results())
    assert (summary.keys, summary.seeds, summary.folds) == (("learning_rate",), 2, 2)
    assert [(s.values, s.runs) for s in summary.settings] == [(("0.1",), 4), (("0.2",), 4), (("0.3",), 4)]
    # Four repeats each, which are the four seeds of the other tests: the same figures and mean differences.
    alike = summarize(GRID, _results())
    for setting, other in zip(summary.settings, alike.settings, strict=True):
        assert setting.spreads["loss"] == other.spreads["loss"]
        assert setting.difference.pairs == other.difference.pairs
        assert setting.difference.mean == pytest.approx(other.difference.mean)
    # The intervals are those of the two seeds' means over the two folds.
    means = np.array(LOSSES).reshape(3, 2, 2).mean(axis=2)
    for k in (0, 1):
        interval = stats.ttest_rel(means[k], means[2]).confidence_interval(0.95)
        apart = summary.settings[k].difference
        assert (apart.low, apart.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_a_diverged_run_is_worse_than_any_other() -> None:
    summary = summarize(GRID, _results({8}))
    assert _ranks(summary) == [1, 2, 3]
    last = summary.settings[2]
    assert (last.diverged, last.spreads["loss"].n) == (1, 3)
    # Without the pair of the seed that diverged: 0.2 - 2, 0.3 - 3, 9 - 6.
    assert last.difference.pairs == 3
    assert last.difference.mean == pytest.approx((-1.8 - 2.7 + 3) / 3)
    none_left = summarize(GRID, _results({0, 1, 2, 3}))
    assert _ranks(none_left) == [3, 2, 1]
    assert none_left.settings[0].difference.pairs == 0


def test_held_out_samples_rank_where_all_runs_have_some() -> None:
    summary = summarize(GRID, _results(validation=True))
    assert summary.figure == "validation_loss"
    assert _ranks(summary) == [2, 1, 3]  # 10 - loss turns the order round
    results = _results(validation=True)
    results.put(3, _outcome(6.0))
    assert summarize(GRID, results).figure == "loss"


def test_without_several_seeds_there_is_no_interval() -> None:
    apart = paired_difference(np.array([2.0]), np.array([0.5]))
    assert (apart.pairs, apart.mean) == (1, 1.5)
    assert isnan(apart.low)
    assert isnan(apart.high)


def test_figures_near_the_end_of_float64_have_a_mean_and_an_sd() -> None:
    # By hand: 1, 2, 3, 6 have the mean 3 and the sd sqrt(14 / 3), and so have their multiples.
    for size in (2e307, 1e-310):
        spread = Spread.of(size * np.array([1.0, 2.0, 3.0, 6.0]))
        assert spread.mean == pytest.approx(3 * size, rel=1e-12)
        assert spread.sd == pytest.approx((14 / 3) ** 0.5 * size, rel=1e-12)
    endless = Spread.of(np.array([1.0, np.inf]))
    assert (endless.n, endless.mean) == (2, np.inf)
    assert isnan(endless.sd)


def test_an_interval_beyond_float64_is_none() -> None:
    # t(0.975, 1) = 12.7 times the sd, over sqrt(2), is too large; of ten pairs it is 2.26 over sqrt(10).
    apart = paired_difference(np.array([1.5e308, 1e307]), np.zeros(2))
    assert apart.mean == pytest.approx(8e307)
    assert isnan(apart.low)
    assert isnan(apart.high)
    many = 1.7e308 * np.array([0.0, 1.0] * 5)
    apart = paired_difference(many, np.zeros(10))
    interval = stats.ttest_1samp(many / 1e308, 0).confidence_interval(0.95)
    assert (apart.low, apart.high) == pytest.approx((interval.low * 1e308, interval.high * 1e308))


def test_numbers_stay_numbers_in_the_tables_and_texts_no_formulas() -> None:
    grid = make_grid(None, ["seed=0:4", "data.target==x,b,c"])
    results = Results.empty(12, points([2], 12))
    for row in range(12):  # a loss that is not finite counts as diverged
        results.put(row, _outcome(np.inf if row < 4 else 1.0, diverged=row in (4, 8)))
    settings = list(csv.DictReader(summary_csv(summarize(grid, results)).splitlines()))
    assert [setting["data.target"] for setting in settings] == ["'=x", "b", "c"]
    assert [setting["loss_mean"] for setting in settings] == ["", "1.0", "1.0"]
    assert [setting["loss_difference"] for setting in settings] == ["", "0.0", "0.0"]
    assert [setting["loss_low"] for setting in settings] == ["", "0.0", "0.0"]
    rows = list(csv.DictReader(results_csv(grid, results).splitlines()))
    assert (rows[0]["data.target"], rows[0]["loss"], rows[0]["accuracy"]) == ("'=x", "nan", "nan")


def test_the_tables_hold_what_was_found() -> None:
    results = _results({8}, validation=True)
    rows = list(csv.DictReader(results_csv(GRID, results).splitlines()))
    assert [row["row"] for row in rows] == [str(k) for k in range(12)]
    assert [(row["learning_rate"], row["seed"]) for row in rows[3:5]] == [("0.1", "3"), ("0.2", "0")]
    assert [float(row["loss"]) for row in rows[:8] + rows[9:]] == ALL_LOSSES[:8] + ALL_LOSSES[9:]
    assert rows[8]["status"] == "diverged"
    # It has no part in the summary's figures, and none of its own.
    figures = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    assert [rows[8][name] for name in figures] == ["nan"] * 4
    assert rows[8]["reason"].endswith("step 9, sample 1")
    assert rows[0] | {"accuracy": "0.9", "validation_loss": "9.0", "best_epoch": "1", "steps": "9"} == rows[0]
    settings = list(csv.DictReader(summary_csv(summarize(GRID, results)).splitlines()))
    assert [row["rank"] for row in settings] == ["2", "1", "3"]
    assert [row["diverged"] for row in settings] == ["0", "0", "1"]
    assert settings[0]["validation_loss_mean"] == "7.0"
    assert float(settings[0]["validation_loss_q05"]) == pytest.approx(4.45)
    assert settings[2]["pairs"] == "3"


def test_arrays_give_the_same_results_again() -> None:
    results = _results({2, 8}, validation=True)
    again = Results.from_arrays(results.arrays(), 12, results.epochs)
    assert again.reasons == results.reasons
    assert results_csv(GRID, again) == results_csv(GRID, results)
    part = results.pick([8, 1])
    other = Results.empty(12, results.epochs)
    other.take([8, 1], part)
    assert other.reasons == {8: results.reasons[8]}
    np.testing.assert_array_equal(other.columns["curve"][[8, 1]], results.columns["curve"][[8, 1]])


def test_curves_are_thinned_and_keep_both_ends() -> None:
    assert points([5, 3], 10).tolist() == [1, 2, 3, 4, 5]
    many = points([10_000, 77], 10)
    assert (many[0], many[-1]) == (1, 10_000)
    assert 77 in many
    assert len(many) <= 220
    assert len(points([1000], 10**6)) == 4
    short = Results.empty(1, points([4], 1))
    short.put(0, _outcome(1.0))
    np.testing.assert_array_equal(short.columns["curve"], [[2.0, 1.0, np.nan, np.nan]])


def test_with_seeds_and_folds_the_interval_is_that_of_the_seeds_means() -> None:
    # Means over folds: 2, 4 and 9. Their mean is 5, their sd sqrt(13).
    apart = paired_difference(np.array([1.0, 3.0, 4.0, 4.0, 8.0, 10.0]), np.zeros(6), folds=2)
    half = stats.t.ppf(0.975, 2) * np.sqrt(13 / 3)
    assert (apart.pairs, apart.mean) == (6, 5.0)
    assert (apart.low, apart.high) == pytest.approx((5 - half, 5 + half), rel=1e-12)
    # A fold without a figure: its seed has the mean of the others.
    apart = paired_difference(np.array([2.0, np.nan, 4.0, 4.0, 8.0, 10.0]), np.zeros(6), folds=2)
    assert (apart.pairs, apart.mean) == (5, 5.0)
    # The folds of a single seed are all there is.
    assert paired_difference(np.array([1.0, 3.0]), np.zeros(2), folds=2).low < 2 < np.inf
