"""Runs side by side in compiled code: each is what `irisbp train` makes of it with engine: compiled."""

import numpy as np
import pytest

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.sweeps.trainers import compiled, group
from irisbp.sweeps.trainers.alone import train_alone
from irisbp.sweeps.trainers.group import group_key, train_group
from irisbp.sweeps.trainers.outcome import Outcome

pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")

CLIPPED = ("optimizer=adam", "batch_size=16", "clip_norm=0.5", "l2=0.01", "learning_rate=0.02")


def _runs(count: int, *overrides: str) -> list[Config]:
    config = load_config(None, ["engine=compiled", "epochs=4", *overrides])
    return [config.model_copy(update={"seed": seed}) for seed in range(count)]


def _check(ours: Outcome, config: Config) -> None:
    alone = train_alone(config)
    for name in ("status", "reason", "epochs", "steps", "stopped_early", "best_epoch", "which"):
        assert getattr(ours, name) == getattr(alone, name)
    for name in ("loss", "accuracy", "lowest_epoch_loss", "curve"):
        np.testing.assert_allclose(getattr(ours, name), getattr(alone, name), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "overrides",
    [
        ("rng=r",),
        ("data.shuffle=every_epoch", "schedule=exponential"),
        ("data.shuffle=every_epoch", "rng=r", "optimizer=nadam"),
        ("optimizer.name=sgd", "optimizer.momentum=0.9", "learning_rate=0.01"),
        CLIPPED,
    ],
)
def test_each_run_is_what_it_is_alone(overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    configs = _runs(11, *overrides)
    monkeypatch.setattr(compiled, "_MOST_ROWS", 3 * 450)  # three runs at once
    monkeypatch.setattr(compiled, "_UPDATES", 450)  # and three of the four epochs
    monkeypatch.setattr(group, "join", None)  # none goes another way
    for outcome, config in zip(train_group(configs), configs, strict=True):
        _check(outcome, config)


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_each_run_has_its_own_penalty(batch_size: int, optimizer: str) -> None:
    one = load_config(
        None, ["engine=compiled", "epochs=3", f"batch_size={batch_size}", f"optimizer={optimizer}"]
    )
    configs = [one.model_copy(update={"l2": l2, "seed": seed}) for seed in (0, 1) for l2 in (1e-3, 0.1, 1.0)]
    assert len({group_key(config) for config in configs}) == 1
    outcomes = train_group(configs)
    assert len({outcome.loss for outcome in outcomes}) == len(configs)
    for outcome, config in zip(outcomes, configs, strict=True):
        _check(outcome, config)


@pytest.mark.parametrize("override", ["l2=0.1", "early_stopping={patience: 1, monitor: training}"])
def test_code_is_for_all_runs_of_a_group(override: str) -> None:
    without, with_one = _runs(1)[0], _runs(1, override)[0]
    assert group_key(without) != group_key(with_one)
    plain = [config.model_copy(update={"engine": "plain"}) for config in (without, with_one)]
    assert (group_key(plain[0]) == group_key(plain[1])) is (override[:2] != "l2")


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
