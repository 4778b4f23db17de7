"""A run of a sweep beside others, drawn at random: the same bits, whatever stands beside it."""

import random
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.campaign import Outcome
from tests.sweeps.test_group import groups, have_the_same_bits

FAULT = "other companions, places and engines for the runs of a sweep"
PASSES_WHEN = "each run has the bits that it has by itself"
FULL, SHORT = 1_000, 5


def run(trials: int, folder: Path) -> Outcome:
    """Groups of runs, plain and compiled, as hypothesis draws them."""
    del folder
    outcome = Outcome()
    draws = random.Random(0)

    @seed(0)
    @settings(
        max_examples=trials,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(groups() | groups("compiled"))
    def try_one(group: list[Config]) -> None:
        order = draws.sample(range(len(group)), len(group))
        outcome.check(have_the_same_bits(group, order), f"{order} of {group}")

    try_one()
    return outcome
