"""Common mistakes of a backward pass, planted in a copy of it, to test that the check finds them.

The copy is written out once more, plainly and for whole batches; without a fault it passes the check.
A fault is a subclass that gets one step wrong, at every size or at one. The gradients of the loops that train
are themselves made wrong, an entry at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from irisbp.gradients.check import make_targets
from irisbp.gradients.judge import GradientFunction, Judgement, Target, detection_limits, judge, reduced_loss
from irisbp.gradients.paths import CodePath, Loops, paths_of
from irisbp.gradients.points import SEED
from irisbp.gradients.sizes import sizes_of
from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.backprop import Objective
from irisbp.nn.losses import cross_entropy, softmax
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.types import Array, Indices

SCALED_BY = (1e-1, 1e-3, 1e-5, 1e-7, 1e-9, 1e-11, 1e-12, 1e-13)
"""The relative errors that are planted in single entries."""

_IN_LOOPS = 1e-9
"""The relative error that is planted in batches of one size, and in single entries of a loop's gradients."""


class BackwardCopy:
    """The copy: each step a method of its own, for a fault to override."""

    def __call__(
        self, network: Network, parameters: Array, inputs: Array, labels: Indices, objective: Objective
    ) -> tuple[float, Array]:
        """The objective and its gradient."""
        with np.errstate(all="ignore"), fixed_threads(network, len(labels)):
            return self._run(network, parameters, inputs, labels, objective)

    def _run(
        self, network: Network, parameters: Array, inputs: Array, labels: Indices, objective: Objective
    ) -> tuple[float, Array]:
        blocks = network.blocks(parameters)
        values, slopes = [inputs], []
        for block in blocks[:-1]:
            value, slope = self.activate(network.activation, values[-1] @ block[:-1] + block[-1])
            values.append(value)
            slopes.append(slope)
        logits = values[-1] @ blocks[-1][:-1] + blocks[-1][-1]  # (rows, classes)
        losses, delta = self.losses(logits, labels)
        delta = self.reduce(self.weigh(delta, labels, objective), objective)
        gradient = np.zeros_like(parameters)
        for depth in reversed(range(len(blocks))):
            block = network.blocks(gradient)[depth]
            block[:-1] = self.weights(depth, values[depth], delta)
            block[-1] = self.biases(depth, delta)
            block[:-1] += self.penalty(blocks[depth][:-1], objective)
            if depth:
                delta = self.carry(delta, blocks[depth][:-1]) * self.slope(slopes[depth - 1], values[depth])
        self.finish(network, gradient)
        return reduced_loss(network, parameters, losses, labels, objective), gradient

    def activate(self, activation: str, sums: Array) -> tuple[Array, Array]:
        """A hidden layer's values and slopes (rows, nodes)."""
        pair = np.stack([sums, sums])
        slope, value = pair[0], pair[1]
        ACTIVATIONS[activation](pair, slope, value)
        return value, slope

    def losses(self, logits: Array, labels: Indices) -> tuple[Array, Array]:
        """The losses (rows,) and the gradient at the logits (rows, classes)."""
        delta = np.zeros_like(logits)
        losses, _ = cross_entropy(logits, labels, delta)
        return losses, delta

    def weigh(self, delta: Array, labels: Indices, objective: Objective) -> Array:
        """The gradient at the logits, each row times the weight of its class."""
        return np.asarray(delta * objective.weights_of(labels)[:, np.newaxis])

    def reduce(self, delta: Array, objective: Objective) -> Array:
        """The gradient at the logits, weighted for the mean or the sum."""
        return delta / len(delta) if objective.reduction == "mean" else delta

    def weights(self, depth: int, values: Array, delta: Array) -> Array:
        """The gradient of a layer's weights (fan_in, fan_out)."""
        return values.T @ delta

    def biases(self, depth: int, delta: Array) -> Array:
        """The gradient of a layer's biases (fan_out,)."""
        return np.asarray(delta.sum(axis=0))

    def penalty(self, weights: Array, objective: Objective) -> Array:
        """The penalty's part of the gradient of weights."""
        return objective.l2 * weights

    def carry(self, delta: Array, weights: Array) -> Array:
        """Deltas carried back through weights (rows, fan_in)."""
        return delta @ weights.T

    def slope(self, slope: Array, value: Array) -> Array:
        """The factor of carried deltas (rows, nodes)."""
        return slope

    def finish(self, network: Network, gradient: Array) -> None:
        """A last step on the whole gradient, in place; here none."""


