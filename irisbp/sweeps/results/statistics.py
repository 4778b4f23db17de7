"""The settings of a sweep compared over their repeats: their seeds and folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any

import numpy as np

from irisbp.nn.types import Array
from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.results.chances import Chances, chances_of_best
from irisbp.sweeps.results.columns import FIGURES, Results
from irisbp.sweeps.results.differences import PairedDifference, paired_difference
from irisbp.sweeps.results.spread import Spread


@dataclass(frozen=True)
class Setting:
    """All runs that differ in nothing but their seed and fold.

    values are those of the keys that vary from setting to setting, as given.
    rank counts from 1, the best; difference is that of the figure that ranks, from the best setting's. chance
    is that of being the best, 0 to 1, nan without several seeds or folds.
    """

    number: int
    values: tuple[str, ...]
    runs: int
    diverged: int
    failed: int
    spreads: dict[str, Spread]
    rank: int
    difference: PairedDifference
    chance: float

    @property
    def lost(self) -> int:
        """The runs without figures: its means are over the others."""
        return self.diverged + self.failed


@dataclass(frozen=True)
class Summary:
    """All settings in the order of their rows, each over so many seeds and, with each of these, folds.

    figure is what they are ranked by. comparisons is the number of pairs of settings that have figures;
    shared is n_test/n_train of runs that hold out rows of one table, else 0; resamples are the bootstrap's.
    """

    keys: tuple[str, ...]
    seeds: int
    folds: int
    figure: str
    settings: list[Setting]
    comparisons: int
    shared: float
    resamples: int

    @property
    def ranked(self) -> list[Setting]:
        """The best first."""
        return sorted(self.settings, key=lambda setting: setting.rank)


def summarize(grid: Grid, results: Results) -> Summary:
    """The settings' figures, ranked by validation loss, or by the loss where not all held samples out.

    A lower mean over repeats is better; a setting with fewer runs that diverged or failed comes first.
    """
    figure = "validation_loss" if results.held_out else "loss"
    figures = results.figure(figure).reshape(-1, grid.repeats)  # (settings, repeats)
    chances = _chances(grid, figures)
    compared = int((~np.isnan(figures)).any(axis=1).sum())
    comparisons, shared = max(compared * (compared - 1) // 2, 1), shared_rows(grid, figure)
    groups = _by_setting(grid, results)
    runs = groups.size().tolist()
    diverged, failed = (groups[name].sum().tolist() for name in ("diverged", "failed"))
    spreads = {name: groups[name].agg(Spread.of).tolist() for name in FIGURES}
    lost = [sum(counts) for counts in zip(diverged, failed, strict=True)]
    ranks = _ranks(lost, [spread.mean for spread in spreads[figure]])
    best = figures[ranks.index(1)]
    settings = [
        Setting(
            number=number,
            values=tuple(grid.values(number * grid.repeats)[: len(grid.keys)]),
            runs=runs[number],
            diverged=diverged[number],
            failed=failed[number],
            spreads={name: of_all[number] for name, of_all in spreads.items()},
            rank=ranks[number],
            difference=paired_difference(own, best, comparisons=comparisons, shared=shared),
            chance=float(chances.of[number]),
        )
        for number, own in enumerate(figures)
    ]
    return Summary(
        grid.keys, grid.seeds, grid.folds, figure, settings, comparisons, shared, chances.resamples
    )


def shared_rows(grid: Grid, figure: str) -> float:
    """n_test/n_train of runs that hold out rows of one table, for their validation figures; else 0.

    It is the nominal one, of data.folds or data.validation; the largest if it varies from setting to setting.
    """
    if not figure.startswith("validation"):
        return 0.0
    varies = any(axis.path[0] == "data" for axis in grid.varied if axis.key in grid.keys)
    settings = range(len(grid) // grid.repeats) if varies else range(1)
    return max(_test_per_train(grid, number * grid.repeats) for number in settings)


def _test_per_train(grid: Grid, row: int) -> float:
    data = grid.config(row).data
    if data.folds is not None:
        return 1 / (data.folds - 1)
    return 0.0 if data.validation is None else data.validation / (1 - data.validation)


def _chances(grid: Grid, figures: Array) -> Chances:
    """Of figures (settings, repeats); the seed varies fastest."""
    return chances_of_best(figures.reshape(-1, grid.folds, grid.seeds))


def _by_setting(grid: Grid, results: Results) -> Any:
    """The figures of all runs, nan for those without any, grouped by the number of their setting."""
    import pandas as pd

    columns: dict[str, AnyArray] = {name: results.figure(name) for name in FIGURES}
    frame = pd.DataFrame(columns | {"diverged": results.diverged, "failed": results.failed})
    return frame.groupby(np.arange(len(frame)) // grid.repeats)


def _ranks(lost: Sequence[int], means: Sequence[float]) -> list[int]:
    keys = [(count, inf if isnan(mean) else mean) for count, mean in zip(lost, means, strict=True)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ranks = [0] * len(order)
    for rank, number in enumerate(order, 1):
        ranks[number] = rank
    return ranks
