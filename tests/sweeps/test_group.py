"""Runs side by side against each of them by itself.

Both round differently, and training amplifies that: a step of Adam is a ratio, in which a gradient that is
nothing but rounding weighs as much as any. So what a run is held to, beside 1e-12, is what the plain loop
itself makes of initial parameters that are off by an ulp or two; where that changes a count, the run
decides nothing.
"""

import random
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.sweeps.trainers import lockstep
from irisbp.sweeps.trainers.alone import finish_alone, train_alone
from irisbp.sweeps.trainers.group import group_key, train_group
from irisbp.sweeps.trainers.outcome import Outcome
from irisbp.training.setup import prepare
from tests.reference import numbers
from tests.test_choices import configs

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_COUNTS = ("status", "reason", "epochs", "steps", "stopped_early", "best_epoch", "which")
_FIGURES = [field.name for field in fields(Outcome) if field.name not in _COUNTS]


def _of(*overrides: str) -> Config:
    return load_config(None, list(overrides))


def _counts(outcome: Outcome) -> list[Any]:
    lengths = [
        len(outcome.curve),
        None if outcome.validation_curve is None else len(outcome.validation_curve),
    ]
    return [getattr(outcome, name) for name in _COUNTS] + lengths


def _figures(outcome: Outcome) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = [getattr(outcome, name) for name in _FIGURES]
    return np.concatenate([np.ravel(value) for value in values if value is not None])


def _error(one: Outcome, other: Outcome) -> float:
    """The largest difference of two figures, relative where they are above 1."""
    mine, its = _figures(one), _figures(other)
    same = (mine == its) | (np.isnan(mine) & np.isnan(its))
    return float(np.where(same, 0.0, np.abs(mine - its) / (1.0 + np.abs(its))).max())


def _nudged(config: Config, seed: int) -> Outcome:
    training = prepare(config)
    nudges = np.random.default_rng(seed).integers(-2, 3, len(training.parameters))
    # Of a weight that is lost in any sum, a relative nudge changes nothing: it is moved by ulps of 1.
    lost = np.abs(training.parameters) < 2.0**-52
    training.parameters += nudges * 2.0**-52 * np.where(lost, 1.0, training.parameters)
    return finish_alone(training)


def _check(ours: Outcome, config: Config) -> None:
    alone = train_alone(config)
    if _counts(ours) == _counts(alone) and _error(ours, alone) <= 1e-12:
        return
    nudged = [_nudged(config, seed) for seed in range(8)]
    if any(_counts(other) != _counts(alone) for other in nudged):
        return
    assert _counts(ours) == _counts(alone)
    assert _error(ours, alone) <= 20.0 * max(_error(other, alone) for other in nudged), config


def _compare(group: Sequence[Config]) -> list[Outcome]:
    assert len({group_key(config) for config in group}) == 1
    outcomes = train_group(group)
    for ours, config in zip(outcomes, group, strict=True):
        _check(ours, config)
    return outcomes


@st.composite
def _groups(draw: st.DrawFn, engine: str = "plain") -> list[Config]:
    """A config and others of its group, which differ in all that they may, in part so as to diverge."""
    first = draw(configs()).model_copy(update={"numerics": "native", "engine": engine})
    other_penalty = 0.1 if first.l2 else 0.0  # a group has one or has none
    group = [first]
    for _ in range(draw(st.integers(1, 4))):
        changes: dict[str, Any] = {
            "seed": draw(st.integers(0, 1000)),
            "learning_rate": draw(st.sampled_from([1e-3, 0.1, 30.0, 1e300])),
            "l2": draw(st.sampled_from([first.l2, other_penalty])),
        }
        if first.class_weight != "none":
            changes["class_weight"] = draw(st.sampled_from(["balanced", {"versicolor": 0.5}]))
        if first.clip_norm:
            changes["clip_norm"] = draw(st.sampled_from([1e-3, 1.0]))
        if first.data.folds:
            fold = draw(st.integers(0, first.data.folds - 1))
            changes["data"] = first.data.model_copy(update={"fold": fold})
        group.append(first.model_copy(update=changes))
    return group


@FEW
@given(_groups())
def test_each_run_is_what_it_is_alone(group: list[Config]) -> None:
    _compare(group)


@settings(FEW, max_examples=8)
@given(_groups("compiled"))
def test_each_compiled_run_is_what_it_is_alone(group: list[Config]) -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")
    _compare(group)


@pytest.mark.campaign
@MANY
@given(_groups() | _groups("compiled"))
def test_very_many_groups(group: list[Config]) -> None:
    _compare(group)


