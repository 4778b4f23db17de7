"""Runs that can be trained side by side, and their training."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence

from irisbp.config.schema import Config
from irisbp.data.table import Table
from irisbp.nn.network import Network
from irisbp.sweeps.trainers import compiled
from irisbp.sweeps.trainers.alone import train_alone
from irisbp.sweeps.trainers.compiled import is_compiled, train_compiled
from irisbp.sweeps.trainers.lockstep import Lockstep, join
from irisbp.sweeps.trainers.outcome import Outcome
from irisbp.training.setup import prepare
from irisbp.training.state import Training
from irisbp.training.tables import table_of

# Measured against the plain loop, one thread each. Fewer runs, or larger products, are trained alone.
_FEWEST_RUNS, _MOST_PRODUCTS = 4, 50_000
_MOST_AT_ONCE, _LEAST_AT_ONCE = 1024, 64
_IN_CACHE = 2**19  # numbers
_MOST_PLACES = 2**25  # rows of the tables of runs at once, for memory's sake

# The optimizers' options that the runs of a group have in common; others are numbers of each run.
_COMMON = ("name", "nesterov", "amsgrad", "beta1", "beta2", "momentum_decay")


def group_key(config: Config) -> Hashable:
    """Runs with equal keys can be trained side by side.

    They may differ in seed, rng, learning rate, initializer, schedule, fold, early stopping, l2, the limit
    of clipping, the weights of classes and most options of the optimizer. Either all or none have weights.
    Compiled code has a penalty or has none, and never stops early.
    """
    options = vars(config.optimizer)
    return (
        config.numerics,
        config.engine,
        config.epochs,
        config.batch_size,
        config.reduction,
        config.class_weight == "none",
        config.network,
        config.data.model_copy(update={"fold": None}),
        config.clip_norm is None,
        config.engine == "compiled" and (config.l2 > 0.0, config.early_stopping is None),
        *(options.get(name) for name in _COMMON),
        options.get("momentum", 0.0) > 0.0,
    )


def report_nothing(count: int) -> None:
    """Take a count of settled epochs, and do nothing with it."""


def train_group(configs: Sequence[Config], report: Callable[[int], None] = report_nothing) -> list[Outcome]:
    """The runs' outcomes, in their order; all have the same `group_key`.

    report is called with how many more epochs are settled, including those after a run's early end, so that
    in the end all epochs of all configs have been reported.
    """
    first = configs[0]
    table = table_of(first.data)
    one = prepare(first, table)
    if is_compiled(first, one.network, one.batch_size):
        return _compiled(configs, compiled.runs_at_once(one), table, report)
    if not is_side_by_side(one, len(configs)):
        return _one_by_one(configs, report)
    most = runs_at_once(one.network, one.batch_size, len(table.targets))
    outcomes: dict[int, Outcome] = {}
    for start in range(0, len(configs), most):
        numbers = range(start, min(start + most, len(configs)))
        outcomes |= _train_block({number: configs[number] for number in numbers}, table, report)
    return [outcomes[number] for number in range(len(configs))]


def is_side_by_side(training: Training, runs: int) -> bool:
    """Return whether so many runs like this one are trained side by side."""
    config, network, size = training.config, training.network, training.batch_size
    if is_compiled(config, network, size):
        return True
    return config.numerics == "native" and is_quicker(runs, network, size)


def is_quicker(runs: int, network: Network, batch_size: int) -> bool:
    """Return whether so many runs side by side take less time than one after the other."""
    return runs >= _FEWEST_RUNS and network.parameter_count * batch_size <= _MOST_PRODUCTS


def runs_at_once(network: Network, batch_size: int, rows: int) -> int:
    """The number of runs that is quickest: more runs share the cost of a call, but take more memory."""
    nodes = sum(layer.fan_in + layer.fan_out for layer in network.layers)
    in_cache = _IN_CACHE // (2 * network.parameter_count + nodes * batch_size)
    most = min(_MOST_AT_ONCE, max(_LEAST_AT_ONCE, in_cache))
    return max(1, min(most, _MOST_PLACES // rows))


def _one_by_one(configs: Sequence[Config], report: Callable[[int], None]) -> list[Outcome]:
    outcomes = []
    for config in configs:
        outcomes.append(train_alone(config))
        report(config.epochs)
    return outcomes


def _compiled(
    configs: Sequence[Config], most: int, table: Table, report: Callable[[int], None]
) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    for start in range(0, len(configs), most):
        numbers = range(start, min(start + most, len(configs)))
        for trainings in _alike({number: prepare(configs[number], table) for number in numbers}):
            found = train_compiled(list(trainings.values()), table, report)
            outcomes |= zip(trainings, found, strict=True)
    return [outcomes[number] for number in range(len(configs))]


def _train_block(
    configs: Mapping[int, Config], table: Table, report: Callable[[int], None]
) -> dict[int, Outcome]:
    """Outcomes by number."""
    outcomes: dict[int, Outcome] = {}
    for trainings in _alike({number: prepare(config, table) for number, config in configs.items()}):
        team = join(list(trainings.values()))
        outcomes |= zip(trainings, Lockstep(team, table, report).outcomes(), strict=True)
    return outcomes


def _alike(trainings: Mapping[int, Training]) -> list[dict[int, Training]]:
    """Those of one size and network together: folds differ by a row, and by a rare category's input."""
    groups = defaultdict[Hashable, dict[int, Training]](dict)
    for number, training in trainings.items():
        groups[len(training.order), training.network][number] = training
    return list(groups.values())
