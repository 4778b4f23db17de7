"""Runs of a sweep beside others and in other places, drawn at random, on both engines."""

import random
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from irisbp.config.schema import Config
from irisbp.nn.codegen.structure import available
from irisbp.sweeps.trainers.group import train_group
from tests.campaign import Outcome
from tests.sweeps.test_group import bits, groups

FAULT = "runs of a sweep beside others, in other places"
PASSES_WHEN = "each has the bits that it has by itself"
FULL, SHORT = 3_000, 10


def run(trials: int, folder: Path) -> Outcome:
    """Groups of one to five runs; each run is a trial."""
    outcome, draws = Outcome(), random.Random(0)

    @settings(
        max_examples=trials,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(groups() | groups("compiled" if available() else "plain"))
    def compare(group: list[Config]) -> None:
        if outcome.trials >= trials:
            return
        order = draws.sample(range(len(group)), len(group))
        together = train_group([group[k] for k in order])
        for k, ours in zip(order, together, strict=True):
            alone = train_group([group[k]])[0]
            outcome.check(bits(ours) == bits(alone), f"run {k} of {group}, in the order {order}")

    compare()
    return outcome
