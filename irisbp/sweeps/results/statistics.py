"""The settings of a sweep compared over their repeats: their seeds and folds.

Runs with equal seeds and folds have equal starts, orders and held-out rows, whatever their optimizer or rate.
(With `rng: r`, whose one stream shuffles first, the starts differ if data.shuffle varies.) So settings are
compared by the differences within such pairs, in which that randomness cancels. Their mean has Student's
confidence interval: exact for normal differences, near enough for others, and the same at every call, which a
bootstrap is only with a fixed seed. It assumes independent differences. Those over the folds of a seed are
not, since folds share training rows, so the differences are the seeds' means, if there are several seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan
from typing import Any

import numpy as np

from irisbp.data.cells import cell
from irisbp.data.cells import row as csv_row
from irisbp.nn.types import Array
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.results.columns import FIGURES, Results
from irisbp.sweeps.results.student import confidence_interval

QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
MOST_SHOWN = 10  # settings in a table or in JSON, the best ones


@dataclass(frozen=True)
class Spread:
    """A figure over repeats: n runs that have it, their mean, sd (n - 1) and quantiles, or nan.

    NumPy's, not pandas' own of a group: those sum otherwise, and are nan near the end of float64.
    """

    n: int
    mean: float
    sd: float
    quantiles: tuple[float, ...]

    @classmethod
    def of(cls, values: Array) -> "Spread":
        """Describe values, an array or a Series (n,); those that are not numbers are left out."""
        known = np.asarray(values)
        known = known[~np.isnan(known)]
        if not len(known):
            return cls(0, nan, nan, (nan,) * len(QUANTILES))
        with np.errstate(all="ignore"):  # a figure may be infinite
            mean, sd = _mean_and_sd(known)
            quantiles = np.quantile(known, list(QUANTILES.values())).tolist()
        return cls(len(known), mean, sd, tuple(quantiles))


def _mean_and_sd(values: Array) -> tuple[float, float]:
    """Of values (n,), scaled by a power of two, which changes no digit and lets no sum or square overflow."""
    _, exponent = np.frexp(np.abs(values).max())
    scaled = np.ldexp(values, -exponent)
    sd = scaled.std(ddof=1) if len(values) > 1 else nan
    return float(np.ldexp(scaled.mean(), exponent)), float(np.ldexp(sd, exponent))


@dataclass(frozen=True)
class PairedDifference:
    """A setting's figure minus the best setting's, over the repeats in which both have one.

    low and high are its mean's 95 % confidence interval, nan for fewer than two pairs or beyond float64.
    """

    pairs: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Setting:
    """All runs that differ in nothing but their seed and fold.

    values are those of the keys that vary from setting to setting, as given.
    rank counts from 1, the best; difference is that of the figure that ranks.
    """

    number: int
    values: tuple[str, ...]
    runs: int
    diverged: int
    failed: int
    spreads: dict[str, Spread]
    rank: int
    difference: PairedDifference

    @property
    def lost(self) -> int:
        """The runs without figures: its means are over the others."""
        return self.diverged + self.failed


@dataclass(frozen=True)
class Summary:
    """All settings in the order of their rows, each over so many seeds and, with each of these, folds.

    figure is what they are ranked by.
    """

    keys: tuple[str, ...]
    seeds: int
    folds: int
    figure: str
    settings: list[Setting]

    @property
    def ranked(self) -> list[Setting]:
        """The best first."""
        return sorted(self.settings, key=lambda setting: setting.rank)


def summarize(grid: Grid, results: Results) -> Summary:
    """The settings' figures, ranked by validation loss, or by the loss where not all held samples out.

    A lower mean over repeats is better; a setting with fewer runs that diverged or failed comes first.
    """
    figure = "validation_loss" if results.held_out else "loss"
    groups = _by_setting(grid, results)
    runs = groups.size().tolist()
    diverged, failed = (groups[name].sum().tolist() for name in ("diverged", "failed"))
    spreads = {name: groups[name].agg(Spread.of).tolist() for name in FIGURES}
    lost = [sum(counts) for counts in zip(diverged, failed, strict=True)]
    ranks = _ranks(lost, [spread.mean for spread in spreads[figure]])
    best = groups.get_group(ranks.index(1))[figure].to_numpy()
    settings = [
        Setting(
            number=number,
            values=tuple(grid.values(number * grid.repeats)[: len(grid.keys)]),
            runs=runs[number],
            diverged=diverged[number],
            failed=failed[number],
            spreads={name: of_all[number] for name, of_all in spreads.items()},
            rank=ranks[number],
            difference=paired_difference(group[figure].to_numpy(), best, grid.folds),
        )
        for number, group in groups
    ]
    return Summary(grid.keys, grid.seeds, grid.folds, figure, settings)


def _by_setting(grid: Grid, results: Results) -> Any:
    """The figures of all runs, nan for those without any, grouped by the number of their setting."""
    import pandas as pd

    columns: dict[str, AnyArray] = {name: results.figure(name) for name in FIGURES}
    frame = pd.DataFrame(columns | {"diverged": results.diverged, "failed": results.failed})
    return frame.groupby(np.arange(len(frame)) // grid.repeats)


def _ranks(lost: Sequence[int], means: Sequence[float]) -> list[int]:
    keys = [(count, inf if np.isnan(mean) else mean) for count, mean in zip(lost, means, strict=True)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ranks = [0] * len(order)
    for rank, number in enumerate(order, 1):
        ranks[number] = rank
    return ranks


def paired_difference(values: Array, others: Array, folds: int = 1) -> PairedDifference:
    """The mean of values - others, both (repeats,), over the pairs of which both are numbers.

    Of several seeds with folds, which vary fastest, it is that of the seeds' means: the folds of a seed share
    rows, and are not independent.
    """
    with np.errstate(all="ignore"):
        apart = values - others
        pairs = int((~np.isnan(apart)).sum())
        if 1 < folds < len(apart):
            apart = np.array([Spread.of(of_seed).mean for of_seed in apart.reshape(-1, folds)])
        spread = Spread.of(apart)
        low, high = confidence_interval(spread.mean, spread.sd, spread.n)
    if not (isfinite(low) and isfinite(high)):
        low, high = nan, nan
    return PairedDifference(pairs, spread.mean, low, high)


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
    columns[f"{summary.figure}_difference"] = [s.difference.mean for s in settings]
    columns[f"{summary.figure}_low"] = [s.difference.low for s in settings]
    columns[f"{summary.figure}_high"] = [s.difference.high for s in settings]
    return columns | {"pairs": [s.difference.pairs for s in settings]}


def best_as_json(summary: Summary) -> list[dict[str, Any]]:
    """The best settings, up to ten, as plain data."""
    return [_as_json(summary, setting) for setting in summary.ranked[:MOST_SHOWN]]


def _as_json(summary: Summary, setting: Setting) -> dict[str, Any]:
    apart = setting.difference
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
        "difference": {"mean": apart.mean, "low": apart.low, "high": apart.high},
    }


def _number(number: float) -> str:
    return "" if isnan(number) else repr(number)
