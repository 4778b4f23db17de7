"""The loops that train, as ways to a gradient: for one run and for many, plain and compiled.

The plain loop for one run hands its gradient to an optimizer that only keeps it. The other loops may change
the parameters without ever holding a gradient, so it is read off an update at a very large rate:

    gradient = (parameters before - parameters after) / rate

A product with a power of two is exact. The change is so much larger than the parameter that rounding takes
from it no more than 2 u of the gradient's entry (u = 2^-53), which the tolerance allows, and u / rate of the
parameter. Optimizers that divide by the gradient's size get an epsilon beside which it is nothing.

Every loop first trains on other samples, at the rate 0: its buffers are used then, as they are in training.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from math import ceil, inf
from typing import Any, Literal

import numpy as np

from irisbp.gradients.bounds import FACTOR, U, sums_of
from irisbp.gradients.judge import GradientFunction, Judgement, Target, judge, reduced_loss
from irisbp.gradients.sizes import BATCH
from irisbp.nn.backprop import Objective
from irisbp.nn.engines.many.compiled import train_ensemble
from irisbp.nn.engines.many.plain import LANES, PlainLoopOfRuns
from irisbp.nn.engines.one.compiled import CompiledLoop, is_faster
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.nn.losses import NEAR, samples_summed_alike
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Adadelta, Adagrad, Adam, AdamW, NormClipping, Optimizer, RmsProp, Sgd
from irisbp.nn.types import Array, Indices

_RATE = 2.0**890
_EPSILON = 2.0**90  # of which 2^36, a large gradient, is less than u
_NO_MOMENTUM = 2.0**-1022  # but a velocity is kept
# Plain descent of many runs divides the rate by sums of powers, which are as small as e^-NEAR, 2^-491.
_RATE_OF_MANY = 2.0**500

Engine = Literal["plain", "compiled"]
Found = tuple[Target, float | None, Array]
"""A target with the loss, if there is one, and the gradient (parameters,) that were found there."""


@dataclass(frozen=True)
class Loops:
    """The choices of a config on which the loops that train it depend, but for network and objective.

    optimizer is of the kind that trains; the loops use one like it. batch_size is at most samples, the number
    of samples in an epoch.
    """

    engine: Engine
    optimizer: Optimizer
    batch_size: int
    samples: int


@dataclass(frozen=True)
class CodePath:
    """Code that makes gradients at targets, each of which has up to most_rows samples.

    reading is the error of an entry, in units of the parameter, that comes from reading it.
    """

    name: str
    find: Callable[[Network, Objective, Sequence[Target]], Iterator[Found]]
    most_rows: float = inf
    reading: float = 0.0

    def judgements(
        self, network: Network, objective: Objective, targets: Sequence[Target]
    ) -> Iterator[Judgement]:
        """The gradients at the targets that this code can have in training; a target may come repeatedly."""
        taken = [target for target in targets if len(target.point.labels) <= self.most_rows]
        for target, loss, gradient in self.find(network, objective, taken):
            yield judge(target, loss, gradient, self.name, self.reading)


def path_of(gradient_of: GradientFunction, name: str = "backward") -> CodePath:
    """A gradient function as a path."""
    return CodePath(name, partial(_one_by_one, gradient_of))


def paths_of(loops: Loops, network: Network) -> list[CodePath]:
    """Every loop by which these choices may train.

    The plain ones are always among them: `explain` shows the numbers of the one for one run, and the other
    trains runs side by side that are watched on their way. Portable numerics have none for many runs.
    """
    size, most = loops.batch_size, max(loops.batch_size, BATCH) if loops.batch_size > 1 else 1

    def of_many(engine: Engine, choose: _Choose, train: _Train, rate: float) -> CodePath:
        find = partial(_side_by_side, choose, train, rate, size)
        return CodePath(f"{engine}, side by side", find, most, _reading(rate))

    paths = [path_of(partial(own_gradient, batch_size=size), "plain")]
    if network.numerics == "native":
        is_linear = isinstance(loops.optimizer, Sgd) and not loops.optimizer.state
        train = partial(_train_plain, 0.0 if is_linear else _NO_MOMENTUM)
        paths.append(of_many("plain", _near_and_far, train, _RATE_OF_MANY))
    if loops.engine == "compiled" and is_faster(network, size):
        compiled = partial(_one_by_one, partial(_compiled, loops.optimizer, size))
        of_runs = partial(_train_compiled, loops.optimizer)
        paths = [
            CodePath("compiled", compiled, most, _reading(_RATE)),
            of_many("compiled", _all_together, of_runs, _RATE),
            *paths,
        ]
    return paths


# One run


def _one_by_one(
    gradient_of: GradientFunction, network: Network, objective: Objective, targets: Sequence[Target]
) -> Iterator[Found]:
    for target in targets:
        point = target.point
        yield target, *gradient_of(network, point.parameters, point.inputs, point.labels, objective)


class _Keeper:
    """An optimizer that keeps the gradient and changes nothing."""

    def __init__(self, parameters: Array) -> None:
        self.learning_rate, self.state = np.zeros(()), dict[str, Array]()
        self.gradient = np.empty_like(parameters)

    def update(self, parameters: Array, gradient: Array) -> None:
        """Keep the gradient."""
        self.gradient[...] = gradient


def own_gradient(
    network: Network,
    parameters: Array,
    inputs: Array,
    labels: Indices,
    objective: Objective,
    batch_size: int = 1,
) -> tuple[float, Array]:
    """The plain loop's gradient: of one sample, a batch, or a last batch of fewer than batch_size samples."""
    keeper, size = _Keeper(parameters), max(batch_size, len(labels))
    loop = PlainLoop(network, parameters, keeper, size, objective)
    loop.run(*_others(network, inputs, labels, size))
    keeper.gradient.fill(np.nan)
    losses, _ = loop.run(inputs, labels)
    return _loss(network, parameters, np.array(losses), labels, objective), keeper.gradient


