"""The estimator against scikit-learn's checks, MLPClassifier and StandardScaler, and irisbp's own runs."""

import pickle
import subprocess
import sys
import warnings
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.estimator_checks import check_estimator

from irisbp.config.load import load_config
from irisbp.data.source import read_table
from irisbp.data.table import Table
from irisbp.errors import ConfigError, DataError, Diverged, NotFinite
from irisbp.nn.types import Array
from irisbp.sklearn import BackpropClassifier
from irisbp.training.evaluation import probabilities
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Epoch, Training

IRIS: Table = read_table(None)
SPECIES = np.array(IRIS.targets)
FRAME = pd.DataFrame(IRIS.values, columns=list(IRIS.features))


def _quick(**keys: Any) -> BackpropClassifier:
    return BackpropClassifier(**({"epochs": 3, "random_state": 0} | keys))


def _own_run(*overrides: str) -> tuple[Training, list[Epoch]]:
    training = prepare(load_config(None, ["rng=numpy", *overrides]))
    return training, [record for record in train(training) if isinstance(record, Epoch)]


def _assert_same(a: BackpropClassifier, b: BackpropClassifier) -> None:
    np.testing.assert_array_equal(a.parameters_, b.parameters_)
    samples = [FRAME if hasattr(one, "feature_names_in_") else IRIS.values for one in (a, b)]
    np.testing.assert_array_equal(a.predict_proba(samples[0]), b.predict_proba(samples[1]))


def _copied(estimator: BackpropClassifier) -> BackpropClassifier:
    copy: BackpropClassifier = pickle.loads(pickle.dumps(estimator))
    return copy


# The number is that of scikit-learn 1.6 to 1.9.
def test_all_of_scikit_learns_checks_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it, one check is skipped
    results = check_estimator(BackpropClassifier(), on_fail=None)
    assert Counter(result["status"] for result in results) == {"passed": 56}


_RUNS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "article": ({}, []),
    "r": ({"rng": "r"}, ["rng=r"]),
    "deep-adam": (
        {"hidden": (5, 4), "activation": "tanh", "optimizer": {"name": "adam", "beta1": 0.8}},
        ["network.hidden=[5, 4]", "network.activation=tanh", "optimizer={name: adam, beta1: 0.8}"],
    ),
    "batches": (
        {"batch_size": 16, "reduction": "sum", "l2": 0.01, "clip_norm": 0.5, "shuffle": "every_epoch"},
        ["batch_size=16", "reduction=sum", "l2=0.01", "clip_norm=0.5", "data.shuffle=every_epoch"],
    ),
    "schedule": (
        {"schedule": "cosine", "initializer": {"name": "he_normal", "bias": "zeros"}, "learning_rate": 0.05},
        ["schedule=cosine", "initializer={name: he_normal, bias: zeros}", "learning_rate=0.05"],
    ),
    "compiled": ({"engine": "compiled"}, ["engine=compiled"]),
    "weights": (
        {"class_weight": {"setosa": 3, "virginica": 0.2}},
        ["class_weight={setosa: 3, virginica: 0.2}"],
    ),
    "portable": ({"numerics": "portable", "epochs": 4}, ["numerics=portable", "epochs=4"]),
}


# Seed 3 shows the classes in sorted order; seed 4 as versicolor, virginica, setosa.
@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("case", _RUNS)
def test_fit_is_irisbps_own_run_to_the_bit(case: str, seed: int) -> None:
    keys, overrides = _RUNS[case]
    training, ends = _own_run(f"seed={seed}", *overrides)
    fitted = BackpropClassifier(**keys, random_state=seed).fit(FRAME, SPECIES)
    np.testing.assert_array_equal(fitted.parameters_, training.parameters)
    assert fitted.loss_curve_ == [end.loss for end in ends]
    assert (fitted.n_iter_, fitted.best_epoch_, fitted.validation_loss_curve_) == (len(ends), None, None)
    assert tuple(fitted.node_classes_) == training.dataset.classes
    theirs = probabilities(training.network, training.parameters, training.dataset.inputs)
    in_order = theirs[:, np.argsort(training.dataset.classes)]
    np.testing.assert_array_equal(fitted.predict_proba(FRAME), in_order)


