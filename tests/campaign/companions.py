"""Rows of a sweep beside companions that are drawn at random: no bit of a row may depend on them."""

import random
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from irisbp.config.schema import Config
from irisbp.nn.codegen import structure
from tests.campaign import Outcome
from tests.sweeps.test_group import changed_by_companions, groups

FAULT = "rows of a sweep among companions of every kind, in any order, for each engine"
PASSES_WHEN = "each row has the bits that it has by itself"
FULL, SHORT = 1000, 4


def run(trials: int, folder: Path) -> Outcome:
    """A trial is a row of a group; a group has two to five."""
    outcome, engines = Outcome(), ["plain", *(["compiled"] if structure.available() else [])]
    kinds = [groups(engine) for engine in engines]

    @settings(
        max_examples=-(-trials // 2),
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(kinds), st.randoms(use_true_random=False))
    def beside_each_other(group: list[Config], draws: random.Random) -> None:
        changed = changed_by_companions(group, draws.sample(range(len(group)), len(group)))
        for config in group:
            outcome.check(config not in changed, f"other bits beside companions: {config}")

    beside_each_other()
    outcome.measured = f"engines {' and '.join(engines)}"
    return outcome
