"""Every schedule, epoch by epoch, against PyTorch's, and a few values by hand."""

from typing import Any

import numpy as np
import pytest

from irisbp.nn.schedules import SCHEDULES, with_warmup
from irisbp.nn.types import Array
from tests.data.torch import record


def _rates(case: str) -> Array:
    shape = record.SCHEDULES[case]
    rate = with_warmup(shape.name, record.RATE, record.EPOCHS, shape.warmup, **shape.options)
    return np.array([rate(epoch) for epoch in range(record.EPOCHS)])


@pytest.mark.parametrize("case", record.SCHEDULES)
def test_recorded_rates_of_pytorch(case: str) -> None:
    path = record.HERE / "schedules.csv"
    names = path.read_text().split("\n")[0].split(",")
    expected = np.loadtxt(path, delimiter=",", skiprows=1)[:, names.index(case)]
    assert len(expected) == 60
    np.testing.assert_allclose(_rates(case), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", record.SCHEDULES)
def test_rates_of_pytorch(case: str) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'irisbp[torch]'")
    expected = list(record.rates_of(case))
    assert len(expected) == 60
    np.testing.assert_allclose(_rates(case), expected, rtol=1e-12, atol=1e-15)


def test_every_schedule_is_compared_with_and_without_warmup() -> None:
    compared = {(shape.name, shape.warmup > 0) for shape in record.SCHEDULES.values()}
    assert compared == {(name, warm) for name in SCHEDULES for warm in (False, True)}


def _by_hand(name: str, epochs: int, warmup: int = 0, **options: Any) -> list[float]:
    rate = with_warmup(name, 8.0, epochs, warmup, **options)
    return [rate(epoch) for epoch in range(epochs)]


def test_by_hand() -> None:
    assert _by_hand("constant", 3) == [8.0, 8.0, 8.0]
    assert _by_hand("constant", 5, warmup=3) == [2.0, 4.0, 6.0, 8.0, 8.0]
    assert _by_hand("step", 5, every=2, factor=0.5) == [8.0, 8.0, 4.0, 4.0, 2.0]
    assert _by_hand("exponential", 4, factor=0.25) == [8.0, 2.0, 0.5, 0.125]
    assert _by_hand("step", 5, warmup=1, every=2, factor=0.5) == [4.0, 8.0, 8.0, 4.0, 4.0]
    # cos 0, 60, 120 degrees: 1, 1/2, -1/2; so 8, 8 * 3/4 and 8 * 1/4, or that between 4 and 8.
    assert _by_hand("cosine", 3) == pytest.approx([8.0, 6.0, 2.0], rel=1e-15)
    assert _by_hand("cosine", 3, final=4.0) == pytest.approx([8.0, 7.0, 5.0], rel=1e-15)
    # The half cosine spans the epochs behind the warm-up.
    assert _by_hand("cosine", 4, warmup=1) == pytest.approx([4.0, 8.0, 6.0, 2.0], rel=1e-15)


def test_one_epoch() -> None:
    for name in SCHEDULES:
        assert _by_hand(name, 1) == [8.0]


def test_rates_only_fall_behind_the_warmup_and_stay_above_zero() -> None:
    for name in SCHEDULES:
        rates = np.array(_by_hand(name, 40, warmup=7))
        assert (np.diff(rates[:8]) > 0).all()
        assert (np.diff(rates[7:]) <= 0).all()
        assert (rates > 0).all()