@pytest.mark.parametrize("restore", ["true", "false"])
def test_early_stopping_is_irisbps(restore: str) -> None:
    stopping = f"{{patience: 2, min_delta: 0.001, restore_best: {restore}}}"
    training, ends = _own_run("data.validation=0.2", "learning_rate=0.5", f"early_stopping={stopping}")
    keys = {"patience": 2, "min_delta": 0.001, "restore_best": restore == "true"}
    fitted = BackpropClassifier(validation=0.2, learning_rate=0.5, early_stopping=keys, random_state=0)
    fitted.fit(FRAME, SPECIES)
    best = training.best
    assert best is not None
    assert best.epoch < len(ends) < 50
    assert (fitted.best_epoch_, fitted.n_iter_) == (best.epoch, len(ends))
    assert fitted.validation_loss_curve_ == [end.validation_loss for end in ends]
    assert fitted.loss_curve_ == [end.loss for end in ends]
    used = best.parameters if restore == "true" else training.parameters
    np.testing.assert_array_equal(fitted.parameters_, used)
    np.testing.assert_array_equal(fitted.standardizer_mean_, training.dataset.standardizer.mean)


_LEFT_OUT = {"seed", "network", "data", "record", "checkpoint_every"}
_OF_A_TABLE = {
    "source", "target", "features", "exclude", "categorical", "unknown", "missing", "missing_values",
    "separator", "decimal", "thousands", "units", "exponent", "encoding", "comment", "skip_rows", "header",
    "validation_source", "folds", "fold",
}  # fmt: skip


def test_every_key_but_those_of_tables_and_directories_is_a_parameter() -> None:
    parameters = BackpropClassifier().get_params()
    config = load_config(None, ["rng=numpy"])
    keys = {**dict(config), **dict(config.network), **dict(config.data)}
    assert parameters.keys() - {"random_state"} == keys.keys() - _LEFT_OUT - _OF_A_TABLE
    assert parameters.pop("random_state") is None
    for key, default in parameters.items():
        by_name = key in ("initializer", "optimizer", "schedule")
        config_default = keys[key].name if by_name else keys[key]
        assert default == (None if key == "class_weight" else config_default), key  # None is scikit-learn's


@pytest.mark.parametrize("hidden", [(3,), (6, 5), ()])
@pytest.mark.parametrize(("activation", "theirs"), [("sigmoid", "logistic"), ("tanh", "tanh")])
def test_coefs_and_intercepts_are_mlp_classifiers(hidden: Any, activation: str, theirs: str) -> None:
    # Ours in its place, MLPClassifier computes the same probabilities from features standardized by hand.
    ours = _quick(hidden=hidden, activation=activation, random_state=4).fit(FRAME, SPECIES)
    assert ours.node_classes_.tolist() == ["versicolor", "virginica", "setosa"]  # unlike classes_
    mlp = MLPClassifier(hidden, activation=theirs, max_iter=1)
    standardized = (IRIS.values - IRIS.values.mean(axis=0)) / IRIS.values.std(axis=0, ddof=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(standardized, SPECIES)
    assert [c.shape for c in ours.coefs_] == [c.shape for c in mlp.coefs_]
    assert [b.shape for b in ours.intercepts_] == [b.shape for b in mlp.intercepts_]
    mlp.coefs_, mlp.intercepts_ = ours.coefs_, ours.intercepts_
    np.testing.assert_allclose(ours.predict_proba(FRAME), mlp.predict_proba(standardized), atol=1e-13)
    assert ours.score(FRAME, SPECIES) == mlp.score(standardized, SPECIES)


def test_coefs_are_copies() -> None:
    fitted = _quick().fit(FRAME, SPECIES)
    before = fitted.predict_proba(FRAME)
    fitted.coefs_[0][...] = 0.0
    fitted.intercepts_[-1][...] = 9.0
    np.testing.assert_array_equal(fitted.predict_proba(FRAME), before)


def test_a_constant_feature_is_divided_by_1_as_by_standard_scaler() -> None:
    values = np.column_stack([IRIS.values[:, :2], np.full(150, 0.1), IRIS.values[:, 2:]])
    fitted, scaler = _quick().fit(values, SPECIES), StandardScaler().fit(values)
    assert scaler.scale_[2] == fitted.standardizer_scale_[2] == 1.0
    assert fitted.standardizer_mean_[2] == 0.1
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(fitted.standardizer_mean_, scaler.mean_, rtol=1e-14)
    ddof_1 = scaler.scale_[others] * (150 / 149) ** 0.5
    np.testing.assert_allclose(fitted.standardizer_scale_[others], ddof_1, rtol=1e-13)
    # It is exactly 0 when standardized, and so its weights have no gradient and stay what was drawn.
    one_epoch = _quick(epochs=1).fit(values, SPECIES).coefs_[0]
    np.testing.assert_array_equal(fitted.coefs_[0][2], one_epoch[2])
    assert (fitted.coefs_[0][others] != one_epoch[others]).all()


_LABELS: dict[str, npt.NDArray[Any]] = {
    "words": np.array(["b", "a", "c"]),
    "objects": np.array(["b", "a", "c"], dtype=object),
    "integers": np.array([7, -1, 10]),
    "more-digits": np.array([9, 10, 100]),  # sorted as numbers, not as words
    "floats": np.array([2.0, 0.0, 1.0]),
    "bools": np.array([True, False, True]),
}


@pytest.mark.parametrize("kind", _LABELS)
def test_labels_of_any_kind(kind: str) -> None:
    labels = _LABELS[kind][np.unique(SPECIES, return_inverse=True)[1]]
    fitted = _quick(epochs=20).fit(IRIS.values, labels)
    assert fitted.classes_.tolist() == sorted(set(labels.tolist()))
    predicted = fitted.predict(IRIS.values)
    assert predicted.dtype == labels.dtype
    assert fitted.score(IRIS.values, labels) == (predicted == labels).mean()
    assert (predicted == labels).mean() > 0.9
    shares = fitted.predict_proba(IRIS.values)
    assert shares.shape == (150, len(fitted.classes_))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-14)


