"""The rule for the best epoch: what counts as an improvement."""

from math import inf, nan

import numpy as np
import pytest

from irisbp.training.stopping import StoppingRule

RULE = StoppingRule(patience=inf, min_delta=0.0, on_training=False)


@pytest.mark.parametrize(
    ("loss", "best", "better"),
    [
        (5.0, inf, True),  # the first one
        (inf, inf, False),
        (nan, inf, False),
        (nan, 1.0, False),
        (1.0, 1.0, False),
        (1.0 - 1e-13, 1.0, False),  # engines agree within 1e-12: less than that is rounding
        (1e-3 * (1.0 - 1e-13), 1e-3, False),
        (1.0 - 1e-11, 1.0, True),
        (1e-3 * (1.0 - 1e-11), 1e-3, True),
        (0.0, 1e-300, True),
    ],
)
def test_less_than_rounding_is_no_improvement(loss: float, best: float, better: bool) -> None:
    assert bool(RULE.improves(loss, best)) is better
    of_many = RULE.improves(np.array([loss, 0.5]), np.array([best, 1.0]))
    assert of_many.tolist() == [better, True]


def test_min_delta_has_to_be_exceeded() -> None:
    rule = StoppingRule(patience=inf, min_delta=0.25, on_training=False)
    assert not rule.improves(0.75, 1.0)
    assert rule.improves(0.5, 1.0)
