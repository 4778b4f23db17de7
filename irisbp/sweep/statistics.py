"""The settings of a sweep compared over their seeds.

Runs with equal seeds have equal starts, orders and held-out rows, whatever their optimizer or rate. So
settings are compared by the differences within pairs of equal seeds, in which that chance cancels, and the
confidence interval of their mean is Student's: differences of so many runs are near enough to normal, it is
exact where they are, and the same at every call, which a bootstrap is only with a seed of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np

from irisbp.data.cells import row as csv_row
from irisbp.nn.types import Array
from irisbp.sweep.grid import Grid
from irisbp.sweep.results import FIGURES, Results
from irisbp.sweep.student import confidence_interval

QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}


@dataclass(frozen=True)
class Spread:
    """A figure over seeds: n runs that did not diverge, their mean, sd (n - 1) and quantiles, or nan."""

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
        with np.errstate(all="ignore"):  # figures near the end of float64 have no mean
            mean, sd = float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else nan
            quantiles = np.quantile(known, list(QUANTILES.values())).tolist()
        return cls(len(known), mean, sd, tuple(quantiles))


@dataclass(frozen=True)
class Difference:
    """A setting's figure minus the best setting's, over the seeds at which neither diverged.

    low and high are its mean's 95 % confidence interval, nan for fewer than two pairs.
    """

    pairs: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Setting:
    """All runs that differ in nothing but their seed; values are those of the keys that vary, as given.

    rank counts from 1, the best; difference is that of the figure that ranks.
    """

    number: int
    values: tuple[str, ...]
    runs: int
    diverged: int
    spreads: dict[str, Spread]
    rank: int
    difference: Difference


@dataclass(frozen=True)
class Summary:
    """All settings in the order of their rows; figure is what they are ranked by."""

    keys: tuple[str, ...]
    figure: str
    settings: list[Setting]

    @property
    def ranked(self) -> list[Setting]:
        """The best first."""
        return sorted(self.settings, key=lambda setting: setting.rank)


def summarize(grid: Grid, results: Results) -> Summary:
    """The settings' figures, ranked by validation loss, or by the loss where not all held samples out.

    The lower mean over seeds is the better one; a setting with fewer runs that diverged comes before.
    """
    figure = "validation_loss" if results.held_out else "loss"
    values = {name: results.figure(name).reshape(-1, grid.seeds) for name in FIGURES}
    diverged = results.diverged.reshape(-1, grid.seeds).sum(axis=1).tolist()
    spreads = {name: [Spread.of(row) for row in rows] for name, rows in values.items()}
    ranks = _ranks(diverged, [spread.mean for spread in spreads[figure]])
    best = values[figure][ranks.index(1)]
    seeded = len(grid.keys) < len(grid.varied)
    settings = []
    for number, count in enumerate(diverged):
        chosen = grid.values(number * grid.seeds)
        settings.append(
            Setting(
                number=number,
                values=tuple(chosen[:-1] if seeded else chosen),
                runs=grid.seeds,
                diverged=count,
                spreads={name: rows[number] for name, rows in spreads.items()},
                rank=ranks[number],
                difference=paired_difference(values[figure][number], best),
            )
        )
    return Summary(grid.keys, figure, settings)


def _ranks(diverged: Sequence[int], means: Sequence[float]) -> list[int]:
    keys = [(count, inf if np.isnan(mean) else mean) for count, mean in zip(diverged, means, strict=True)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ranks = [0] * len(order)
    for rank, number in enumerate(order, 1):
        ranks[number] = rank
    return ranks


def paired_difference(values: Array, others: Array) -> Difference:
    """The mean of values - others, both (seeds,), over the pairs of which both are numbers."""
    with np.errstate(all="ignore"):
        spread = Spread.of(values - others)
        low, high = confidence_interval(spread.mean, spread.sd, spread.n)
    return Difference(spread.n, spread.mean, low, high)


def summary_csv(summary: Summary) -> str:
    """A line for each setting: its keys, runs, what they came to, and how far it is from the best."""
    figures = [name for name in FIGURES if any(s.spreads[name].n for s in summary.settings)]
    parts = ("mean", "sd", *QUANTILES)
    header = ["setting", *summary.keys, "runs", "diverged", "rank"]
    header += [f"{name}_{part}" for name in figures for part in parts]
    header += [f"{summary.figure}_{part}" for part in ("difference", "low", "high")] + ["pairs"]
    lines = [csv_row(header)]
    for setting in summary.settings:
        counts = (setting.runs, setting.diverged, setting.rank)
        numbers = [number for name in figures for number in _numbers(setting.spreads[name])]
        apart = setting.difference
        numbers += [apart.mean, apart.low, apart.high]
        cells = [str(setting.number), *setting.values, *map(str, counts), *map(_cell, numbers)]
        lines.append(csv_row([*cells, str(apart.pairs)]))
    return "".join(lines)


def _numbers(spread: Spread) -> list[float]:
    return [spread.mean, spread.sd, *spread.quantiles]


def _cell(number: float) -> str:
    return "" if np.isnan(number) else repr(number)
