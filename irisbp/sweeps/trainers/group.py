"""Runs that can be trained side by side, and their training."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress

from irisbp.config.schema import Config
from irisbp.data.table import Table, read_table
from irisbp.nn.network import Network
from irisbp.sweeps.trainers import compiled
from irisbp.sweeps.trainers.alone import train_alone
from irisbp.sweeps.trainers.compiled import is_compiled, train_compiled
from irisbp.sweeps.trainers.lockstep import Lockstep, join
from irisbp.sweeps.trainers.outcome import UNTRAINABLE, Outcome, failed
from irisbp.training.setup import prepare
from irisbp.training.state import Training
from irisbp.training.tables import wanted_of

# Measured against the plain loop, one thread each: runs with larger products are trained alone.
_MOST_PRODUCTS = 50_000
_MOST_AT_ONCE, _LEAST_AT_ONCE = 1024, 64
_IN_CACHE = 2**19  # numbers
_MOST_PLACES = 2**25  # rows of the tables of runs at once, for memory's sake

# The optimizers' options that the runs of a group have in common; others are numbers of each run.
_COMMON = ("name", "nesterov", "amsgrad", "beta1", "beta2", "momentum_decay")


def group_key(config: Config) -> Hashable:
    """Runs with equal keys can be trained side by side.

    They may differ in seed, rng, learning rate, initializer, schedule, fold, early stopping, l2, the limit
    of clipping, the weights of classes and most options of the optimizer. Either all or none have a penalty,
    and either all or none have weights. Compiled code never stops early.
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
        config.l2 > 0.0,
        config.engine == "compiled" and config.early_stopping is None,
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
    table = read_table(wanted_of(configs[0].data))
    one = first_preparable(configs, table)
    if one is None or not is_side_by_side(one):
        return _one_by_one(configs, table, report)
    is_code = is_compiled(one.config, one.network, one.batch_size)
    train = train_compiled if is_code else _train_plain
    most = (
        compiled.runs_at_once(one)
        if is_code
        else runs_at_once(one.network, one.batch_size, len(table.targets))
    )
    outcomes: dict[int, Outcome] = {}
    for start in range(0, len(configs), most):
        numbers = range(start, min(start + most, len(configs)))
        trainings, failures = _prepared({number: configs[number] for number in numbers}, table)
        if failures:
            report(len(failures) * one.config.epochs)
        outcomes |= failures
        for alike in _alike(trainings):
            outcomes |= zip(alike, train(list(alike.values()), table, report), strict=True)
    return [outcomes[number] for number in range(len(configs))]


def first_preparable(configs: Iterable[Config], table: Table) -> Training | None:
    """The first training that can begin; None if none of them can."""
    for config in configs:
        with suppress(*UNTRAINABLE):
            return prepare(config, table)
    return None


def _prepared(configs: Mapping[int, Config], table: Table) -> tuple[dict[int, Training], dict[int, Outcome]]:
    """The trainings that can begin, and the outcomes of the others, by number."""
    trainings, failures = dict[int, Training](), dict[int, Outcome]()
    for number, config in configs.items():
        try:
            trainings[number] = prepare(config, table)
        except UNTRAINABLE as error:
            failures[number] = failed(config, error)
    return trainings, failures


def is_side_by_side(training: Training) -> bool:
    """Return whether runs like this one are trained side by side, even if there is only one.

    It depends on the run alone, so that its numbers do not depend on how many others there are.
    """
    config, network, size = training.config, training.network, training.batch_size
    if is_compiled(config, network, size):
        return True
    return config.numerics == "native" and network.parameter_count * size <= _MOST_PRODUCTS


def runs_at_once(network: Network, batch_size: int, rows: int) -> int:
    """The number of runs that is quickest: more runs share the cost of a call, but take more memory."""
    nodes = sum(layer.fan_in + layer.fan_out for layer in network.layers)
    in_cache = _IN_CACHE // (2 * network.parameter_count + nodes * batch_size)
    most = min(_MOST_AT_ONCE, max(_LEAST_AT_ONCE, in_cache))
    return max(1, min(most, _MOST_PLACES // rows))


def _one_by_one(configs: Sequence[Config], table: Table, report: Callable[[int], None]) -> list[Outcome]:
    outcomes = []
    for config in configs:
        try:
            outcomes.append(train_alone(config, table))
        except UNTRAINABLE as error:
            outcomes.append(failed(config, error))
        report(config.epochs)
    return outcomes


def _train_plain(trainings: Sequence[Training], table: Table, report: Callable[[int], None]) -> list[Outcome]:
    return Lockstep(join(trainings), table, report).outcomes()


def _alike(trainings: Mapping[int, Training]) -> list[dict[int, Training]]:
    """Those of one size and network together: folds differ by a row, and by a rare category's input."""
    groups = defaultdict[Hashable, dict[int, Training]](dict)
    for number, training in trainings.items():
        groups[len(training.order), training.network][number] = training
    return list(groups.values())