@dataclass(frozen=True)
class _InLayer(BackwardCopy):
    depth: int


class _SignFlip(_InLayer):
    def finish(self, network: Network, gradient: Array) -> None:
        block = network.blocks(gradient)[self.depth]
        np.negative(block, block)


class _MissingBias(_InLayer):
    def biases(self, depth: int, delta: Array) -> Array:
        right = super().biases(depth, delta)
        return right * 0.0 if depth == self.depth else right


class _SwappedEntries(_InLayer):
    def finish(self, network: Network, gradient: Array) -> None:
        entries = network.blocks(gradient)[self.depth].reshape(-1)
        entries[[0, 1]] = entries[[1, 0]]


class _MissingSlope(BackwardCopy):
    def slope(self, slope: Array, value: Array) -> Array:
        return np.ones_like(slope)


class _ValueForSlope(BackwardCopy):
    def slope(self, slope: Array, value: Array) -> Array:
        return value


class _FlooredSlope(BackwardCopy):
    def slope(self, slope: Array, value: Array) -> Array:
        return np.maximum(slope, 1e-8)


class _ZeroedSlope(BackwardCopy):
    def slope(self, slope: Array, value: Array) -> Array:
        return np.where(slope < 1e-8, 0.0, slope)


class _TransposedWeights(BackwardCopy):
    def carry(self, delta: Array, weights: Array) -> Array:
        return delta @ weights.reshape(weights.T.shape)


class _MissingSum(BackwardCopy):
    def carry(self, delta: Array, weights: Array) -> Array:
        return delta[:, :1] @ weights[:, :1].T


class _NegatedDelta(BackwardCopy):
    def losses(self, logits: Array, labels: Indices) -> tuple[Array, Array]:
        losses, delta = super().losses(logits, labels)
        return losses, -delta


class _ShiftedLabel(BackwardCopy):
    def losses(self, logits: Array, labels: Indices) -> tuple[Array, Array]:
        return super().losses(logits, (labels + 1) % logits.shape[1])


class _ClippedProbability(BackwardCopy):
    def losses(self, logits: Array, labels: Indices) -> tuple[Array, Array]:
        _, delta = super().losses(logits, labels)
        of_label = softmax(logits)[np.arange(len(labels)), labels]
        return -np.log(np.clip(of_label, 1e-15, 1.0 - 1e-15)), delta


class _StaleActivations(BackwardCopy):
    """The hidden values of another sample, as when a buffer is read before it is written."""

    def weights(self, depth: int, values: Array, delta: Array) -> Array:
        stale = values[::-1] * 0.5 if depth else values
        return super().weights(depth, stale, delta)


class _WrongColumn(BackwardCopy):
    def weights(self, depth: int, values: Array, delta: Array) -> Array:
        return super().weights(depth, values if depth else np.roll(values, 1, axis=1), delta)


class _OtherReduction(BackwardCopy):
    def reduce(self, delta: Array, objective: Objective) -> Array:
        return delta if objective.reduction == "mean" else delta / len(delta)


class _ForgottenWeights(BackwardCopy):
    def weigh(self, delta: Array, labels: Indices, objective: Objective) -> Array:
        return delta


class _WeightOfAnotherClass(BackwardCopy):
    def weigh(self, delta: Array, labels: Indices, objective: Objective) -> Array:
        return super().weigh(delta, (labels + 1) % delta.shape[1], objective)


class _MeanByWeights(BackwardCopy):
    """The mean over the sum of the weights, which leaves a single sample without a weight."""

    def weigh(self, delta: Array, labels: Indices, objective: Objective) -> Array:
        weights = objective.weights_of(labels)
        return np.asarray(super().weigh(delta, labels, objective) / weights.mean())


class _ForgottenPenalty(BackwardCopy):
    def penalty(self, weights: Array, objective: Objective) -> Array:
        return weights * 0.0


