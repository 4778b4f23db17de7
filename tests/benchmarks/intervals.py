"""How often equal settings are found apart, and different ones are: `python -m tests.benchmarks.intervals`.

The best of some settings is chosen by its mean over 20 seeds, and the others are compared with it. Where
all are equal, the first figure counts the sweeps in which some setting is found apart; where one setting is
better by 1.2 standard deviations of a run, the second is the part of the others that are found apart from it.
Below, two learners of equal expectation on tables of 60 rows, which their runs share. Takes some minutes;
exits with 1 if the simultaneous intervals are wrong for more than 5 % of the sweeps with normal figures.
"""

import sys
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from irisbp.nn.types import Array
from irisbp.sweeps.results.differences import INTERVALS, paired_difference

SETTINGS, SEEDS, TRIALS = (4, 12, 36), 20, 2_000
BETTER = 1.2  # standard deviations of a run
ROWS, LEVEL = 60, 0.05
_RESAMPLES, _OF_BOOTSTRAP = 400, 200  # of a trial, and trials of the bootstrap

Draw = Callable[["np.random.Generator", tuple[int, int]], Array]
Find = Callable[[Array, "np.random.Generator"], dict[str, Array]]

FIGURES: dict[str, Draw] = {
    "normal": lambda draws, shape: draws.standard_normal(shape),
    "lognormal": lambda draws, shape: (draws.lognormal(size=shape) - np.e**0.5) / np.sqrt((np.e - 1) * np.e),
}


