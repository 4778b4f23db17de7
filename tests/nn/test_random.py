"""R's generator against R, and the independence of NumPy's streams."""

import numpy as np
import pytest

from irisbp.nn.random import NumpySource, RGenerator, RSource
from tests.reference import R

DRAWS = [line.split() for line in (R / "draws.txt").read_text().splitlines()]


@pytest.mark.parametrize("line", DRAWS, ids=lambda line: line[0])
def test_draws_are_rs_own(line: list[str]) -> None:
    seed, n, first, last = map(int, line[:4])
    expected = np.array(line[4:], dtype=float)
    generator = RGenerator(seed)
    order = generator.sample(n) + 1
    assert sorted(order.tolist()) == list(range(1, n + 1))
    assert (order[0], order[-1]) == (first, last)
    assert (order * np.arange(1, n + 1)).sum() == expected[0]
    np.testing.assert_array_equal(generator.normal(0.25, 1.5, (5,)), expected[1:6])
    np.testing.assert_array_equal(generator.uniform(-2.0, 3.0, (5,)), expected[6:11])
    many = generator.normal(0.0, 1.0, (20000,))
    np.testing.assert_array_equal([many.min(), many.max()], expected[11:])


def test_known_values_of_r() -> None:
    # Printed in countless answers and tutorials: set.seed(42); runif(3), and so on.
    runif = RGenerator(42).uniform(0.0, 1.0, (3,))
    np.testing.assert_allclose(runif, [0.9148060, 0.9370754, 0.2861395], atol=5e-8)
    rnorm = RGenerator(123).normal(0.0, 1.0, (3,))
    np.testing.assert_allclose(rnorm, [-0.56047565, -0.23017749, 1.55870831], atol=5e-9)
    assert (RGenerator(123).sample(10) + 1).tolist() == [3, 10, 2, 8, 6, 9, 1, 7, 5, 4]


def test_r_has_one_stream() -> None:
    source, generator = RSource(3), RGenerator(3)
    np.testing.assert_array_equal(source.next_order(150), generator.sample(150))
    np.testing.assert_array_equal(source.initial.normal(0.0, 1.0, (2, 3)), generator.normal(0.0, 1.0, (2, 3)))
    np.testing.assert_array_equal(source.next_order(150), generator.sample(150))


def test_numpy_streams_do_not_move_each_other() -> None:
    left, right = NumpySource(3), NumpySource(3)
    right.next_order(10)
    right.next_order(7)
    np.testing.assert_array_equal(left.initial.normal(0.0, 1.0, (4,)), right.initial.normal(0.0, 1.0, (4,)))
    left.next_order(10)
    left.next_order(10)
    np.testing.assert_array_equal(left.next_order(150), right.next_order(150))


def test_numpy_orders_differ_by_epoch_and_seed() -> None:
    source = NumpySource(3)
    orders = [source.next_order(150).tolist() for _ in range(3)]
    orders.append(NumpySource(4).next_order(150).tolist())
    assert len({tuple(order) for order in orders}) == 4
    assert all(sorted(order) == list(range(150)) for order in orders)
