"""Products and sums in the order that is promised: term after term, each rounded."""

from math import inf

import numpy as np
import pytest

from irisbp.nn.numerics.portable import sums


@pytest.mark.parametrize(
    ("rows", "terms", "columns"), [(1, 5, 3), (3, 1, 4), (2, 5000, 3), (40, 30, 20), (401, 7, 1)]
)
def test_products_add_from_the_first_term_on(rows: int, terms: int, columns: int) -> None:
    draws = np.random.default_rng(terms)
    left, right = draws.normal(size=(rows, terms)), draws.normal(size=(terms, columns))
    for one, other in ((left, right), (np.asfortranarray(left), np.asfortranarray(right))):
        got = sums.dot(one, other, np.empty((rows, columns)))
        for i, j in ((0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)):
            total = left[i, 0].item() * right[0, j].item()
            for k in range(1, terms):
                total += left[i, k].item() * right[k, j].item()
            assert got[i, j] == total


def test_means() -> None:
    # 1 + 1e-16 rounds to 1 each time from the left; the mean's sum is rounded only once.
    assert sums.mean(np.array([1.0, 1e-16, 1e-16])) == (1.0 + 2.0**-52) / 3.0
    means, sds = sums.mean_and_sd(np.array([[1.0, 2.0], [3.0, 2.5], [5.0, 3.0]]))
    assert (means.tolist(), sds.tolist()) == ([3.0, 2.5], [2.0, 0.5])
    assert sums.norm(np.array([3.0, -4.0])) == 5.0


def test_beyond_float64() -> None:
    assert sums.mean(np.array([1.7e308, 1.7e308])) == 1.7e308
    with np.errstate(over="ignore"):
        assert sums.norm(np.array([1e200, 1.0])) == inf
