"""irisbp.gradcheck: the command's report, of configs, runs and a user's own backward pass."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import irisbp
from irisbp.gradients.faults import BackwardCopy
from irisbp.nn.types import Array, Indices
from tests.conftest import CONFIGS
from tests.making import make_run
from tests.test_library import HOSTILE, as_printed, finite, printed

SMOKE = CONFIGS / "smoke.yaml"


@pytest.mark.parametrize(
    ("overrides", "keys", "point"),
    [
        ([], {}, None),
        (
            ["network.hidden=[2]", "l2=0.1", "seed=4"],
            {"network": {"hidden": [2]}, "l2": 0.1, "seed": 4},
            None,
        ),
        (["reduction=sum", "numerics=portable"], {"reduction": "sum", "numerics": "portable"}, "batch-7"),
    ],
)
def test_the_command_prints_what_the_call_returns(
    overrides: list[str], keys: dict[str, Any], point: str | None
) -> None:
    options = ["--point", point] if point else []
    told = printed("gradcheck", SMOKE, *overrides, *options, "--json")
    report = irisbp.gradcheck(SMOKE, point=point, **keys)
    assert as_printed(finite(report.as_json())) == told
    assert irisbp.gradcheck(irisbp.load_config(SMOKE, overrides), point=point) == report


def test_a_run_is_checked_at_its_parameters_wherever_it_is(tmp_path: Path) -> None:
    recorded, here = make_run(tmp_path / "x", "epochs=2"), irisbp.train(epochs=2)
    report = irisbp.gradcheck(here)
    assert report == irisbp.gradcheck(recorded) == irisbp.gradcheck(tmp_path / "x")
    assert as_printed(finite(report.as_json())) == printed("gradcheck", tmp_path / "x", "--json")
    assert [row.name for row in report.points if "trained" in row.name] == [
        "trained-0", "trained-1", "trained-2", "trained-batch-7",
    ]  # fmt: skip
    with pytest.raises(irisbp.ConfigError, match="seed: keys are for a config, not for a run"):
        irisbp.gradcheck(tmp_path / "x", seed=3)
    with pytest.raises(irisbp.ConfigError, match="a run is checked with its own"):
        irisbp.gradcheck(here, objective=irisbp.Objective("sum"))


def test_tables_hold_what_the_json_says() -> None:
    report = irisbp.gradcheck(point="class-1")
    data = report.as_json()
    tables = {
        "parameters": report.table,
        "layers": report.layers_table,
        "points": report.points_table,
        "paths": report.paths_table,
    }
    for name, table in tables.items():
        assert list(table) == list(data[name][0])
        assert table.to_dict("records") == data[name]
    assert len(report.table) == 27
    assert report.table["backprop"].dtype == np.float64
    without_loss = replace(report, points=[replace(report.points[0], loss_over=None)])
    assert without_loss.points_table["loss_over"].dtype == np.float64
    assert pd.isna(without_loss.points_table["loss_over"][0])


def test_points_have_a_seed_of_their_own() -> None:
    reports = [irisbp.gradcheck(point="class-0", points_seed=seed) for seed in (1, 1, 2)]
    assert reports[0] == reports[1]
    assert reports[0].table["reference"].tolist() != reports[2].table["reference"].tolist()
    assert (reports[2].seed, reports[2].passed) == (2, True)


class _Own:
    """A backward pass that a user may have written, whose output biases are off by a factor."""

    def __init__(self, network: irisbp.Network, factor: float = 1.0, objective: Any = None) -> None:
        self._network, self._factor, self._objective = network, factor, objective or irisbp.Objective()

    def __call__(self, parameters: dict[str, Array], inputs: Array, labels: Indices) -> dict[str, Array]:
        vector = np.empty(self._network.parameter_count)
        for name, view in self._network.views(vector).items():
            view[...] = parameters[name]
        _, gradient = BackwardCopy()(self._network, vector, inputs, labels, self._objective)
        found = self._network.views(gradient)
        found["output.bias"] *= self._factor
        return found


def test_a_users_backward_pass_that_is_right() -> None:
    small = irisbp.Network(4, (2,), 3, "tanh")
    report = irisbp.gradcheck(backward=_Own(small), network={"hidden": [2], "activation": "tanh"})
    assert report.passed
    assert {row.loss_over for row in report.points} == {None}
    penalized = irisbp.Objective("sum", 0.5)
    assert irisbp.gradcheck(
        backward=_Own(small, objective=penalized), network=small, objective=penalized
    ).passed
    by_keys: dict[str, Any] = {"reduction": "sum", "l2": 0.5}
    assert irisbp.gradcheck(backward=_Own(small, objective=penalized), network=small, **by_keys).passed
    assert not irisbp.gradcheck(backward=_Own(small), network=small, **by_keys).passed


def test_a_users_backward_pass_that_is_wrong() -> None:
    report = irisbp.gradcheck(backward=_Own(irisbp.Network(4, (3,), 3), 1 + 1e-9))
    wrong = report.table[report.table["verdict"] == "WRONG"]
    assert not report.passed
    assert wrong["name"].tolist() == [f"output.bias[{k}]" for k in range(3)]
    assert wrong["relative_error"].to_numpy() == pytest.approx(1e-9, rel=1e-4)
    assert repr(report) == "<GradientReport FAIL: 27 parameters at 15 points, 3 WRONG>"


def test_samples_of_ones_own() -> None:
    draws = np.random.default_rng(3)
    inputs, labels = draws.normal(size=(20, 5)), np.arange(20) % 2
    network = irisbp.Network(5, (), 2)
    report = irisbp.gradcheck(network=network, inputs=inputs, labels=labels)
    assert report.passed
    assert len(report.table) == 5 * 2 + 2
    with pytest.raises(irisbp.IrisbpError, match="the samples do not fit the network: 5 inputs"):
        irisbp.gradcheck(inputs=inputs, labels=labels)
    with pytest.raises(irisbp.IrisbpError, match="inputs and labels: give both, or neither"):
        irisbp.gradcheck(labels=labels)
    with pytest.raises(irisbp.ConfigError, match="network"):
        irisbp.gradcheck(network=5)  # type: ignore[arg-type]


def test_a_report_shows_itself() -> None:
    report = irisbp.gradcheck(point="class-1")
    assert repr(report) == "<GradientReport PASS: 27 parameters at 1 point>"
    html = replace(report, hints=[HOSTILE])._repr_html_()
    assert html.count("<tr>") == 4 + 1 + 1 + 27
    assert "&lt;script&gt;" in html
    assert not {"\x1b", "\u202e"} & set(html)
    assert "<script" not in html
    large = irisbp.gradcheck(point="class-1", network={"hidden": [20]})
    assert large._repr_html_().count("<tr>") == 4 + 1 + 40