def test_two_classes_have_an_output_node_each() -> None:
    fitted = _quick().fit(IRIS.values, SPECIES == "setosa")
    assert (fitted.coefs_[-1].shape, fitted.intercepts_[-1].shape) == ((3, 2), (2,))


def test_names_of_a_data_frames_features() -> None:
    fitted = _quick().fit(FRAME, pd.Series(SPECIES))
    assert fitted.feature_names_in_.tolist() == list(IRIS.features)
    assert fitted.n_features_in_ == 4
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        fitted.predict(FRAME[FRAME.columns[::-1]])
    with pytest.raises(ValueError, match=r"(?s)Feature names unseen at fit time.*stem"):
        fitted.predict(FRAME.rename(columns={"petal_width": "stem"}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        fitted.predict(IRIS.values)
    assert not hasattr(_quick().fit(IRIS.values, SPECIES), "feature_names_in_")


def test_the_order_in_memory_changes_no_bit() -> None:
    # A sum goes through these columns in another order if they are contiguous, and rounds to something else.
    values = np.random.default_rng(0).lognormal(size=(150, 4))
    assert (values.std(axis=0, ddof=1) != np.asfortranarray(values).std(axis=0, ddof=1)).any()
    fitted, again = _quick().fit(values, SPECIES), _quick().fit(np.asfortranarray(values), SPECIES)
    np.testing.assert_array_equal(fitted.standardizer_scale_, again.standardizer_scale_)
    np.testing.assert_array_equal(fitted.parameters_, again.parameters_)


def test_in_a_pipeline() -> None:
    pipeline = make_pipeline(StandardScaler(), BackpropClassifier(random_state=0)).fit(FRAME, SPECIES)
    assert pipeline.score(FRAME, SPECIES) > 0.95
    # Standardized twice is standardized once, but for rounding.
    alone = BackpropClassifier(random_state=0).fit(FRAME, SPECIES)
    np.testing.assert_allclose(pipeline.predict_proba(FRAME), alone.predict_proba(FRAME), atol=1e-9)


def test_in_a_grid_search_with_two_processes() -> None:
    grid = {
        "learning_rate": np.array([1e-4, 0.1]),
        "hidden": [(3,), np.array([4, 2])],
        "epochs": [np.int64(9)],
    }
    searched = GridSearchCV(_quick(), grid, cv=3, n_jobs=2).fit(FRAME, SPECIES)
    assert searched.best_params_["learning_rate"] == 0.1
    scores = searched.cv_results_["mean_test_score"]
    for params, score in zip(searched.cv_results_["params"], scores, strict=True):
        assert cross_val_score(_quick(**params), FRAME, SPECIES, cv=3).mean() == pytest.approx(score)


def test_a_diverging_candidate_of_a_grid_search_scores_nan() -> None:
    search = GridSearchCV(_quick(hidden=()), {"learning_rate": [1e308, 0.1]}, cv=3, n_jobs=2)
    with (
        pytest.warns(FitFailedWarning, match="diverged: the loss is"),
        pytest.warns(UserWarning, match="One or more of the test scores are non-finite"),
    ):
        search.fit(FRAME, SPECIES)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, False]
    assert search.best_params_ == {"learning_rate": 0.1}


def test_clone_and_parameters() -> None:
    options = {"name": "adam", "beta1": 0.8}
    estimator = BackpropClassifier(optimizer=options, random_state=5).fit(FRAME, SPECIES)
    assert estimator.get_params()["optimizer"] is options  # untouched, as clone demands
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params()
    assert not hasattr(copy, "parameters_")
    assert not hasattr(copy, "coefs_")
    _assert_same(copy.fit(FRAME, SPECIES), estimator)
    assert copy.set_params(epochs=2, hidden=(4,)).fit(FRAME, SPECIES).coefs_[0].shape == (4, 4)
    assert copy.n_iter_ == 2
    assert repr(_quick(epochs=2, hidden=(4,))) == "BackpropClassifier(epochs=2, hidden=(4,), random_state=0)"


@pytest.mark.parametrize("engine", ["plain", "compiled"])
def test_a_pickled_estimator_predicts_and_continues(engine: str) -> None:
    keys = {
        "engine": engine,
        "optimizer": "adam",
        "schedule": {"name": "step", "warmup": 2},
        "clip_norm": 1.0,
    }
    fitted = _quick(**keys).fit(IRIS.values, SPECIES)
    read = pickle.loads(pickle.dumps(fitted))
    _assert_same(read, fitted)
    np.testing.assert_array_equal(read.coefs_[-1], fitted.coefs_[-1])
    _assert_same(read.partial_fit(IRIS.values, SPECIES), fitted.partial_fit(IRIS.values, SPECIES))


@settings(max_examples=20)
@given(
    shuffle=st.sampled_from(["never", "once", "every_epoch"]),
    optimizer=st.sampled_from(["sgd", {"name": "sgd", "momentum": 0.9}, "adam", "nadam"]),
    epochs=st.integers(1, 3),
    keys=st.fixed_dictionaries(
        {
            "batch_size": st.sampled_from([1, 32, "all"]),
            "rng": st.sampled_from(["numpy", "r"]),
            "clip_norm": st.sampled_from([None, 0.3]),
            "schedule": st.sampled_from(["constant", "cosine", {"name": "step", "every": 1}]),
            "random_state": st.integers(0, 2**31 - 1),
        }
    ),
)
def test_calls_of_partial_fit_are_the_epochs_of_fit(
    shuffle: str, optimizer: Any, epochs: int, keys: dict[str, Any]
) -> None:
    keys = keys | {"shuffle": shuffle, "optimizer": optimizer}
    whole = BackpropClassifier(epochs=epochs, **keys).fit(FRAME, SPECIES)
    calls = BackpropClassifier(epochs=epochs, **keys)
    for _ in range(epochs):
        calls.partial_fit(FRAME, SPECIES, classes=["virginica", "setosa", "versicolor"])
    _assert_same(calls, whole)
    assert (calls.loss_curve_, calls.n_iter_) == (whole.loss_curve_, epochs)
    assert calls.node_classes_.tolist() == whole.node_classes_.tolist()


def test_partial_fit_on_parts_is_fit_on_their_whole() -> None:
    # Ten parts of 15 in order are one epoch of 150 in order, if all are standardized by the same numbers.
    order = np.random.default_rng(1).permutation(150)
    values, labels = IRIS.values[order], SPECIES[order]
    whole = _quick(shuffle="never", epochs=2, optimizer="adam").fit(values, labels)
    parts = _quick(shuffle="never", epochs=1, optimizer="adam").fit(values, labels)
    for start in range(0, 150, 15):
        parts.partial_fit(values[start : start + 15], labels[start : start + 15])
    np.testing.assert_array_equal(parts.parameters_, whole.parameters_)
    assert (parts.n_iter_, whole.n_iter_) == (11, 2)
    assert np.mean(parts.loss_curve_[1:]) == pytest.approx(whole.loss_curve_[1], rel=1e-14)


def test_partial_fit_keeps_what_the_first_call_has_settled() -> None:
    online = _quick(random_state=None)
    online.partial_fit(IRIS.values[40:60], SPECIES[40:60], classes=np.unique(SPECIES))
    assert online.node_classes_[-1] == "virginica"  # not among the first samples
    seed, mean, nodes = online.seed_, online.standardizer_mean_, online.node_classes_
    np.testing.assert_allclose(mean, IRIS.values[40:60].mean(axis=0), rtol=1e-14)
    for _ in range(40):
        online.partial_fit(IRIS.values[::-1], SPECIES[::-1])
    assert (online.seed_, online.n_iter_) == (seed, 41)
    np.testing.assert_array_equal(online.standardizer_mean_, mean)
    np.testing.assert_array_equal(online.node_classes_, nodes)
    assert online.score(IRIS.values, SPECIES) > 0.9
    online.partial_fit(IRIS.values[:1], SPECIES[:1])  # a single sample will do
    one = _quick().partial_fit(IRIS.values[:1], SPECIES[:1], classes=np.unique(SPECIES))
    np.testing.assert_array_equal(one.standardizer_scale_, 1.0)


def test_a_schedule_counts_calls_and_stays_low_behind_the_last_epoch() -> None:
    keys = {"schedule": "cosine", "epochs": 4, "learning_rate": 1.0, "l2": 0.0, "batch_size": "all"}
    estimator, moved = _quick(**keys), []
    estimator.partial_fit(IRIS.values, SPECIES, classes=np.unique(SPECIES))
    for _ in range(8):
        before = estimator.parameters_
        estimator.partial_fit(IRIS.values, SPECIES)
        moved.append(float(np.abs(estimator.parameters_ - before).max()))
    assert moved == sorted(moved, reverse=True)  # a cosine that went on would rise from the fifth call
    assert moved[-1] < 0.1 * moved[0]


@pytest.mark.parametrize("as_numbers", [False, True])
def test_balanced_weights_are_scikit_learns(as_numbers: bool) -> None:
    chosen = np.r_[:50, 50:70, 100:105]
    samples = FRAME.iloc[chosen]
    y = np.unique(SPECIES[chosen], return_inverse=True)[1] if as_numbers else SPECIES[chosen]
    classes = np.unique(y)
    weights = compute_class_weight("balanced", classes=classes, y=y)
    assert weights.tolist() == [75 / 150, 75 / 60, 75 / 15]
    mapping = dict(zip(classes, weights, strict=True))  # NumPy's numbers as keys
    balanced, mapped = (_quick(class_weight=given).fit(samples, y) for given in ("balanced", mapping))
    _assert_same(balanced, mapped)
    assert not np.array_equal(balanced.parameters_, _quick().fit(samples, y).parameters_)
    parts = _quick(class_weight=mapping, epochs=1).partial_fit(samples, y, classes=classes)
    _assert_same(parts, _quick(class_weight=mapping, epochs=1).fit(samples, y))


def test_a_weight_of_no_class_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="class_weight: setsa is not a class; did you mean setosa"):
        _quick(class_weight={"setsa": 2.0}).fit(FRAME, SPECIES)


