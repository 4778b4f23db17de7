"""Values and slopes against high precision, over the whole range."""

import mpmath
import numpy as np
import pytest

from irisbp.nn.activations import sigmoid

POINTS = [0.0, 1e-300, 1e-9, 0.3, 1.0, 5.0, 20.0, 36.8, 40.0, 100.0, 500.0, 700.0]


@pytest.mark.parametrize("a", [sign * a for a in POINTS for sign in (1, -1)])
def test_sigmoid_and_slope_keep_their_digits(a: float) -> None:
    pair = np.array([[a], [0.0]])
    sigmoid(pair, pair[0], pair[1])
    with mpmath.workdps(50):
        value = 1 / (1 + mpmath.exp(-mpmath.mpf(a)))
        slope = value / (1 + mpmath.exp(mpmath.mpf(a)))
        assert abs(pair[1, 0] / value - 1) < 4e-16
        assert abs(pair[0, 0] / slope - 1) < 8e-16


def test_many_sigmoids_are_those_of_few() -> None:
    sums = np.array(
        [sign * a for a in [*POINTS, 709.7, 710.0, 745.5, 1e308, np.inf, np.nan] for sign in (1, -1)]
    )
    many = np.zeros((2, 2000))
    many[0] = np.resize(sums, 2000)
    few = np.zeros((2, len(sums)))
    few[0] = sums
    with np.errstate(over="ignore"):
        sigmoid(many, many[0], many[1])
        sigmoid(few, few[0], few[1])
    expected = np.resize(few[1], 2000), np.resize(few[0], 2000)
    np.testing.assert_allclose(many[1], expected[0], rtol=0, atol=1e-308)
    np.testing.assert_allclose(many[0], expected[1], rtol=8e-16, atol=1e-308)


def test_sigmoid_far_out_is_flat_and_silent_where_the_engine_calls_it() -> None:
    pair = np.array([[800.0, -800.0], [0.0, 0.0]])
    with np.errstate(over="ignore"):
        sigmoid(pair, pair[0], pair[1])
    assert pair[1].tolist() == [1.0, 0.0]
    assert pair[0].tolist() == [0.0, 0.0]
