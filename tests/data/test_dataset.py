"""The iris table and what training makes of it."""

import numpy as np
import pytest
from sklearn.datasets import load_iris as load_their_iris

from irisbp.data.dataset import Standardizer, classes_by_appearance, make_dataset, one_hot
from irisbp.data.table import load_table
from irisbp.errors import DataError


def test_iris_is_fishers_and_rs() -> None:
    table, theirs = load_table(None, None, None), load_their_iris()
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


def test_classes_are_numbered_as_they_appear() -> None:
    table = load_table(None, None, None)
    order = np.array([60, 0, 149, 61])
    classes = classes_by_appearance(table, order)
    assert classes == ("versicolor", "setosa", "virginica")
    dataset = make_dataset(table, classes, Standardizer.fit(table.values, table.features))
    assert dataset.labels[order].tolist() == [0, 1, 2, 0]
    assert dataset.inputs.std(axis=0, ddof=1) == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e-320, 5e307])
def test_a_feature_beyond_float64_is_refused(scale: float) -> None:
    with pytest.raises(DataError, match=r"feature a goes from .* its standard deviation is beyond float64"):
        Standardizer.fit(np.array([[1.0], [2.0], [3.0], [-3.0]]) * scale, ["a"])


def test_one_hot() -> None:
    assert one_hot(np.array([1, 0]), 3).tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
