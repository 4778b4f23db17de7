"""An update of a run among a thousand, side by side: `python -m tests.benchmarks.ensemble`.

The article's network with a thousand seeds, from the configs to the outcomes, on one core and on two, and a
few of the same seeds one by one, in the same minute: machines differ and are busy.
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.table import Table

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.sweeps.trainers.alone import train_alone
from irisbp.sweeps.trainers.group import train_group

RUNS = 1000
ROUNDS = 5
_ALONE = 10  # runs


def _seeds(count: int) -> list[Config]:
    config = load_config(None, ["rng=r"])
    return [config.model_copy(update={"seed": seed}) for seed in range(count)]


def _one_by_one() -> int:
    return sum(train_alone(config).steps for config in _seeds(_ALONE))


def _on_one_core() -> int:
    return sum(outcome.steps for outcome in train_group(_seeds(RUNS)))


def _on_two_cores(pool: ProcessPoolExecutor) -> Callable[[], int]:
    def train() -> int:
        configs = _seeds(RUNS)
        parts = pool.map(train_group, (configs[: RUNS // 2], configs[RUNS // 2 :]))
        return sum(outcome.steps for outcomes in parts for outcome in outcomes)

    return train


def _nanoseconds(train: Callable[[], int]) -> float:
    """For each update of a run."""
    began = time.perf_counter()
    steps = train()
    return (time.perf_counter() - began) / steps * 1e9


def main() -> None:
    """Measure in turns, and print the least of each, which other processes have disturbed least."""
    with ProcessPoolExecutor(2) as pool:
        two_cores = _on_two_cores(pool)
        two_cores()  # so that both processes have imported what they need
        ways = {
            "one by one, one core": _one_by_one,
            f"{RUNS} side by side, one core": _on_one_core,
            f"{RUNS} side by side, two cores": two_cores,
        }
        least = dict.fromkeys(ways, float("inf"))
        for _ in range(ROUNDS):
            for what, train in ways.items():
                least[what] = min(least[what], _nanoseconds(train))
    table = Table("what", "ns per update and run", "times as fast")
    for what, ns in least.items():
        table.add_row(what, f"{ns:.0f}", f"{next(iter(least.values())) / ns:.0f}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
