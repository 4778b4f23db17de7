"""`irisbp gradcheck` as its users run it."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from irisbp import gradcheck
from irisbp.cli import gradcheck as command
from irisbp.errors import CheckFailed
from irisbp.nn.backprop import Backprop
from irisbp.nn.types import Array
from irisbp.show.gradcheck import print_report
from tests.conftest import CONFIGS, Irisbp


def test_the_articles_network_passes(irisbp: Irisbp) -> None:
    done = irisbp("gradcheck")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("PASS: 27 parameters at 19 points on 2 code paths (seed ")
    named = [line.split()[0] for line in lines if line]
    assert sum(name.startswith(("hidden_1.weight[", "output.bias[")) for name in named) == 12 + 3
    assert all(line == line.rstrip() for line in lines)
    assert irisbp("gradcheck").stdout == done.stdout


def test_json_and_overrides(irisbp: Irisbp) -> None:
    done = irisbp(
        "gradcheck", str(CONFIGS / "smoke.yaml"), "network.hidden=[5, 2]", "network.activation=relu", "--json"
    )
    report = json.loads(done.stdout)
    assert report["passed"] is True
    assert len(report["parameters"]) == 4 * 5 + 5 + 5 * 2 + 2 + 2 * 3 + 3
    assert {
        "name",
        "backprop",
        "reference",
        "relative_error",
        "digits",
        "over",
        "detects",
        "point",
        "verdict",
    } == set(report["parameters"][0])
    assert [row["verdict"] for row in report["points"]].count("KINK") == 1
    assert [(row["name"], row["most_rows"], row["verdict"]) for row in report["paths"]] == [
        ("plain", 100, "OK"), ("plain, side by side", 1, "OK"),
    ]  # fmt: skip


def test_a_run_is_checked_at_its_trained_parameters(irisbp: Irisbp, tmp_path: Path) -> None:
    irisbp("train", str(CONFIGS / "smoke.yaml"), "--name", "x", "--quiet")
    report = json.loads(irisbp("gradcheck", "runs/x", "--json").stdout)
    names = [row["name"] for row in report["points"]]
    assert [name for name in names if name.startswith("trained")] == [
        "trained-0", "trained-1", "trained-2", "trained-batch-7",
    ]  # fmt: skip
    done = irisbp("gradcheck", "runs/x", "seed=3")
    assert (done.returncode, "overrides are for a config, not for a run" in done.stderr) == (2, True)


def test_one_point(irisbp: Irisbp) -> None:
    done = irisbp("gradcheck", "--point", "class-1", "--json")
    assert [row["name"] for row in json.loads(done.stdout)["points"]] == ["class-1"]
    done = irisbp("gradcheck", "--point", "nowhere")
    assert done.returncode == 2
    assert "point nowhere: no such point; there are class-0, class-1" in done.stderr


def test_options_that_do_not_go_together(irisbp: Irisbp) -> None:
    for options in (["--self-test"], ["--method", "central"]):
        assert irisbp("gradcheck", "--only-bad", *options).returncode == 2


def test_only_bad_as_json(irisbp: Irisbp) -> None:
    done = irisbp("gradcheck", "--only-bad", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["passed"], found["parameters"], found["layers"], found["points"]) == (True, [], [], [])
    # The only node is not active there, so that its weights have no gradient.
    dead = ["network.activation=relu", "network.hidden=[1]", "--point", "class-1"]
    whole, bad = (
        json.loads(irisbp("gradcheck", *dead, *options, "--json").stdout) for options in ([], ["--only-bad"])
    )
    assert bad["parameters"] == [row for row in whole["parameters"] if row["verdict"] != "OK"] != []


@pytest.mark.parametrize("overrides", [["network.activation=relu", "network.hidden=[1]"], []])
def test_json_of_the_self_test_is_json(irisbp: Irisbp, overrides: list[str]) -> None:
    done = irisbp("gradcheck", *overrides, "--self-test", "--json")
    json.loads(done.stdout, parse_constant=pytest.fail)


def test_the_objective_of_the_config_is_checked(irisbp: Irisbp) -> None:
    done = irisbp("gradcheck", "l2=0.1", "reduction=sum", "--json")
    assert json.loads(done.stdout)["passed"] is True
    plain = json.loads(irisbp("gradcheck", "--json").stdout)
    assert json.loads(done.stdout)["parameters"][0]["reference"] != plain["parameters"][0]["reference"]


def test_numbers_stay_whole_where_it_is_narrow() -> None:
    report = gradcheck()
    for width in (30, 40, 60, 80, 120):
        stream = io.StringIO()
        print_report(Console(file=stream, width=width), report, only_bad=False)
        tables = stream.getvalue().split("PASS")[0].splitlines()
        assert all(len(line) <= width for line in tables)
        # Only the names of points and parameters are ever cut.
        numbers = re.sub(
            r"(batch|saturated|improbable|certain|weights|hidden|output|layer)\S*", "", "\n".join(tables)
        )
        assert not re.search(r"[\d.]\u2026", numbers)
        assert any("hidden_1.weight[3,2]" in line and "OK" in line for line in tables)


def test_only_bad_is_short_when_all_is_well(irisbp: Irisbp) -> None:
    assert len(irisbp("gradcheck", "--only-bad").stdout.splitlines()) == 1


def test_a_wrong_gradient_is_told_in_full(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = Backprop._backward

    def wrong(self: Backprop, inputs_transposed: Array) -> None:
        right(self, inputs_transposed)
        self._first_gradient *= -1.0

    monkeypatch.setattr(Backprop, "_backward", wrong)
    with pytest.raises(CheckFailed) as caught:
        command.gradcheck(only_bad=True)
    assert caught.value.exit_code == 3
    output = capsys.readouterr().out
    assert output.count("WRONG") >= 15 + 12
    assert "hint: hidden_1.weight: the sign is wrong (ratio -1) (seen at class-0)" in output
    assert "output.weight[" not in output.split("point ")[0]
    assert output.splitlines()[-1].startswith("FAIL: 15 WRONG; 27 parameters at 19 points on 2 code paths")


def test_self_test(irisbp: Irisbp) -> None:
    done = irisbp("gradcheck", "--self-test")
    assert done.returncode == 0
    assert "MISSED" not in done.stdout
    assert done.stdout.splitlines()[-1] == "PASS: all 37 caught; without a fault the copy passes"
    result = json.loads(irisbp("gradcheck", "--self-test", "--json").stdout)
    assert result["correct"] is True
    assert all(fault["caught"] for fault in result["faults"])
    names = [fault["name"] for fault in result["faults"]]
    assert names[-6:] == [
        *(f"every entry * (1 + 1e-09), batches of {rows}" for rows in (49, 50, 99, 100)),
        "plain: any one entry * (1 + 1e-09): 27 of 27",
        "plain, side by side: any one entry * (1 + 1e-09): 27 of 27",
    ]
    assert irisbp("gradcheck", "--self-test", "--point", "class-0").returncode == 2


@pytest.mark.parametrize("method", ["central", "complex-step"])
def test_methods(irisbp: Irisbp, method: str) -> None:
    done = irisbp("gradcheck", "--method", method, "--json")
    result = json.loads(done.stdout)
    assert result["method"] == method
    assert len(result["points"]) == 15
    assert f"{method}: worst" in irisbp("gradcheck", "--method", method).stdout
    assert irisbp("gradcheck", "--method", "forward").returncode == 2
