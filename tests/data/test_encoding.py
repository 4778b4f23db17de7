"""Categories and missing cells as inputs: equal to scikit-learn's transformers before the same network."""

import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import irisbp
from irisbp.errors import DataError

WORDS = ["color", "size"]


def _frame(rows: int = 90, *, seed: int = 0) -> pd.DataFrame:
    draws = random.Random(seed)
    data = [
        {
            "mass": None if draws.random() < 0.1 else round(draws.gauss(3, 1), 3),
            "smoker": draws.random() < 0.4,
            "color": None if draws.random() < 0.1 else draws.choice(["red", "blue", "green"]),
            "length": draws.gauss(0, 2),
            "size": draws.choice("SML"),
            "kind": draws.choice("ab"),
        }
        for _ in range(rows)
    ]
    return pd.DataFrame(data)


def _theirs(frame: pd.DataFrame, training: Any, missing: str) -> np.ndarray:
    numbers = SimpleImputer(strategy=missing)
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    frame = frame.astype({"smoker": float})
    transformer = ColumnTransformer(
        [(name, words if name in WORDS else numbers, [name]) for name in frame.columns if name != "kind"],
        sparse_threshold=0,
    )
    values = transformer.fit(frame.iloc[training]).transform(frame)
    scaler = StandardScaler().fit(values[training])
    sd = scaler.scale_ * np.sqrt(len(training) / (len(training) - 1))
    return np.asarray((values - scaler.mean_) / sd)


@pytest.mark.parametrize("missing", ["mean", "median", "most_frequent"])
def test_inputs_are_those_of_scikit_learn(missing: str, tmp_path: Path) -> None:
    frame = _frame()
    frame.to_csv(tmp_path / "t.csv", index=False)
    keys: dict[str, Any] = {"data.categorical": WORDS, "data.missing": missing, "data.validation": 0.3}
    keys |= {"data.source": tmp_path / "t.csv", "data.target": "kind"}
    run = irisbp.train(epochs=2, directory=tmp_path / "r", **keys)
    data = run.dataset
    inputs = _theirs(frame, data.train_rows, missing)
    np.testing.assert_allclose(data.inputs, inputs, rtol=0, atol=1e-12)
    again = irisbp.open_run(tmp_path / "r")
    np.testing.assert_array_equal(again.dataset.inputs, data.inputs)
    found = again.predict(frame.drop(columns="kind")).iloc[:, 1:].to_numpy()
    np.testing.assert_allclose(found, run.model.probabilities(data.table.values), rtol=0, atol=1e-12)
    assert again.evaluate(data=tmp_path / "t.csv").loss == pytest.approx(run.evaluate("all").loss, rel=1e-12)
    del keys["data.source"], keys["data.target"]
    in_memory = irisbp.train(epochs=2, table=frame, target="kind", **keys)
    np.testing.assert_array_equal(in_memory.vector, run.vector)


WEIGHTED: dict[str, Any] = {"class_weight": "balanced", "data.categorical": WORDS, "epochs": 3}


def _three_classes(rows: int = 90) -> pd.DataFrame:
    draws = random.Random(1)
    return _frame(rows).assign(kind=[draws.choice("aabc") for _ in range(rows)])