def _compiled(
    like: Optimizer,
    batch_size: int,
    network: Network,
    parameters: Array,
    inputs: Array,
    labels: Indices,
    objective: Objective,
) -> tuple[float, Array]:
    """The gradient of the compiled loop for one run."""
    optimizer, rate = _linear(like, parameters)
    optimizer.learning_rate[()] = 0.0
    after, size = parameters.copy(), max(batch_size, len(labels))
    loop = CompiledLoop(network, after, optimizer, size, objective)
    loop.run(*_others(network, inputs, labels, size))
    optimizer.learning_rate[()] = rate
    losses, _ = loop.run(inputs, labels)
    return _loss(network, parameters, np.array(losses), labels, objective), _read(parameters, after, _RATE)


def _linear(like: Optimizer, parameters: Array) -> tuple[Optimizer, float]:
    """An optimizer of the same kind that subtracts _RATE times the gradient, and the rate that it needs."""
    inner, shape = like.inner if isinstance(like, NormClipping) else like, parameters.shape
    optimizer, rate = _without_clipping(inner, shape)
    return NormClipping(optimizer, inf) if inner is not like else optimizer, rate


def _without_clipping(inner: Optimizer, shape: tuple[int, ...]) -> tuple[Optimizer, float]:
    if isinstance(inner, Sgd):
        momentum = _NO_MOMENTUM if inner.state else 0.0
        return Sgd(shape, momentum=momentum, nesterov=inner.nesterov), _RATE
    if isinstance(inner, Adadelta):
        return Adadelta(shape, epsilon=_EPSILON**2), _RATE
    if isinstance(inner, Adam):
        options: dict[str, Any] = {"weight_decay": 0.0} if isinstance(inner, AdamW) else {}
        adam = type(inner)(shape, beta1=0.0, epsilon=_EPSILON, amsgrad=inner.amsgrad, **options)
        return adam, _RATE * _EPSILON
    kind = RmsProp if isinstance(inner, RmsProp) else Adagrad
    return kind(shape, epsilon=_EPSILON), _RATE * _EPSILON


def _read(before: Array, after: Array, rate: float) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray((before - after) / rate)


def _reading(rate: float) -> float:
    """The error of reading at a rate, in units of the parameter, with the factor of all tolerances."""
    return FACTOR * U / rate


def _others(network: Network, inputs: Array, labels: Indices, count: int) -> tuple[Array, Indices]:
    """So many other samples, of other classes, in place of these."""
    others, of_class = inputs[::-1] + 0.5, (labels + 1) % network.classes
    return np.resize(others, (count, network.inputs)), np.resize(of_class, count)


def _loss(network: Network, parameters: Array, losses: Array, labels: Indices, objective: Objective) -> float:
    """The objective's value; where a loss was not finite, and the last one, that loss."""
    if len(losses) < len(labels):
        return float(losses[-1])
    with np.errstate(all="ignore"):
        return reduced_loss(network, parameters, losses, labels, objective)


# Many runs


@dataclass(frozen=True)
class _Team:
    """Runs side by side, each at a target of its own: parameters (runs, parameters).

    rows and labels, (runs, 2, n), are samples of two epochs in a table of inputs: others, then the target's.
    """

    targets: list[Target]
    parameters: Array
    inputs: Array
    rows: Indices
    labels: Indices


_Choose = Callable[[Network, list[Target]], Iterator[list[Target]]]
"""Chooses teams: the targets of their runs, each once or more often, again and again in the same order."""
_Train = Callable[[Network, _Team, int, Objective], tuple[Array, Array | None]]
"""Trains a team with batches of a size: the parameters after it, and losses (runs, n) if there are any."""