def test_partial_fit_refuses_what_it_cannot_do() -> None:
    names = np.unique(SPECIES)
    with pytest.raises(ValueError, match="classes must be given at the first call of partial_fit"):
        _quick().partial_fit(FRAME, SPECIES)
    with pytest.raises(ValueError, match="one class, setosa; at least two are needed"):
        _quick().partial_fit(FRAME, SPECIES, classes=["setosa"])
    with pytest.raises(ValueError, match="y has classes that are not in classes: virginica"):
        _quick().partial_fit(FRAME, SPECIES, classes=names[:2])
    with pytest.raises(ConfigError, match="validation and early_stopping must be None"):
        _quick(validation=0.2).partial_fit(FRAME, SPECIES, classes=names)
    with pytest.raises(ConfigError, match="class_weight must be None or a mapping"):
        _quick(class_weight="balanced").partial_fit(FRAME, SPECIES, classes=names)
    started = _quick().partial_fit(FRAME, SPECIES, classes=names)
    with pytest.raises(ValueError, match="at the first call"):
        started.partial_fit(FRAME, SPECIES, classes=[*names, "other"])
    with pytest.raises(ConfigError, match="the network or the optimizer has been changed"):
        _copied(started).set_params(hidden=(4,)).partial_fit(FRAME, SPECIES)
    with pytest.raises(ConfigError, match="the network or the optimizer has been changed"):
        _copied(started).set_params(optimizer="adam").partial_fit(FRAME, SPECIES)