def found_apart(figures: Array, draws: "np.random.Generator") -> dict[str, "Array"]:
    """Which differ from the best of figures (settings, seeds), (settings,), by each kind of interval."""
    best, count = figures[figures.mean(axis=1).argmin()], len(figures)
    apart = [paired_difference(own, best, comparisons=count * (count - 1) // 2) for own in figures]
    return {kind: np.array([each.differs(kind) for each in apart]) for kind in INTERVALS}


def found_by_bootstrap(figures: Array, draws: "np.random.Generator") -> dict[str, "Array"]:
    """The same by the bootstrap of the largest t of all pairs, each resample with its own standard errors."""
    centred = (figures - figures.mean(axis=1, keepdims=True)).T  # (seeds, settings)
    chosen = draws.integers(0, len(centred), (_RESAMPLES, len(centred)))
    means, errors = _moments(centred[chosen])
    largest = (np.abs(means[:, :, None] - means[:, None, :]) / errors).max(axis=(1, 2))
    means, errors = _moments(figures.T)
    best = int(means.argmin())
    return {"bootstrap": (means - means[best]) / errors[best] > np.quantile(largest, 1 - LEVEL)}


def _moments(runs: Array) -> tuple[Array, Array]:
    """Of runs (..., seeds, settings) the means, and the standard errors of all differences of them."""
    seeds, means = runs.shape[-2], runs.mean(axis=-2)
    apart = runs - means[..., None, :]
    products = np.swapaxes(apart, -1, -2) @ apart / (seeds - 1)
    own = np.diagonal(products, axis1=-2, axis2=-1)
    variances = own[..., :, None] + own[..., None, :] - 2 * products
    return means, np.sqrt(np.where(variances > 0, variances, np.inf) / seeds)


def rates(draw: Draw, settings: int, trials: int, find: Find = found_apart) -> dict[str, tuple[float, float]]:
    """The part of equal sweeps with a setting apart, and of different settings that are found apart."""
    draws = np.random.default_rng(0)
    wrong, right = dict[str, int](), dict[str, float]()
    for _ in range(trials):
        figures = draw(draws, (settings, SEEDS))
        for kind, apart in find(figures, draws).items():
            wrong[kind] = wrong.get(kind, 0) + bool(apart.any())
        figures[1:] += BETTER
        is_first = figures.mean(axis=1).argmin() == 0
        for kind, apart in find(figures, draws).items():
            right[kind] = right.get(kind, 0.0) + (float(apart[1:].mean()) if is_first else 0.0)
    return {kind: (wrong[kind] / trials, right[kind] / trials) for kind in wrong}


def shared_rates(seeds: int, folds: int, trials: int, *, only_one: bool = False) -> dict[str, float]:
    """The part of trials in which equal learners are found apart, by each way to treat rows in common.

    With only_one, each seed has one of its folds: it holds out a random part of the rows.
    """
    draws, ratio = np.random.default_rng(0), 1 / (folds - 1)
    wrong = dict.fromkeys(("without", "means over seeds", "corrected"), 0)
    for _ in range(trials):
        losses = _losses(draws, seeds, folds)[:, :, : 1 if only_one else folds]  # (2, seeds, folds)
        one, other = losses.reshape(2, -1)
        mean_one, mean_other = losses.mean(axis=1)
        wrong["without"] += paired_difference(one, other).differs("pairwise")
        means = paired_difference(mean_one, mean_other, shared=ratio)
        wrong["means over seeds"] += means.differs("pairwise")
        wrong["corrected"] += paired_difference(one, other, shared=ratio).differs("pairwise")
    return {name: count / trials for name, count in wrong.items()}


def _losses(draws: "np.random.Generator", seeds: int, folds: int) -> Array:
    """Held-out losses of two equal learners, each of which sees one of two features, (2, seeds, folds)."""
    classes = np.repeat([1.0, -1.0], ROWS // 2)
    features = draws.standard_normal((2, ROWS)) + 0.7 * classes
    return np.array([_of_folds(features, classes, draws, folds) for _ in range(seeds)]).transpose(2, 0, 1)


def _of_folds(features: Array, classes: Array, draws: "np.random.Generator", folds: int) -> Array:
    """The losses of each fold of a new cut, (folds, 2)."""
    half = ROWS // 2
    dealt = np.concatenate([draws.permutation(half), half + draws.permutation(half)])
    return np.array([_held_out(features, classes, dealt[fold::folds]) for fold in range(folds)])


def _held_out(features: Array, classes: Array, rows: Array) -> Array:
    """The losses on these rows of linear discriminants that were fitted to the others, (2,)."""
    others = np.setdiff1d(np.arange(ROWS), rows)
    x, y = features[:, others], classes[others]
    high, low = x[:, y > 0], x[:, y < 0]
    top, bottom = high.mean(axis=1), low.mean(axis=1)
    variance = (high.var(axis=1) * high.shape[1] + low.var(axis=1) * low.shape[1]) / (len(y) - 2)
    slope, middle = (top - bottom) / variance, (top + bottom) / 2
    logits = slope[:, None] * (features[:, rows] - middle[:, None])
    return np.asarray(np.logaddexp(0, -classes[rows] * logits).mean(axis=1))


def main() -> None:
    """Simulate, print the tables, and exit with 1 if intervals do not hold."""
    table = Table("figures", "settings", "intervals", "some equal one apart", "better ones found")
    worst = 0.0
    for name, draw in FIGURES.items():
        for settings in SETTINGS:
            found = rates(draw, settings, TRIALS)
            found |= rates(draw, settings, _OF_BOOTSTRAP, found_by_bootstrap)
            worst = max(worst, found["simultaneous"][0] if name == "normal" else 0.0)
            for kind, (wrong, right) in found.items():
                table.add_row(name, str(settings), kind, _percent(wrong), _percent(right))
    shared = Table("runs that share rows", "without correction", "of means over seeds", "corrected")
    for seeds, folds, only_one in ((1, 5, False), (4, 5, False), (20, 5, False), (20, 5, True)):
        trials = TRIALS if seeds < 20 else TRIALS // 8
        what = f"{seeds} seeds, a fifth held out" if only_one else f"{seeds} seeds x {folds} folds"
        parts = shared_rates(seeds, folds, trials, only_one=only_one)
        shared.add_row(what, *map(_percent, parts.values()))
    for each in (table, shared):
        Console(width=110).print(each)
    sys.exit(worst > LEVEL)


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


if __name__ == "__main__":
    main()
