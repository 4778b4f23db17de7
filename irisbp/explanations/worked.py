"""The numbers of one update: forward, backward, and the change that the optimizer makes of the gradient.

The update is done by the code that trains, on a copy of the state before it; the numbers on the way,
which training does not keep, are formed by the same operations in the same order.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset, one_hot
from irisbp.errors import Diverged, IrisbpError
from irisbp.explanations.naming import Parameter
from irisbp.nn.backprop import Objective
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.numerics.choice import Numerics, numerics_of
from irisbp.nn.optimizers import Optimizer
from irisbp.nn.types import Array, Indices
from irisbp.runs.rewind import Before
from irisbp.training.loop import make_engine
from irisbp.training.setup import objective_of
from irisbp.training.state import Snapshot


@dataclass(frozen=True)
class HiddenNumbers:
    """A hidden layer's numbers, (rows, nodes) each.

    by_activation is d loss / d activation, by_sum is d loss / d sum, which is that times the slope.
    """

    sums: Array
    activations: Array
    slopes: Array
    by_activation: Array
    by_sum: Array

    def row(self, r: int) -> "HiddenNumbers":
        """One sample's, (nodes,)."""
        return HiddenNumbers(
            self.sums[r], self.activations[r], self.slopes[r], self.by_activation[r], self.by_sum[r]
        )


@dataclass(frozen=True)
class Numbers:
    """The numbers of samples on their way forward and back, (rows, ...) each; losses are (rows,).

    Each row's derivatives are those of its own loss, whatever the batch makes of it.
    """

    inputs: Array
    hidden: list[HiddenNumbers]
    logits: Array
    probabilities: Array
    truth: Array
    by_logit: Array

    def row(self, r: int) -> "Numbers":
        """One sample's numbers."""
        hidden = [layer.row(r) for layer in self.hidden]
        return Numbers(
            self.inputs[r],
            hidden,
            self.logits[r],
            self.probabilities[r],
            self.truth[r],
            self.by_logit[r],
        )

    def inputs_of(self, depth: int) -> Array:
        """The inputs of the layer at this depth, which it multiplies by its weights."""
        return self.inputs if depth == 0 else self.hidden[depth - 1].activations

    def by_sum_of(self, depth: int) -> Array:
        """The derivatives by the sums of the layer at this depth; the output's sums are the logits."""
        return self.hidden[depth].by_sum if depth < len(self.hidden) else self.by_logit

    def gradient_by(self, parameter: Parameter) -> Array:
        """The derivative by a parameter: its input times d loss / d the sum that it feeds."""
        by_sum = self.by_sum_of(parameter.depth)[..., parameter.node]
        if parameter.source is None:
            return np.asarray(by_sum)
        return np.asarray(self.inputs_of(parameter.depth)[..., parameter.source] * by_sum)


def numbers_of(
    network: Network, parameters: Array, inputs: Array, labels: Indices, *, one_by_one: bool
) -> Numbers:
    """The passes over inputs (rows, inputs) and labels (rows,); one_by_one is how a single sample is trained.

    The two forms of the loss differ in the last bit at the most.
    """
    blocks, numerics = network.blocks(parameters), numerics_of(network.numerics)
    activate = numerics.activations[network.activation]
    layers, values = [], inputs
    with np.errstate(all="ignore"), fixed_threads(network, len(inputs)):
        for block in blocks[:-1]:
            sums = _product(numerics, _extended(values), block)
            pair = np.stack([sums, np.empty_like(sums)])
            activate(pair, pair[0], pair[1])
            layers.append((sums, pair[1], pair[0]))
            values = pair[1]
        logits = _product(numerics, _extended(values), blocks[-1])
        by_logit = np.empty_like(logits)
        if one_by_one:
            numerics.sample_loss(logits, by_logit)(int(labels[0]))
        else:
            numerics.cross_entropy(logits, labels, by_logit)
        hidden = _backward(numerics, blocks, layers, by_logit)
        truth = one_hot(labels, network.classes)
        return Numbers(inputs, hidden, logits, numerics.softmax(logits), truth, by_logit)


def _product(numerics: Numerics, left: Array, right: Array) -> Array:
    return numerics.dot(left, right, np.empty((len(left), right.shape[1])))


def _extended(values: Array) -> Array:
    """With a last column of ones, which meet the biases."""
    return np.column_stack([values, np.ones(len(values))])


def _backward(
    numerics: Numerics, blocks: list[Array], layers: list[tuple[Array, Array, Array]], by_logit: Array
) -> list[HiddenNumbers]:
    hidden, by_sum = [], by_logit
    for (sums, activations, slopes), above in zip(reversed(layers), reversed(blocks), strict=False):
        by_activation = _product(numerics, by_sum, above[:-1].T)
        by_sum = by_activation * slopes
        hidden.append(HiddenNumbers(sums, activations, slopes, by_activation, by_sum))
    return hidden[::-1]


