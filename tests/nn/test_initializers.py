"""Every initializer: R's numbers, and the distribution that its paper asks for."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from irisbp.nn.initializers import INITIALIZERS, initial_parameters
from irisbp.nn.network import Network
from irisbp.nn.random import Draws, NumpySource, RGenerator
from irisbp.nn.types import Array
from tests.reference import in_draw_order, numbers

DEEP = Network(4, (5, 2, 6), 3)
WIDE = Network(150, (450,), 2)


@pytest.mark.parametrize(
    ("file", "seed", "options", "draw_biases"),
    [
        ("normal", 1, {"sd": 0.3}, True),
        ("uniform", 2, {"limit": 0.7}, True),
        ("glorot_uniform", 3, {}, True),
        ("glorot_normal", 4, {}, True),
        ("he_uniform", 5, {}, True),
        ("he_normal", 6, {}, True),
        ("lecun_normal", 7, {}, True),
        ("glorot_normal-gain", 8, {"gain": 1.5}, True),
        ("he_uniform-zeros", 9, {"gain": 0.5}, False),
    ],
)
def test_rs_numbers_to_the_bit(file: str, seed: int, options: dict[str, float], draw_biases: bool) -> None:
    sampler = INITIALIZERS[file.split("-")[0]](**options)
    drawn = initial_parameters(DEEP, sampler, RGenerator(seed), draw_biases=draw_biases)
    np.testing.assert_array_equal(in_draw_order(DEEP, drawn), numbers(f"initializers/{file}.txt"))


def test_every_draw_is_compared_with_r() -> None:
    drawing = set(INITIALIZERS) - {"zeros", "constant"}
    assert all(len(numbers(f"initializers/{name}.txt")) == DEEP.parameter_count for name in drawing)


# On the first layer of WIDE: 150 in, 450 out, so that 6 / (in + out) is 0.1^2 and 6 / in is 0.2^2.
# A uniform's standard deviation is its limit over sqrt 3.
_UNIFORM: list[tuple[str, dict[str, Any], float]] = [
    ("uniform", {}, 1.0),
    ("uniform", {"limit": 0.25}, 0.25),
    ("glorot_uniform", {}, 0.1),
    ("glorot_uniform", {"gain": 2.0}, 0.2),
    ("he_uniform", {}, 0.2),
    ("he_uniform", {"gain": 0.5}, 0.1),
]
_NORMAL: list[tuple[str, dict[str, Any], float]] = [
    ("normal", {}, 1.0),
    ("normal", {"sd": 0.01}, 0.01),
    ("glorot_normal", {}, 0.1 / sqrt(3)),
    ("glorot_normal", {"gain": 3.0}, 0.3 / sqrt(3)),
    ("he_normal", {}, 0.2 / sqrt(3)),
    ("he_normal", {"gain": 0.5}, 0.1 / sqrt(3)),
    ("lecun_normal", {}, 1 / sqrt(150)),
    ("lecun_normal", {"gain": 10.0}, 10 / sqrt(150)),
]
_GENERATORS: dict[str, Callable[[], Draws]] = {
    "numpy": lambda: NumpySource(8).initial,
    "r": lambda: RGenerator(8),
}


def _first_layer(name: str, options: dict[str, Any], rng: str, *, draw_biases: bool = True) -> Array:
    """The (151, 450) block of weights and, in the last row, biases."""
    parameters = initial_parameters(
        WIDE, INITIALIZERS[name](**options), _GENERATORS[rng](), draw_biases=draw_biases
    )
    return WIDE.blocks(parameters)[0]


def _check_moments(values: Array, variance: float, kurtosis: float) -> None:
    """Mean and variance within four of their own standard errors."""
    assert abs(values.mean()) < 4 * sqrt(variance / values.size)
    assert abs(values.var() / variance - 1.0) < 4 * sqrt((kurtosis - 1.0) / values.size)


@pytest.mark.parametrize("rng", _GENERATORS)
@pytest.mark.parametrize(("name", "options", "limit"), _UNIFORM)
def test_uniform_draws(name: str, options: dict[str, Any], limit: float, rng: str) -> None:
    values = _first_layer(name, options, rng).ravel()
    assert limit * 0.999 < values.max() <= limit
    assert -limit * 0.999 > values.min() >= -limit
    _check_moments(values, limit**2 / 3, 9 / 5)
    assert stats.kstest(values, stats.uniform(-limit, 2 * limit).cdf).pvalue > 0.05


@pytest.mark.parametrize("rng", _GENERATORS)
@pytest.mark.parametrize(("name", "options", "sd"), _NORMAL)
def test_normal_draws(name: str, options: dict[str, Any], sd: float, rng: str) -> None:
    values = _first_layer(name, options, rng).ravel()
    # Of 67,950 draws some four lie beyond 4 standard deviations: nothing is truncated.
    assert 4.0 < np.abs(values).max() / sd < 6.0
    _check_moments(values, sd**2, 3.0)
    assert stats.kstest(values, stats.norm(0.0, sd).cdf).pvalue > 0.05


@pytest.mark.parametrize(("name", "options", "spread"), _UNIFORM + _NORMAL)
def test_biases_are_drawn_like_weights_or_zeros(name: str, options: dict[str, Any], spread: float) -> None:
    weights, biases = np.split(_first_layer(name, options, "numpy"), [150])
    distribution = stats.norm(0.0, spread) if "normal" in name else stats.uniform(-spread, 2 * spread)
    assert stats.kstest(biases.ravel(), distribution.cdf).pvalue > 0.01
    assert np.unique(np.concatenate([weights, biases])).size == 151 * 450
    weights, biases = np.split(_first_layer(name, options, "numpy", draw_biases=False), [150])
    assert not biases.any()
    assert stats.kstest(weights.ravel(), distribution.cdf).pvalue > 0.01


def test_each_layer_has_its_own_spread() -> None:
    # The output layer has 450 in and 2 out: He's limit is sqrt(6 / 450), Glorot's sqrt(6 / 452).
    for name, limit in (("he_uniform", sqrt(6 / 450)), ("glorot_uniform", sqrt(6 / 452))):
        parameters = initial_parameters(WIDE, INITIALIZERS[name](), _GENERATORS["numpy"](), draw_biases=True)
        output = WIDE.blocks(parameters)[1]
        assert limit * 0.98 < np.abs(output).max() <= limit


@pytest.mark.parametrize("draw_biases", [True, False])
def test_zeros_and_constants(draw_biases: bool) -> None:
    draws = _GENERATORS["numpy"]()
    parameters = initial_parameters(DEEP, INITIALIZERS["zeros"](), draws, draw_biases=draw_biases)
    np.testing.assert_array_equal(parameters, np.zeros(76))
    for options, value in (({}, 0.1), ({"value": -2.5}, -2.5)):
        constant = INITIALIZERS["constant"](**options)
        parameters = initial_parameters(DEEP, constant, draws, draw_biases=draw_biases)
        for name, view in DEEP.views(parameters).items():
            expected = value if draw_biases or name.endswith("weight") else 0.0
            np.testing.assert_array_equal(view, np.full(view.shape, expected))
