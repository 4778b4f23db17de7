"""Faults in the code that trains, in every loop and at every size: each is found, and named where it is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import irisbp
from irisbp.cli import gradcheck as command
from irisbp.errors import CheckFailed
from irisbp.gradients import faults, paths
from irisbp.gradients.faults import BackwardCopy, SelfTest
from irisbp.gradients.report import GradientReport
from irisbp.gradients.sizes import Sizes, sizes_of
from irisbp.nn import activations, losses
from irisbp.nn.backprop import Backprop, Objective
from irisbp.nn.codegen import structure
from irisbp.nn.engines.many import plain as many_plain
from irisbp.nn.network import Network
from irisbp.nn.numerics.portable import sums
from irisbp.nn.types import Array, Indices
from irisbp.runs.gradcheck import case_of

Plant = Callable[[pytest.MonkeyPatch], None]
WRONG_BY = 1.0 + 1e-9
HIDDEN = [f"hidden_1.weight[{i},2]" for i in range(4)] + ["hidden_1.bias[2]"]
PLAIN, COMPILED = ["plain", "plain, side by side"], ["compiled", "compiled, side by side"]


def _wrong(rows: list[Any]) -> list[str]:
    return [row.name for row in rows if row.verdict == "WRONG"]


def _assert_named(
    report: GradientReport, parameters: list[str], code: list[str], points: list[str] | None = None
) -> None:
    assert not report.passed
    assert _wrong(report.parameters) == parameters
    assert _wrong(report.paths) == code
    if points is not None:
        assert _wrong(report.points) == points


# No false alarms.


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"batch_size": 16, "l2": 0.01, "network": {"hidden": [5, 2], "activation": "relu"}},
        {"batch_size": "all", "network": {"hidden": []}, "reduction": "sum", "class_weight": "balanced"},
        {"batch_size": 64, "network": {"hidden": [16], "activation": "softplus"}, "clip_norm": 0.1},
        {"batch_size": 7, "numerics": "portable", "network": {"hidden": [20]}},
        {"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True}, "network": {"activation": "tanh"}},
    ],
    ids=str,
)
def test_right_code_passes(keys: dict[str, Any]) -> None:
    report = irisbp.gradcheck(**keys)
    assert report.passed
    assert [row.name for row in report.paths] == (PLAIN[:1] if "numerics" in keys else PLAIN)
    assert {row.verdict for row in report.paths} == {"OK"}
    assert max(row.over for row in report.paths) < 0.2


def test_losses_of_many_runs_keep_their_digits_below_the_normal_numbers() -> None:
    # The other classes' powers are below 2^-1022 here, and their quotient with the label's is not.
    network = {"hidden": [40], "activation": "identity"}
    assert irisbp.gradcheck(network=network, points_seed=7, point="saturated+750").passed


_OPTIMIZERS: list[Any] = [
    "sgd",
    {"name": "sgd", "momentum": 0.9},
    {"name": "sgd", "momentum": 0.5, "nesterov": True},
    "rmsprop",
    "adagrad",
    "adadelta",
    {"name": "adam", "amsgrad": True},
    "adamw",
    "nadam",
]


@pytest.mark.parametrize("optimizer", _OPTIMIZERS, ids=str)
@pytest.mark.parametrize("keys", [{}, {"batch_size": 16, "l2": 0.1, "clip_norm": 0.5}], ids=str)
def test_right_compiled_code_passes_with_each_optimizer(optimizer: Any, keys: dict[str, Any]) -> None:
    _needs_llvmlite()
    report = irisbp.gradcheck(engine="compiled", optimizer=optimizer, network={"hidden": [2]}, **keys)
    assert report.passed
    assert [row.name for row in report.paths] == COMPILED + PLAIN
    assert max(row.over for row in report.paths) < 0.2


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
def test_right_compiled_code_passes_with_each_activation(activation: str) -> None:
    _needs_llvmlite()
    for keys in ({"class_weight": "balanced"}, {"batch_size": 40, "reduction": "sum"}):
        network = {"hidden": [5, 2], "activation": activation}
        report = irisbp.gradcheck(engine="compiled", network=network, **keys)
        assert report.passed
        assert max(row.over for row in report.paths) < 0.2


def _needs_llvmlite() -> None:
    if not structure.available():
        pytest.skip(f"llvmlite is not installed: {structure.HOW_TO_INSTALL}")


# The sizes.


def test_sizes_are_both_sides_of_where_code_changes() -> None:
    # 1,000 values of 16 nodes are 62.5 rows; 300 powers of 3 classes are 100 rows, or 50 with two sums each.
    assert sizes_of(Network(4, (16,), 3), 1, 150) == Sizes((49, 50, 62, 63), (99, 100))
    assert sizes_of(Network(4, (16,), 3), 1, 62) == Sizes((49, 50, 62), ())
    assert sizes_of(Network(4, (3,), 3, "tanh"), 64, 150) == Sizes((22, 49, 50, 64), (22, 64, 99, 100))
    # 12 numbers, 400 results and 4,096 products: of 10 nodes and 2 classes.
    portable = sizes_of(Network(1, (10,), 2, "tanh", "portable"), 1, 1000).near
    assert portable == (2, 6, 12, 13, 40, 41, 74, 75, 186, 187, 200, 201, 204, 205)


def test_points_have_those_sizes_and_the_paths_their_points() -> None:
    report = irisbp.gradcheck(batch_size=16)
    rows = {row.name: row.rows for row in report.points if "batch" in row.name}
    assert rows == {
        "batch-7": 7, "batch-6": 6, "batch-16": 16, "batch-49": 49, "batch-50": 50,
        "far-batch-6": 6, "far-batch-16": 16, "far-batch-99": 99, "far-batch-100": 100,
    }  # fmt: skip
    assert [(row.name, row.points, row.most_rows) for row in report.paths] == [
        ("plain", 14 + 9, 100), ("plain, side by side", 14 + 5, 16),
    ]  # fmt: skip


def test_a_users_own_pass_is_one_path_at_the_usual_points() -> None:
    def backward(parameters: dict[str, Array], inputs: Array, labels: Indices) -> dict[str, Array]:
        network = Network(4, (3,), 3)
        vector = np.concatenate([array.ravel() for array in parameters.values()])
        return network.views(BackwardCopy()(network, vector, inputs, labels, Objective())[1])

    report = irisbp.gradcheck(backward=backward, batch_size=16)
    assert report.passed
    assert [(row.name, row.points) for row in report.paths] == [("backward", 15)]


# Faults in the plain loop of one run.


def _many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    right = activations._sigmoid_of_many

    def wrong(slope: Array, value: Array) -> None:
        right(slope, value)
        if slope.ndim == 2:  # one run's
            slope[:, 2] *= WRONG_BY

    monkeypatch.setattr(activations, "_sigmoid_of_many", wrong)


def test_a_slope_wrong_from_1000_values_on(monkeypatch: pytest.MonkeyPatch) -> None:
    _many_values(monkeypatch)
    report = irisbp.gradcheck(network={"hidden": [16]})
    _assert_named(report, HIDDEN, ["plain"], ["batch-63", "far-batch-99", "far-batch-100"])
    assert irisbp.gradcheck(network={"hidden": [6]}).passed  # 150 rows of it have 900 values


def _many_powers(monkeypatch: pytest.MonkeyPatch) -> None:
    right = losses._sums_of_pairs

    def wrong(terms: Array) -> Array:
        return right(terms) * WRONG_BY

    monkeypatch.setattr(losses, "_sums_of_pairs", wrong)


def test_a_sum_wrong_from_300_powers_on(monkeypatch: pytest.MonkeyPatch) -> None:
    _many_powers(monkeypatch)
    report = irisbp.gradcheck()
    names = [row.name for row in report.parameters]
    _assert_named(report, names, ["plain"], ["batch-50", "far-batch-99", "far-batch-100"])


@pytest.mark.parametrize(("rows", "point"), [(16, "batch-16"), (6, "batch-6")])
def test_a_batch_wrong_at_one_size(monkeypatch: pytest.MonkeyPatch, rows: int, point: str) -> None:
    right = Backprop.batch

    def wrong(self: Backprop, inputs: Array, labels: Indices, objective: Objective) -> tuple[Array, Indices]:
        result = right(self, inputs, labels, objective)
        if len(labels) == rows:
            self._first_gradient[:, 2] *= WRONG_BY
        return result

    monkeypatch.setattr(Backprop, "batch", wrong)
    _assert_named(irisbp.gradcheck(batch_size=16), HIDDEN, ["plain"], [point, f"far-{point}"])
    assert irisbp.gradcheck().passed


def test_what_a_full_batch_leaves_to_the_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Backprop.batch

    def wrong(self: Backprop, inputs: Array, labels: Indices, objective: Objective) -> tuple[Array, Indices]:
        before = self._first_gradient[:, 2].copy()
        result = right(self, inputs, labels, objective)
        if len(labels) == 6 and before.any():
            self._first_gradient[:, 2] += before
        return result

    monkeypatch.setattr(Backprop, "batch", wrong)
    report = irisbp.gradcheck(batch_size=16)
    _assert_named(report, HIDDEN, ["plain"])
    assert "batch-6" in _wrong(report.points)


@pytest.mark.parametrize("function", ["_one_by_one", "_many_at_once"])
def test_a_product_wrong_in_portable_numerics(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    right = getattr(sums, function)

    def wrong(left: Array, right_factor: Array, out: Array) -> Array:
        right(left, right_factor, out)
        if out.shape == (5, 20) or (function == "_one_by_one" and out.shape[1] == 20):
            out[:, 2] *= WRONG_BY
        return out

    monkeypatch.setattr(sums, function, wrong)
    report = irisbp.gradcheck(numerics="portable", network={"hidden": [20]})
    assert set(HIDDEN) <= set(_wrong(report.parameters))
    assert _wrong(report.paths) == ["plain"]


# Faults in the plain loop of many runs.


def _wrong_gradient(name: str) -> Plant:
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = getattr(many_plain, name)

        def wrong(inputs: Array, delta: Array, gradient: Array) -> None:
            right(inputs, delta, gradient)
            if gradient.shape[0] == 5:
                gradient[:, 2] *= WRONG_BY

        monkeypatch.setattr(many_plain, name, wrong)

    return plant


def _wrong_slope(activation_of: dict[str, Any]) -> Plant:
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = activation_of["sigmoid"]

        def wrong(pair: Array, slope: Array, value: Array) -> None:
            right(pair, slope, value)
            slope[2] *= WRONG_BY

        monkeypatch.setitem(activation_of, "sigmoid", wrong)

    return plant


def _mixed_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    right = many_plain._Step.backward

    def wrong(self: Any, inputs: Array) -> None:
        right(self, inputs)
        self._first_gradient[:, 2] = np.roll(self._first_gradient[:, 2], 1, axis=-1)

    monkeypatch.setattr(many_plain._Step, "backward", wrong)


@pytest.mark.parametrize(
    ("plant", "keys"),
    [
        (_wrong_gradient("_product"), {}),
        (_wrong_gradient("_product"), {"optimizer": "adam"}),
        (_wrong_gradient("_sum_of_products"), {"batch_size": 16}),
        (_wrong_slope(many_plain._QUICK), {}),
        (_wrong_slope(many_plain._CAREFUL), {}),
        (_mixed_runs, {}),
    ],
)
def test_a_fault_in_the_loop_of_many_runs(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, keys: dict[str, Any]
) -> None:
    plant(monkeypatch)
    _assert_named(irisbp.gradcheck(**keys), HIDDEN, ["plain, side by side"])


@pytest.mark.parametrize("first", [0, 49])
def test_a_fault_where_logits_of_many_runs_need_a_shift(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    right = many_plain._Forward.correct

    def wrong(self: Any, *arrays: Any) -> tuple[Indices, Array]:
        far, values = right(self, *arrays)
        self._delta.reshape(3, -1)[1, far[first:]] *= WRONG_BY  # 49 samples have fewer than 300 powers, twice
        return far, values

    monkeypatch.setattr(many_plain._Forward, "correct", wrong)
    report = irisbp.gradcheck()
    assert set(_wrong(report.parameters)) >= {f"output.weight[{i},1]" for i in range(3)}
    assert _wrong(report.paths) == ["plain, side by side"]
    assert _wrong(report.points) == ["improbable-e-700"]


def test_a_penalty_left_out_in_the_loop_of_many_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(self: Any) -> None:
        self._optimizer.update(self._parameters, self._gradient)

    monkeypatch.setattr(many_plain.PlainLoopOfRuns, "_update", wrong)
    report = irisbp.gradcheck(l2=0.1)
    _assert_named(
        report, [row.name for row in report.parameters if "weight" in row.name], ["plain, side by side"]
    )


# Faults in compiled code.


def _compiled_fault(monkeypatch: pytest.MonkeyPatch, method: str, wrong: Callable[..., Any]) -> None:
    """Replace a method that writes code by wrong(right, self, ...), and keep nothing of what it writes."""
    _needs_llvmlite()
    from irisbp.nn.codegen import loop, objects

    right = getattr(loop._Loop, method)
    monkeypatch.setattr(objects, "code_cache", lambda: None)
    monkeypatch.setattr(objects, "function", objects.function.__wrapped__)
    monkeypatch.setattr(loop._Loop, method, lambda self, *rest: wrong(right, self, *rest))


@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize(
    ("keys", "method"),
    [
        ({}, "_descend"),
        ({"batch_size": 16}, "_take_gradient"),
        ({"optimizer": "adam"}, "_take_gradient"),
    ],
    ids=str,
)
def test_a_fault_in_compiled_code(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any], method: str, lanes: int
) -> None:
    def wrong(right: Callable[..., Any], self: Any, layer: Any) -> None:
        if self._structure.lanes == lanes and layer is self._layers[0]:
            code = self._code
            code.store(layer.deltas, 2, code.load(layer.deltas, 2) * WRONG_BY)
        right(self, layer)

    _compiled_fault(monkeypatch, method, wrong)
    report = irisbp.gradcheck(engine="compiled", **keys)
    _assert_named(report, HIDDEN, [COMPILED[lanes > 1]])


def test_compiled_weights_that_change_before_the_delta_goes_through_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(right: Callable[..., Any], self: Any) -> None:
        for layer in reversed(self._layers):
            self._take_gradient(layer)
            if layer is not self._layers[0]:
                self._carry_down(layer, self._layers[self._layers.index(layer) - 1])

    _compiled_fault(monkeypatch, "_backward", wrong)
    report = irisbp.gradcheck(engine="compiled")
    assert _wrong(report.paths) == COMPILED
    assert all(name.startswith("hidden_1") for name in _wrong(report.parameters))


def test_a_large_network_is_checked_by_the_code_that_trains_it() -> None:
    _needs_llvmlite()
    report = irisbp.gradcheck(engine="compiled", network={"hidden": [3] * 8}, point="class-0")
    assert [row.name for row in report.paths] == PLAIN  # of more than 8 layers no code is written


def test_the_command_names_path_and_parameters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _wrong_gradient("_product")(monkeypatch)
    with pytest.raises(CheckFailed):
        command.gradcheck(only_bad=True)
    output = capsys.readouterr().out
    assert "plain, side by side      14" in output
    assert "\nplain  " not in output
    assert [line.split()[0] for line in output.splitlines() if line.startswith("hidden_1")] == HIDDEN
    assert "hint: hidden_1.weight: right to six digits, and off by less in 4 of 12 entries" in output
    assert "(seen at class-0, plain, side by side)" in output
    assert output.splitlines()[-1].startswith("FAIL: 5 WRONG; 27 parameters at 19 points on 2 code paths")


# The self-test.


def test_a_size_and_a_path_that_are_not_checked_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(keys={"batch_size": 16})
    loops = case.loops

    def missed(**changed: Any) -> list[str]:
        test = SelfTest(case.network, case.inputs, case.labels, loops=replace(loops, **changed))
        return [finding.name for finding in test.findings() if not finding.caught]

    assert missed() == []
    monkeypatch.setattr(faults, "_WrongAtSize", lambda rows: BackwardCopy())
    assert [name.split()[-1] for name in missed()] == ["6", "16", "49", "50", "99", "100"]
    monkeypatch.undo()
    monkeypatch.setattr(faults, "_scaled", lambda judgement, entry, reading: judgement)
    assert missed() == [f"{path}: any one entry * (1 + 1e-09): 0 of 27" for path in PLAIN]


# Kinks.


@pytest.mark.parametrize(
    ("activation", "side", "factor"),
    [("relu", 0.0, np.nan), ("relu", 1.0, np.nan), ("leaky_relu", 0.01, -1e6), ("leaky_relu", 1.0, -1e6)],
)
def test_a_fault_elsewhere_accuses_no_entry_at_a_kink(activation: str, side: float, factor: float) -> None:
    network = Network(4, (3,), 3, activation)

    class _Sided(BackwardCopy):
        def slope(self, slope: Array, value: Array) -> Array:
            result = slope.copy()
            result[:, 0] = side
            return result

        def finish(self, network: Network, gradient: Array) -> None:
            gradient[-1] *= factor  # the largest error by far, whichever side is taken

    def backward(parameters: dict[str, Array], inputs: Array, labels: Indices) -> dict[str, Array]:
        vector = np.concatenate([array.ravel() for array in parameters.values()])
        return network.views(_Sided()(network, vector, inputs, labels, Objective())[1])

    report = irisbp.gradcheck(backward=backward, network=network, point="kink")
    assert _wrong(report.parameters) == ["output.bias[2]"]


def test_reading_off_an_update_is_exact_to_the_last_digits() -> None:
    before = np.array([1.5, -300.0, 0.1, 0.0])
    gradient = np.array([0.3, 1e-131, -7e5, 1e-200])
    with np.errstate(all="ignore"):
        read = paths._read(before, before - 2.0**890 * gradient, 2.0**890)
    assert np.all(np.abs(read - gradient) <= 2.0**-52 * np.abs(gradient) + 2.0**-943 * np.abs(before))