@dataclass(frozen=True)
class _WrongAtSize(BackwardCopy):
    rows: int

    def reduce(self, delta: Array, objective: Objective) -> Array:
        right = super().reduce(delta, objective)
        return right * (1.0 + _IN_LOOPS) if len(delta) == self.rows else right


@dataclass(frozen=True)
class _ScaledEntry(BackwardCopy):
    entry: int
    by: float

    def finish(self, network: Network, gradient: Array) -> None:
        gradient[self.entry] *= 1.0 + self.by


@dataclass(frozen=True)
class Planted:
    """A fault's name, the wrong backward pass, and the objective with which it matters."""

    name: str
    gradient_of: GradientFunction
    objective: Objective


@dataclass(frozen=True)
class Finding:
    """The result of one planted fault: points is how many caught it, named the entries found wrong.

    over is its largest error, in units of the tolerance.
    """

    name: str
    caught: bool
    points: int
    named: list[str]
    over: float


_MEAN, _SUM, _PENALIZED = Objective(), Objective("sum"), Objective("mean", l2=0.01)


def weighted(network: Network) -> Objective:
    """A mean with another weight for each class: 1/2, 3/2, 5/2, ..."""
    return Objective(class_weight=tuple(k + 0.5 for k in range(network.classes)))


def structural_faults(network: Network) -> Iterator[Planted]:
    """Every fault but those of single entries, as far as this network can have it."""
    for depth, layer in enumerate(network.layers):
        yield Planted(f"sign flip, {layer.name}", _SignFlip(depth), _MEAN)
        yield Planted(f"bias omitted, {layer.name}", _MissingBias(depth), _MEAN)
        yield Planted(f"swapped entries, {layer.name}", _SwappedEntries(depth), _MEAN)
    yield Planted("y - p", _NegatedDelta(), _MEAN)
    yield Planted("shifted label", _ShiftedLabel(), _MEAN)
    if network.inputs > 1:
        yield Planted("wrong column", _WrongColumn(), _MEAN)
    yield Planted("sum for mean", _OtherReduction(), _MEAN)
    yield Planted("mean for sum", _OtherReduction(), _SUM)
    yield Planted("forgotten L2 term", _ForgottenPenalty(), _PENALIZED)
    yield Planted("forgotten class weights", _ForgottenWeights(), weighted(network))
    yield Planted("weight of another class", _WeightOfAnotherClass(), weighted(network))
    yield Planted("mean over the weights", _MeanByWeights(), weighted(network))
    yield Planted("probability clipped in the loss", _ClippedProbability(), _MEAN)
    if network.hidden:
        yield from _faults_of_hidden_layers(network)


def _faults_of_hidden_layers(network: Network) -> Iterator[Planted]:
    if network.activation != "identity":
        yield Planted("missing slope", _MissingSlope(), _MEAN)
    if network.activation in ("sigmoid", "tanh", "softplus"):
        yield Planted("slope floored under saturation", _FlooredSlope(), _MEAN)
        yield Planted("slope zeroed under saturation", _ZeroedSlope(), _MEAN)
    yield Planted("h for h (1 - h)", _ValueForSlope(), _MEAN)
    yield Planted("stale activations", _StaleActivations(), _MEAN)
    yield Planted("missing sum over the outputs", _MissingSum(), _MEAN)
    if any(min(layer.fan_in, layer.fan_out) > 1 for layer in network.layers[1:]):
        yield Planted("transposed weights", _TransposedWeights(), _MEAN)


def scaled_entries(network: Network, by: float) -> Iterator[Planted]:
    """Each gradient entry in turn off by this relative error."""
    for entry, name in enumerate(network.parameter_names()):
        yield Planted(name, _ScaledEntry(entry, by), _MEAN)