def test_random_states() -> None:
    def parameters(random_state: Any) -> Array:
        fitted: Array = _quick(epochs=1, random_state=random_state).fit(FRAME, SPECIES).parameters_
        return fitted

    state = np.random.RandomState(4)
    first, second = parameters(state), parameters(state)
    assert not np.array_equal(first, second)  # one state, two draws
    np.testing.assert_array_equal(first, parameters(np.random.RandomState(4)))
    np.random.seed(4)  # None draws from the global generator, which is the same one
    np.testing.assert_array_equal(first, parameters(None))
    np.testing.assert_array_equal(second, parameters(None))
    drawn = _quick(random_state=np.random.RandomState(4)).fit(FRAME, SPECIES).seed_
    assert drawn == np.random.RandomState(4).randint(2**31 - 1)
    np.testing.assert_array_equal(first, parameters(drawn))
    np.testing.assert_array_equal(parameters(np.int64(3)), parameters(3))
    with pytest.raises(ValueError, match="cannot be used to seed"):
        parameters("3")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"optimizer": "adm"}, 'optimizer: "adm" is not one of .*; did you mean adam?'),
        ({"optimizer": {"name": "adam", "beta": 1}}, "optimizer.beta: not an option of adam; did you mean"),
        ({"hidden": (0,)}, r"network.hidden\[0\]: 0 "),
        ({"random_state": -1}, "seed: -1 is not a whole number from 0"),
        ({"early_stopping": {"patience": 3}}, "early_stopping: needs held-out samples to monitor"),
    ],
)
def test_a_wrong_parameter_is_a_config_error_when_fitting(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^BackpropClassifier: {message}"):
        _quick(**keys).fit(FRAME, SPECIES)


def test_data_that_cannot_be_trained_on_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="every row is of class a") as caught:
        _quick().fit(FRAME, ["a"] * 150)
    assert isinstance(caught.value.__cause__, DataError)
    with pytest.raises(ValueError, match="class b has one row"):
        _quick(validation=0.5).fit(FRAME[:4], ["a", "a", "a", "b"])
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        _quick().fit(FRAME, IRIS.values[:, 0])


