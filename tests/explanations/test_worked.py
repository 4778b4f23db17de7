"""The explained step is the run's own, to the last bit."""

import csv
from pathlib import Path

import numpy as np
import pytest

from irisbp.config.load import load_config
from irisbp.errors import Diverged, IrisbpError, RunError
from irisbp.explanations.naming import all_parameters
from irisbp.explanations.worked import Worked, work
from irisbp.runs.open import open_run
from irisbp.runs.rewind import Place, check_recorded, state_before
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from tests.making import make_run
from tests.reference import in_draw_order, numbers

CONFIGS = [
    (),
    (
        "network.hidden=[3,2]",
        "network.activation=tanh",
        "optimizer={name: sgd, momentum: 0.9, nesterov: true}",
    ),
    ("optimizer=adam", "batch_size=16", "data.shuffle=every_epoch"),
    ("optimizer=nadam", "clip_norm=0.5", "schedule={name: cosine, warmup: 1}"),
    ("l2=0.01", "reduction=sum", "batch_size=7", "optimizer=rmsprop"),
    ("l2=0.01", "network.activation=relu"),
    ("batch_size=all", "optimizer={name: adam, amsgrad: true}", "epochs=30"),
    ("data.validation=0.2", "network.hidden=[]", "optimizer=adamw"),
    ("rng=numpy", "data.shuffle=every_epoch", "optimizer=adadelta", "network.activation=leaky_relu"),
    ("clip_norm=0.1", "network.activation=softplus"),
    ("class_weight={setosa: 3, virginica: 0.7}",),
    ("class_weight={setosa: 0.4, versicolor: 2}", "batch_size=7", "data.validation=0.3", "l2=0.01"),
]


def explained(overrides: tuple[str, ...], place: Place, sample: int | None = None) -> Worked:
    training = prepare(load_config(None, ["epochs=3", *overrides]))
    return work(state_before(training, place), sample)


def recorded(overrides: tuple[str, ...], folder: Path) -> Path:
    """Train a run into a directory."""
    make_run(folder / "run", "epochs=3", *overrides)
    return folder / "run"


