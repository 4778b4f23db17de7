"""The training loop against R, PyTorch and scikit-learn, and when numbers run away."""

import warnings
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.errors import ConfigError, Diverged
from irisbp.nn.backprop import Backprop
from irisbp.nn.optimizers import Sgd
from irisbp.nn.types import Array
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Block, Epoch, Training
from tests.conftest import CONFIGS
from tests.reference import in_draw_order, numbers, words


def _losses(training: Training) -> Array:
    blocks = [record for record in train(training) if isinstance(record, Block)]
    return np.concatenate([block.losses for block in blocks])


@pytest.mark.parametrize(
    ("folder", "config", "overrides"),
    [
        ("article-seed0", "article.yaml", []),
        ("glorot-adam-seed0", "glorot-adam.yaml", ["rng=r"]),
    ],
)
def test_the_articles_numbers(folder: str, config: str, overrides: list[str]) -> None:
    training = prepare(load_config(CONFIGS / config, overrides))
    network = training.network
    assert (training.order + 1).tolist() == numbers(f"{folder}/order.txt").tolist()
    assert list(training.dataset.classes) == words(f"{folder}/classes.txt")
    initial = in_draw_order(network, training.parameters)
    np.testing.assert_array_equal(initial, numbers(f"{folder}/initial_parameters.txt"))
    blocks = [record for record in train(training) if isinstance(record, Block)]
    losses = np.concatenate([block.losses for block in blocks])
    assert len(losses) == 7500
    np.testing.assert_allclose(losses, numbers(f"{folder}/losses.txt"), rtol=0, atol=1e-12)
    final = in_draw_order(network, training.parameters)
    np.testing.assert_allclose(final, numbers(f"{folder}/final_parameters.txt"), rtol=0, atol=1e-11)
    if folder == "article-seed0":
        predictions = np.concatenate([block.predictions for block in blocks]) + 1
        np.testing.assert_array_equal(predictions, numbers(f"{folder}/predictions.txt"))


def test_the_articles_first_gradient() -> None:
    training = prepare(load_config(CONFIGS / "article.yaml"))
    gradient = np.zeros_like(training.parameters)
    row = training.order[0]
    inputs = np.append(training.dataset.inputs[row], 1.0)[np.newaxis]
    Backprop(training.network, training.parameters, gradient).sample(
        inputs, inputs.T, int(training.dataset.labels[row])
    )
    expected = numbers("article-seed0/first_gradient.txt")
    np.testing.assert_allclose(in_draw_order(training.network, gradient), expected, rtol=0, atol=1e-14)


_CASES: dict[str, dict[str, Any]] = {
    "largest-seed": {"seed": 2147483647},
    "wide": {
        "seed": 42,
        "learning_rate": 0.05,
        "initializer": {"name": "normal", "sd": 0.5},
        "network": {"hidden": [7]},
    },
    "deep": {
        "seed": 2024,
        "learning_rate": 0.01,
        "initializer": "glorot_uniform",
        "optimizer": "adam",
        "network": {"hidden": [5, 4, 3]},
    },
    "no-hidden": {
        "seed": 7,
        "initializer": {"name": "glorot_uniform", "gain": 2, "bias": "zeros"},
        "network": {"hidden": []},
    },
    "every-epoch": {
        "seed": 99,
        "learning_rate": 0.003,
        "optimizer": "adam",
        "network": {"hidden": [4, 2]},
        "data": {"shuffle": "every_epoch"},
    },
    "never": {"seed": 5, "initializer": {"name": "normal", "bias": "zeros"}, "data": {"shuffle": "never"}},
}


def _config(**keys: Any) -> Config:
    return Config.model_validate({"seed": 0, "rng": "numpy", "epochs": 3} | keys)


@pytest.mark.parametrize("case", _CASES)
def test_other_choices_against_r(case: str) -> None:
    training = prepare(_config(rng="r", **_CASES[case]))
    assert list(training.dataset.classes) == words(f"cases/{case}-classes.txt")
    initial = in_draw_order(training.network, training.parameters)
    np.testing.assert_array_equal(initial, numbers(f"cases/{case}-initial_parameters.txt"))
    blocks = [record for record in train(training) if isinstance(record, Block)]
    rows = np.concatenate([block.rows for block in blocks]) + 1
    orders = numbers(f"cases/{case}-orders.txt")
    np.testing.assert_array_equal(rows, np.resize(orders, len(rows)))
    losses = np.concatenate([block.losses for block in blocks])
    np.testing.assert_allclose(losses, numbers(f"cases/{case}-losses.txt"), rtol=0, atol=1e-12)
    final = in_draw_order(training.network, training.parameters)
    np.testing.assert_allclose(final, numbers(f"cases/{case}-final_parameters.txt"), rtol=0, atol=1e-11)


