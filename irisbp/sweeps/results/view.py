"""A view of a comparison: which settings are shown, in which order, and with which intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any

from irisbp.errors import ConfigError
from irisbp.sweeps.results.columns import FIGURES
from irisbp.sweeps.results.differences import Intervals
from irisbp.sweeps.results.statistics import Setting, Summary

MOST_SHOWN = 10  # settings in a table or in JSON, if no other number is asked for
_ORDERS = ("rank", "setting", *FIGURES, "sd", "effect", "chance_of_best")


@dataclass(frozen=True)
class View:
    """The first settings in the order of a key, by default the ten best; top is None for all of them.

    sort is `rank`, `setting` (the order of the grid), a key that varies (the order of its values), a figure's
    mean, `sd` or `effect` (the best first), or `chance_of_best` (the highest first).
    """

    intervals: Intervals = "simultaneous"
    sort: str = "rank"
    top: int | None = MOST_SHOWN

    def check(self, keys: Sequence[str]) -> None:
        """ConfigError if settings in which these keys vary cannot be sorted so."""
        names = [*keys, *_ORDERS]
        if self.sort not in names:
            raise ConfigError(f"sort: {self.sort} is not a column to sort by; use one of {', '.join(names)}")

    def settings(self, summary: Summary) -> list[Setting]:
        """The settings to be shown; those that are equal in the order's key, by their rank."""
        found = sorted(summary.ranked, key=_order(summary, self.sort))
        return found[: self.top]


def _order(summary: Summary, name: str) -> Callable[[Setting], Any]:
    if name in summary.keys:
        k = summary.keys.index(name)
        values = list(dict.fromkeys(setting.values[k] for setting in summary.settings))
        place = {value: number for number, value in enumerate(values)}
        return lambda setting: place[setting.values[k]]
    if name in FIGURES:
        sign = -1 if name.endswith("accuracy") else 1
        return lambda setting: _last_if_nan(sign * setting.spreads[name].mean)
    return {
        "rank": lambda setting: setting.rank,
        "setting": lambda setting: setting.number,
        "sd": lambda setting: _last_if_nan(setting.spreads[summary.figure].sd),
        "effect": lambda setting: _last_if_nan(setting.difference.effect),
        "chance_of_best": lambda setting: _last_if_nan(-setting.chance),
    }[name]


def _last_if_nan(value: float) -> float:
    return inf if isnan(value) else value
