"""Which samples are held out: a share of every class, drawn from a stream of their own."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irisbp.config.schema import Config
from irisbp.data.split import hold_out, one_fold
from irisbp.errors import DataError
from irisbp.nn.random import split_draws
from irisbp.nn.types import Indices
from irisbp.training.setup import prepare

CLASSES = st.lists(st.integers(2, 30), min_size=1, max_size=6)
SEEDS = st.integers(0, 2**63 - 1)


def _targets(sizes: list[int], seed: int) -> list[str]:
    """So many rows of each class, mixed up."""
    names = [f"class {k}" for k, size in enumerate(sizes) for _ in range(size)]
    return [names[k] for k in np.random.default_rng(seed).permutation(len(names))]


def _counts(targets: list[str], rows: Indices) -> Counter[str]:
    return Counter(targets[row] for row in rows)


def test_a_fifth_of_iris_by_hand() -> None:
    held = prepare(_config(data={"validation": 0.2})).dataset
    assert len(held.held_out_rows) == 30
    assert Counter(held.labels[held.held_out_rows].tolist()) == {0: 10, 1: 10, 2: 10}
    assert len(held.train_rows) == 120


@pytest.mark.parametrize(
    ("size", "part", "count"),
    [(10, 0.2, 2), (10, 0.26, 3), (10, 0.01, 1), (10, 0.99, 9), (2, 0.01, 1), (2, 0.99, 1), (3, 0.5, 2)],
)
def test_sizes_by_hand(size: int, part: float, count: int) -> None:
    assert len(hold_out(["a"] * size, part, split_draws(0))) == count


@given(CLASSES, st.floats(0.001, 0.999), SEEDS)
def test_holding_out_takes_its_part_of_every_class(sizes: list[int], part: float, seed: int) -> None:
    targets = _targets(sizes, seed % 1000)
    held = hold_out(targets, part, split_draws(seed))
    assert held.tolist() == sorted(set(held.tolist()))
    counts = _counts(targets, held)
    for k, size in enumerate(sizes):
        assert 1 <= counts[f"class {k}"] <= size - 1
        if 1 <= part * size <= size - 1:
            assert abs(counts[f"class {k}"] - part * size) <= 0.5
    np.testing.assert_array_equal(held, hold_out(targets, part, split_draws(seed)))


@given(CLASSES, st.integers(2, 12), SEEDS)
def test_folds_share_out_all_rows(sizes: list[int], folds: int, seed: int) -> None:
    targets = _targets(sizes, seed % 1000)
    if folds > len(targets):
        with pytest.raises(DataError, match=rf"{folds} folds of {len(targets)} rows"):
            one_fold(targets, folds, 0, split_draws(seed))
        return
    parts = [one_fold(targets, folds, fold, split_draws(seed)) for fold in range(folds)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(targets)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    for part in parts:
        assert part.tolist() == sorted(part.tolist())
        counts = _counts(targets, part)
        for k, size in enumerate(sizes):
            assert abs(counts[f"class {k}"] - size / folds) < 1.0
            assert counts[f"class {k}"] < size  # some are left to train on


def test_rows_are_drawn_not_taken_in_order() -> None:
    targets = ["a"] * 20 + ["b"] * 20
    draws = {tuple(hold_out(targets, 0.5, split_draws(seed)).tolist()) for seed in range(20)}
    assert len(draws) == 20
    # Each row is held out about half of the time: 4 sd of 400 throws of a coin are 40.
    held = np.concatenate([hold_out(targets, 0.5, split_draws(seed)) for seed in range(400)])
    assert abs(np.bincount(held, minlength=40) - 200).max() <= 40
    folds = np.concatenate([one_fold(targets, 5, 3, split_draws(seed)) for seed in range(400)])
    assert abs(np.bincount(folds, minlength=40) - 80).max() <= 40


def test_a_class_with_one_row_cannot_be_split() -> None:
    targets, message = ["a", "b", "a", "lonely", "b"], r"class lonely has one row \(row 3, counted from 0\)"
    with pytest.raises(DataError, match=message):
        hold_out(targets, 0.2, split_draws(0))
    with pytest.raises(DataError, match=message):
        one_fold(targets, 2, 0, split_draws(0))


def _config(**keys: Any) -> Config:
    return Config.model_validate({"seed": 5, "rng": "numpy", "epochs": 3} | keys)


@pytest.mark.parametrize("split", [{"validation": 0.3}, {"folds": 4, "fold": 2}])
def test_nothing_but_the_seed_moves_the_split(split: dict[str, Any]) -> None:
    expected = prepare(_config(data=split)).dataset.held_out_rows
    others: list[dict[str, Any]] = [
        {"rng": "r"},
        {"initializer": "he_uniform"},
        {"optimizer": "nadam", "learning_rate": 0.01},
        {"network": {"hidden": [9, 9], "activation": "relu"}},
        {"batch_size": 16, "reduction": "sum", "l2": 0.1, "clip_norm": 1.0},
        {"epochs": 77, "schedule": {"name": "cosine", "warmup": 4}},
        {"early_stopping": {"patience": 2}},
        {"record": "epochs"},
    ]
    for keys in others:
        np.testing.assert_array_equal(prepare(_config(data=split, **keys)).dataset.held_out_rows, expected)
    for shuffle in ("never", "every_epoch"):
        again = prepare(_config(data=split | {"shuffle": shuffle}))
        np.testing.assert_array_equal(again.dataset.held_out_rows, expected)
    assert prepare(_config(data=split, seed=6)).dataset.held_out_rows.tolist() != expected.tolist()


def test_a_split_moves_no_other_draw() -> None:
    plain, split = prepare(_config()), prepare(_config(data={"validation": 0.2}))
    np.testing.assert_array_equal(plain.parameters, split.parameters)


def test_the_standardizer_never_sees_held_out_rows() -> None:
    training = prepare(_config(data={"folds": 5, "fold": 1}))
    data = training.dataset
    assert set(data.train_rows) | set(data.held_out_rows) == set(range(150))
    assert not set(data.train_rows) & set(data.held_out_rows)
    assert set(training.order) == set(data.train_rows)
    np.testing.assert_allclose(data.inputs[data.train_rows].mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(data.inputs[data.train_rows].std(axis=0, ddof=1), 1.0, rtol=1e-14)
    assert (abs(data.inputs[data.held_out_rows].mean(axis=0)) > 1e-3).all()
