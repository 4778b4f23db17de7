"""A table of its own for validation: held out whole, read as the other one is; its figures are NumPy's."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import irisbp
from irisbp.errors import DataError, IrisbpError, RunError
from tests.conftest import Irisbp

KEYS = ("data.source=t.csv", "data.target=y", "data.categorical=[c]")


def _rows(seed: int, count: int) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    labels = draws.integers(0, 2, count)
    return pd.DataFrame(
        {
            "a": np.round(draws.normal(labels, 1.0), 3),
            "b": np.round(draws.normal(-labels, 1.0), 3),
            "c": draws.choice(["p", "q", "r"], count),
            "y": np.where(labels, "yes", "no"),
        }
    )


@pytest.fixture(autouse=True)
def _tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _rows(1, 40).to_csv("t.csv", index=False)
    _rows(2, 12).to_csv("v.csv", index=False)


def _config(**data: Any) -> dict[str, Any]:
    given = {"source": "t.csv", "target": "y", "categorical": ["c"], "validation_source": "v.csv"}
    return {"epochs": 4, "network": {"hidden": [3], "activation": "tanh"}, "data": given | data}


def _values(rows: pd.DataFrame, fill: dict[str, float]) -> npt.NDArray[np.float64]:
    """The inputs of rows before they are standardized: none of c's is 1 for another category."""
    words = [(rows["c"] == name).to_numpy() for name in ("p", "q", "r")]
    columns = [rows["a"].fillna(fill.get("a", np.nan)).to_numpy(), rows["b"].to_numpy(), *words]
    return np.column_stack(columns).astype(np.float64)


def _loss(run: irisbp.Run, held_out: pd.DataFrame, fill: dict[str, float]) -> float:
    """The mean cross-entropy of rows, computed by pandas and NumPy from the training table's own figures."""
    values, fitted = _values(held_out, fill), _values(pd.read_csv("t.csv"), fill)
    inputs = (values - fitted.mean(axis=0)) / fitted.std(axis=0, ddof=1)
    p = run.parameters
    hidden = np.tanh(inputs @ p["hidden_1.weight"] + p["hidden_1.bias"])
    logits = hidden @ p["output.weight"] + p["output.bias"]
    true = logits[np.arange(len(logits)), [run.classes.index(name) for name in held_out["y"]]]
    return float((np.log(np.exp(logits).sum(axis=1)) - true).mean())


def test_its_rows_are_held_out_and_change_nothing_else() -> None:
    run = irisbp.train(_config(), directory="x")
    alone = irisbp.train(_config(validation_source=None), directory="y")
    assert Path("x/steps.csv").read_bytes() == Path("y/steps.csv").read_bytes()
    np.testing.assert_array_equal(run.vector, alone.vector)
    expected = _loss(run, _rows(2, 12), {})
    for found in (run, irisbp.open_run("x")):
        evaluation = found.evaluate()
        assert (evaluation.rows, evaluation.samples) == ("validation", 12)
        assert evaluation.loss == pytest.approx(expected, rel=1e-12)
        assert (found.evaluate("training").samples, found.evaluate("all").samples) == (40, 52)
    assert run.epochs["validation_loss"].iloc[-1] == pytest.approx(expected, rel=1e-12)
    assert irisbp.verify("x").equal
    manifest = json.loads(Path("x/manifest.json").read_text())
    kept = manifest["data"]["validation_table"]
    assert kept["sha256"] == hashlib.sha256(Path("v.csv").read_bytes()).hexdigest()
    assert (kept["reading"]["rows"], manifest["data"]["rows"], manifest["data"]["validation"]) == (12, 52, 12)


