"""The chance that a setting is the best: by a bootstrap over the seeds, whose own seed is fixed."""

from typing import NamedTuple

import numpy as np

from irisbp.nn.types import Array
from irisbp.rundir.arrays import AnyArray

SEED = 0
_MOST, _FEWEST = 10_000, 200  # resamples
_PRODUCTS, _AT_ONCE = 4 * 10**7, 2**22


class Chances(NamedTuple):
    """The chance of each setting to be the best, (settings,), by so many resamples; nan without any."""

    of: Array
    resamples: int


def chances_of_best(figures: Array) -> Chances:
    """The part of the resamples in which each setting is the best; equal ones share it.

    figures (settings, folds, seeds) are lower where they are better, and nan where a run has none. Seeds are
    drawn with replacement, each with its folds, the same for all settings; if there is one seed, folds are.
    The best of a resample is, as in the ranking, the setting that lost the fewest runs, and of these the
    one with the lowest mean.
    """
    settings, folds, seeds = figures.shape
    units = np.moveaxis(figures, 2 if seeds > 1 else 1, 0)  # (units, settings, runs of one)
    lost = np.isnan(units)
    if len(units) < 2 or lost.all():
        return Chances(np.full(settings, np.nan), 0)
    _, exponent = np.frexp(np.nanmax(np.abs(units)))
    sums = np.ldexp(np.where(lost, 0.0, units), -exponent).sum(axis=2)  # (units, settings)
    return _resampled(sums, lost.sum(axis=2).astype(float), folds * seeds)


def _resampled(sums: Array, lost: Array, runs: int) -> Chances:
    """Of the figures' sums and the runs without any, both (units, settings), and the runs of a setting."""
    units, settings = sums.shape
    resamples = int(np.clip(_PRODUCTS // (units * settings), _FEWEST, _MOST))
    draws, wins = np.random.Generator(np.random.PCG64(SEED)), np.zeros(settings)
    at_once = max(1, _AT_ONCE // max(units, settings))
    for start in range(0, resamples, at_once):
        weights = _weights(draws, min(at_once, resamples - start), units)
        # Not by BLAS, whose sums depend on a column's place: equal settings have equal sums.
        gone = np.einsum("bu,us->bs", weights, lost) if lost.any() else np.zeros((len(weights), settings))
        with np.errstate(all="ignore"):  # of a setting without any figure
            means = np.einsum("bu,us->bs", weights, sums) / (runs - gone)
        wins += _shares(gone, means).sum(axis=0)
    return Chances(wins / resamples, resamples)


def _weights(draws: "np.random.Generator", resamples: int, units: int) -> Array:
    """The number of times that each unit is drawn, (resamples, units)."""
    chosen: AnyArray = draws.integers(0, units, (resamples, units))
    places = chosen + units * np.arange(resamples)[:, np.newaxis]
    counts = np.bincount(places.ravel(), minlength=resamples * units)
    return counts.reshape(resamples, units).astype(float)


def _shares(lost: Array, means: Array) -> Array:
    """Each setting's share of being the best in each resample, both (resamples, settings)."""
    means = np.where((lost > lost.min(axis=1, keepdims=True)) | np.isnan(means), np.inf, means)
    best = means == means.min(axis=1, keepdims=True)
    return np.asarray(best / best.sum(axis=1, keepdims=True))
