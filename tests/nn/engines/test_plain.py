"""The plain loop on batches: against its own single samples, by hand, and against PyTorch."""

from collections import Counter
from collections.abc import Iterator
from math import exp, log
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from irisbp.config.schema import Config
from irisbp.errors import Diverged
from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.backprop import Backprop, Objective
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.nn.network import Network
from irisbp.nn.optimizers import NormClipping, Optimizer, Sgd
from irisbp.nn.types import Array, Indices
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Block, Epoch

Reduction = Literal["mean", "sum"]
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum")


def _samples(network: Network, rows: int, seed: int) -> tuple[Array, Array, Indices]:
    draws = np.random.default_rng(seed)
    parameters = draws.normal(size=network.parameter_count)
    return parameters, draws.normal(size=(rows, network.inputs)), draws.integers(network.classes, size=rows)


def _with_ones(inputs: Array) -> Array:
    return np.column_stack([inputs, np.ones(len(inputs))])


def _one_by_one(
    network: Network, parameters: Array, inputs: Array, labels: Indices
) -> tuple[Array, Array, Indices]:
    """Each sample's gradient (rows, parameters), loss and prediction by the path of single samples."""
    gradient = np.zeros_like(parameters)
    backprop = Backprop(network, parameters, gradient)
    gradients, losses, predictions = [], [], []
    for row, label in zip(_with_ones(inputs), labels.tolist(), strict=True):
        loss, predicted = backprop.sample(row[np.newaxis], row[:, np.newaxis], label)
        gradients.append(gradient.copy())
        losses.append(loss)
        predictions.append(predicted)
    return np.array(gradients), np.array(losses), np.array(predictions)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (3,), (6, 5)], ids=str)