def test_divergence_is_raised_and_leaves_what_was_learned() -> None:
    with pytest.raises(Diverged, match="diverged: the loss is"):
        _quick(hidden=(), learning_rate=1e308).fit(FRAME, SPECIES)
    estimator = _quick(hidden=()).fit(FRAME, SPECIES)
    before = _copied(estimator)
    with pytest.raises(Diverged):
        estimator.set_params(learning_rate=1e308).partial_fit(FRAME, SPECIES)
    _assert_same(estimator, before)
    _assert_same(
        estimator.set_params(learning_rate=0.1).partial_fit(FRAME, SPECIES),
        before.partial_fit(FRAME, SPECIES),
    )


def test_a_sample_too_far_out_is_named() -> None:
    fitted = _quick(hidden=[], initializer={"name": "constant", "value": 4.0}).fit(FRAME, SPECIES)
    samples = FRAME.iloc[:2].copy()
    samples.iloc[1, 2] = 1e308
    with pytest.raises(ValueError, match="X: row 1 lies so far out that its logits overflow float64"):
        fitted.predict(samples)


def test_a_loss_of_the_final_parameters_that_is_not_finite_is_raised() -> None:
    exploding = _quick(activation="relu", batch_size="all", l2=1e33, epochs=5)
    with pytest.raises(NotFinite, match="the loss of the parameters after epoch 5, step 5, is nan"):
        exploding.fit(FRAME, SPECIES)
    for _ in range(4):
        exploding.partial_fit(FRAME, SPECIES, SPECIES)
    with pytest.raises(NotFinite, match="the loss of the parameters after epoch 5, step 5, is nan"):
        exploding.partial_fit(FRAME, SPECIES)


def test_before_fit() -> None:
    with pytest.raises(NotFittedError):
        _quick().predict(FRAME)


_WITHOUT = """
import sys
sys.modules["sklearn"] = None
try:
    import irisbp.sklearn
except ImportError as error:
    print(error)
"""


def test_without_scikit_learn_one_line_says_what_to_install() -> None:
    output = subprocess.run(
        [sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=True
    ).stdout
    assert output == "irisbp.sklearn needs scikit-learn 1.6 or newer: pip install 'irisbp[sklearn]'\n"


_OTHERS = """
import sys
sys.modules["sklearn"] = None
import importlib, pkgutil
import irisbp
for module in pkgutil.walk_packages(irisbp.__path__, "irisbp."):
    if module.name not in ("irisbp.sklearn", "irisbp.__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            assert "sklearn" not in str(error), module.name
"""


def test_no_other_file_imports_scikit_learn() -> None:
    subprocess.run([sys.executable, "-c", _OTHERS], check=True)
