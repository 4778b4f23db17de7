"""Any combination of the choices trains, evaluates, passes the gradient check and repeats bit for bit.

So it does where the repetition is killed on its way, and resumed.
"""

from contextlib import suppress
from itertools import islice
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irisbp.config.load import load_config, to_yaml
from irisbp.config.schema import CHOICES, Config
from irisbp.errors import Diverged
from irisbp.gradients.check import run_check
from irisbp.gradients.paths import own_gradient, path_of
from irisbp.nn.activations import ACTIVATIONS
from irisbp.rundir.checkpoint import CHECKPOINT
from irisbp.rundir.manifest import Manifest
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.open import open_run
from irisbp.runs.resume import open_interrupted, open_to_resume
from irisbp.runs.session import finish
from irisbp.training.evaluation import evaluate
from irisbp.training.loop import train
from irisbp.training.setup import objective_of, prepare
from irisbp.training.state import Block, Epoch, Training

FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_BELOW_1 = st.floats(0.0, 0.99)
_UP_TO_1 = st.floats(0.05, 1.0)
_EPSILON = st.floats(1e-10, 1e-2)
_GAIN = st.floats(0.1, 3.0)

# What each option of a choice may be here: legal, and within what one might train with.
_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "sd": _GAIN,
    "limit": _GAIN,
    "gain": _GAIN,
    "value": st.floats(-1.0, 1.0),
    "bias": st.sampled_from(["drawn", "zeros"]),
    "momentum": st.floats(0.1, 0.95),
    "nesterov": st.booleans(),
    "rho": _BELOW_1,
    "beta1": _BELOW_1,
    "beta2": _BELOW_1,
    "epsilon": _EPSILON,
    "amsgrad": st.booleans(),
    "weight_decay": st.floats(0.0, 0.5),
    "momentum_decay": st.floats(0.0, 0.1),
    "every": st.integers(1, 3),
    "factor": _UP_TO_1,
    "final": st.floats(0.0, 0.1),
    "warmup": st.integers(0, 1),
}


@st.composite
def _choice(draw: st.DrawFn, key: str) -> str | dict[str, Any]:
    """One name of a choice with some of its options."""
    name = draw(st.sampled_from(list(CHOICES[key])))
    options = [option for option in CHOICES[key][name].model_fields if option != "name"]
    chosen = {option: draw(_OPTIONS[option]) for option in options if draw(st.booleans())}
    if chosen.get("nesterov") and "momentum" not in chosen:
        chosen["momentum"] = draw(_OPTIONS["momentum"])
    return {"name": name} | chosen if chosen else name


@st.composite
def _splits(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["none", "validation", "folds"]))
    if kind == "validation":
        return {"validation": draw(st.floats(0.05, 0.6))}
    if kind == "folds":
        folds = draw(st.integers(2, 10))
        return {"folds": folds, "fold": draw(st.integers(0, folds - 1))}
    return {}


@st.composite
def _stopping(draw: st.DrawFn, held_out: bool) -> dict[str, Any]:
    return {
        "patience": draw(st.integers(1, 3)),
        "min_delta": draw(st.sampled_from([0.0, 1e-3, 0.2])),
        "restore_best": draw(st.booleans()),
        "monitor": draw(st.sampled_from(["validation", "training"] if held_out else ["training"])),
    }


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """A config of any choices."""
    split = draw(_splits())
    rng = draw(st.sampled_from(["numpy", "r"]))
    return Config.model_validate(
        {
            "seed": draw(st.integers(0, 2**31 - 1)),
            "rng": rng,
            "numerics": draw(st.sampled_from(["native", "portable"])),
            "threads": draw(st.integers(1, 3)),
            "learning_rate": draw(st.sampled_from([1e-3, 0.01, 0.03, 0.1, 0.3])),
            "epochs": draw(st.integers(2, 4)),
            "initializer": draw(_choice("initializer")),
            "optimizer": draw(_choice("optimizer")),
            "schedule": draw(_choice("schedule")),
            "batch_size": draw(st.one_of(st.just(1), st.just("all"), st.integers(2, 150))),
            "reduction": draw(st.sampled_from(["mean", "sum"])),
            "class_weight": draw(st.sampled_from(["none", "balanced", {"setosa": 3.0, "virginica": 0.2}])),
            "l2": draw(st.sampled_from([0.0, 1e-4, 0.01, 0.3])),
            "clip_norm": draw(st.sampled_from([None, 0.1, 1.0, 10.0])),
            "network": {
                "hidden": draw(st.lists(st.integers(1, 6), max_size=3)),
                "activation": draw(st.sampled_from(list(ACTIVATIONS))),
            },
            "data": {"shuffle": draw(st.sampled_from(["once", "every_epoch", "never"]))} | split,
            "early_stopping": draw(st.none() | _stopping(bool(split))),
            "record": draw(st.sampled_from(["steps", "epochs"])),
            "checkpoint_every": draw(st.sampled_from(["auto", 1, {"steps": 3}, {"steps": 20, "epochs": 2}])),
        }
    )


def _run(config: Config, path: Path) -> tuple[Training, Manifest, list[Epoch]]:
    """Train into a new directory, as the command does."""
    training, epochs = prepare(config), list[Epoch]()
    with Directory.create(path) as directory:
        manifest = _finish(training, RunWriter(directory, training), epochs)
    return training, manifest, epochs