@pytest.mark.parametrize("rows", [1, 2, 16, 150])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_batch_is_the_mean_or_sum_of_its_samples(
    activation: str, hidden: tuple[int, ...], rows: int, reduction: Reduction
) -> None:
    network = Network(4, hidden, 3, activation)
    parameters, inputs, labels = _samples(network, rows, seed=rows)
    gradients, losses, predictions = _one_by_one(network, parameters, inputs, labels)
    gradient = np.zeros_like(parameters)
    backprop = Backprop(network, parameters, gradient, rows)
    batch_losses, predicted = backprop.batch(_with_ones(inputs), labels, Objective(reduction))
    # The mean over single gradients is exact arithmetic's; only rounding may differ.
    expected = gradients.mean(axis=0) if reduction == "mean" else gradients.sum(axis=0)
    size = np.abs(gradients).sum(axis=0) / (rows if reduction == "mean" else 1)
    assert (np.abs(gradient - expected) <= 1e-14 * size + 1e-16).all()
    np.testing.assert_allclose(batch_losses, losses, rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(predicted, predictions)


def _sgd(size: int, rate: float) -> Sgd:
    optimizer = Sgd((size,))
    optimizer.learning_rate[()] = rate
    return optimizer


class _Watched:
    """Gradient descent that notes the gradient of each step."""

    def __init__(self, size: int, learning_rate: float = 0.1) -> None:
        self._sgd = _sgd(size, learning_rate)
        self.learning_rate, self.state = self._sgd.learning_rate, self._sgd.state
        self.gradients: list[Array] = []

    def update(self, parameters: Array, gradient: Array) -> None:
        self.gradients.append(gradient.copy())
        self._sgd.update(parameters, gradient)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("rows", "batch_size", "batches"),
    [
        (10, 4, [4, 4, 2]),
        (12, 4, [4, 4, 4]),
        (9, 4, [4, 4, 1]),
        (3, 4, [3]),
        (7, 7, [7]),
        (256, 100, [100, 100, 56]),
    ],
)
def test_the_last_batch_may_be_short(
    rows: int, batch_size: int, batches: list[int], reduction: Reduction
) -> None:
    network = Network(4, (3,), 3)
    parameters, inputs, labels = _samples(network, rows, seed=1)
    expected, losses, start = parameters.copy(), [], 0
    for count in batches:
        batch = slice(start, start + count)
        gradients, of_batch, _ = _one_by_one(network, expected, inputs[batch], labels[batch])
        losses += of_batch.tolist()
        # A short batch is divided by its own size.
        expected -= 0.1 * gradients.sum(axis=0) / (count if reduction == "mean" else 1)
        start += count
    optimizer = _Watched(len(parameters))
    loop = PlainLoop(network, parameters, optimizer, batch_size, Objective(reduction))
    size = loop.block
    assert size % batch_size == 0  # so that a block ends where a batch ends
    results = [loop.run(inputs[k : k + size], labels[k : k + size]) for k in range(0, rows, size)]
    assert len(optimizer.gradients) == len(batches)
    tolerance = 1e-13 if reduction == "mean" else 1e-11
    np.testing.assert_allclose(parameters, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose([x for some, _ in results for x in some], losses, rtol=0, atol=tolerance)


def test_no_short_batch_leaves_a_trace_in_the_next_whole_one() -> None:
    network = Network(4, (3,), 3)
    parameters, inputs, labels = _samples(network, 10, seed=2)
    whole, mixed = _Watched(len(parameters), 0.0), _Watched(len(parameters), 0.0)
    PlainLoop(network, parameters, whole, 4).run(inputs[:4], labels[:4])
    loop = PlainLoop(network, parameters, mixed, 4)
    loop.run(inputs, labels)
    loop.run(inputs[:4], labels[:4])
    np.testing.assert_array_equal(mixed.gradients[-1], whole.gradients[0])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_batches_of_one_are_single_samples(activation: str) -> None:
    network = Network(4, (5, 4), 3, activation)
    parameters, inputs, labels = _samples(network, 50, seed=3)
    gradients, losses, predictions = _one_by_one(network, parameters, inputs, labels)
    gradient = np.zeros_like(parameters)
    backprop = Backprop(network, parameters, gradient, 1)
    for k, row in enumerate(_with_ones(inputs)):
        loss, predicted = backprop.batch(row[np.newaxis], labels[k : k + 1], Objective())
        np.testing.assert_allclose(gradient, gradients[k], rtol=1e-15, atol=1e-15)
        assert loss[0] == pytest.approx(losses[k], rel=1e-15, abs=1e-15)
        assert predicted[0] == predictions[k]


# By hand: 1 input, 2 classes, no hidden layer, all parameters 0, so that both probabilities are 1/2.
# A sample x of class 0 has the gradient (-1/2, 1/2) at its logits: (-x/2, x/2) in the weights.


def _by_hand(
    optimizer: Optimizer, start: list[float], x: list[float], batch_size: int, objective: Objective
) -> list[float]:
    parameters = np.array(start)  # two weights, then two biases
    loop = PlainLoop(Network(1, (), 2), parameters, optimizer, batch_size, objective)
    loop.run(np.array(x)[:, np.newaxis], np.zeros(len(x), dtype=np.int64))
    return list(parameters)


def test_a_batch_by_hand() -> None:
    zeros = [0.0] * 4
    # x = 2 and 6: weights -+(1 + 3), biases -+(1/2 + 1/2); the mean is half of it.
    assert _by_hand(_sgd(4, 1.0), zeros, [2.0, 6.0], 2, Objective("sum")) == [4.0, -4.0, 1.0, -1.0]
    assert _by_hand(_sgd(4, 1.0), zeros, [2.0, 6.0], 2, Objective()) == [2.0, -2.0, 0.5, -0.5]
    assert _by_hand(_sgd(4, 1.0), zeros, [2.0, 6.0], 5, Objective()) == [2.0, -2.0, 0.5, -0.5]


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_penalty_by_hand(batch_size: int) -> None:
    # Two equal weights and two equal biases leave both probabilities at 1/2. With x = 0 only the biases
    # have a gradient, -+1/2, and the penalty adds 0.5 * 3 to that of each weight, and nothing to theirs.
    penalized = _by_hand(_sgd(4, 0.5), [3.0, 3.0, 7.0, 7.0], [0.0], batch_size, Objective("mean", 0.5))
    assert penalized == [2.25, 2.25, 7.25, 6.75]


def test_a_penalty_is_added_once_to_a_batch() -> None:
    # Whatever the reduction, a batch of three has the penalty of one.
    for reduction in REDUCTIONS:
        moved = _by_hand(_sgd(4, 1.0), [8.0, 8.0, 0.0, 0.0], [0.0] * 3, 3, Objective(reduction, 0.25))
        assert moved[:2] == [6.0, 6.0]


def test_the_penalty_is_clipped_with_the_rest() -> None:
    # x = 0 leaves the logits to the biases, whose gradients are -+1/2; those of the weights are the
    # weights. The norm is sqrt(9 + 16 + 1/4 + 1/4).
    clipped = NormClipping(_sgd(4, 1.0), 1.0)
    moved = _by_hand(clipped, [3.0, 4.0, 0.0, 0.0], [0.0], 1, Objective("mean", 1.0))
    norm = 25.5**0.5
    expected = [3 - 3 / norm, 4 - 4 / norm, 0.5 / norm, -0.5 / norm]
    assert moved == pytest.approx(expected, rel=1e-14)


def test_a_batchs_gradient_is_clipped_as_a_whole() -> None:
    # Sum of 3 and 5: weights -+4, biases -+1, norm sqrt(34); one by one they would be clipped to 2.
    moved = _by_hand(NormClipping(_sgd(4, 1.0), 1.0), [0.0] * 4, [3.0, 5.0], 2, Objective("sum"))
    assert moved == pytest.approx([4 / 34**0.5, -4 / 34**0.5, 1 / 34**0.5, -1 / 34**0.5], rel=1e-14)


def test_losses_are_each_samples_own_before_the_update_and_without_penalty() -> None:
    network, parameters = Network(1, (), 2), np.array([1.0, 0.0, 0.0, 0.0])
    loop = PlainLoop(network, parameters, _sgd(4, 0.1), 2, Objective("sum", 10.0))
    losses, predictions = loop.run(np.array([[1.0], [-2.0]]), np.array([0, 0]))
    # Logits 1 and 0, then -2 and 0.
    assert losses == pytest.approx([log(1 + exp(-1)), log(1 + exp(2))], rel=1e-15)
    assert predictions == [0, 1]


def test_a_batch_with_a_loss_that_is_not_finite_changes_nothing() -> None:
    parameters = np.array([1e200, -1e200, 0.0, 0.0])
    before = parameters.copy()
    loop = PlainLoop(Network(1, (), 2), parameters, _sgd(4, 0.1), 3)
    losses, _ = loop.run(np.array([[0.0], [-1e200], [1.0]]), np.array([0, 0, 0]))
    assert len(losses) == 2  # the first that is not finite ends them
    assert np.isfinite(losses[0])
    assert not np.isfinite(losses[1])
    np.testing.assert_array_equal(parameters, before)


# Whole trainings.


def _config(**keys: Any) -> Config:
    return Config.model_validate({"seed": 3, "rng": "numpy", "epochs": 4} | keys)


def _blocks(config: Config) -> Iterator[Block]:
    return (record for record in train(prepare(config)) if isinstance(record, Block))


@pytest.mark.parametrize(("size", "steps"), [(1, 150), (7, 22), (16, 10), (150, 1), ("all", 1), (1000, 1)])
def test_steps_are_batches(size: int | str, steps: int) -> None:
    training = prepare(_config(batch_size=size))
    assert training.steps == 4 * steps
    records = list(train(training))
    assert [record.step for record in records if isinstance(record, Epoch)] == [
        steps * epoch for epoch in (1, 2, 3, 4)
    ]
    counted: dict[int, int] = {}
    for record in records:
        if isinstance(record, Block):
            for k in range(len(record.rows)):
                counted[record.step_of(k)] = counted.get(record.step_of(k), 0) + 1
    width = 150 if size == "all" else min(int(size), 150)
    last = 150 - (steps - 1) * width
    assert counted == {step: last if step % steps == 0 else width for step in range(1, 4 * steps + 1)}


@pytest.mark.parametrize(("size", "steps"), [(1, 700), (16, 44), (100, 7), (300, 3), ("all", 1)])
def test_steps_are_batches_where_an_epoch_is_many_blocks(size: int | str, steps: int, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    draws = np.random.default_rng(5).normal(size=700).tolist()
    table.write_text("x,kind\n" + "".join(f"{x!r},{'ab'[x > 0.3]}\n" for x in draws))
    data = {"source": str(table), "target": "kind", "shuffle": "every_epoch"}
    training = prepare(_config(batch_size=size, epochs=2, data=data))
    records = list(train(training))
    blocks = [record for record in records if isinstance(record, Block)]
    counted = Counter(block.step_of(k) for block in blocks for k in range(len(block.rows)))
    width = 700 if size == "all" else int(size)
    last = 700 - (steps - 1) * width
    assert counted == {step: last if step % steps == 0 else width for step in range(1, 2 * steps + 1)}
    assert [record.step for record in records if isinstance(record, Epoch)] == [steps, 2 * steps]
    for epoch in (1, 2):
        rows = [row for block in blocks if block.epoch == epoch for row in block.rows]
        assert sorted(rows) == list(range(700))


def test_a_batch_of_all_is_a_batch_of_150() -> None:
    whole, counted = (
        [loss for block in _blocks(_config(batch_size=size)) for loss in block.losses]
        for size in ("all", 150)
    )
    assert whole == counted


def test_a_diverged_batch_names_its_step_and_sample() -> None:
    training = prepare(_config(batch_size=16, learning_rate=1e308, network={"hidden": []}))
    records: list[Block | Epoch] = []
    with pytest.raises(Diverged) as caught:
        records.extend(train(training))
    blocks = [record for record in records if isinstance(record, Block)]
    losses = [loss for block in blocks for loss in block.losses]
    rows = [row for block in blocks for row in block.rows]
    assert caught.value.sample == rows[-1] == training.order[len(losses) - 1]
    assert caught.value.step == (len(losses) - 1) // 16 + 1
    assert np.isfinite(training.parameters).all()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("batch_size", "l2"), [(16, 0.0), (16, 0.01), (1, 0.01), ("all", 0.1)])
def test_training_in_batches_with_a_penalty_against_pytorch(
    batch_size: int | str, l2: float, reduction: Reduction
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'irisbp[torch]'")
    rate = 0.1 if reduction == "mean" else 0.01
    network = {"hidden": [6, 5], "activation": "tanh"}
    config = _config(learning_rate=rate, batch_size=batch_size, l2=l2, reduction=reduction, network=network)
    training = prepare(config)
    inputs, labels = torch.tensor(training.dataset.inputs), torch.tensor(training.dataset.labels)
    views = training.network.views(training.parameters)
    theirs = {name: torch.tensor(view.copy(), requires_grad=True) for name, view in views.items()}
    weights = [tensor for name, tensor in theirs.items() if name.endswith("weight")]
    biases = [tensor for name, tensor in theirs.items() if name.endswith("bias")]
    optimizer = torch.optim.SGD([{"params": weights, "weight_decay": l2}, {"params": biases}], lr=rate)
    expected = []
    for _ in range(4):
        for rows in torch.tensor(training.order).split(training.batch_size):
            values = inputs[rows]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                values = torch.tanh(values @ weight + bias)
            logits = values @ weights[-1] + biases[-1]
            losses = torch.nn.functional.cross_entropy(logits, labels[rows], reduction="none")
            expected += losses.tolist()
            optimizer.zero_grad()
            (losses.mean() if reduction == "mean" else losses.sum()).backward()
            optimizer.step()
    records = list(train(training))
    ours = [loss for record in records if isinstance(record, Block) for loss in record.losses]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    for name, view in views.items():
        np.testing.assert_allclose(view, theirs[name].detach().numpy(), rtol=0, atol=1e-12)
