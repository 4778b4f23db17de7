"""Portable runs on other CPU paths and by other interpreters: the same bytes.

IRISBP_INTERPRETERS may name further Python interpreters, separated like PATH, that have irisbp's
dependencies; the campaign's own is always used.
"""

import hashlib
import os
import sys
from pathlib import Path

import numpy as np

from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.initializers import INITIALIZERS
from irisbp.nn.optimizers import OPTIMIZERS
from irisbp.nn.schedules import SCHEDULES
from tests.campaign import Outcome
from tests.campaign.settings import SETTINGS, Run, trained

FAULT = "other CPU settings, other interpreters, numerics: portable"
PASSES_WHEN = "every file of every run has the same bytes"
FULL, SHORT = 480, 12

_RUNS = 40


def run(trials: int, folder: Path) -> Outcome:
    """A trial is one config under one setting with one interpreter."""
    interpreters = [
        sys.executable,
        *filter(None, os.environ.get("IRISBP_INTERPRETERS", "").split(os.pathsep)),
    ]
    runs, outcome, digest = _runs(min(_RUNS, -(-trials // len(SETTINGS)))), Outcome(), hashlib.sha256()
    first: list[Run] = []
    features = set()
    for python in interpreters:
        for number, setting in enumerate(SETTINGS):
            place = folder / f"{interpreters.index(python)}-{number}"
            place.mkdir()
            used, found = trained(setting, runs, place, python)
            features.add(tuple(used))
            first = first or found
            for overrides, one, other in zip(runs, first, found, strict=True):
                differ = sorted({name for name, _ in one.files.items() ^ other.files.items()})
                outcome.check(not differ, f"{python}, {setting}: {' '.join(overrides)}: {differ} differ")
    for one in first:
        digest.update(repr(sorted(one.files.items())).encode())
    outcome.measured = (
        f"{len(interpreters)} interpreters, {len(SETTINGS)} settings ({len(features)} sets of CPU features),"
        f" {len(runs)} configs: {digest.hexdigest()[:16]}"
    )
    return outcome


def _runs(count: int) -> list[list[str]]:
    """Configs in which every choice is made in turn, the rest drawn."""
    draws = np.random.default_rng(20)
    choices = [list(ACTIVATIONS), list(OPTIMIZERS), list(INITIALIZERS), list(SCHEDULES)]
    runs = []
    for k in range(count):
        activation, optimizer, initializer, schedule = (names[k % len(names)] for names in choices)
        widths = draws.integers(1, 24, size=k % 4).tolist()
        runs.append(
            [
                "numerics=portable", f"rng={('numpy', 'r')[k // 3 % 2]}", f"seed={k}", "epochs=3",
                f"network.hidden={widths}", f"network.activation={activation}",
                f"optimizer={optimizer}", f"initializer={initializer}", f"schedule={schedule}",
                f"learning_rate={(0.1, 0.01, 1.0)[k % 3]}", f"batch_size={(1, 7, 'all', 1)[k // 2 % 4]}",
                f"l2={(0.0, 0.01)[k // 4 % 2]}", f"reduction={('mean', 'sum')[k // 5 % 2]}",
                f"data.shuffle={('once', 'every_epoch')[k % 2]}",
                *(["clip_norm=0.5"] if k % 3 == 0 else []),
                *(["data.validation=0.2"] if k % 2 else []),
            ]
        )  # fmt: skip
    return runs
