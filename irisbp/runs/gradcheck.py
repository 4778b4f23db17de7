"""Checks gradients: the verb of the library, for which the command line is a shell."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset
from irisbp.errors import ConfigError, IrisbpError
from irisbp.gradients.backward import BackwardPass, adapted
from irisbp.gradients.case import Case
from irisbp.gradients.check import run_check
from irisbp.gradients.paths import Loops, path_of, paths_of
from irisbp.gradients.points import SEED
from irisbp.gradients.report import GradientReport
from irisbp.gradients.sizes import sizes_of
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices
from irisbp.runs.run import Run
from irisbp.runs.subject import Subject, run_or_config
from irisbp.training.setup import check_engine, objective_of, optimizer_of, prepare
from irisbp.training.state import batch_size_of


def gradcheck(
    subject: Subject = None,
    *,
    backward: BackwardPass | None = None,
    network: Network | Mapping[str, Any] | None = None,
    inputs: Array | None = None,
    labels: Indices | None = None,
    objective: Objective | None = None,
    point: str | None = None,
    points_seed: int = SEED,
    **keys: Any,
) -> GradientReport:
    """Check a backward pass against derivatives with 50 digits: irisbp's own, or a user's.

    subject is a Run or a run's directory, whose trained parameters are among the points, or a config (a path,
    a mapping, a Config or None, the article's) with keys in place of its own. With a run, data is the
    file, or the files, where its table is now.

    backward takes the parameters by name (`hidden_1.weight` (fan_in, fan_out), `hidden_1.bias` (fan_out,),
    ..., `output.bias`), inputs (rows, inputs) and labels (rows,), class indices, and returns the gradient of
    the objective by the same names: of the mean of the cross-entropies, if the config says nothing else; with
    class_weight each sample's is multiplied by the weight of its class before the mean or the sum.

    network (a Network; a mapping is the config's key), inputs with labels, and objective replace those of the
    config: inputs (rows, inputs) are finite, labels (rows,) are 0 to classes - 1, and each of them appears.
    point checks at one point only; points_seed draws them all.

    The verdict is in the report. IrisbpError is raised for what cannot be checked.
    """
    case = case_of(subject, network, inputs, labels, objective, keys)
    loops = case.loops
    paths = paths_of(loops, case.network) if backward is None else [path_of(adapted(backward))]
    return run_check(
        paths,
        case.network,
        case.inputs,
        case.labels,
        case.objective,
        seed=points_seed,
        trained=case.trained,
        only_point=point,
        sizes=sizes_of(case.network, loops.batch_size, loops.samples) if backward is None else None,
    )


def case_of(
    subject: Subject = None,
    network: Network | Mapping[str, Any] | None = None,
    inputs: Array | None = None,
    labels: Indices | None = None,
    objective: Objective | None = None,
    keys: Mapping[str, Any] | None = None,
) -> Case:
    """The case of a run or a config, or of a user's own network, samples and objective: see `gradcheck`."""
    keys = dict(keys or {})
    if network is not None and not isinstance(network, Network):
        keys["network"], network = network, None
    found, given = run_or_config(subject, keys), (network, inputs, labels, objective)
    if isinstance(found, Run):
        if any(each is not None for each in given):
            raise ConfigError("network, inputs, labels and objective: a run is checked with its own")
        check_engine(found.config)
        dataset = found.dataset
        own, loops = objective_of(found.config, dataset), _loops_of(found.config, found.network, dataset)
        return Case(found.network, dataset.inputs, dataset.labels, own, loops, found.vector)
    if (inputs is None) != (labels is None):
        raise IrisbpError("inputs and labels: give both, or neither")
    training = prepare(found)
    dataset = training.dataset
    own, loops = objective_of(found, dataset), _loops_of(found, training.network, dataset)
    case = Case(training.network, dataset.inputs, dataset.labels, own, loops)
    return case if all(each is None for each in given) else case.replaced(*given)


def _loops_of(config: Config, network: Network, dataset: Dataset) -> Loops:
    samples = len(dataset.train_rows)
    optimizer = optimizer_of(config, np.zeros(network.parameter_count))
    return Loops(config.engine, optimizer, batch_size_of(config, samples), samples)