def _seeds(count: int, *overrides: str) -> list[Config]:
    config = _of(*overrides)
    return [config.model_copy(update={"seed": seed}) for seed in range(count)]


def test_seeds_of_the_article() -> None:
    outcomes = _compare(_seeds(3, "rng=r"))
    by_r = numbers("article-seed0/losses.txt").reshape(50, 150).mean(axis=1)
    np.testing.assert_allclose(outcomes[0].curve, by_r, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1, 4])
def test_some_diverge_and_the_others_go_on(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Softmax regression at an absurd rate: it fails at different steps, in epochs of several blocks."""
    monkeypatch.setattr("irisbp.nn.engines.one.plain._BLOCK", 4)
    rates = (0.1, 1e307, 3e307, 1e308, 0.2)
    group = [
        _of("network.hidden=[]", "epochs=3", f"batch_size={size}", f"learning_rate={rate}") for rate in rates
    ]
    outcomes = _compare(group)
    assert [outcome.status for outcome in outcomes][:1] == ["completed"]
    diverged = [outcome for outcome in outcomes if outcome.status == "diverged"]
    assert len({outcome.reason for outcome in diverged}) > 1


def test_logits_beyond_the_near_ones() -> None:
    """Losses of hundreds: the exponentials of the logits are beyond float64."""
    group = [_of("learning_rate=1000", "epochs=2", "network.activation=relu", f"seed={k}") for k in range(4)]
    group += [_of("learning_rate=0.1", "epochs=2", "network.activation=relu", "seed=9")]
    outcomes = _compare(group)
    assert max(outcome.curve.max() for outcome in outcomes if len(outcome.curve)) > 1000.0
    assert outcomes[-1].loss < 1.0


def test_sums_beyond_the_quick_sigmoid() -> None:
    group = [_of("initializer={name: normal, sd: 1000}", "epochs=2", f"seed={k}") for k in range(3)]
    _compare(group)


def test_early_stopping_at_different_epochs() -> None:
    rules = ("data.validation=0.3", "epochs=40", "learning_rate=0.3")
    group = _seeds(12, *rules, "early_stopping={patience: 2}")
    group += _seeds(2, *rules, "early_stopping={patience: 3, min_delta: 0.001, restore_best: false}")
    group += _seeds(2, *rules, "early_stopping={patience: 4, min_delta: 0.05, monitor: training}")
    group += _seeds(2, *rules)
    outcomes = _compare(group)
    assert len({outcome.epochs for outcome in outcomes}) > 4
    assert {outcome.which for outcome in outcomes} == {"last", "best"}
    assert {outcome.stopped_early for outcome in outcomes} == {True, False}


def test_folds_of_different_sizes() -> None:
    group = [_of("epochs=3", "data.folds=7", f"data.fold={k}", "data.shuffle=every_epoch") for k in range(7)]
    assert len({len(prepare(config).order) for config in group}) == 2
    _compare(group)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adagrad", "adadelta", "adam", "adamw", "nadam"])
def test_options_of_each_run(optimizer: str) -> None:
    """What an optimizer's memory holds survives that runs leave, and options may differ."""
    group = [
        _of("epochs=3", f"optimizer={{name: {optimizer}, epsilon: {10.0**-k}}}", f"learning_rate={rate}")
        for k, rate in enumerate((0.01, 1e308, 0.03), 3)
    ]
    _compare(group)


def test_the_others_keep_their_rate_when_a_run_leaves_within_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lockstep, "block_of", lambda batch_size, parameters: 10)
    rates = (0.1, 1e308, 0.3)
    group = [
        _of("epochs=4", "schedule={name: constant, warmup: 3}", f"learning_rate={rate}", "network.hidden=[]")
        for rate in rates
    ]
    outcomes = _compare(group)
    assert [outcome.status for outcome in outcomes] == ["completed", "diverged", "completed"]
    assert outcomes[1].steps < 140  # of 150: blocks of the first epoch follow


def test_momentum_of_each_run() -> None:
    _compare([_of("epochs=3", f"optimizer={{name: sgd, momentum: {m}}}") for m in (0.1, 0.5, 0.9)])
    assert group_key(_of("optimizer={name: sgd, momentum: 0.5}")) != group_key(_of())


