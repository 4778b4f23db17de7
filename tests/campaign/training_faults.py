"""Faults in the code that trains, in each of its loops and at each size: gradcheck has to find them.

`gradcheck --self-test` plants them for one config; here are the configs that reach every path of the code.
"""

from itertools import product
from pathlib import Path
from typing import Any

from irisbp.config.load import load_config
from irisbp.gradients.faults import SelfTest
from irisbp.nn.codegen import structure
from irisbp.runs.gradcheck import case_of
from tests.campaign import Outcome

FAULT = "faults in each loop that trains, at both sides of each size at which its code changes"
PASSES_WHEN = "gradcheck finds each, and nothing where there is none"
FULL, SHORT = 1000, 10

_NETWORKS: list[dict[str, Any]] = [
    {"hidden": []},
    {"hidden": [3]},
    {"hidden": [16], "activation": "tanh"},
    {"hidden": [5, 2], "activation": "relu"},
    {"hidden": [4], "activation": "softplus"},
]
_BATCHES: list[dict[str, Any]] = [{}, {"batch_size": 16}, {"batch_size": "all"}]


def run(trials: int, folder: Path) -> Outcome:
    """A trial is a fault."""
    engines: list[dict[str, Any]] = [{"engine": "plain"}, {"numerics": "portable"}]
    if structure.available():
        engines.append({"engine": "compiled"})
    outcome, configs = Outcome(), 0
    for batches, network, engine in product(_BATCHES, _NETWORKS, engines):
        if outcome.trials >= trials:
            break
        keys = {"network": network, **batches, **engine}
        case = case_of(load_config(None, **keys))
        test = SelfTest(case.network, case.inputs, case.labels, loops=case.loops)
        outcome.check(test.correct(), f"{keys}: right code does not pass")
        for finding in test.findings():
            outcome.check(finding.caught, f"{keys}: not found: {finding.name}")
        configs += 1
    outcome.measured = f"{configs} configs"
    return outcome
