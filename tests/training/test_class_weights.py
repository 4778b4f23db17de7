"""Weights of classes in a run: resumed to the byte, checked, and of use where a class is rare."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

import irisbp
from irisbp.config.load import load_config
from irisbp.errors import ConfigError
from irisbp.gradients.check import run_check
from irisbp.gradients.paths import own_gradient, path_of
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices
from irisbp.training.class_weights import class_weights
from irisbp.training.evaluation import evaluate, probabilities
from irisbp.training.setup import objective_of, prepare

HELD_OUT: dict[str, Any] = {"data.validation": 0.25}


def _rare() -> pd.DataFrame:
    """Two overlapping classes, of 190 and 10 rows."""
    draws = np.random.default_rng(1)
    x = np.concatenate([draws.normal(0.0, 1.0, (190, 2)), draws.normal(0.9, 1.0, (10, 2))])
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "kind": ["often"] * 190 + ["rare"] * 10})


def test_balanced_weights_find_the_rare_class() -> None:
    keys: dict[str, Any] = {
        "network.hidden": [],
        "data.shuffle": "every_epoch",
        "learning_rate": 0.01,
        "epochs": 30,
    }
    plain = irisbp.train(table=_rare(), target="kind", **keys)
    balanced = irisbp.train(table=_rare(), target="kind", class_weight="balanced", **keys)
    recalls = [run.evaluate("training").classes["recall"]["rare"] for run in (plain, balanced)]
    assert recalls[0] <= 0.2
    assert recalls[1] >= 0.6
    # The reported loss is the plain cross-entropy of both, which the plain run minimizes.
    assert plain.evaluate("training").loss < balanced.evaluate("training").loss


def test_balanced_counts_the_training_rows_only() -> None:
    run = irisbp.train(table=_rare(), target="kind", class_weight="balanced", epochs=1, **HELD_OUT)
    assert len(run.dataset.train_rows) == 150
    # A quarter of 190 and of 10 rows is held out: 142 and 8 are left of the 150, two classes.
    expected = {"often": 150 / (2 * 142), "rare": 150 / (2 * 8)}
    weights = class_weights(run.config, run.dataset) or ()
    assert dict(zip(run.classes, weights, strict=True)) == pytest.approx(expected, rel=1e-15)


def test_a_mapping_is_by_name_and_what_it_leaves_out_has_the_weight_1() -> None:
    training = prepare(load_config(None, class_weight={"setosa": 3, "virginica": 0.5}))
    weights = dict(
        zip(training.dataset.classes, class_weights(training.config, training.dataset) or (), strict=True)
    )
    assert weights == {"setosa": 3.0, "virginica": 0.5, "versicolor": 1.0}
    assert objective_of(load_config(), training.dataset).class_weight is None


def test_a_weight_of_no_class_is_an_error_that_names_the_classes() -> None:
    with pytest.raises(ConfigError) as caught:
        irisbp.train(class_weight={"setsa": 2})
    text = str(caught.value)
    assert text.startswith("class_weight: setsa is not a class; did you mean setosa? (classes: ")
    assert all(name in text for name in ("setosa", "versicolor", "virginica"))


@pytest.mark.parametrize("weights", ["balanced", {"rare": 7.0, "often": 0.2}])
@pytest.mark.parametrize(
    "others", [{}, {"engine": "compiled"}, {"numerics": "portable"}, {"batch_size": 7, "optimizer": "adam"}]
)
def test_an_interrupted_run_is_resumed_to_the_byte(
    tmp_path: Path, weights: object, others: dict[str, object]
) -> None:
    if "engine" in others:
        pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")
    keys: dict[str, Any] = {"class_weight": weights, "epochs": 4, "data.target": "kind"} | HELD_OUT | others
    _rare().to_csv(tmp_path / "rare.csv", index=False)
    keys["data.source"] = str(tmp_path / "rare.csv")
    irisbp.train(directory=tmp_path / "whole", **keys)
    asked = iter([False] * 3)  # stopped at the fourth record
    irisbp.train(directory=tmp_path / "parts", should_stop=lambda: next(asked, True), **keys)
    assert irisbp.open_run(tmp_path / "parts").status == "interrupted"
    irisbp.resume(tmp_path / "parts")
    for name in ("config.yaml", "steps.csv", "epochs.csv", "parameters.npz"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert irisbp.verify(tmp_path / "parts").equal


def test_a_runs_gradient_is_checked_with_its_weights() -> None:
    run = irisbp.train(table=_rare(), target="kind", class_weight="balanced", epochs=2, **HELD_OUT)
    assert irisbp.gradcheck(run).passed

    data, objective = run.dataset, objective_of(run.config, run.dataset)

    def unweighted(
        network: Network, parameters: Array, inputs: Array, labels: Indices, objective: Objective
    ) -> tuple[float, Array]:
        return own_gradient(network, parameters, inputs, labels, replace(objective, class_weight=None))

    report = run_check([path_of(unweighted)], run.network, data.inputs, data.labels, objective)
    assert not report.passed
    assert any("the weight of the sample's class left out?" in hint for hint in report.hints)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 149), min_size=1, max_size=40, unique=True))
def test_figures_are_scikit_learns(seed: int, rows: list[int]) -> None:
    training = prepare(load_config(None, seed=seed % 2**31))
    data, chosen = training.dataset, np.array(rows)
    scores = evaluate(training.network, training.parameters, data, chosen)
    labels = data.labels[chosen]
    p = probabilities(training.network, training.parameters, data.inputs[chosen])
    predicted = p.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one class only
        balanced = balanced_accuracy_score(labels, predicted)
    assert scores.balanced_accuracy == pytest.approx(balanced, rel=1e-12)
    macro = f1_score(labels, predicted, average="macro", zero_division=0)
    assert scores.macro_f1 == pytest.approx(macro, rel=1e-12)
    each = f1_score(labels, predicted, average=None, labels=[0, 1, 2], zero_division=0)
    assert [figures.f1 or 0.0 for figures in scores.classes] == pytest.approx(each, rel=1e-12)
    assert scores.loss == pytest.approx(log_loss(labels, p, labels=[0, 1, 2]), rel=1e-12)
    assert scores.as_json()["log_loss"] == scores.loss
