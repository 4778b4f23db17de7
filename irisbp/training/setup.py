"""From a config to a training that has not begun, and from there to where another one stood."""

import os
from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset, Standardizer, all_but, classes_by_appearance, make_dataset, rows_of
from irisbp.data.encoding import Encoder
from irisbp.data.memory import give_back_memory, naming_the_table
from irisbp.data.split import hold_out, one_fold
from irisbp.data.table import Table
from irisbp.errors import ConfigError, DataError
from irisbp.nn.backprop import Objective
from irisbp.nn.codegen.structure import HOW_TO_INSTALL, available
from irisbp.nn.initializers import INITIALIZERS, initial_parameters
from irisbp.nn.network import Network
from irisbp.nn.numerics.choice import numerics_of
from irisbp.nn.optimizers import NormClipping, Optimizer
from irisbp.nn.random import split_draws
from irisbp.nn.schedules import with_warmup
from irisbp.nn.types import Array, Indices
from irisbp.training.class_weights import check_class_weight, class_weights
from irisbp.training.evaluation import ROWS_AT_ONCE
from irisbp.training.state import Best, Progress, Snapshot, Training
from irisbp.training.tables import table_of

try:
    import resource
except ImportError:  # Windows and Pyodide have none
    resource = None  # type: ignore[assignment]

_MOST_PARAMETERS = 10**8


def prepare(
    config: Config,
    table: Table | None = None,
    *,
    classes: Sequence[str] = (),
    standardizer: Standardizer | None = None,
) -> Training:
    """The state before the first step: data in order, initial parameters, a fresh optimizer.

    Draws happen in the article's order: first the shuffle of the rows, then the parameters. The config's
    table is read unless it is given. classes are given if the table may lack some of them: the output
    nodes of those come last, in this order. The standardizer is fitted on the training rows unless it is
    given.
    """
    check_engine(config)
    table = table or table_of(config.data)
    give_back_memory(table.values.nbytes)
    held_out = held_out_rows(config, table)
    train_rows = all_but(held_out, len(table.targets))
    numerics = numerics_of(config.numerics)
    source = numerics.sources[config.rng](config.seed)
    shuffled = config.data.shuffle != "never"
    order = train_rows[source.next_order(len(train_rows))] if shuffled else train_rows
    if not classes:
        _check_classes(config, table, order)
    classes = tuple(dict.fromkeys((*classes_by_appearance(table, order), *classes)))
    check_class_weight(config, classes)
    with naming_the_table(table.source):
        encoder = Encoder.fit(table, train_rows, config.data.missing)
        table = encoder.encode(table, "zeros")
        if standardizer is None:
            standardizer = Standardizer.fit(
                rows_of(table.values, train_rows), table.features, numerics.mean_and_sd, constant_sd=1.0
            )
        dataset = make_dataset(table, classes, standardizer, held_out, encoder)
    network = make_network(config, len(table.features), len(classes))
    _check_memory(config, network, len(table.values))
    sampler = INITIALIZERS[config.initializer.name](**options_of(config.initializer, "bias"))
    drawn = config.initializer.bias == "drawn"
    with np.errstate(all="ignore"):
        parameters = initial_parameters(network, sampler, source.initial, draw_biases=drawn)
    if not np.isfinite(parameters).all():
        raise ConfigError("initializer: initial parameters are beyond float64; smaller ones would be right")
    return Training(
        config=config,
        dataset=dataset,
        network=network,
        source=source,
        order=order,
        parameters=parameters,
        optimizer=optimizer_of(config, parameters),
        schedule=with_warmup(
            config.schedule.name,
            config.learning_rate,
            config.epochs,
            schedules=numerics.schedules,
            **options_of(config.schedule),
        ),
    )


def check_engine(config: Config) -> None:
    """ConfigError if the config's engine is not installed."""
    if config.engine == "compiled" and not available():
        raise ConfigError(f"engine: compiled needs llvmlite: {HOW_TO_INSTALL}")