@pytest.mark.parametrize("overrides", CONFIGS)
def test_losses_and_parameters_are_the_runs(overrides: tuple[str, ...], tmp_path: Path) -> None:
    run = open_run(recorded(overrides, tmp_path), "last")
    rows = list(csv.DictReader((tmp_path / "run" / "steps.csv").read_text().splitlines()))
    last = run.manifest.steps
    for step in sorted({1, 2, last // 3, last // 2 + 1, last - 1, last}):
        worked = explained(overrides, Place(step=step))
        own = [row for row in rows if int(row["step"]) == step]
        assert [float(row["loss"]) for row in own] == worked.losses
        assert [int(row["sample"]) for row in own] == worked.rows
        assert [row["predicted"] for row in own] == [worked.dataset.classes[k] for k in worked.predictions]
        assert {int(row["epoch"]) for row in own} == {worked.epoch}
        assert check_recorded(run, step, worked.losses)
        if step < last:
            np.testing.assert_array_equal(worked.new, explained(overrides, Place(step=step + 1)).old)
        else:
            np.testing.assert_array_equal(worked.new, run.vector)


@pytest.mark.parametrize("overrides", CONFIGS)
def test_the_numbers_on_the_way_give_the_gradient(overrides: tuple[str, ...]) -> None:
    worked = explained(overrides, Place(step=2))
    config, each = worked.config, [worked.numbers.gradient_by(p) for p in all_parameters(worked.network)]
    gradients = np.array(each).T  # (rows, parameters)
    gradients *= worked.weights[:, np.newaxis]
    reduced = gradients.mean(axis=0) if config.reduction == "mean" else gradients.sum(axis=0)
    is_weight = np.array([p.source is not None for p in all_parameters(worked.network)])
    expected = reduced + config.l2 * worked.old * is_weight
    if worked.is_single:
        np.testing.assert_array_equal(worked.gradient, expected)
    np.testing.assert_allclose(worked.gradient, expected, rtol=1e-12, atol=1e-15)
    if worked.is_plain:
        np.testing.assert_array_equal(worked.change, worked.learning_rate * worked.gradient)
        np.testing.assert_array_equal(worked.new, worked.old - worked.change)
    np.testing.assert_allclose(worked.new, worked.old - worked.change, rtol=1e-14)


def test_the_weight_is_that_of_the_samples_class() -> None:
    weights = {"setosa": 3.0, "versicolor": 1.0, "virginica": 0.7}
    worked = explained(("class_weight={setosa: 3, virginica: 0.7}", "batch_size=40"), Place(step=2))
    names = [worked.dataset.table.targets[row] for row in worked.rows]
    assert {*names} == {*weights}
    assert worked.weights.tolist() == [weights[name] for name in names]
    # The article's first sample is a virginica.
    weighted, plain = (explained((f"class_weight={w}",), Place(step=1)) for w in ("{virginica: 4}", "none"))
    np.testing.assert_array_equal(weighted.gradient, 4.0 * plain.gradient)
    assert (weighted.weight, plain.weight) == (4.0, 1.0)
    assert weighted.losses == plain.losses


def test_the_articles_first_step_is_what_r_printed() -> None:
    worked = explained((), Place(step=1))
    assert worked.sample == int(numbers("article-seed0/order.txt")[0]) - 1
    assert worked.loss == pytest.approx(numbers("article-seed0/losses.txt")[0], rel=1e-13)
    initial = in_draw_order(worked.network, worked.old)
    np.testing.assert_array_equal(initial, numbers("article-seed0/initial_parameters.txt"))
    gradient = in_draw_order(worked.network, worked.gradient)
    np.testing.assert_allclose(gradient, numbers("article-seed0/first_gradient.txt"), rtol=1e-12)


def test_a_sample_leads_to_its_step() -> None:
    for overrides in ((), ("batch_size=7",), ("data.shuffle=every_epoch",)):
        by_step = explained(overrides, Place(step=20))
        sample = by_step.rows[-1]
        by_sample = explained(overrides, Place(epoch=by_step.epoch, sample=sample), sample)
        assert (by_sample.step, by_sample.sample, by_sample.rows) == (20, sample, by_step.rows)
        assert by_sample.losses == by_step.losses


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (Place(step=0), "step 0: the steps are 1 to 450"),
        (Place(step=451), "step 451: the steps are 1 to 450"),
        (Place(step=-(10**30)), "the steps are 1 to 450"),
        (Place(epoch=4, sample=0), "epoch 4: the epochs are 1 to 3"),
        (Place(epoch=1, sample=150), "sample 150: the samples are 0 to 149"),
        (Place(epoch=1, sample=-1), "sample -1"),
    ],
)
def test_a_place_that_is_not_there(place: Place, told: str) -> None:
    with pytest.raises(IrisbpError) as error:
        explained((), place)
    assert told in str(error.value)


def test_held_out_samples_have_no_step() -> None:
    training = prepare(load_config(None, ["data.validation=0.2"]))
    row = int(training.dataset.held_out_rows[0])
    with pytest.raises(IrisbpError, match="held out"):
        state_before(training, Place(epoch=1, sample=row))


def test_a_sample_of_another_batch_is_refused() -> None:
    batch = explained(("batch_size=2",), Place(step=1)).rows
    other = next(row for row in range(150) if row not in batch)
    with pytest.raises(IrisbpError, match=f"step 1 takes {batch[0]}, {batch[1]}"):
        explained(("batch_size=2",), Place(step=1), other)


def test_divergence_is_told_and_steps_before_it_are_explained() -> None:
    overrides = ("learning_rate=1e308", "network.hidden=[]")
    training = prepare(load_config(None, overrides))
    with pytest.raises(Diverged) as error:
        for _ in train(training):
            pass
    step = error.value.step
    with pytest.raises(Diverged):
        explained(overrides, Place(step=step))
    with pytest.raises(Diverged):
        explained(overrides, Place(step=step + 1))
    before = explained(overrides, Place(step=step - 1))
    np.testing.assert_array_equal(before.new, training.parameters)


def test_early_stopping_ends_the_steps() -> None:
    overrides = ("early_stopping={patience: 1, monitor: training, min_delta: 10}", "epochs=9")
    with pytest.raises(IrisbpError, match="stops early, after step 300"):
        explained(overrides, Place(step=301))


def test_other_losses_than_the_recorded_are_an_error(tmp_path: Path) -> None:
    run = open_run(recorded((), tmp_path))
    worked = explained((), Place(step=9))
    assert check_recorded(run, 9, worked.losses)
    with pytest.raises(RunError, match="runs verify"):
        check_recorded(run, 9, [np.nextafter(worked.loss, 9.0)])


def test_a_run_without_steps_has_nothing_to_compare(tmp_path: Path) -> None:
    run = open_run(recorded(("record=epochs",), tmp_path))
    assert not check_recorded(run, 9, [0.0])
