"""irisbp.explain: the command's numbers, of configs and of runs wherever they are, and their forms."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import irisbp
from tests.conftest import CONFIGS
from tests.making import make_run
from tests.test_library import HOSTILE, as_printed, finite, printed

SMOKE = CONFIGS / "smoke.yaml"


@pytest.mark.parametrize(
    ("overrides", "place", "parameter"),
    [
        ([], {}, "x1a3"),
        (["optimizer=adam", "batch_size=16", "seed=3"], {"step": 5}, "hidden_1.bias[1]"),
        (["data.shuffle=every_epoch", "l2=0.1"], {"epoch": 2, "sample": 17}, "bz2"),
        (["network.hidden=[2,2]", "numerics=portable"], {"sample": 40}, "hidden_2.weight[1,0]"),
    ],
)
def test_the_command_prints_what_the_call_returns(
    overrides: list[str], place: dict[str, int], parameter: str
) -> None:
    arguments = [SMOKE, *overrides, *(f"--{name}={value}" for name, value in place.items()), "--json"]
    update = irisbp.explain(irisbp.load_config(SMOKE, overrides), **place)
    assert as_printed(finite(update.as_json())) == printed("explain", *arguments)
    told = printed("explain", *arguments, "--parameter", parameter)
    assert as_printed(finite(update.gradient(parameter).as_json())) == told


def test_keys_are_the_configs() -> None:
    by_keys = irisbp.explain(SMOKE, step=3, optimizer={"name": "adam", "beta1": 0.8}, batch_size=4)
    assert by_keys.as_json() == irisbp.explain(
        irisbp.load_config(SMOKE, ["optimizer={name: adam, beta1: 0.8}", "batch_size=4"]), step=3
    ).as_json()  # fmt: skip
    assert by_keys.worked.config.batch_size == 4


@pytest.mark.parametrize("overrides", [["epochs=2"], ["epochs=2", "batch_size=20", "data.validation=0.2"]])
def test_a_run_in_memory_is_explained_like_a_recorded_one(overrides: list[str], tmp_path: Path) -> None:
    recorded = make_run(tmp_path / "x", *overrides)
    here = irisbp.train(irisbp.load_config(None, overrides))
    last = here.manifest.steps
    for step in (1, last // 2, last):
        updates = [irisbp.explain(run, step=step) for run in (here, recorded, tmp_path / "x")]
        assert updates[0].as_json() == updates[1].as_json() == updates[2].as_json()
        assert [update.worked.recorded for update in updates] == [True] * 3
        assert as_printed(updates[0].as_json()) == printed(
            "explain", tmp_path / "x", "--step", step, "--json"
        )
    np.testing.assert_array_equal(updates[0].worked.new, here.vector)
    assert updates[0].gradient("bz1").as_json() == updates[1].gradient("bz1").as_json()


def test_a_run_of_a_frame_is_explained_with_its_rows() -> None:
    frame = pd.DataFrame({"a": [0.5, 1.0, -2.0, 4.0], "b": [1.0, 0.0, 2.0, -1.0], "y": ["n", HOSTILE] * 2})
    run = irisbp.train(table=frame, target="y", epochs=3)
    for sample in range(4):
        update = irisbp.explain(run, epoch=3, sample=sample)
        inputs = update.as_json()["inputs"]
        assert inputs["measured"] == frame[["a", "b"]].iloc[sample].tolist()
        assert update.label == frame["y"][sample]
        assert update.loss == run.steps.set_index(["epoch", "sample"])["loss"][3, sample]
    check_escaped(irisbp.explain(run, sample=1))


def check_escaped(update: irisbp.ExplainedUpdate) -> None:
    """Hostile names are text in every form."""
    gradient = update.gradient("x1a1")
    for text in (repr(update), repr(gradient), update._repr_html_(), gradient._repr_html_()):
        assert not {"\x1b", "\u202e"} & set(text)
    for html in (update._repr_html_(), gradient._repr_html_()):
        assert "&lt;script&gt;" in html
        assert "<script" not in html


def test_a_run_that_was_stopped_ends_where_it_ended() -> None:
    run = irisbp.train(epochs=3, should_stop=lambda: "enough")
    last = run.manifest.steps
    np.testing.assert_array_equal(irisbp.explain(run, step=last).worked.new, run.vector)
    with pytest.raises(irisbp.IrisbpError, match=f"the steps are 1 to {last}"):
        irisbp.explain(run, step=last + 1)
    with pytest.raises(irisbp.IrisbpError, match=f"the run was stopped after step {last}"):
        irisbp.explain(run, epoch=3, sample=0)


def test_a_run_that_did_not_record_its_steps_is_explained() -> None:
    run = irisbp.train(epochs=2, record="epochs")
    update = irisbp.explain(run, step=300)
    assert not update.worked.recorded
    np.testing.assert_array_equal(update.worked.new, run.vector)


def test_tables_hold_what_the_json_says() -> None:
    update = irisbp.explain(step=2)
    data, table = update.as_json(), update.parameters
    assert list(table) == ["name", "article_name", "sample_gradient", "gradient", "change", "old", "new"]
    assert table.to_dict("records") == data["parameters"]
    assert (table["old"] - table["change"] == table["new"]).all()
    row = table.set_index("article_name").loc["x1a3"]
    gradient = update.gradient("x1a3")
    assert (gradient.name, gradient.value) == (row["name"], row["sample_gradient"])
    paths, factors = gradient.paths, gradient.factors
    assert paths.to_dict("records") == gradient.as_json()["paths"]
    assert factors.to_dict("records") == gradient.as_json()["factors"]
    assert list(factors) == ["of", "by", "called", "value"]
    assert [np.prod(factors) for factors in paths["factors"]] == pytest.approx(paths["product"].tolist())
    assert paths["product"].sum() == pytest.approx(gradient.value, rel=1e-14)


def test_too_many_paths_are_an_empty_table() -> None:
    gradient = irisbp.explain(network={"hidden": [2, 20, 20]}).gradient("hidden_1.bias[0]")
    assert list(gradient.paths) == ["nodes", "factors", "product"]
    assert (len(gradient.paths), len(gradient.factors), gradient.chain.count) == (0, 0, 1200)
    assert "1200 paths, more than 1000" in gradient._repr_html_()
    assert gradient.ways[0].name == "sum over the paths"
    assert gradient.ways[0].value == gradient.chain.total


def test_results_show_themselves() -> None:
    update = irisbp.explain()
    gradient = update.gradient("x1a3")
    assert repr(update).startswith("<ExplainedUpdate step 1, epoch 1, sample 141: virginica, loss ")
    assert repr(gradient) == (
        f"<ExplainedGradient d loss/d hidden_1.weight[0,2] (x1a3) = {gradient.value!r}: 3 paths, step 1>"
    )
    assert update._repr_html_().count("<tr>") == 6 + 1 + 27
    assert gradient._repr_html_().count("<tr>") == 6 + (1 + 3 + 1) + (1 + 1 + 4)
    batch = irisbp.explain(batch_size=30, network={"hidden": [50]})
    assert " sample 141 of 30: " in repr(batch)
    assert "... and 363 more" in batch._repr_html_()
    assert batch._repr_html_().count("<tr>") == 6 + 1 + 40 + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step": 1, "epoch": 1}, "step and epoch: give one of them"),
        ({"epoch": 1}, "epoch needs sample"),
        ({"step": 7501}, "step 7501: the steps are 1 to 7500"),
        ({"sample": 150}, "sample 150: the samples are 0 to 149"),
        ({"step": 1, "sample": 0}, "sample 0: step 1 takes 141"),
        ({"sede": 1}, "unknown key sede; did you mean seed?"),
    ],
)
def test_what_is_not_there(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(irisbp.IrisbpError) as raised:
        irisbp.explain(**arguments)
    assert message in str(raised.value)


def test_a_run_is_taken_as_it_is() -> None:
    run = irisbp.train(epochs=1)
    with pytest.raises(irisbp.ConfigError, match="seed: keys are for a config, not for a run"):
        irisbp.explain(run, seed=3)
    with pytest.raises(irisbp.IrisbpError, match=r"parameter x9a9: there are hidden_1\.weight\[0,0\]"):
        irisbp.explain(run).gradient("x9a9")


def test_a_wrong_name_is_reported_before_training() -> None:
    started = time.perf_counter()
    with pytest.raises(irisbp.IrisbpError, match="parameter x9a9"):
        printed("explain", SMOKE, "epochs=1000000", "--step", 10**8, "--parameter", "x9a9")
    assert time.perf_counter() - started < 20
