"""Runs side by side in compiled code: each is what `irisbp train` makes of it with engine: compiled."""

import numpy as np
import pytest

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.sweep import compiled, group
from irisbp.sweep.alone import train_alone
from irisbp.sweep.group import group_key, train_group
from irisbp.sweep.outcome import Outcome

pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")

CLIPPED = ("optimizer=adam", "batch_size=16", "clip_norm=0.5", "l2=0.01", "learning_rate=0.02")


def _runs(count: int, *overrides: str) -> list[Config]:
    config = load_config(None, ["engine=compiled", "epochs=4", *overrides])
    return [config.model_copy(update={"seed": seed}) for seed in range(count)]


def _check(ours: Outcome, config: Config) -> None:
    alone = train_alone(config)
    for name in ("status", "reason", "epochs", "steps", "stopped_early", "best_epoch", "which"):
        assert getattr(ours, name) == getattr(alone, name)
    for name in ("loss", "accuracy", "best_loss", "curve"):
        np.testing.assert_allclose(getattr(ours, name), getattr(alone, name), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("overrides", [("rng=r",), ("data.shuffle=every_epoch",), CLIPPED])
def test_each_run_is_what_it_is_alone(overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    configs = _runs(11, *overrides)
    monkeypatch.setattr(compiled, "_MOST_ROWS", 4000)  # some calls, whose last is not full
    monkeypatch.setattr(group, "join", None)  # none goes another way
    for outcome, config in zip(train_group(configs), configs, strict=True):
        _check(outcome, config)


def test_some_diverge_and_the_others_go_on() -> None:
    configs = [
        load_config(None, ["engine=compiled", "epochs=2", "network.hidden=[]", f"learning_rate={rate}"])
        for rate in (0.1, 1e308, 0.2)
    ]
    outcomes = train_group(configs)
    assert [outcome.status for outcome in outcomes] == ["completed", "diverged", "completed"]
    for outcome, config in zip(outcomes, configs, strict=True):
        _check(outcome, config)


def test_losses_whose_sum_is_too_large_have_a_mean_all_the_same() -> None:
    configs = _runs(2, "learning_rate=1e306", "rng=r")
    for outcome, config in zip(train_group(configs), configs, strict=True):
        assert np.isfinite(outcome.curve).all()
        np.testing.assert_allclose(outcome.curve, train_alone(config).curve, rtol=1e-12)


def test_runs_that_are_watched_go_the_other_way() -> None:
    watched = _runs(3, "data.validation=0.2")
    for outcome, config in zip(train_group(watched), watched, strict=True):
        _check(outcome, config)
    assert group_key(watched[0]) != group_key(_runs(1, "data.validation=0.2", "engine=plain")[0])