def _finish(training: Training, writer: RunWriter, epochs: list[Epoch]) -> Manifest:
    try:
        for record in train(training):
            writer.take(record)
            if isinstance(record, Epoch):
                epochs.append(record)
            else:
                _check_block(training, record)
    except Diverged as error:
        return finish(writer, training, "diverged", str(error).split("\n")[0])
    return finish(writer, training, "completed")


def _run_and_lose(config: Config, path: Path, records: int) -> None:
    """Train for so many records, and then be gone."""
    training = prepare(config)
    with Directory.create(path) as directory:
        writer = RunWriter(directory, training)
        with suppress(Diverged):
            for record in islice(train(training), records):
                writer.take(record)
        for file in writer._growing.values():
            file.close()


def _resume(path: Path) -> None:
    with open_to_resume(path) as directory:
        resumption = open_interrupted(directory)
        _finish(resumption.training, resumption.writer(), [])


def _check_block(training: Training, block: Block) -> None:
    assert not set(block.rows) & set(training.dataset.held_out_rows.tolist())
    assert all(loss >= 0.0 for loss in block.losses if isfinite(loss))


def _check(config: Config, records: int) -> None:
    with TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "some.yaml").write_text(to_yaml(config))
        assert load_config(here / "some.yaml") == config
        training, manifest, epochs = _run(config, here / "one")
        # Once more from what the first run says it was, and not all at once.
        _run_and_lose(load_config(here / "one" / "config.yaml"), here / "two", records)
        _resume(here / "two")
        names, again = (
            sorted(path.name for path in run.iterdir() if not CHECKPOINT.fullmatch(path.name))
            for run in (here / "one", here / "two")
        )
        assert names == again
        assert ("steps.csv" in names) == (config.record == "steps")
        for name in names:
            if name != "manifest.json":
                assert (here / "one" / name).read_bytes() == (here / "two" / name).read_bytes(), name
        clock = {"started", "finished", "seconds"}
        repeated = open_run(here / "two").manifest
        assert repeated.model_dump(exclude=clock) == manifest.model_dump(exclude=clock)
        _check_end(training, manifest, epochs)
        _check_evaluation(here / "one", training, epochs)
    data, trained = training.dataset, training.parameters
    objective = objective_of(config, data)
    report = run_check(
        [path_of(own_gradient)], training.network, data.inputs, data.labels, objective, trained=trained
    )
    assert report.passed, [row for row in report.parameters if row.verdict != "OK"]


def _check_end(training: Training, manifest: Manifest, epochs: list[Epoch]) -> None:
    assert np.isfinite(training.parameters).all()
    if manifest.status == "diverged":
        assert manifest.reason is not None
        return
    assert manifest.steps == epochs[-1].step
    assert manifest.stopped_early == (len(epochs) < training.config.epochs)
    assert training.config.early_stopping or not manifest.stopped_early
    if not manifest.stopped_early:
        assert manifest.steps == training.steps
    held_out = len(training.dataset.held_out_rows) > 0
    assert all((epoch.validation_loss is not None) == held_out for epoch in epochs)


def _check_evaluation(path: Path, training: Training, epochs: list[Epoch]) -> None:
    """The run read back: its last parameters do on held-out samples what the last epoch's record says."""
    run = open_run(path, "last")
    np.testing.assert_array_equal(run.vector, training.parameters)
    np.testing.assert_array_equal(run.dataset.held_out_rows, training.dataset.held_out_rows)
    figures = evaluate(run.network, run.vector, run.dataset)
    assert figures.samples == 150
    assert sum(map(sum, figures.confusion)) == 150
    if run.manifest.status == "completed" and len(run.dataset.held_out_rows):
        held_out = evaluate(run.network, run.vector, run.dataset, run.dataset.held_out_rows)
        assert held_out.loss == epochs[-1].validation_loss
        assert held_out.accuracy == epochs[-1].validation_accuracy
    if training.best is not None:
        _check_best(path, training, epochs)


def _check_best(path: Path, training: Training, epochs: list[Epoch]) -> None:
    run, best, stopping = open_run(path, "best"), training.best, training.config.early_stopping
    assert best is not None
    np.testing.assert_array_equal(run.vector, best.parameters)
    on_training = stopping is not None and stopping.monitor == "training"
    monitored = [epoch.loss if on_training else epoch.validation_loss or 0.0 for epoch in epochs]
    assert best.loss == monitored[best.epoch - 1]
    # No epoch was better by more than what counts, and patience was not overdrawn.
    assert min(monitored) >= best.loss - (stopping.min_delta if stopping else 0.0)
    assert stopping is None or len(epochs) - best.epoch <= stopping.patience
    assert training.stopped_early <= (stopping is not None and len(epochs) - best.epoch == stopping.patience)
    if not on_training:
        held_out = evaluate(run.network, run.vector, run.dataset, run.dataset.held_out_rows)
        assert held_out.loss == best.loss


@FEW
@given(configs(), st.integers(0, 12))
def test_any_combination(config: Config, records: int) -> None:
    _check(config, records)


@pytest.mark.campaign
@MANY
@given(configs(), st.integers(0, 12))
def test_very_many_combinations(config: Config, records: int) -> None:
    _check(config, records)


def test_every_option_of_every_choice_is_drawn() -> None:
    fields = {
        option for models in CHOICES.values() for model in models.values() for option in model.model_fields
    }
    assert fields - {"name"} == set(_OPTIONS)
