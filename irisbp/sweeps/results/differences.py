"""Differences between two settings within pairs of runs, and confidence intervals of their mean.

Runs with equal seeds and folds have equal starts, orders and held-out rows, whatever their optimizer or rate.
So settings are compared by the differences within such pairs, in which that randomness cancels. Their mean
has Student's confidence interval, which is exact for normal differences and conservative for most others
with heavier tails.

The best setting is chosen by the same runs, so an interval that is right for one pair named beforehand is too
narrow for the distance from the best: of 36 equal settings, some one would nearly always be found apart from
the best. Bonferroni's intervals hold for all pairs at once, and so for the pair that the runs chose. A
bootstrap of the largest t has less power at 20 seeds (`python -m tests.benchmarks.intervals`).

Runs that hold out rows of one table train on rows in common, so their differences are correlated. The
variance of a mean of n is then not 1/n of the sample's, but 1/n + n_test/n_train: Nadeau & Bengio, Inference
for the generalization error, Machine Learning 52, 2003; for several seeds of several folds, Bouckaert &
Frank, PAKDD 2004. The mean of each fold over its seeds may not take the place of the single differences: each
seed cuts other folds, and the mean's smaller variance would hide the part that more seeds do not reduce.
"""

from dataclasses import dataclass
from math import isfinite, nan, sqrt
from typing import Literal, NamedTuple, get_args

import numpy as np

from irisbp.nn.types import Array
from irisbp.sweeps.results.spread import mean_and_sd
from irisbp.sweeps.results.student import t_upper_quantile

LEVEL = 0.95

Intervals = Literal["simultaneous", "pairwise"]
"""The intervals of all pairs of settings at once, or of each pair alone."""
INTERVALS: tuple[Intervals, ...] = get_args(Intervals)


class Interval(NamedTuple):
    """The ends of a confidence interval; nan of fewer than two pairs, or beyond float64."""

    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """A setting's figure minus another's, over the repeats in which both have one.

    mean and sd (n - 1) are in the figure's unit, nan without enough pairs. wins, ties and losses count the
    pairs in which the setting's figure is lower, equal and higher. simultaneous and pairwise are confidence
    intervals of the mean.
    """

    pairs: int
    mean: float
    sd: float
    wins: int
    ties: int
    losses: int
    simultaneous: Interval
    pairwise: Interval

    @property
    def effect(self) -> float:
        """The paired effect: the mean over the sd, without unit; nan where there is no sd."""
        return self.mean / self.sd if self.sd > 0 else nan

    def interval(self, intervals: Intervals) -> Interval:
        """Its interval of this kind."""
        return self.simultaneous if intervals == "simultaneous" else self.pairwise

    def differs(self, intervals: Intervals) -> bool:
        """Return whether the interval of this kind leaves out 0."""
        low, high = self.interval(intervals)
        return low > 0 or high < 0


def paired_difference(
    values: Array, others: Array, *, comparisons: int = 1, shared: float = 0.0
) -> PairedDifference:
    """The differences values - others, both (repeats,), over the pairs of which both are numbers.

    The simultaneous interval is one of so many comparisons. shared is n_test/n_train of runs that hold out
    rows of one table, 0 of independent ones.
    """
    known = ~(np.isnan(values) | np.isnan(others))
    values, others = values[known], others[known]
    n = len(values)
    with np.errstate(all="ignore"):  # figures may be infinite, or so large that their difference is
        mean, sd = mean_and_sd(values - others) if n else (nan, nan)
    wins, losses = int((values < others).sum()), int((values > others).sum())
    simultaneous, pairwise = (_interval(mean, sd, n, shared, count) for count in (comparisons, 1))
    return PairedDifference(n, mean, sd, wins, n - wins - losses, losses, simultaneous, pairwise)


def _interval(mean: float, sd: float, n: int, shared: float, comparisons: int) -> Interval:
    """Student's interval of a mean of n; with Bonferroni's correction, of one among so many."""
    if n < 2:
        return Interval(nan, nan)
    half = t_upper_quantile((1 - LEVEL) / 2 / comparisons, n - 1) * (sd * sqrt(1 / n + shared))
    low, high = mean - half, mean + half
    return Interval(low, high) if isfinite(low) and isfinite(high) else Interval(nan, nan)