def _check_classes(config: Config, table: Table, order: Indices) -> None:
    """DataError if the rows to train on show one class, or a different one each."""
    classes = classes_by_appearance(table, order)
    if len(classes) < 2:
        raise DataError(f"{table.source}: every row is of class {classes[0]}; there is nothing to tell apart")
    if len(classes) == len(order) > 2:
        if len(order) < len(table.targets):
            raise DataError(f"{table.source}: {_split_text(config)}")
        raise DataError(f"{table.source}: every row has a different class; is {table.target} the target?")


def _split_text(config: Config) -> str:
    """The message of a split that leaves one row of each class, and the key that makes it."""
    data = config.data
    split, less = (
        ("data.validation", "a smaller part") if data.folds is None else ("data.folds", "more folds")
    )
    value = data.validation if data.folds is None else data.folds
    return f"with {split}={value}, one row of each class is left to train on; give {less}"


def held_out_rows(config: Config, table: Table) -> Indices:
    """The rows for validation: those of another file, drawn from the seed's own stream for it, or none."""
    data = config.data
    if table.held_out is not None:
        return np.arange(len(table.targets) - table.held_out.rows, len(table.targets))
    if data.validation is not None:
        return hold_out(table.targets, data.validation, split_draws(config.seed))
    if data.folds is not None and data.fold is not None:
        return one_fold(table.targets, data.folds, data.fold, split_draws(config.seed))
    return np.empty(0, dtype=np.int64)


def make_network(config: Config, inputs: int, classes: int) -> Network:
    """The config's network for so many inputs and classes; ConfigError if it cannot fit into memory."""
    network = Network(inputs, config.network.hidden, classes, config.network.activation, config.numerics)
    count = network.parameter_count
    if count > _MOST_PARAMETERS:
        raise ConfigError(
            f"network.hidden: {count} parameters, {count * 8 / 1e9:.1f} GB for each copy of them;"
            f" at most {_MOST_PARAMETERS} are trained here"
        )
    return network


def _check_memory(config: Config, network: Network, rows: int) -> None:
    """ConfigError if training takes more memory than there is for this process, by a low estimate."""
    state = optimizer_of(config, np.empty(1)).state
    # The parameters and the optimizer's state, once more to go back to, and again as the bytes of a
    # checkpoint; the gradient and the change.
    copies = 3 * (1 + len(state)) + 2
    nodes = sum(config.network.hidden) + network.classes
    values = network.parameter_count * copies + nodes * min(rows, ROWS_AT_ONCE) * 2
    limit = _memory_limit()
    if values * 8 > limit:
        raise ConfigError(
            f"network.hidden: {network.parameter_count} parameters and {nodes} nodes take about"
            f" {values * 8 / 1e9:.1f} GB to train; there are {limit / 1e9:.1f} GB"
        )


def _memory_limit() -> float:
    """The number of bytes this process may have; infinite where the system does not say."""
    if resource is None:
        return inf
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return physical if soft == resource.RLIM_INFINITY else min(physical, soft)


def objective_of(config: Config, dataset: Dataset) -> Objective:
    """The objective that the config has minimized over a batch of the dataset's rows."""
    return Objective(config.reduction, config.l2, class_weights(config, dataset))


def optimizer_of(config: Config, parameters: Array) -> Optimizer:
    """The config's optimizer, for parameters of this shape, at its start."""
    numerics, options = numerics_of(config.numerics), options_of(config.optimizer)
    optimizer = numerics.optimizers[config.optimizer.name](parameters.shape, **options)
    if config.clip_norm is None:
        return optimizer
    return NormClipping(optimizer, config.clip_norm, numerics.norm)


def options_of(section: object, *others: str) -> dict[str, Any]:
    """A choice's options: its fields but its name and others that are not its own."""
    return {key: value for key, value in vars(section).items() if key not in ("name", *others)}


def resume_from(training: Training, snapshot: Snapshot, progress: Progress, best: Best | None) -> None:
    """Put a training that has not begun to where another one of the same config and data stood."""
    snapshot.restore(training)
    training.progress, training.best = progress, best
    if training.config.data.shuffle == "every_epoch" and progress.epoch > 1:
        training.source.skip_orders(progress.epoch - 2, len(training.dataset.train_rows))
