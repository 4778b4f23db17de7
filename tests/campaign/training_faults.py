"""Faults in the code that trains: one step wrong at one size, or one entry of one loop's gradients."""

import random
from pathlib import Path
from typing import Any

from irisbp.gradients.faults import SelfTest
from irisbp.nn.codegen.structure import available
from irisbp.runs.gradcheck import case_of
from tests.campaign import Outcome

FAULT = "a step wrong in one path of the training code, or at one size of batches"
PASSES_WHEN = "the gradient check of that config finds it"
FULL, SHORT = 2_000, 30

_CHOICES: dict[str, list[Any]] = {
    "batch_size": [1, 7, 16, 64, "all"],
    "optimizer": ["sgd", "adam", {"name": "sgd", "momentum": 0.9}],
    "reduction": ["mean", "sum"],
    "l2": [0.0, 0.01],
    "class_weight": ["none", "balanced"],
    "engine": ["plain", "compiled"] if available() else ["plain"],
}
_NETWORKS = [
    {"hidden": hidden, "activation": activation}
    for hidden in ([], [3], [5, 2], [16])
    for activation in ("sigmoid", "tanh", "relu", "softplus")
]


def run(trials: int, folder: Path) -> Outcome:
    """Configs drawn at random, and in each of them the check's own list of faults."""
    outcome, draws = Outcome(), random.Random(0)
    while outcome.trials < trials:
        keys = {key: draws.choice(values) for key, values in _CHOICES.items()}
        keys["network"] = draws.choice(_NETWORKS)
        case = case_of(keys=keys)
        test = SelfTest(case.network, case.inputs, case.labels, loops=case.loops)
        for finding in test.findings():
            outcome.check(finding.caught, f"{keys}: {finding.name}")
    return outcome
