"""Native runs on other CPU paths: not the same bits, but the same numbers."""

import sys
from pathlib import Path

import numpy as np

from tests.campaign import Outcome
from tests.campaign.settings import SETTINGS, Run, trained

FAULT = "other CPU settings, numerics: native"
PASSES_WHEN = "losses and parameters agree within 1e-12, predictions are equal"
FULL, SHORT = 120, 6

_CONFIGS: dict[str, list[str]] = {
    "article": ["rng=r", "epochs=5"],
    "glorot-adam": ["initializer=glorot_normal", "optimizer=adam", "learning_rate=0.01", "epochs=5"],
}


def run(trials: int, folder: Path) -> Outcome:
    """A trial is one seed of one config under one setting."""
    seeds = -(-trials // (len(_CONFIGS) * len(SETTINGS)))
    runs = [[*overrides, f"seed={seed}"] for overrides in _CONFIGS.values() for seed in range(1, seeds + 1)]
    outcome, first, farthest, moved, features = Outcome(), list[Run](), 0.0, 0, set()
    for number, setting in enumerate(SETTINGS):
        place = folder / str(number)
        place.mkdir()
        used, found = trained(setting, runs, place, sys.executable)
        features.add(tuple(used))
        first = first or found
        for overrides, one, other in zip(runs, first, found, strict=True):
            apart = max(_apart(one.losses, other.losses), _apart(one.parameters, other.parameters))
            same = one.predictions == other.predictions
            farthest, moved = max(farthest, apart), moved + (one.files != other.files)
            outcome.check(same and apart <= 1e-12, f"{setting}: {' '.join(overrides)}: {apart:.1e}, {same}")
    outcome.measured = (
        f"{len(features)} sets of CPU features; {moved} runs differ in bits, by {farthest:.1e} at most"
    )
    return outcome


def _apart(one: list[float], other: list[float]) -> float:
    """The largest difference, relative to the number, or to 1e-3 where the number is smaller."""
    left, right = np.array(one), np.array(other)
    return float((np.abs(left - right) / np.maximum(np.abs(left), 1e-3)).max())