def _side_by_side(
    choose: _Choose,
    train: _Train,
    rate: float,
    batch_size: int,
    network: Network,
    objective: Objective,
    targets: Sequence[Target],
) -> Iterator[Found]:
    by_rows = defaultdict[int, list[Target]](list)
    for target in targets:
        by_rows[len(target.point.labels)].append(target)
    for rows, alike in by_rows.items():
        for chosen in choose(network, alike):
            team = _team(network, chosen)
            after, losses = train(network, team, max(batch_size, rows), objective)
            gradients = _read(team.parameters, after, rate)
            for run in _distinct(chosen):
                target = chosen[run]
                point, loss = target.point, None
                if losses is not None:
                    labels = team.labels[run, 1]
                    loss = _loss(network, point.parameters, losses[run], labels, objective)
                yield target, loss, gradients[run]


def _all_together(network: Network, targets: list[Target]) -> Iterator[list[Target]]:
    """The runs of compiled code: it takes any number of them, and all go one way."""
    yield targets


def _near_and_far(network: Network, targets: list[Target]) -> Iterator[list[Target]]:
    """The runs of each team for the plain loop, which has code for sums that are all near, and for others.

    Of the latter, it corrects only so many samples at once.
    """
    near, far = list[Target](), list[Target]()
    for target in targets:
        (near if _is_near(network, target) else far).append(target)
    if near:
        yield _filled(near, len(near))
    if far:
        yield _filled(targets, len(targets))
        yield _filled(far, len(far) * (samples_summed_alike(network.classes) // len(far[0].point.labels) + 1))


def _is_near(network: Network, target: Target) -> bool:
    point = target.point
    every = sums_of(network, point.parameters, point.inputs)
    return all(bool(np.abs(sums).max() < NEAR) for sums in every)


def _filled(targets: list[Target], count: int) -> list[Target]:
    """The targets, again and again to at least so many, and whole registers."""
    return list(islice(cycle(targets), ceil(count / LANES) * LANES))


def _distinct(targets: list[Target]) -> list[int]:
    """The last run at each target."""
    return list({id(target): run for run, target in enumerate(targets)}.values())


def _team(network: Network, targets: list[Target]) -> _Team:
    """The targets as runs; those at the same target have its samples in different orders."""
    distinct = list({id(target): target.point for target in targets}.values())
    n, place = len(distinct[0].labels), np.arange(len(targets))
    inputs = np.concatenate([point.inputs for point in distinct])
    of_runs = place % len(distinct)  # targets come again and again, in one order
    rows = of_runs[:, np.newaxis] * n + (np.arange(n) + place[:, np.newaxis]) % n  # (runs, n)
    labels = np.concatenate([point.labels for point in distinct])[rows]
    return _Team(
        targets,
        np.stack([point.parameters for point in distinct])[of_runs],
        np.concatenate([inputs, inputs + 0.5]),
        np.stack([rows + len(inputs), rows], axis=1),
        np.stack([(labels + 1) % network.classes, labels], axis=1),
    )


def _train_plain(
    momentum: float, network: Network, team: _Team, batch_size: int, objective: Objective
) -> tuple[Array, Array]:
    parameters, runs = team.parameters.T.copy(order="C"), len(team.targets)
    optimizer, weights = Sgd(parameters.shape, momentum=momentum), objective.weights
    loop = PlainLoopOfRuns(
        network,
        parameters,
        optimizer,
        team.inputs,
        batch_size=batch_size,
        reduction=objective.reduction,
        l2=np.full(runs, objective.l2) if objective.l2 else None,
        class_weight=None if weights is None else np.tile(weights[:, np.newaxis], runs),
    )
    for epoch, rate in enumerate((0.0, _RATE_OF_MANY)):
        optimizer.learning_rate[...] = rate
        rows, labels = (np.ascontiguousarray(of_runs[:, epoch].T) for of_runs in (team.rows, team.labels))
        losses = loop.run(rows, labels)
    return parameters.T, losses.T


def _train_compiled(
    like: Optimizer, network: Network, team: _Team, batch_size: int, objective: Objective
) -> tuple[Array, Array | None]:
    """The code returns sums of losses: with weights of the classes, nothing is known of the objective."""
    parameters, (runs, _, n) = team.parameters.copy(), team.rows.shape
    optimizers = [_linear(like, one)[0] for one in parameters]
    rate = _linear(like, parameters[0])[1]
    found = train_ensemble(
        network,
        parameters,
        optimizers,
        team.inputs,
        team.rows,
        team.labels,
        np.tile([0.0, rate], (runs, 1)),
        batch_size=batch_size,
        objectives=[objective] * runs,
        threads=1,
    )
    losses = np.repeat(found.losses[:, 1:] / n, n, axis=1)
    return parameters, losses if objective.weights is None else None