class SelfTest:
    """Plants faults and judges them by the check; the targets are prepared once per objective.

    With loops, faults are planted in their sizes and in their gradients, too.
    """

    def __init__(
        self,
        network: Network,
        inputs: Array,
        labels: Indices,
        seed: int = SEED,
        loops: Loops | None = None,
    ) -> None:
        self._network, self._inputs, self._labels, self._seed = network, inputs, labels, seed
        self._loops = loops
        self._targets: dict[Objective, list[Target]] = {}

    def findings(self) -> Iterator[Finding]:
        """Each structural fault, then the scaled entries, gathered by the size of their error."""
        for planted in structural_faults(self._network):
            yield self.find(planted)
        limits = detection_limits(self._targets_for(_MEAN))
        for by in SCALED_BY:
            found = [self.find(planted) for planted in scaled_entries(self._network, by)]
            yield _gathered(f"any one entry * (1 + {by:g})", by, found, limits)
        if self._loops is not None:
            yield from self._findings_in(self._loops)

    def _findings_in(self, loops: Loops) -> Iterator[Finding]:
        """Faults at each size of a batch, and in every entry of each loop's gradient."""
        sizes = sizes_of(self._network, loops.batch_size, loops.samples)
        samples = self._network, self._inputs, self._labels, _MEAN
        targets = make_targets(*samples, self._seed, sizes=sizes)
        for rows in sorted({*sizes.near, *sizes.far}):
            alike = [target for target in targets if len(target.point.labels) == rows]
            name = f"every entry * (1 + {_IN_LOOPS:g}), batches of {rows}"
            yield self.find(Planted(name, _WrongAtSize(rows), _MEAN), alike)
        for path in paths_of(loops, self._network):
            yield self._in_path(path, targets)

    def _in_path(self, path: CodePath, targets: list[Target]) -> Finding:
        found = list(path.judgements(self._network, _MEAN, targets))
        limits = detection_limits([judgement.target for judgement in found])
        findings = []
        for entry, name in enumerate(self._network.parameter_names()):
            wrong = [_scaled(judgement, entry, path.reading) for judgement in found]
            findings.append(self._finding(name, wrong))
        return _gathered(f"{path.name}: any one entry * (1 + {_IN_LOOPS:g})", _IN_LOOPS, findings, limits)

    def correct(self) -> bool:
        """Return whether the copy passes without a fault: a check that rejects everything proves nothing."""
        return not any(
            self.find(Planted("", BackwardCopy(), objective)).caught
            for objective in (_MEAN, _SUM, _PENALIZED, weighted(self._network))
        )

    def find(self, planted: Planted, targets: list[Target] | None = None) -> Finding:
        """Judge one fault at every point, or at the given ones."""
        judgements = []
        for target in self._targets_for(planted.objective) if targets is None else targets:
            point = target.point
            sample = (self._network, point.parameters, point.inputs, point.labels, planted.objective)
            judgements.append(judge(target, *planted.gradient_of(*sample)))
        return self._finding(planted.name, judgements)

    def _finding(self, name: str, judgements: list[Judgement]) -> Finding:
        over = np.array([judgement.over for judgement in judgements]).max(axis=0)  # (parameters,)
        points = len({judgement.target.point.name for judgement in judgements if not judgement.passed})
        losses = max(judgement.loss_over or 0.0 for judgement in judgements)
        names = self._network.parameter_names()
        named = [name for name, ratio in zip(names, over, strict=True) if ratio > 1.0]
        if losses > 1.0:
            named.append("the loss")
        return Finding(name, points > 0, points, named, max(float(over.max()), losses))

    def _targets_for(self, objective: Objective) -> list[Target]:
        if objective not in self._targets:
            self._targets[objective] = make_targets(
                self._network, self._inputs, self._labels, objective, self._seed
            )
        return self._targets[objective]


def _scaled(judgement: Judgement, entry: int, reading: float) -> Judgement:
    """The judgement of the same gradient with one entry wrong."""
    gradient = judgement.gradient.copy()
    gradient[entry] *= 1.0 + _IN_LOOPS
    return judge(judgement.target, None, gradient, judgement.path, reading)


def _gathered(name: str, by: float, found: list[Finding], limits: Array) -> Finding:
    """The findings on every entry in one; an entry is caught if it alone was named.

    An error that rounding could make need not be caught.
    """
    missed = [finding.named != [finding.name] for finding in found]
    hidden = [miss and by <= limit for miss, limit in zip(missed, limits, strict=True)]
    text = f"{name}: {len(found) - sum(missed)} of {len(found)}"
    if any(hidden):
        text += f", {sum(hidden)} below rounding"
    return Finding(
        name=text,
        caught=missed == hidden,
        points=min(finding.points for finding in found),
        named=["that entry alone"] if not any(missed) else [],
        over=min(finding.over for finding in found),
    )
