"""The iris table and what training makes of it."""

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from sklearn.datasets import load_iris as load_their_iris

from irisbp.data.dataset import Standardizer, classes_by_appearance, make_dataset, one_hot
from irisbp.data.source import read_table
from irisbp.errors import DataError
from irisbp.nn.numerics.choice import numerics_of


def test_iris_is_fishers_and_rs() -> None:
    table, theirs = read_table(None), load_their_iris()
    np.testing.assert_array_equal(table.values, theirs.data)
    assert [list(theirs.target_names).index(name) for name in table.targets] == theirs.target.tolist()
    # The UCI copy has 0.1 and 0.2 swapped about here: rows 35 and 38, counted from 1.
    assert table.values[34].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert table.values[37].tolist() == [4.9, 3.6, 1.4, 0.1]
    assert table.features == ("sepal_length", "sepal_width", "petal_length", "petal_width")


def test_standardizing_by_hand() -> None:
    # 1, 2, 6: mean 3, sd sqrt((4 + 1 + 9) / 2) = sqrt 7.
    fitted = Standardizer.fit(np.array([[1.0], [2.0], [6.0]]), ["x"])
    assert fitted.mean.tolist() == [3.0]
    assert fitted.sd[0] == pytest.approx(7**0.5, rel=1e-15)
    assert fitted.apply(np.array([[10.0]]))[0, 0] == pytest.approx(7**0.5, rel=1e-15)


def test_a_constant_feature_is_refused() -> None:
    # The mean of three times 0.1 is not 0.1 in floating point, so the sd would be a tiny number.
    with pytest.raises(DataError, match=r"feature b is 0\.1 in every training row"):
        Standardizer.fit(np.array([[1.0, 0.1], [2.0, 0.1], [3.0, 0.1]]), ["a", "b"])


@pytest.mark.parametrize("numerics", ["native", "portable"])
def test_a_constant_feature_may_be_given_an_sd(numerics: str) -> None:
    # Portable's mean of three times 0.1 is not 0.1; the feature's mean is, so that it becomes 0.
    mean_and_sd = numerics_of(numerics).mean_and_sd
    values = np.array([[1.0, 0.1], [2.0, 0.1], [6.0, 0.1]])
    fitted = Standardizer.fit(values, ["a", "b"], mean_and_sd, constant_sd=1.0)
    assert (fitted.mean.tolist(), fitted.sd[1]) == ([3.0, 0.1], 1.0)
    assert fitted.sd[0] == pytest.approx(7**0.5, rel=1e-15)
    assert fitted.apply(np.array([[3.0, 0.1], [3.0, 0.6]])).tolist() == [[0.0, 0.0], [0.0, 0.5]]
    one = Standardizer.fit(values[:1], ["a", "b"], mean_and_sd, constant_sd=1.0)
    assert (one.mean.tolist(), one.sd.tolist()) == ([1.0, 0.1], [1.0, 1.0])


def test_classes_are_numbered_as_they_appear() -> None:
    table = read_table(None)
    order = np.array([60, 0, 149, 61])
    classes = classes_by_appearance(table, order)
    assert classes == ("versicolor", "setosa", "virginica")
    dataset = make_dataset(table, classes, Standardizer.fit(table.values, table.features))
    assert dataset.labels[order].tolist() == [0, 1, 2, 0]
    assert dataset.inputs.std(axis=0, ddof=1) == pytest.approx(1.0)


# 1, 2, 3, -3: mean 0.75, sd sqrt(20.75 / 3).
@pytest.mark.parametrize("scale", [2.0**1022, 1e200, 1e-200, 2.0**-1023])
def test_a_feature_at_the_ends_of_float64(scale: float) -> None:
    values = np.array([[1.0], [2.0], [3.0], [-3.0]]) * scale
    fitted = Standardizer.fit(values, ["a"])
    sd = (20.75 / 3) ** 0.5
    np.testing.assert_allclose(fitted.mean, 0.75 * scale, rtol=1e-15)
    np.testing.assert_allclose(fitted.sd, sd * scale, rtol=1e-15)
    np.testing.assert_allclose(
        fitted.apply(values)[:, 0], np.array([0.25, 1.25, 2.25, -3.75]) / sd, rtol=1e-15
    )


def test_a_difference_beyond_float64_is_standardized() -> None:
    # Mean 0.5e308, sd 1e308: the last value is 2e308 from the mean.
    values = np.array([[1.5e308], [1.5e308], [0.0], [-1e308], [0.5e308], [0.5e308], [0.5e308]])
    fitted = Standardizer.fit(values, ["a"])
    assert fitted.mean[0] == pytest.approx(0.5e308, rel=1e-15)
    sd = (4.5 / 6) ** 0.5  # squares 1, 1, 1/4, 9/4 and three times 0
    assert fitted.sd[0] == pytest.approx(sd * 1e308, rel=1e-15)
    far = fitted.apply(np.array([[-1.7e308], [1e308]]))[:, 0]
    np.testing.assert_allclose(far, [-2.2 / sd, 0.5 / sd], rtol=1e-15)


def test_a_nearly_constant_feature() -> None:
    # 10^5 values whose sum is rounded by more than they differ: sd 2^-40 sqrt(n / (n - 1)) / 2.
    count = 10**5
    values = 1e3 + 1 / 3 + np.tile([[0.0], [2.0**-40]], (count // 2, 1))
    fitted = Standardizer.fit(values, ["a"])
    assert fitted.sd[0] == pytest.approx(2.0**-41, rel=1e-4)
    inputs = fitted.apply(values)[:, 0]
    assert inputs[0] < 0.0 < inputs[1]
    assert abs(inputs.mean()) < 0.3  # half an ulp of the mean is 1/16 sd


@pytest.mark.parametrize("scale", [1e-320, 5e307])
def test_a_feature_beyond_float64_is_refused(scale: float) -> None:
    values = np.array([[3.0], [-3.0]]) * scale
    with pytest.raises(DataError, match=r"feature a goes from .* its standard deviation is beyond float64"):
        Standardizer.fit(values, ["a"])


def test_one_hot() -> None:
    assert one_hot(np.array([1, 0]), 3).tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]


@pytest.mark.parametrize("numerics", ["native", "portable"])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e16, -1e16, 2.0**60])
def test_the_sd_is_right_however_far_from_0_a_feature_lies(numerics: str, offset: float) -> None:
    steps = np.random.default_rng(0).integers(0, 4, 151) * max(2.0, float(np.spacing(abs(offset))))
    values = np.array(offset + steps, dtype=np.float64).reshape(-1, 1)
    exact = [Fraction(value) for value in values[:, 0].tolist()]
    mean = sum(exact) / len(exact)
    sd = sqrt(sum((value - mean) ** 2 for value in exact) / (len(exact) - 1))
    fitted = Standardizer.fit(values, ["a"], numerics_of(numerics).mean_and_sd)
    assert fitted.sd[0] == pytest.approx(sd, rel=1e-14)
    assert fitted.mean[0] == pytest.approx(float(mean), rel=1e-15)