def test_records_count_and_sum_up() -> None:
    training = prepare(_config(data={"shuffle": "every_epoch"}))
    records = list(train(training))
    for epoch in (1, 2, 3):
        blocks = [r for r in records if isinstance(r, Block) and r.epoch == epoch]
        end = next(r for r in records if isinstance(r, Epoch) and r.epoch == epoch)
        assert blocks[0].step == 150 * (epoch - 1) + 1
        assert end.step == 150 * epoch
        losses = [loss for block in blocks for loss in block.losses]
        right = [a == b for block in blocks for a, b in zip(block.labels, block.predictions, strict=True)]
        assert end.loss == pytest.approx(np.mean(losses), rel=1e-15)
        assert end.accuracy == np.mean(right)
        for block in blocks:
            for row, label in zip(block.rows, block.labels, strict=True):
                table = training.dataset.table
                assert training.dataset.classes[label] == table.targets[row]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("hidden", [[3], [6, 5], []])
def test_against_pytorch(optimizer: str, hidden: list[int]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'irisbp[torch]'")
    rate = 0.1 if optimizer == "sgd" else 0.01
    config = _config(optimizer=optimizer, learning_rate=rate, epochs=10, network={"hidden": hidden})
    training = prepare(config)
    linear = []
    for layer, block in zip(
        training.network.layers, training.network.blocks(training.parameters), strict=True
    ):
        linear.append(torch.nn.Linear(layer.fan_in, layer.fan_out, dtype=torch.float64))
        with torch.no_grad():
            linear[-1].weight.copy_(torch.tensor(block[:-1].T.copy()))
            linear[-1].bias.copy_(torch.tensor(block[-1].copy()))
    between = [module for layer in linear for module in (layer, torch.nn.Sigmoid())][:-1]
    model = torch.nn.Sequential(*between)
    chosen = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](model.parameters(), lr=rate)
    inputs, labels = torch.tensor(training.dataset.inputs), torch.tensor(training.dataset.labels)
    expected = []
    for _ in range(10):
        for row in training.order:
            loss = torch.nn.functional.cross_entropy(model(inputs[row : row + 1]), labels[row : row + 1])
            chosen.zero_grad()
            loss.backward()
            chosen.step()
            expected.append(loss.item())
    np.testing.assert_allclose(_losses(training), expected, rtol=0, atol=1e-12)