def test_missing_cells_and_categories_never_seen_are_treated_by_the_training_rows() -> None:
    trained, held_out = _rows(1, 40), _rows(2, 12)
    trained.loc[3, "a"] = held_out.loc[5, "a"] = np.nan
    held_out.loc[7, "c"] = "never"
    trained.to_csv("t.csv", index=False)
    held_out.to_csv("v.csv", index=False)
    run = irisbp.train(_config(missing="median", unknown="zeros"), directory="x")
    expected = _loss(run, held_out, {"a": float(trained["a"].median())})
    assert run.evaluate().loss == pytest.approx(expected, rel=1e-12)
    assert irisbp.open_run("x").evaluate().loss == pytest.approx(expected, rel=1e-12)
    dropped = irisbp.train(_config(missing="drop", unknown="zeros"))
    assert dropped.evaluate().samples == 11
    with pytest.raises(DataError, match="line 9, column c: no training row has 'never'"):
        irisbp.train(_config(missing="median"))


@pytest.mark.parametrize("engine", ["plain", "compiled"])
def test_every_engine_and_sweeps_have_its_figures(engine: str) -> None:
    swept = irisbp.sweep(_config(), {"seed": range(5)}, engine=engine, jobs=1)
    losses = [irisbp.train(_config(), seed=seed).evaluate().loss for seed in range(5)]
    np.testing.assert_allclose(swept.results["validation_loss"], losses, rtol=1e-12)
    last = swept.curves.query("epoch == 4")["validation_loss"]
    np.testing.assert_allclose(last, losses, rtol=1e-12)
    assert swept.as_json()["ranked_by"] == "validation_loss"
    told = swept.as_json()["tables"]
    assert [(each["table"]["rows"], each["validation_table"]["rows"]) for each in told] == [(40, 12)]


def test_early_stopping_monitors_it_and_a_resumed_run_is_the_same() -> None:
    config = _config() | {"epochs": 60, "learning_rate": 0.5, "early_stopping": {"patience": 4}}
    whole = irisbp.train(config, directory="x")
    held_out = whole.epochs["validation_loss"].to_numpy()
    assert whole.manifest.stopped_early
    assert whole.manifest.best_epoch == held_out.argmin() + 1 == len(held_out) - 4
    stopped = irisbp.train(config, directory="y", should_stop=lambda: True)
    assert stopped.status == "interrupted"
    irisbp.resume("y")
    for name in ("config.yaml", "steps.csv", "epochs.csv", "parameters.npz", "best_parameters.npz"):
        assert Path("x", name).read_bytes() == Path("y", name).read_bytes()


def test_a_change_of_it_is_noticed() -> None:
    irisbp.train(_config(), directory="x")
    irisbp.train(_config(), directory="y", should_stop=lambda: True)
    swept = irisbp.sweep(_config(), {"seed": range(2)}, directory="s", jobs=1)
    _rows(3, 12).to_csv("v.csv", index=False)
    changed = f"{Path('v.csv').absolute()} has changed since"
    for act in (
        lambda: irisbp.open_run("x").evaluate(),
        lambda: irisbp.verify("x"),
        lambda: irisbp.resume("y"),
        lambda: swept.run(1),
        lambda: irisbp.open_sweep("s").config(0),
    ):
        with pytest.raises(IrisbpError, match=changed):
            act()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,y,w\n1,2,no,3\n", "no column c, as {t} has it; there are a, b, y, w"),
        ("a,b,c,y,w\n1,2,p,no,3\n", "column w is not in {t}; data.features=[a, b, c] names those to use"),
        ("a,b,c,y\n1,2,p,no\n1,2,q,maybe\n", "line 3: class maybe (1 row), not one of no, yes"),
        ("a,b,c,y\n1,,p,no\n1,x,z,yes\n", "line 3, column b: 'x' is not"),
        ("a,b,c,y\n1,,p,no\n1,x,z,yes\n", "line 3, column c: no training row has 'z' (1 row): data.unknown"),
        ("a,b,c,y\n1,,p,no\n", "1 of 1 rows has a missing cell (line 2): data.missing=drop"),
        ("a,b,c,y\n", "no rows below the header"),
        ("a;b;c;y\n1;2;p;no\n", "line 1: one column; its cells seem to be separated by a semicolon"),
    ],
)
def test_what_does_not_fit_the_other_table(content: str, message: str) -> None:
    Path("v.csv").write_text(content)
    with pytest.raises(DataError) as caught:
        irisbp.train(_config())
    text = str(caught.value)
    assert text.startswith(f"{Path('v.csv').absolute()}: ")
    assert message.format(t=Path("t.csv").absolute()) in text


