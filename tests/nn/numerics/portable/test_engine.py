"""Training in portable arithmetic gives the native numbers, within rounding, for every choice."""

import numpy as np
import pytest
from hypothesis import given, settings

from irisbp.config.schema import Config, NormalInitializer
from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.numerics.portable.activations import PORTABLE_ACTIVATIONS
from irisbp.nn.numerics.portable.sizes import FEW_NUMBERS
from irisbp.training.loop import make_engine
from irisbp.training.setup import prepare
from irisbp.training.state import Training
from tests.test_choices import configs


@settings(max_examples=60)
@given(configs())
def test_native_numbers(config: Config) -> None:
    # Each step starts from native's own state, since a training may magnify any difference. Initial zeros
    # have gradients that are rounding and nothing else, which optimizers scale up.
    changed = {"initializer": NormalInitializer(name="normal"), "early_stopping": None}
    native, portable = (
        prepare(config.model_copy(update=changed | {"numerics": numerics}))
        for numerics in ("native", "portable")
    )
    engines = [make_engine(training) for training in (native, portable)]
    inputs, labels, size = native.dataset.inputs, native.dataset.labels, native.batch_size
    for start in range(0, min(8 * size, len(native.order)), size):
        _take_over(portable, native)
        rows = native.order[start : start + size]
        (losses, classes), (others, other_classes) = (
            engine.run(inputs[rows], labels[rows]) for engine in engines
        )
        assert classes == other_classes
        np.testing.assert_allclose(others, losses, rtol=1e-12)
        np.testing.assert_allclose(portable.parameters, native.parameters, rtol=1e-12, atol=1e-12)
    for epoch in range(config.epochs):
        assert portable.schedule(epoch) == pytest.approx(native.schedule(epoch), rel=1e-12)


def _take_over(training: Training, other: Training) -> None:
    training.parameters[...] = other.parameters
    for name, array in other.optimizer.state.items():
        training.optimizer.state[name][...] = array


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_the_native_ones(name: str) -> None:
    sums = np.concatenate([np.linspace(-30.0, 30.0, 301), [1e-12, -1e-12, 300.0, -300.0, 0.0, -0.0]])
    native, portable = (np.stack([sums, sums]) for _ in range(2))
    for function, pair in ((ACTIVATIONS[name], native), (PORTABLE_ACTIVATIONS[name], portable)):
        function(pair, pair[0], pair[1])
    np.testing.assert_allclose(portable, native, rtol=2e-15, atol=1e-300)


@pytest.mark.parametrize("name", PORTABLE_ACTIVATIONS)
def test_a_few_sums_get_the_bits_of_many(name: str) -> None:
    sums = np.random.default_rng(5).normal(0.0, 8.0, (1, 60 * FEW_NUMBERS))
    many = np.stack([sums, sums])
    PORTABLE_ACTIVATIONS[name](many, many[0], many[1])
    for k in range(0, sums.size, FEW_NUMBERS):
        some = sums[:, k : k + FEW_NUMBERS]
        few = np.stack([some, some])
        PORTABLE_ACTIVATIONS[name](few, few[0], few[1])
        np.testing.assert_array_equal(few, many[:, :, k : k + FEW_NUMBERS])


@pytest.mark.parametrize("name", PORTABLE_ACTIVATIONS)
def test_a_sum_that_is_no_number_stays_none(name: str) -> None:
    pair = np.full((2, 1, 2), np.nan)
    with np.errstate(all="ignore"):
        PORTABLE_ACTIVATIONS[name](pair, pair[0], pair[1])
    assert np.isnan(pair[1]).all()


def test_draws_are_portable() -> None:
    # Both of R's kind: an inversion, whose quantiles are within an ulp or two.
    values = {"seed": 3, "rng": "r", "learning_rate": 0.1, "epochs": 1, "initializer": "normal"}
    r = [
        prepare(Config.model_validate(values | {"optimizer": "sgd", "numerics": numerics})).parameters
        for numerics in ("native", "portable")
    ]
    np.testing.assert_allclose(r[1], r[0], rtol=1e-15)