@pytest.mark.parametrize("engine", ["plain", "compiled"])
@pytest.mark.parametrize("others", [(), ("batch_size=7", "optimizer=adam", "reduction=sum", "l2=0.01")])
def test_weights_of_each_runs_classes(engine: str, others: tuple[str, ...]) -> None:
    if engine == "compiled":
        pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")
    weights = ("balanced", "{setosa: 3}", "{setosa: 3, virginica: 0.1}", "{versicolor: 7}")
    # Each seed shows the classes in an order of its own.
    group = [
        _of(f"class_weight={weight}", f"seed={seed}", f"engine={engine}", "epochs=5", *others)
        for seed, weight in enumerate(weights)
    ]
    outcomes = _compare(group)
    for outcome, config in zip(outcomes, group, strict=True):
        assert _error(outcome, train_alone(config)) <= 1e-12
        plain = config.model_copy(update={"engine": "plain"})
        assert _error(outcome, train_alone(plain)) <= 1e-12
    assert len({outcome.loss for outcome in outcomes}) == 4
    assert group_key(_of(f"engine={engine}", "epochs=5", *others)) != group_key(group[0])


def test_clipping_of_each_run() -> None:
    """The last one's squares are beyond float64."""
    group = [_of("epochs=2", f"clip_norm={limit}", "l2=1e-3") for limit in (1e-3, 0.5, 1e9)]
    group.append(_of("epochs=2", "clip_norm=1.0", "l2=1e200"))
    _compare(group)


def _bits(outcome: Outcome) -> list[Any]:
    return [*_counts(outcome), _figures(outcome).tobytes()]


def test_blocks_of_runs_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    group = _seeds(7, "epochs=2", "data.shuffle=every_epoch")
    together = train_group(group)
    monkeypatch.setattr("irisbp.sweeps.trainers.group._MOST_AT_ONCE", 3)
    assert list(map(_bits, train_group(group))) == list(map(_bits, together))


def _check_companions(group: list[Config], order: list[int]) -> None:
    """Each run is the same, bit by bit, by itself, beside others, and in another place."""
    together = train_group([group[k] for k in order])
    for k, ours in zip(order, together, strict=True):
        assert _bits(ours) == _bits(train_group([group[k]])[0]), group[k]


@FEW
@given(_groups(), st.randoms(use_true_random=False))
def test_companions_change_no_bit(group: list[Config], draws: random.Random) -> None:
    _check_companions(group, draws.sample(range(len(group)), len(group)))


@settings(FEW, max_examples=6)
@given(_groups("compiled"), st.randoms(use_true_random=False))
def test_companions_change_no_bit_of_compiled_runs(group: list[Config], draws: random.Random) -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")
    _check_companions(group, draws.sample(range(len(group)), len(group)))


@pytest.mark.campaign
@MANY
@given(_groups() | _groups("compiled"), st.randoms(use_true_random=False))
def test_very_many_companions(group: list[Config], draws: random.Random) -> None:
    _check_companions(group, draws.sample(range(len(group)), len(group)))


@pytest.mark.parametrize(
    "overrides",
    [
        # Training that amplifies the last digit; sums and logits that need another way than the quick one.
        ("optimizer=adam", "learning_rate=0.1", "epochs=50"),
        ("optimizer={name: sgd, momentum: 0.9}", "epochs=50"),
        ("initializer={name: normal, sd: 300}", "epochs=3", "network.hidden=[40]"),
        ("network.activation=relu", "learning_rate=20", "epochs=3", "batch_size=64", "data.validation=0.3"),
        ("data.shuffle=every_epoch", "batch_size=7", "epochs=4", "early_stopping={patience: 1}",
         "data.validation=0.3", "learning_rate=2"),
        ("network.hidden=[]", "learning_rate=1e307", "epochs=2"),
    ],
)  # fmt: skip
def test_a_seed_is_the_same_among_any_number_of_seeds(overrides: tuple[str, ...]) -> None:
    group = _seeds(19, *overrides)
    _check_companions(group, list(range(19)))
    some = [3, 11, 5]
    for k, ours in zip(some, train_group([group[k] for k in some]), strict=True):
        assert _bits(ours) == _bits(train_group([group[k]])[0])


def test_an_ordinary_run_is_the_same_beside_one_whose_numbers_are_huge() -> None:
    ordinary, huge = _of("epochs=3"), _of("epochs=3", "initializer={name: normal, sd: 1e4}", "seed=5")
    assert _bits(train_group([ordinary, huge])[0]) == _bits(train_group([ordinary])[0])


def test_a_large_network_and_portable_numerics_go_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockstep, "PlainLoopOfRuns", None)
    _compare(_seeds(1, "epochs=1", "network.hidden=[300,300]"))
    _compare(_seeds(1, "epochs=1", "numerics=portable"))