@dataclass(frozen=True)
class Worked:
    """One update: of the batch `rows` of the table, explained at the sample rows[chosen].

    numbers are the whole batch's. losses are the batch's, one a sample; gradient is that of the
    objective, as the optimizer was given it; old, change and new are the parameters', and new is
    old - change. recorded is True if a run's records hold just these losses.
    """

    config: Config
    dataset: Dataset
    network: Network
    epoch: int
    step: int
    rows: list[int]
    chosen: int
    learning_rate: float
    losses: list[float]
    predictions: list[int]
    numbers: Numbers
    gradient: Array
    old: Array
    change: Array
    new: Array
    recorded: bool = field(default=False)

    @cached_property
    def objective(self) -> Objective:
        """The objective that the update minimizes."""
        return objective_of(self.config, self.dataset)

    @property
    def sample(self) -> int:
        """The row of the table that is explained."""
        return self.rows[self.chosen]

    @property
    def label(self) -> int:
        """The sample's class."""
        return int(self.dataset.labels[self.sample])

    @property
    def predicted(self) -> str:
        """The class that is predicted for the sample before the update."""
        return self.dataset.classes[self.predictions[self.chosen]]

    @property
    def loss(self) -> float:
        """The sample's loss."""
        return self.losses[self.chosen]

    @cached_property
    def of_sample(self) -> Numbers:
        """The sample's numbers."""
        return self.numbers.row(self.chosen)

    @property
    def is_single(self) -> bool:
        """Return whether the gradient is the sample's own: no batch, no penalty, no class weights."""
        return len(self.rows) == 1 and not self.config.l2 and self.objective.class_weight is None

    @cached_property
    def weights(self) -> Array:
        """The weight of each sample of the batch in the objective, that of its class: (rows,)."""
        return self.objective.weights_of(self.dataset.labels[self.rows])

    @property
    def weight(self) -> float:
        """The weight of the sample that is explained."""
        return float(self.weights[self.chosen])

    @property
    def is_plain(self) -> bool:
        """Return whether the change is the learning rate times the gradient, and nothing else."""
        return is_plain(self.config)


def is_plain(config: Config) -> bool:
    """Return whether the optimizer is plain gradient descent."""
    optimizer = config.optimizer
    return optimizer.name == "sgd" and not optimizer.momentum and config.clip_norm is None


class _Witness:
    """Passes updates on to an optimizer, and keeps the gradient that came with the last."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self.learning_rate, self.state = optimizer.learning_rate, optimizer.state
        self.gradient = np.empty(0)

    def update(self, parameters: Array, gradient: Array) -> None:
        """One step in place."""
        self.gradient = gradient.copy()
        self._optimizer.update(parameters, gradient)


def work(before: Before, sample: int | None = None) -> Worked:
    """Do the next step of the training in `before`, and keep its numbers.

    sample is the row to explain, by default the batch's first; IrisbpError if the step does not take it.
    Diverged if the new parameters are not finite.
    """
    training, rows = before.training, before.rows
    if sample is not None and sample not in rows:
        shown = ", ".join(map(str, rows[:10])) + (", ..." if len(rows) > 10 else "")
        raise IrisbpError(f"sample {sample}: step {before.step} takes {shown}")
    old, objective = training.parameters.copy(), objective_of(training.config, training.dataset)
    inputs, labels = training.dataset.inputs[rows], training.dataset.labels[rows]
    witness, saved = _Witness(training.optimizer), Snapshot.of(training)
    witnessed = PlainLoop(training.network, training.parameters, witness, training.batch_size, objective)
    losses, predictions = witnessed.run(inputs, labels)
    engine = make_engine(training)
    if not isinstance(engine, PlainLoop):  # whose numbers are the run's, to the bit
        saved.restore(training)
        losses, predictions = engine.run(inputs, labels)
    new, rate = training.parameters.copy(), training.optimizer.learning_rate.item()
    if not np.isfinite(new).all():
        what = "a parameter is no longer finite"
        raise Diverged(what, epoch=before.epoch, step=before.step, sample=rows[-1])
    one_by_one = training.batch_size == 1 and not objective.l2
    return Worked(
        config=training.config,
        dataset=training.dataset,
        network=training.network,
        epoch=before.epoch,
        step=before.step,
        rows=rows,
        chosen=0 if sample is None else rows.index(sample),
        learning_rate=rate,
        losses=losses,
        predictions=predictions,
        numbers=numbers_of(training.network, old, inputs, labels, one_by_one=one_by_one),
        gradient=witness.gradient,
        old=old,
        change=rate * witness.gradient if is_plain(training.config) else old - new,
        new=new,
    )