def test_against_scikit_learn() -> None:
    from sklearn.neural_network import MLPClassifier

    training = prepare(_config(seed=11, epochs=5, network={"hidden": [4]}))
    order, network = training.order, training.network
    inputs, labels = training.dataset.inputs[order], training.dataset.labels[order]
    theirs = MLPClassifier(
        (4,), activation="logistic", solver="sgd", alpha=0.0, batch_size=1, learning_rate_init=0.1,
        momentum=0.0, shuffle=False, max_iter=1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one pass has not converged
        theirs.partial_fit(inputs[:1], labels[:1], classes=[0, 1, 2])
        blocks = network.blocks(training.parameters)
        theirs.coefs_ = [block[:-1].copy() for block in blocks]
        theirs.intercepts_ = [block[-1].copy() for block in blocks]
        for _ in range(5):
            theirs.partial_fit(inputs, labels)
    list(train(training))
    for block, weights, biases in zip(blocks, theirs.coefs_, theirs.intercepts_, strict=True):
        np.testing.assert_allclose(block[:-1], weights, rtol=0, atol=1e-12)
        np.testing.assert_allclose(block[-1], biases, rtol=0, atol=1e-12)


def _until_divergence(training: Training) -> tuple[list[float], Diverged]:
    losses: list[float] = []
    try:
        for record in train(training):
            if isinstance(record, Block):
                losses += record.losses
    except Diverged as error:
        return losses, error
    pytest.fail("the run did not diverge")


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    # Without a hidden layer nothing saturates, and the logits overflow.
    training = prepare(_config(learning_rate=1e308, network={"hidden": []}))
    losses, error = _until_divergence(training)
    assert not isfinite(losses[-1])
    assert all(map(isfinite, losses[:-1]))
    assert error.step == len(losses)
    assert error.epoch == 1
    assert error.sample == training.order[len(losses) - 1]
    assert np.isfinite(training.parameters).all()
    assert f"epoch 1, step {error.step}, sample {error.sample}" in str(error)


def test_last_finite_parameters_are_those_of_a_run_that_stops_before() -> None:
    config = _config(learning_rate=1e308, network={"hidden": []})
    training, again = prepare(config), prepare(config)
    _until_divergence(training)
    gradient = np.zeros_like(again.parameters)
    backprop = Backprop(again.network, again.parameters, gradient)
    for row in again.order:
        before = again.parameters.copy()
        inputs = np.append(again.dataset.inputs[row], 1.0)[np.newaxis]
        with np.errstate(all="ignore"):
            loss, _ = backprop.sample(inputs, inputs.T, int(again.dataset.labels[row]))
            if isfinite(loss):
                again.parameters -= 1e308 * gradient
        if not isfinite(loss) or not np.isfinite(again.parameters).all():
            break
    np.testing.assert_array_equal(training.parameters, before)


class _OverflowsAt(Sgd):
    """Gradient descent whose update number 40 of a run overflows in the first weight."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        self.state["step"] = np.zeros(())

    def update(self, parameters: Array, gradient: Array) -> None:
        super().update(parameters, gradient)
        self.state["step"] += 1.0
        if self.state["step"] == 40.0:
            parameters[0] = np.inf


def test_a_parameter_that_is_not_finite_stops_the_run_too() -> None:
    # An infinite weight saturates its node, so that no loss would ever tell.
    config = _config()
    training, again = prepare(config), prepare(config)
    training.optimizer = _OverflowsAt(training.parameters.shape)
    losses, error = _until_divergence(training)
    assert (error.what, error.epoch, error.step) == ("a parameter is no longer finite", 1, 40)
    assert len(losses) == 40
    again.order = again.order[:39]
    next(train(again))
    np.testing.assert_array_equal(training.parameters, again.parameters)


@pytest.mark.parametrize(
    "initializer",
    [
        {"name": "normal", "sd": 1.7e308},
        {"name": "uniform", "limit": 1e308},
        {"name": "glorot_uniform", "gain": 1.7e308},
        {"name": "he_normal", "gain": 1.7e308},
    ],
    ids=lambda choice: choice["name"],
)
@pytest.mark.parametrize("rng", ["numpy", "r"])
def test_initial_parameters_beyond_float64_are_refused(initializer: dict[str, object], rng: str) -> None:
    with pytest.raises(ConfigError, match="initializer: initial parameters are beyond float64"):
        prepare(_config(initializer=initializer, rng=rng))


def test_a_mean_of_losses_whose_sum_is_beyond_float64(tmp_path: Path) -> None:
    # The logits are 6e307 times standardized inputs about +-1: half of the losses are some 1.2e308.
    rows = "".join(f"{1 + k % 2},{'aabb'[k % 4]}\n" for k in range(12))
    (tmp_path / "far.csv").write_text(f"x,y\n{rows}")
    data = {"source": str(tmp_path / "far.csv"), "target": "y", "shuffle": "never", "validation": 0.4}
    config = _config(
        data=data, learning_rate=1e-300, epochs=1, network={"hidden": []}, initializer={"name": "zeros"}
    )
    training = prepare(config)
    training.parameters[:2] = [-6e307, 6e307]
    with np.errstate(all="ignore"):
        blocks = list(train(training))
    end = blocks[-1]
    assert isinstance(end, Epoch)
    losses = [loss for block in blocks if isinstance(block, Block) for loss in block.losses]
    assert np.isfinite(losses).all()
    assert np.sum(np.array(losses) / 1e300) > 1.8e8  # their sum is beyond float64
    assert end.loss == pytest.approx(np.mean(np.array(losses) / 1e300) * 1e300, rel=1e-14)
    assert end.validation_loss is not None
    assert isfinite(end.validation_loss)
