"""The check: silent on right gradients, loud and exact on wrong ones."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from irisbp import gradcheck
from irisbp.errors import IrisbpError
from irisbp.gradients.check import make_targets, run_check
from irisbp.gradients.faults import (
    SCALED_BY,
    BackwardCopy,
    Planted,
    SelfTest,
    _ScaledEntry,
    scaled_entries,
    structural_faults,
)
from irisbp.gradients.judge import GradientFunction, judge, make_target
from irisbp.gradients.methods import METHODS, compare
from irisbp.gradients.paths import own_gradient, path_of
from irisbp.gradients.points import Battery, Point
from irisbp.gradients.reference import reference_gradient
from irisbp.gradients.report import GradientReport, report_on
from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.backprop import Backprop, Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

ARTICLE = Network(4, (3,), 3)
DRAWS = np.random.default_rng(1)
INPUTS, LABELS = DRAWS.normal(size=(60, 4)), np.arange(60) % 3


def _report(gradient_of: GradientFunction, network: Network = ARTICLE, seed: int = 1) -> GradientReport:
    return run_check([path_of(gradient_of)], network, INPUTS, LABELS, Objective(), seed=seed)


# No false alarms.


@pytest.mark.parametrize("hidden", [(), (1,), (3,), (16, 16), (64,), (4, 4, 4, 4, 4)], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_networks_own_gradient_passes(activation: str, hidden: tuple[int, ...]) -> None:
    report = gradcheck(network=Network(4, hidden, 3, activation))
    assert report.passed
    assert {row.verdict for row in report.parameters} == {"OK"}
    assert max(row.over for row in report.parameters) < 0.2  # the bound has room, so nobody cries wolf


@pytest.mark.parametrize(
    "objective",
    [
        Objective(),
        Objective("sum"),
        Objective("mean", 0.01),
        Objective("sum", 3.0),
        Objective("mean", 0.0, (0.01, 1.7, 300.0)),
        Objective("sum", 0.5, (0.3, 1.7, 1e-9)),
    ],
)
@pytest.mark.parametrize("rows", [1, 7, 150])
def test_batches_reductions_penalties_and_weights_pass(rows: int, objective: Objective) -> None:
    draws = np.random.default_rng(rows)
    network = Network(4, (16, 16) if rows < 150 else (5,), 3, "tanh")
    inputs, labels = draws.normal(size=(rows, 4)), draws.integers(3, size=rows)
    parameters = draws.normal(size=network.parameter_count)
    target = make_target(network, Point("batch", parameters, inputs, labels), objective)
    judgement = judge(target, *own_gradient(network, parameters, inputs, labels, objective))
    assert judgement.passed
    assert judgement.loss_over is not None
    assert np.isfinite(judgement.detectable).all()


def _random_point(draws: np.random.Generator) -> tuple[Network, Point, Objective]:
    """Weights from 1e-6 to 100, weighted sums out to +-800, one row or a few."""
    hidden = tuple(draws.integers(1, 6, size=draws.integers(0, 4)).tolist())
    network = Network(
        int(draws.integers(1, 6)), hidden, int(draws.integers(2, 5)), draws.choice(list(ACTIVATIONS))
    )
    parameters = draws.normal(size=network.parameter_count) * 10.0 ** draws.uniform(-6, 2)
    if draws.random() < 0.3:
        for block in network.blocks(parameters):
            block[-1] = draws.uniform(-800, 800, size=block.shape[1])
    rows = int(draws.choice([1, 1, 1, 2, 7]))
    inputs = draws.normal(size=(rows, network.inputs)) * 10.0 ** draws.uniform(-3, 1)
    labels = draws.integers(network.classes, size=rows)
    weights = tuple((10.0 ** draws.uniform(-3, 3, size=network.classes)).tolist())
    objective = Objective(
        draws.choice(["mean", "sum"]),
        float(draws.choice([0.0, 0.0, 0.01])),
        weights if draws.random() < 0.3 else None,
    )
    return network, Point("random", parameters, inputs, labels), objective


def _false_alarms(seed: int, count: int) -> list[int]:
    draws = np.random.default_rng(seed)
    wrong = []
    for k in range(count):
        network, point, objective = _random_point(draws)
        target = make_target(network, point, objective)
        result = own_gradient(network, point.parameters, point.inputs, point.labels, objective)
        if not judge(target, *result).passed:
            wrong.append(k)
    return wrong


def test_no_false_alarm_at_random_points() -> None:
    assert _false_alarms(0, 300) == []


@pytest.mark.campaign
def test_no_false_alarm_at_10000_random_points() -> None:
    assert _false_alarms(1, 10_000) == []


# Faults.


def test_the_copy_passes_without_a_fault() -> None:
    for network in (ARTICLE, Network(4, (5, 2), 3, "relu"), Network(4, (), 3)):
        assert SelfTest(network, INPUTS, LABELS).correct()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (1,), (3,), (5, 2)], ids=str)
def test_every_fault_is_caught(activation: str, hidden: tuple[int, ...]) -> None:
    test = SelfTest(Network(4, hidden, 3, activation), INPUTS, LABELS)
    for planted in structural_faults(Network(4, hidden, 3, activation)):
        assert test.find(planted).caught, planted.name


def _tiny_errors_missed(seed: int) -> list[str]:
    test = SelfTest(ARTICLE, INPUTS, LABELS, seed)
    findings = [test.find(planted) for planted in scaled_entries(ARTICLE, 1e-13)]
    return [finding.name for finding in findings if finding.named != [finding.name]]


def _faults_missed(seed: int) -> list[str]:
    test = SelfTest(ARTICLE, INPUTS, LABELS, seed)
    return [planted.name for planted in structural_faults(ARTICLE) if not test.find(planted).caught]


def test_an_error_of_1e_13_in_one_entry_is_caught_and_named() -> None:
    for seed in range(3):
        assert _tiny_errors_missed(seed) == []


@pytest.mark.campaign
def test_an_error_of_1e_13_is_caught_in_60_of_60_trials_for_each_parameter() -> None:
    assert {seed: missed for seed in range(60) if (missed := _tiny_errors_missed(seed))} == {}


@pytest.mark.campaign
def test_every_fault_is_caught_in_100_of_100_seeds() -> None:
    assert {seed: missed for seed in range(100) if (missed := _faults_missed(seed))} == {}


def test_findings_name_the_right_parameters() -> None:
    test = SelfTest(ARTICLE, INPUTS, LABELS)
    named = {planted.name: test.find(planted).named for planted in structural_faults(ARTICLE)}
    assert named["bias omitted, hidden_1"] == [f"hidden_1.bias[{k}]" for k in range(3)]
    assert named["swapped entries, output"] == ["output.weight[0,0]", "output.weight[0,1]"]
    assert len(named["sign flip, output"]) == 12
    assert named["probability clipped in the loss"] == ["the loss"]
    assert all(".weight" in name for name in named["forgotten L2 term"])


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("sign flip, hidden_1", "hidden_1.weight: the sign is wrong (ratio -1)"),
        ("y - p", "every entry has the wrong sign (ratio -1): y - p for p - y?"),
        ("bias omitted, output", "output.bias: the gradient is zero: left out?"),
        ("missing slope", "hidden_1: the activation's slope is missing"),
        ("sum for mean", "every entry is 7 times too large: the sum over the batch, not the mean?"),
        ("mean for sum", "every entry is 7 times too small: the mean over the batch, not the sum?"),
        ("shifted label", "it is the gradient for another label: labels shifted or shuffled?"),
        ("wrong column", "hidden_1.weight: a row or column is taken for its neighbour"),
        (
            "forgotten L2 term",
            "output.weight: it differs by -0.01 times the weight: a penalty left out or put in?",
        ),
    ],
)
def test_hints(fault: str, hint: str) -> None:
    planted = next(planted for planted in structural_faults(ARTICLE) if planted.name == fault)
    targets = make_targets(ARTICLE, INPUTS, LABELS, planted.objective)
    report = report_on([path_of(planted.gradient_of)], ARTICLE, planted.objective, targets)
    assert any(found.startswith(hint) for found in report.hints)


@pytest.mark.parametrize("entry", [0, 14, 26])
def test_a_small_error_in_one_entry_has_no_far_fetched_hint(entry: int) -> None:
    class _OneOff(BackwardCopy):
        def finish(self, network: Network, gradient: Array) -> None:
            gradient[entry] *= 1.0 + 1e-9

    hints = _report(_OneOff()).hints
    assert hints
    assert all("right to six digits, and off by less in 1 of" in hint for hint in hints)


def test_a_missing_slope_is_told_once() -> None:
    planted = next(p for p in structural_faults(ARTICLE) if p.name == "missing slope")
    hints = _report(planted.gradient_of).hints
    assert [hint.split(" (")[0] for hint in hints] == ["hidden_1: the activation's slope is missing"]


def test_a_deep_mistake_is_located() -> None:
    class _SecondLayer(BackwardCopy):
        def weights(self, depth: int, values: Array, delta: Array) -> Array:
            return super().weights(depth, values, delta) * (1.5 if depth == 1 else 1.0)

    report = _report(_SecondLayer(), Network(4, (3, 4, 2), 3))
    assert report.hints[0].startswith("from the output downwards, hidden_2 is the first layer that is wrong")


class _Relaid(BackwardCopy):
    def __init__(self, relay: Callable[[Array], Array]) -> None:
        self._relay = relay

    def finish(self, network: Network, gradient: Array) -> None:
        weights = network.views(gradient)["output.weight"]
        weights[...] = self._relay(weights.copy()).reshape(weights.shape)


@pytest.mark.parametrize(
    ("relay", "hint"),
    [
        (np.transpose, "output.weight: the layout is transposed"),
        (lambda w: np.roll(w.ravel(), 1), "output.weight: the layout is shifted by one entry"),
    ],
)
def test_hints_at_layouts(relay: Callable[[Array], Array], hint: str) -> None:
    report = _report(_Relaid(relay))
    assert any(found.startswith(hint) for found in report.hints)
    wrong = {row.name.split("[")[0] for row in report.parameters if row.verdict == "WRONG"}
    assert wrong == {"output.weight"}


# Faults from outside, in the network's own backward pass.


def test_a_patched_backward_pass_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Backprop._backward

    def wrong(self: Backprop, inputs_transposed: Array) -> None:
        right(self, inputs_transposed)
        self._first_gradient[2, 1] += 1e-12 * self._first_gradient[1, 1]

    monkeypatch.setattr(Backprop, "_backward", wrong)
    report = gradcheck()
    assert [row.name for row in report.parameters if row.verdict == "WRONG"] == ["hidden_1.weight[2,1]"]
    assert not report.passed


def test_what_a_call_leaves_behind_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Backprop._backward

    def accumulating(self: Backprop, inputs_transposed: Array) -> None:
        before = np.nan_to_num(self._first_gradient)
        right(self, inputs_transposed)
        self._first_gradient += before

    monkeypatch.setattr(Backprop, "_backward", accumulating)
    assert not gradcheck().passed


def test_a_patched_batch_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Backprop.batch

    def wrong(self: Backprop, inputs: Array, labels: Indices, objective: Objective) -> tuple[Array, Indices]:
        result = right(self, inputs, labels, objective)
        self._first_gradient[0, 0] *= 1.0 + 1e-11
        return result

    monkeypatch.setattr(Backprop, "batch", wrong)
    report = gradcheck()
    assert [row.name for row in report.parameters if row.verdict == "WRONG"] == ["hidden_1.weight[0,0]"]


@pytest.mark.parametrize("level", [45.0, 200.0])
def test_a_slope_that_ends_far_out_is_caught(monkeypatch: pytest.MonkeyPatch, level: float) -> None:
    right = ACTIVATIONS["sigmoid"]

    def wrong(pair: Array, slope: Array, value: Array) -> None:
        far = np.abs(slope) > level
        right(pair, slope, value)
        slope[far] = 0.0

    monkeypatch.setitem(ACTIVATIONS, "sigmoid", wrong)
    assert not gradcheck().passed


def test_a_patched_loss_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Backprop.sample

    def wrong(self: Backprop, inputs: Array, inputs_transposed: Array, label: int) -> tuple[float, int]:
        loss, predicted = right(self, inputs, inputs_transposed, label)
        return loss * (1.0 + 1e-12), predicted

    monkeypatch.setattr(Backprop, "sample", wrong)
    report = gradcheck()
    assert not report.passed
    assert {row.verdict for row in report.parameters} == {"OK"}
    assert any(row.loss_over is not None and row.loss_over > 1.0 for row in report.points)


def test_numbers_that_are_none_are_wrong() -> None:
    class _NotANumber(BackwardCopy):
        def finish(self, network: Network, gradient: Array) -> None:
            gradient[5] = np.nan

    report = _report(_NotANumber())
    assert [row.name for row in report.parameters if row.verdict == "WRONG"] == ["hidden_1.weight[1,2]"]
    assert np.isnan(report.parameters[5].backprop)


# What is special.


def test_a_parameter_that_no_point_exercises_does_not_pass() -> None:
    silent = INPUTS.copy()
    silent[:, 2] = 0.0
    report = run_check([path_of(own_gradient)], ARTICLE, silent, LABELS, Objective())
    unexercised = [row.name for row in report.parameters if row.verdict == "NOT EXERCISED"]
    assert unexercised == [f"hidden_1.weight[2,{k}]" for k in range(3)]
    assert not report.passed


@pytest.mark.parametrize("side", [0.0, 1.0])
def test_at_a_kink_both_sides_are_right_and_nothing_between(side: float) -> None:
    network = Network(2, (1,), 2, "relu")
    parameters = np.array([0.0, 0.0, 0.0, 0.7, -0.4, 0.1, 0.2])  # the hidden sum is 0 whatever comes in
    inputs, labels = np.array([[0.5, -0.3]]), np.array([0])
    target = make_target(network, Point("kink", parameters, inputs, labels), Objective())
    assert target.at_kink

    class _Sided(BackwardCopy):
        def __init__(self, at_kink: float) -> None:
            self._at_kink = at_kink

        def slope(self, slope: Array, value: Array) -> Array:
            return np.full_like(slope, self._at_kink)

    def passes(at_kink: float) -> bool:
        return judge(target, *_Sided(at_kink)(network, parameters, inputs, labels, Objective())).passed

    assert passes(side)
    assert not passes(0.5)


def test_many_kinks_at_once_are_no_false_alarm() -> None:
    for activation in ("relu", "leaky_relu"):
        network = Network(3, (9, 4), 2, activation)
        parameters = np.random.default_rng(2).normal(size=network.parameter_count)
        inputs, labels = np.array([[0.3, -1.1, 0.7]]), np.array([1])
        block = network.blocks(parameters)[0]
        block[-1] = -(inputs[0] @ block[:-1])  # rounding decides on which side of 0 the sums are
        point = Point("kinks", parameters, inputs, labels)
        target = make_target(network, point, Objective())
        assert judge(target, *own_gradient(network, parameters, inputs, labels, Objective())).passed


def test_one_point_need_not_exercise_everything() -> None:
    network = Network(4, (3,), 3, "relu")
    report = run_check([path_of(own_gradient)], network, INPUTS, LABELS, Objective(), only_point="kink")
    assert report.passed
    assert "NOT EXERCISED" in {row.verdict for row in report.parameters}


def test_the_points_are_what_they_are_called() -> None:
    trained = np.arange(27.0)
    points = {point.name: point for point in Battery(ARTICLE, INPUTS, LABELS).points(trained)}
    sums = {name: _hidden_sums(point) for name, point in points.items()}
    for level in (20.0, -20.0, 40.0, -40.0, 300.0, 750.0):
        np.testing.assert_allclose(sums[f"saturated{level:+.0f}"], [[level, -level, level]], rtol=1e-12)
    assert 1e-7 < np.abs(points["weights-1e-6"].parameters).mean() < 1e-5
    assert 1.0 < np.abs(points["weights-10"].parameters).mean() < 100.0
    losses = {
        name: float(reference_gradient(ARTICLE, p.parameters, p.inputs, p.labels, Objective()).loss)
        for name, p in points.items()
    }
    assert 39.0 < losses["improbable-e-40"] < 43.0
    assert 699.0 < losses["improbable-e-700"] < 703.0
    assert np.exp(-42.0) < losses["certain-1-e-40"] < np.exp(-38.0)
    assert all(points[f"trained-{k}"].parameters is trained for k in range(3))
    assert [points[f"class-{k}"].labels.tolist() for k in range(3)] == [[0], [1], [2]]


def _hidden_sums(point: Point) -> Array:
    block = ARTICLE.blocks(point.parameters)[0]
    return np.asarray(point.inputs @ block[:-1] + block[-1])


def test_kinks_are_said() -> None:
    report = gradcheck(network=Network(4, (3,), 3, "relu"))
    assert [row.verdict for row in report.points if row.name == "kink"] == ["KINK"]


# A user's own backward pass.


def _own_backward(parameters: dict[str, Array], inputs: Array, labels: Indices) -> dict[str, Array]:
    hidden = 1.0 / (1.0 + np.exp(-(inputs @ parameters["hidden_1.weight"] + parameters["hidden_1.bias"])))
    logits = hidden @ parameters["output.weight"] + parameters["output.bias"]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    delta = powers / powers.sum(axis=1, keepdims=True)
    delta[np.arange(len(labels)), labels] -= 1.0
    delta /= len(labels)
    below = delta @ parameters["output.weight"].T * hidden * (1.0 - hidden)
    return {
        "output.weight": hidden.T @ delta,
        "output.bias": delta.sum(axis=0),
        "hidden_1.weight": inputs.T @ below,
        "hidden_1.bias": below.sum(axis=0),
    }


def test_a_users_backward_pass_is_told_where_its_digits_end() -> None:
    report = gradcheck(backward=_own_backward)
    wrong = {row.name for row in report.points if row.verdict == "WRONG"}
    # p - 1 and h (1 - h), the textbook's forms, lose their digits just here.
    assert wrong == {
        "saturated+20", "saturated-20", "saturated+40", "saturated-40", "saturated+300", "certain-1-e-40",
    }  # fmt: skip
    assert all(row.loss_over is None for row in report.points)


def test_a_users_backward_pass_of_the_wrong_shape() -> None:
    def incomplete(parameters: dict[str, Array], inputs: Array, labels: Indices) -> dict[str, Array]:
        return {name: array[:1] for name, array in _own_backward(parameters, inputs, labels).items()}

    with pytest.raises(IrisbpError, match=r"hidden_1\.weight must be an array of \(4, 3\), not \(1, 3\)"):
        gradcheck(backward=incomplete)
    with pytest.raises(IrisbpError, match="do not fit the network"):
        gradcheck(network=Network(3, (3,), 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": INPUTS}, "give both, or neither"),
        ({"inputs": INPUTS, "labels": LABELS[:5]}, "must be an array"),
        ({"inputs": INPUTS, "labels": LABELS + 0.5}, "whole numbers"),
        ({"inputs": INPUTS * np.nan, "labels": LABELS}, "must be finite"),
        ({"inputs": INPUTS, "labels": LABELS * 0}, "do not fit the network"),
        ({"network": Network(4, (3,), 3, "sine")}, "sine is not one of sigmoid"),
        ({"objective": Objective(l2=-1.0)}, "l2 is -1.0; it must be a finite number from 0"),
        ({"objective": Objective(class_weight=(1.0, 2.0))}, "a finite number above 0 for each of 3 classes"),
        ({"objective": Objective(class_weight=(1.0, 2.0, 0.0))}, "a finite number above 0 for each of 3"),
        ({"backward": lambda p, x, y: None}, "must return real arrays"),
        ({"backward": lambda p, x, y: {k: v * 1j for k, v in p.items()}}, "must return real arrays"),
    ],
)
def test_what_cannot_be_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(IrisbpError, match=message):
        gradcheck(**arguments)


def test_other_methods_get_the_digits_they_are_known_for() -> None:
    targets = make_targets(ARTICLE, INPUTS, LABELS, Objective())
    central = {row.point: row for row in compare("central", ARTICLE, Objective(), targets)}
    stepped = {row.point: row for row in compare("complex-step", ARTICLE, Objective(), targets)}
    assert 8.0 < central["class-0"].median_digits < 12.0
    assert central["saturated+40"].median_digits < 1.0
    assert stepped["class-0"].median_digits > 14.0
    assert all(row.backprop_worst_digits > 13.0 for row in central.values())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_other_methods_agree_with_the_reference_at_ordinary_points(method: str, activation: str) -> None:
    network, objective = Network(4, (3, 2), 3, activation), Objective("sum", 0.1)
    parameters = np.random.default_rng(5).normal(size=network.parameter_count)
    point = Point("ordinary", parameters, INPUTS[:3], LABELS[:3])
    reference = make_target(network, point, objective).choices[0][0].rounded
    _, gradient = METHODS[method](network, parameters, INPUTS[:3], LABELS[:3], objective)
    np.testing.assert_allclose(gradient, reference, rtol=0, atol=1e-8 if method == "central" else 1e-14)


def test_a_fault_that_is_none_is_not_caught() -> None:
    test = SelfTest(ARTICLE, INPUTS, LABELS)
    assert SCALED_BY[-1] == 1e-13
    for planted in scaled_entries(ARTICLE, 0.0):
        assert not test.find(planted).caught


def test_entries_are_gathered_honestly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("irisbp.gradients.faults.SCALED_BY", (1e-16, 1e-3))
    findings = list(SelfTest(ARTICLE, INPUTS, LABELS).findings())[-2:]
    assert findings[0].name == "any one entry * (1 + 1e-16): 0 of 27, 27 below rounding"
    assert findings[1].name == "any one entry * (1 + 0.001): 27 of 27"
    monkeypatch.setattr(_ScaledEntry, "finish", lambda self, network, gradient: None)
    missed = list(SelfTest(ARTICLE, INPUTS, LABELS).findings())[-1]
    assert (missed.caught, missed.named) == (False, [])


def test_a_fault_needs_an_objective_in_which_it_matters() -> None:
    test = SelfTest(ARTICLE, INPUTS, LABELS)
    forgotten = next(p for p in structural_faults(ARTICLE) if p.name == "forgotten L2 term")
    assert not test.find(Planted("without a penalty", forgotten.gradient_of, Objective())).caught
