"""The settings of a sweep compared over their repeats: their seeds and folds.

Runs with equal seeds and folds have equal starts, orders and held-out rows, whatever their optimizer or rate.
So settings are compared by the differences within such pairs, in which that chance cancels, and the
confidence interval of their mean is Student's: differences of so many runs are near enough to normal, it is
exact where they are, and the same at every call, which a bootstrap is only with a seed of its own. Folds
share training rows, though, so that differences over folds are not independent, as it takes them to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan

import numpy as np

from irisbp.data.cells import cell
from irisbp.data.cells import row as csv_row
from irisbp.nn.types import Array
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.results.columns import FIGURES, Results
from irisbp.sweeps.results.student import confidence_interval

QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}


@dataclass(frozen=True)
class Spread:
    """A figure over repeats: n runs that did not diverge, their mean, sd (n - 1) and quantiles, or nan."""

    n: int
    mean: float
    sd: float
    quantiles: tuple[float, ...]

    @classmethod
    def of(cls, values: Array) -> "Spread":
        """Of values (n,), those that are not numbers left out."""
        known = values[~np.isnan(values)]
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
    """A setting's figure minus the best setting's, over the repeats in which neither diverged.

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
    spreads: dict[str, Spread]
    rank: int
    difference: PairedDifference


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

    The lower mean over repeats is the better one; a setting with fewer runs that diverged comes before.
    """
    figure = "validation_loss" if results.held_out else "loss"
    values = {name: results.figure(name).reshape(-1, grid.repeats) for name in FIGURES}
    diverged = results.diverged.reshape(-1, grid.repeats).sum(axis=1).tolist()
    spreads = {name: [Spread.of(row) for row in rows] for name, rows in values.items()}
    ranks = _ranks(diverged, [spread.mean for spread in spreads[figure]])
    best = values[figure][ranks.index(1)]
    settings = []
    for number, count in enumerate(diverged):
        settings.append(
            Setting(
                number=number,
                values=tuple(grid.values(number * grid.repeats)[: len(grid.keys)]),
                runs=grid.repeats,
                diverged=count,
                spreads={name: rows[number] for name, rows in spreads.items()},
                rank=ranks[number],
                difference=paired_difference(values[figure][number], best),
            )
        )
    return Summary(grid.keys, grid.seeds, grid.folds, figure, settings)


def _ranks(diverged: Sequence[int], means: Sequence[float]) -> list[int]:
    keys = [(count, inf if np.isnan(mean) else mean) for count, mean in zip(diverged, means, strict=True)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ranks = [0] * len(order)
    for rank, number in enumerate(order, 1):
        ranks[number] = rank
    return ranks


def paired_difference(values: Array, others: Array) -> PairedDifference:
    """The mean of values - others, both (repeats,), over the pairs of which both are numbers."""
    with np.errstate(all="ignore"):
        spread = Spread.of(values - others)
        low, high = confidence_interval(spread.mean, spread.sd, spread.n)
    if not (isfinite(low) and isfinite(high)):
        low, high = nan, nan
    return PairedDifference(spread.n, spread.mean, low, high)


def summary_csv(summary: Summary) -> str:
    """A line for each setting: its keys, runs, what they came to, and how far it is from the best."""
    figures = [name for name in FIGURES if any(s.spreads[name].n for s in summary.settings)]
    parts = ("mean", "sd", *QUANTILES)
    header = ["setting", *summary.keys, "runs", "diverged", "rank"]
    header += [f"{name}_{part}" for name in figures for part in parts]
    header += [f"{summary.figure}_{part}" for part in ("difference", "low", "high")] + ["pairs"]
    lines = [csv_row(header)]
    for setting in summary.settings:
        counts = [setting.runs, setting.diverged, setting.rank]
        numbers = [number for name in figures for number in _numbers(setting.spreads[name])]
        apart = setting.difference
        numbers = [*counts, *numbers, apart.mean, apart.low, apart.high, apart.pairs]
        cells = [_number(setting.number), *map(cell, setting.values), *map(_number, numbers)]
        lines.append(",".join(cells) + "\n")
    return "".join(lines)


def _numbers(spread: Spread) -> list[float]:
    return [spread.mean, spread.sd, *spread.quantiles]


def _number(number: float) -> str:
    return "" if isnan(number) else repr(number)