def test_an_index_that_only_one_of_the_two_has_is_no_matter() -> None:
    _rows(2, 12).to_csv("v.csv")
    assert irisbp.train(_config()).evaluate().samples == 12


def test_iris_can_be_validated_by_a_table() -> None:
    Path("v.csv").write_text("sepal_length,sepal_width,petal_length,petal_width,species\n5,3,1,0,setosa\n")
    run = irisbp.train({"epochs": 2, "data": {"validation_source": "v.csv"}})
    assert (run.evaluate().samples, run.evaluate("training").samples) == (1, 150)


def test_frames_are_kept_beside_the_run() -> None:
    frames: dict[str, Any] = {"table": _rows(1, 40), "validation_table": _rows(2, 12), "target": "y"}
    keys: dict[str, Any] = {"epochs": 3, "data": {"categorical": ["c"]}}
    run = irisbp.train(**frames, **keys, directory="x")
    in_memory = irisbp.train(**frames, **keys)
    pd.testing.assert_frame_equal(pd.read_csv("x/validation.csv"), _rows(2, 12))
    assert run.evaluate().loss == in_memory.evaluate().loss == irisbp.open_run("x").evaluate().loss
    assert irisbp.verify("x").equal
    assert irisbp.train(**frames, **keys, directory="x", resume=True).status == "completed"
    other = frames | {"validation_table": _rows(3, 12)}
    with pytest.raises(RunError, match=r"validation\.csv is not the table that is given"):
        irisbp.train(**other, **keys, directory="x", resume=True)
    irisbp.train(**frames, **keys, directory="x", overwrite=True)
    with pytest.raises(DataError, match="validation_table: needs table"):
        irisbp.train(validation_table=_rows(2, 12))
    keys["data"]["validation_source"] = "v.csv"
    with pytest.raises(DataError, match="table: give validation_table, a DataFrame too, in place of data"):
        irisbp.train(table=_rows(1, 40), target="y", **keys)


def test_it_is_told_and_checked_on_the_command_line(irisbp: Irisbp) -> None:
    done = irisbp("train", *KEYS, "data.validation_source=v.csv", "epochs=2", "--name", "x", "--json")
    counts = _rows(2, 12)["y"].value_counts()
    assert f"held out  12 rows; classes: no {counts['no']}, yes {counts['yes']}\n" in done.stderr
    found = json.loads(done.stdout)
    assert (found["table"]["rows"], found["validation_table"]["rows"]) == (40, 12)
    shown = irisbp("evaluate", "runs/x")
    assert f"samples            12 (validation rows of {Path('v.csv').absolute()}, " in shown.stdout
    assert "held out  12 rows" in shown.stderr
    described = irisbp("runs", "show", "runs/x").stdout
    assert re.search(rf"\ndata +{Path('t.csv').absolute()}, 40 rows\n", described)
    assert re.search(rf"\nheld out +{Path('v.csv').absolute()}, 12 rows\n", described)
    irisbp("train", *KEYS, "data.validation_source=t.csv", "epochs=2", "--name", "y", "--quiet")
    assert "data.validation_sha256" in irisbp("runs", "diff", "runs/x", "runs/y").stdout
    Path("c.yaml").write_text("data:\n  source: t.csv\n  target: y\n  folds: 2\n  validation_source: v.csv\n")
    refused = irisbp("train", "c.yaml", "data.fold=0")
    told = "data.validation_source: not allowed together with data.folds; give one of them"
    assert (refused.returncode, refused.stderr) == (2, f"irisbp: c.yaml:5:22: {told}\n")