@pytest.mark.parametrize("missing", ["mean", "median", "most_frequent"])
def test_probabilities_are_those_of_scikit_learns_pipeline(missing: str, tmp_path: Path) -> None:
    frame = _three_classes()
    keys = WEIGHTED | {"data.missing": missing, "data.validation": 0.3, "network.hidden": [5, 4]}
    run = irisbp.train(table=frame, target="kind", directory=tmp_path / "r", **keys)
    training = run.dataset.train_rows
    inputs = _theirs(frame, training, missing)
    network = MLPClassifier((5, 4), activation="logistic", max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(inputs[training], frame["kind"].to_numpy()[training])
    network.coefs_ = [run.parameters[f"{layer}.weight"] for layer in ("hidden_1", "hidden_2", "output")]
    network.intercepts_ = [run.parameters[f"{layer}.bias"] for layer in ("hidden_1", "hidden_2", "output")]
    expected = network.predict_proba(inputs)  # column k is output node k's
    found = irisbp.open_run(tmp_path / "r").predict(frame.drop(columns="kind"))
    columns = [f"probability_{name}" for name in run.classes]
    np.testing.assert_allclose(found[columns], expected, rtol=0, atol=1e-12)


def test_gradients_of_a_weighted_run_with_categories_are_checked() -> None:
    run = irisbp.train(table=_three_classes(40), target="kind", **WEIGHTED | {"data.missing": "mean"})
    assert irisbp.gradcheck(run).passed


@pytest.mark.parametrize("engine", ["plain", "compiled"])
def test_runs_side_by_side_are_those_alone(engine: str, tmp_path: Path) -> None:
    if engine == "compiled":
        pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")
    _three_classes().to_csv(tmp_path / "t.csv", index=False)
    keys = WEIGHTED | {"data.source": str(tmp_path / "t.csv"), "data.target": "kind", "data.folds": 3}
    keys |= {"data.missing": "median", "engine": engine}
    swept = irisbp.sweep(None, {"data.fold": range(3), "seed": range(2)}, jobs=1, **keys)
    for row in range(6):
        fold, seed = divmod(row, 2)
        alone = irisbp.train(**keys | {"data.fold": fold, "seed": seed, "engine": "plain"})
        figures = alone.evaluate("training"), alone.evaluate("validation")
        found = swept.results["loss"][row], swept.results["validation_loss"][row]
        assert found == pytest.approx([figure.loss for figure in figures], rel=1e-12)


def test_the_names_of_inputs(tmp_path: Path) -> None:
    keys: dict[str, Any] = {"data.categorical": WORDS, "data.missing": "mean"}
    run = irisbp.train(epochs=1, table=_frame(), target="kind", **keys)
    assert run.features == [
        "mass", "smoker", "color=blue", "color=green", "color=red", "length", "size=L", "size=M", "size=S",
    ]  # fmt: skip


def test_a_category_that_training_has_not_seen() -> None:
    keys: dict[str, Any] = {"data.categorical": WORDS, "data.missing": "mean"}
    frame = _frame()
    run = irisbp.train(epochs=1, table=frame, target="kind", **keys)
    other = frame.assign(color="black")
    with pytest.raises(DataError, match=r"column color: no training row has 'black' \(90 rows\)"):
        run.predict(other)
    run = irisbp.train(epochs=1, table=frame, target="kind", **keys | {"data.unknown": "zeros"})
    assert len(run.predict(other)) == 90


@pytest.mark.parametrize(
    "others",
    [
        {"data.missing": "median"},
        {"data.missing": "drop", "class_weight": "balanced", "data.validation": 0.2},
        {"data.missing": "most_frequent", "class_weight": {"a": 3}, "engine": "compiled"},
    ],
)
def test_a_run_of_a_table_is_verified_and_resumed(tmp_path: Path, others: dict[str, Any]) -> None:
    if "engine" in others:
        pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")
    _frame().to_csv(tmp_path / "t.csv", index=False)
    keys: dict[str, Any] = {"data.source": tmp_path / "t.csv", "data.target": "kind"} | others
    keys |= {"data.categorical": WORDS, "epochs": 3}
    whole = irisbp.train(**keys, directory=tmp_path / "whole")
    stops = iter([False] * 5 + [True])
    irisbp.train(**keys, directory=tmp_path / "part", should_stop=lambda: next(stops, False))
    resumed = irisbp.resume(tmp_path / "part")
    np.testing.assert_array_equal(resumed.vector, whole.vector)
    for name in ("steps.csv", "epochs.csv", "parameters.npz", "config.yaml"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert irisbp.verify(tmp_path / "whole").equal


def test_rare_categories_do_not_stop_a_fold(tmp_path: Path) -> None:
    frame = _frame(60).assign(rare=["once"] + ["often"] * 59)
    frame.to_csv(tmp_path / "t.csv", index=False)
    keys: dict[str, Any] = {"data.source": str(tmp_path / "t.csv"), "data.target": "kind", "epochs": 2}
    keys |= {"data.categorical": [*WORDS, "rare"], "data.missing": "mean", "data.folds": 5}
    swept = irisbp.sweep(None, {"data.fold": range(5), "seed": range(2)}, jobs=1, **keys)
    assert list(swept.results["status"]) == ["completed"] * 10
    for row in (0, 7):
        run = swept.run(row)
        assert run.manifest.figures.loss == pytest.approx(swept.results["loss"][row], rel=1e-12)
