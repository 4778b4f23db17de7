"""The settings of a sweep as columns, for summary.csv and DataFrames, and as plain data."""

from collections.abc import Sequence
from math import isnan
from typing import Any

from irisbp.data.cells import cell
from irisbp.data.cells import row as csv_row
from irisbp.sweeps.results import chances
from irisbp.sweeps.results.columns import FIGURES
from irisbp.sweeps.results.differences import INTERVALS, LEVEL, Intervals, PairedDifference
from irisbp.sweeps.results.spread import QUANTILES
from irisbp.sweeps.results.statistics import Setting, Summary

METHODS = {
    "differences": "paired by seed and fold; Student's t; 95 %",
    "simultaneous": "Bonferroni over all pairs of settings that have figures",
    "pairwise": "each pair alone",
    "held_out_rows": "where runs hold out rows of one table, a mean's variance is 1/n + n_test/n_train of the"
    " sample's (Nadeau & Bengio 2003)",
    "chance_of_best": f"bootstrap over seeds, or over folds with one seed; PCG64, seed {chances.SEED}",
}
"""The methods of a comparison, for the manifest."""


def summary_csv(summary: Summary) -> str:
    """A line for each setting: its keys, runs, figures, and distance from the best."""
    numbers = summary_numbers(summary)
    lines = [csv_row(["setting", *summary.keys, *numbers])]
    for setting, row in zip(summary.settings, zip(*numbers.values(), strict=True), strict=True):
        cells = [str(setting.number), *map(cell, setting.values), *map(_number, row)]
        lines.append(",".join(cells) + "\n")
    return "".join(lines)


def summary_numbers(summary: Summary) -> dict[str, list[Any]]:
    """The columns of summary.csv beside the setting and its keys, an entry for each setting.

    Figures that no run has, since nothing was held out, are left out.
    """
    settings = summary.settings
    columns: dict[str, list[Any]] = {
        "runs": [s.runs for s in settings],
        "diverged": [s.diverged for s in settings],
        "failed": [s.failed for s in settings],
        "rank": [s.rank for s in settings],
    }
    for name in [name for name in FIGURES if any(s.spreads[name].n for s in settings)]:
        columns[f"{name}_mean"] = [s.spreads[name].mean for s in settings]
        columns[f"{name}_sd"] = [s.spreads[name].sd for s in settings]
        for k, part in enumerate(QUANTILES):
            columns[f"{name}_{part}"] = [s.spreads[name].quantiles[k] for s in settings]
    columns |= _distances(f"{summary.figure}_above_best", [s.difference for s in settings])
    return columns | {"chance_of_best": [s.chance for s in settings]}


def _distances(name: str, differences: Sequence[PairedDifference]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        f"{name}_mean": [d.mean for d in differences],
        f"{name}_sd": [d.sd for d in differences],
        f"{name}_effect": [d.effect for d in differences],
    }
    for kind in INTERVALS:
        columns[f"{name}_{kind}_low"] = [d.interval(kind).low for d in differences]
        columns[f"{name}_{kind}_high"] = [d.interval(kind).high for d in differences]
    counts: dict[str, list[Any]] = {
        "runs_compared_with_best": [d.pairs for d in differences],
        "wins_against_best": [d.wins for d in differences],
        "ties_with_best": [d.ties for d in differences],
        "losses_against_best": [d.losses for d in differences],
    }
    return columns | counts


def settings_as_json(
    summary: Summary, settings: Sequence[Setting], intervals: Intervals
) -> list[dict[str, Any]]:
    """Settings as plain data, with their distance from the best and its interval of this kind."""
    return [_as_json(summary, setting, intervals) for setting in settings]


def _as_json(summary: Summary, setting: Setting, intervals: Intervals) -> dict[str, Any]:
    figures = {
        name: {"mean": spread.mean, "sd": spread.sd} for name, spread in setting.spreads.items() if spread.n
    }
    return {
        "setting": setting.number,
        "rank": setting.rank,
        "values": dict(zip(summary.keys, setting.values, strict=True)),
        "runs": setting.runs,
        "diverged": setting.diverged,
        "failed": setting.failed,
        **figures,
        "difference": difference_as_json(setting.difference, intervals),
        "chance_of_best": setting.chance,
    }


def difference_as_json(difference: PairedDifference, intervals: Intervals) -> dict[str, Any]:
    """A difference as plain data, with its interval of this kind."""
    low, high = difference.interval(intervals)
    return {
        "pairs": difference.pairs,
        "wins": difference.wins,
        "ties": difference.ties,
        "losses": difference.losses,
        "mean": difference.mean,
        "sd": difference.sd,
        "effect": difference.effect,
        "low": low,
        "high": high,
        "differs": difference.differs(intervals),
    }


def methods_as_json(summary: Summary, intervals: Intervals) -> dict[str, Any]:
    """The numbers behind the intervals and the chances, as plain data."""
    return {
        "intervals": {
            "kind": intervals,
            "level": LEVEL,
            "method": METHODS[intervals],
            "comparisons": summary.comparisons if intervals == "simultaneous" else 1,
            "test_rows_per_training_row": summary.shared,
        },
        "bootstrap": {"resamples": summary.resamples, "seed": chances.SEED},
    }


def _number(number: float) -> str:
    return "" if isnan(number) else repr(number)
