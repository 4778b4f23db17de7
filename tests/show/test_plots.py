"""What the pictures are drawn from, and how: the numbers behind them and the text on them."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.font_manager import fontManager
from sklearn.decomposition import PCA

import irisbp
from irisbp.errors import IrisbpError, RunError
from irisbp.rundir import curves
from irisbp.rundir.directory import OpenDirectory
from irisbp.runs.layout import OWN_FOLDERS, PICTURES
from irisbp.runs.retrace import retrace
from irisbp.runs.run import Run
from irisbp.show.plots import names, style
from irisbp.show.plots import pictures as plots
from irisbp.show.plots.comparison import comparison, labels
from irisbp.show.plots.confusion import confusion
from irisbp.show.plots.distributions import _activations, _gradients, distributions
from irisbp.show.plots.learning import loss_and_accuracy
from irisbp.show.plots.names import text, texts
from irisbp.show.plots.paths import parameter_paths
from irisbp.show.plots.pictures import draw_comparison, draw_run
from irisbp.show.plots.plane import Over, Plane
from irisbp.show.plots.probabilities import probabilities_over_time
from irisbp.show.plots.regions import regions
from irisbp.show.plots.style import house_style, legend, panels
from irisbp.training.setup import prepare
from tests.making import at_step, make_run

ODD = ("$a$b", "_hidden", "\u4e2d\\$\u202e")
HARD = (
    *ODD, "50 %\\", "x^{", "a\\nb", "-", "#", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 1",
    "\u05e9\u05dc\u05d5\u05dd", "\U0001f98b", "e\u0301", "a\u3000b", f"{'a' * 40}1{'b' * 40}",
    f"{'a' * 40}2{'b' * 40}",
)  # fmt: skip


def made(path: Path, *overrides: str, stop_after: int | None = None) -> Run:
    """A run of four epochs in a directory of its own."""
    stop = at_step(stop_after) if stop_after else None
    return make_run(path, "epochs=4", *overrides, stop=stop)


def table_of(path: Path, header: str, rows: Iterable[str]) -> tuple[str, str]:
    """A table whose last column is `class`, as overrides."""
    path.write_text("\n".join([f"{header},class", *rows]), encoding="utf-8")
    return f"data.source={path}", "data.target=class"


def odd_table(path: Path) -> tuple[str, str]:
    """A table with names that are hard to show."""
    return table_of(path, "$x$,_y", (f"{k % 7},{k * k % 11},{ODD[k % 3]}" for k in range(30)))


def hard_table(path: Path) -> tuple[str, str]:
    """Names that are harder to show; one class has a single row."""
    rows = [f"{k % 7},{k * k % 11},{HARD[k % len(HARD)]}" for k in range(3 * len(HARD))]
    return table_of(path, "$x^,_y\\%", [*rows, "3,4,alone"])


def far_table(path: Path) -> tuple[str, str]:
    """Row 20 is beyond float64 in sd units, and row 21 beyond 1e12."""
    rows = [f"{k * k % 13}e-10,{k * 7 % 11}e290,{k % 3},{'ab'[k % 2]}" for k in range(20)]
    return table_of(path, "x,y,z", [*rows, "1.7e308,1e290,1,a", "1e10,1e290,1,a"])


def wide_table(path: Path) -> tuple[str, str]:
    """More features than rows, one of them constant but for one row, and as many classes."""
    header = ",".join(f"x{j}" for j in range(131))
    rows = ([*(k * j % 17 + j + k for j in range(130)), k // 119, f"c{k % 40}"] for k in range(120))
    return table_of(path, header, (",".join(map(str, row)) for row in rows))


def drawn(run: Run, picture_format: str = "svg", notes: list[str] | None = None) -> dict[str, bytes]:
    told: list[str] = [] if notes is None else notes
    return dict(draw_run(run, PICTURES, picture_format, told.append))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time; some tests can do without."""
    monkeypatch.setattr(plots, "as_bytes", lambda figure, picture_format: b"")


CASES = {
    "deep": ["network.hidden=[12,8,6]", "network.activation=relu", "batch_size=8", "data.validation=0.2"],
    "stopped": ["early_stopping.patience=1", "data.folds=5", "data.fold=1", "learning_rate=5", "epochs=9"],
    "one epoch": ["epochs=1", "record=epochs", "network.hidden=[]", "batch_size=all"],
    "diverged": ["learning_rate=1e308", "network.hidden=[]"],
    "huge": ["learning_rate=30", "network.activation=relu", "network.hidden=[5]", "optimizer.momentum=0.9"],
    "all zero": ["network.activation=relu", "initializer={name: zeros, bias: zeros}"],
    "many layers": [f"network.hidden=[{','.join(['2'] * 12)}]", "epochs=2"],
}


TABLES = {
    "hard names": (hard_table, ["epochs=1"]),
    "one feature": (lambda path: table_of(path, "x", ("1,a", "2,b", "2,a")), ["epochs=1"]),
    "far out": (far_table, ["data.validation=0.4", "initializer={name: normal, sd: 1e200}"]),
    "wide": (wide_table, ["epochs=1", "record=epochs"]),
}


@pytest.mark.parametrize(("table", "overrides"), TABLES.values(), ids=TABLES)
def test_every_kind_of_table_is_drawn(
    tmp_path: Path,
    table: Callable[[Path], Iterable[str]],
    overrides: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(style._SETTINGS, "savefig.dpi", 20)
    run = made(tmp_path / "$run^_%\\", *table(tmp_path / "t.csv"), *overrides)
    # Probabilities have a panel for each class, which is slow.
    kinds = [kind for kind in PICTURES if kind != "probabilities" or len(run.classes) < 20]
    assert list(dict(draw_run(run, kinds, "png", print))) == [f"{kind}.png" for kind in kinds]


@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES)
def test_every_kind_of_run_is_drawn(
    tmp_path: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(style._SETTINGS, "savefig.dpi", 40)
    notes: list[str] = []
    pictures = drawn(made(tmp_path / "run", *overrides), "png", notes)
    assert list(pictures) == [f"{kind}.png" for kind in PICTURES]
    assert not notes
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())


@pytest.mark.usefixtures("undrawn")
def test_names_of_files_are_those_that_may_be_removed(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "epochs=1")
    names = {name for ending in ("png", "svg") for name in drawn(run, ending)}
    assert names | {"comparison.png", "comparison.svg"} == set(OWN_FOLDERS["plots"])


@pytest.mark.usefixtures("undrawn")
def test_what_was_not_recorded_is_noted(tmp_path: Path) -> None:
    overrides = CASES["diverged"]
    notes: list[str] = []
    run = made(tmp_path / "run", *overrides, "record=epochs")
    assert "loss-and-accuracy.svg" not in drawn(run, notes=notes)
    assert notes == ["no picture of loss-and-accuracy: the run did not record it"]


def drawn_both(run: Run) -> dict[str, bytes]:
    kinds = ("loss-and-accuracy", "paths")  # points in SVG are a PNG in it
    return dict(draw_run(run, kinds, "svg", print)) | dict(draw_run(run, kinds[1:], "png", print))


def test_the_same_run_draws_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path / "run")
    before = drawn_both(run)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    with matplotlib.rc_context({"figure.facecolor": "red", "svg.hashsalt": "other"}):
        assert drawn_both(run) == before
    assert not any(b"<dc:date>" in content for content in before.values())


@pytest.fixture
def two_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with no fonts but two that come with Matplotlib."""
    families = {"DejaVu Sans", "STIXGeneral"}
    few = [entry for entry in fontManager.ttflist if entry.name in families]
    monkeypatch.setattr(fontManager, "ttflist", few)
    names._family_of.cache_clear()
    yield
    names._family_of.cache_clear()


@pytest.mark.usefixtures("two_fonts")
def test_text_from_outside_is_shown_literally(tmp_path: Path) -> None:
    with house_style():
        _, [[axes]] = panels(1, 1, 2)
        made = legend(axes, [(axes.plot([0, 1])[0], text(name)) for name in ODD])
        shown = [part._preprocess_math(part.get_text()) for part in made.get_texts()]  # type: ignore[attr-defined]
    assert shown == [("$a$b", False), ("_hidden", False), ("\\u4e2d\\$\\u202e", False)]
    assert text("x" * 50, 11) == "xxxxx\u2026xxxxx"


@pytest.mark.usefixtures("two_fonts")
def test_letters_come_from_any_font_that_has_them() -> None:
    def draw() -> style.Picture:
        figure, [[axes]] = panels(1, 1, 2)
        axes.set_title(text("\u210a and caf\u00e9, \u4e2d\U0001f98b\u4e2d"))
        return figure

    figure = style.drawn(draw)
    title = figure.axes[0].title
    # DejaVu Sans has no script g; STIXGeneral has one. Neither has Chinese letters or a butterfly.
    assert title.get_text() == "\u210a and caf\u00e9, \\u4e2d\\U0001f98b\\u4e2d"
    assert title.get_fontfamily() == ["DejaVu Sans", "STIXGeneral"]
    assert figure.notes == [
        "no installed font has \u4e2d \U0001f98b: pictures show an escape, such as \\u4e2d, for each"
    ]
    style.as_bytes(figure, "png", 20)  # a box in a letter's place would be a warning, and so an error


def test_names_that_differ_look_different() -> None:
    long = [f"{'a' * 40}{middle}{'b' * 40}" for middle in ("one", "two", "", "o" * 50 + "x", "o" * 50 + "y")]
    others = ["short", "a" * 83 + "b" * 40, "\\u4e2d", "\u4e2d", "c" * 30, "c" * 31, "c" * 32]
    for most in (16, 22, 60):
        shown = texts([*long, *others, "short"], most)
        assert len(set(shown)) == len(shown) - 1
        assert shown[5] == shown[-1] == "short"
        assert max(map(len, shown)) <= most
        assert "one" in shown[0]
        assert "two" in shown[1]


def test_odd_names_are_those_of_the_axes(tmp_path: Path) -> None:
    run = made(tmp_path / "$run$_1", *odd_table(tmp_path / "t.csv"))
    with house_style():
        figure = confusion(run)
    axes = figure.axes[0]
    assert {label.get_text() for label in axes.get_yticklabels()} == {text(name) for name in ODD}
    assert figure.get_suptitle() == r"\$run\$_1"


def test_confusion_counts_the_held_out_rows(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "data.validation=0.2", "epochs=20")
    with house_style():
        axes = confusion(run).axes[0]
    counts = [int(shown.get_text()) for shown in axes.texts]
    assert len(counts) == 9
    assert sum(counts) == 30
    assert axes.get_title().startswith("30 held-out samples")


def test_points_and_lines_are_the_recorded_numbers(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "batch_size=8", "data.validation=0.2")
    steps = np.genfromtxt(tmp_path / "run" / "steps.csv", delimiter=",", skip_header=1, usecols=(0, 5))
    epochs = np.genfromtxt(tmp_path / "run" / "epochs.csv", delimiter=",", names=True)
    with house_style():
        figure = loss_and_accuracy(run)
    assert figure is not None
    losses, accuracies, rates = figure.axes[:3]
    points = np.asarray(losses.collections[0].get_offsets())
    np.testing.assert_allclose(points, np.column_stack([steps[:, 0] / 15, steps[:, 1]]))  # 120 rows by 8
    training, validation = losses.lines[:2]
    np.testing.assert_array_equal(training.get_ydata(), epochs["epoch_loss"])
    np.testing.assert_array_equal(training.get_xdata(), [0.5, 1.5, 2.5, 3.5])
    np.testing.assert_array_equal(validation.get_ydata(), epochs["validation_loss"])
    np.testing.assert_array_equal(validation.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(accuracies.lines[0].get_ydata(), epochs["epoch_accuracy"])
    np.testing.assert_array_equal(rates.lines[0].get_ydata(), [0.1] * 5)


def test_probabilities_are_those_of_the_true_class(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "data.validation=0.2")
    history = retrace(run)
    assert history.repeats
    assert [moment.epoch for moment in history.moments] == [0, 1, 2, 3, 4]
    with house_style():
        axes = probabilities_over_time(run, history).axes
    inputs, labels_ = run.dataset.inputs, run.dataset.labels
    for k, name in enumerate(run.dataset.classes):
        rows = [row for row in run.dataset.train_rows if labels_[row] == k]
        p = run.network.views(run.vector)
        hidden = 1 / (1 + np.exp(-(inputs[rows] @ p["hidden_1.weight"] + p["hidden_1.bias"])))
        powers = np.exp(hidden @ p["output.weight"] + p["output.bias"])
        true = powers[:, k] / powers.sum(axis=1)
        median, mean = (np.asarray(line.get_ydata())[-1] for line in axes[k].lines[:2])
        assert (median, mean) == pytest.approx((np.median(true), true.mean()), rel=1e-12)
        assert axes[k].get_title() == f"{name}\nn = 40"


def test_paths_begin_and_end_where_the_run_does(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    with house_style():
        hidden, output = parameter_paths(run, retrace(run)).axes
    lines = [*hidden.lines, *output.lines]
    assert [np.asarray(line.get_ydata())[-1] for line in lines] == run.vector.tolist()
    initial = prepare(run.config).parameters
    assert [np.asarray(line.get_ydata())[0] for line in lines] == initial.tolist()
    assert {line.get_linestyle() for line in hidden.lines[-3:]} == {"--"}


def test_an_interrupted_run_is_traced_to_where_it_ended(tmp_path: Path) -> None:
    full = made(tmp_path / "full", "data.source=" + str(_wide(tmp_path / "t.csv")), "data.target=class")
    run = made(
        tmp_path / "part", "data.source=" + str(tmp_path / "t.csv"), "data.target=class", stop_after=500
    )
    assert (full.manifest.steps, run.manifest.steps) == (1600, 656)  # blocks of 256, 144; 256
    history = retrace(run)
    assert history.repeats
    assert [moment.epoch for moment in history.moments] == [0, 1, 656 / 400]
    early = made(
        tmp_path / "early", "data.source=" + str(tmp_path / "t.csv"), "data.target=class", stop_after=1
    )
    assert (early.status, early.manifest.steps) == ("interrupted", 256)
    assert len(dict(draw_run(early, ["loss-and-accuracy", "paths"], "png", print))) == 2


def _wide(path: Path) -> Path:
    rows = [f"{k * 17 % 101},{k * 5 % 13},c{k % 4}" for k in range(400)]
    path.write_text("\n".join(["x,y,class", *rows]))
    return path


def test_a_diverged_run_is_traced_to_where_it_ended(tmp_path: Path) -> None:
    run = made(tmp_path / "run", *CASES["diverged"])
    history = retrace(run)
    assert history.repeats
    assert [moment.epoch for moment in history.moments] == [0, 2 / 150]  # a logit is beyond float64 at step 3


@pytest.mark.usefixtures("undrawn")
def test_a_run_that_ends_elsewhere_is_noted(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    run.vector[3] += 1e-9
    notes: list[str] = []
    drawn(run, notes=notes)
    assert notes == ["the run does not repeat: pictures over time show it as it was trained again"]


def predicted_by(run: Run, inputs: Any) -> Any:
    """The class of the largest logit: the textbook's formula."""
    p = run.network.views(run.vector)
    hidden = 1 / (1 + np.exp(-(inputs @ p["hidden_1.weight"] + p["hidden_1.bias"])))
    return (hidden @ p["output.weight"] + p["output.bias"]).argmax(axis=1)


def rounded(points: Any) -> set[tuple[float, ...]]:
    return {tuple(point) for point in np.round(points, 9).tolist()}


def scattered(figure: Any, size: float) -> set[tuple[float, ...]]:
    """The points of the marks of this size."""
    marks = [found for found in figure.axes[0].collections if isinstance(found, PathCollection)]
    chosen = [np.asarray(mark.get_offsets()) for mark in marks if mark.get_sizes().tolist() == [size]]
    return rounded(np.concatenate(chosen)) if chosen else set()


def test_samples_on_another_side_than_predicted_are_crossed(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "epochs=20")
    table, inputs = run.dataset.table.values, run.dataset.inputs
    others = inputs.copy()
    others[:, :2] = 0.0  # their means
    predicted, drawn_there = predicted_by(run, inputs), predicted_by(run, others)
    over = Over(features=["petal_length", "petal_width"])
    figure = style.drawn(lambda: regions(run, over))
    crossed, ringed = scattered(figure, 55), scattered(figure, 75)
    assert crossed == rounded(table[predicted != drawn_there, 2:])
    assert ringed == rounded(table[predicted != run.dataset.labels, 2:])
    off, wrong = int((predicted != drawn_there).sum()), int((predicted != run.dataset.labels).sum())
    assert off > 0
    assert [entry.get_text() for entry in figure.legends[0].get_texts()[-2:]] == [
        f"predicted wrong ({wrong})",
        f"off the slice ({off})",
    ]
    assert figure.axes[0].get_title() == (
        "a slice: the other 2 features are at their means\n"
        f"\u00d7 off the slice: predicted otherwise than drawn here ({off} of 150)"
    )
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("petal_length", "petal_width")


def test_with_two_features_a_slice_is_all_there_is(tmp_path: Path) -> None:
    run = made(tmp_path / "run", *odd_table(tmp_path / "t.csv"))
    figure = style.drawn(lambda: regions(run))
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == (r"\$x\$", "_y")
    assert figure.axes[0].get_title() == ""
    assert not scattered(figure, 55)


def test_other_components_can_be_drawn(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    axes = run.plot("regions", components=(3, 1)).axes[0]
    shares = PCA(4).fit(run.dataset.inputs).explained_variance_ratio_
    assert axes.get_xlabel() == f"principal component 3 (sd units, {100 * shares[2]:.0f} % of variance)"
    assert axes.get_ylabel() == f"principal component 1 (sd units, {100 * shares[0]:.0f} % of variance)"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (
            "regions",
            {"features": ["petal_lenght", "x"]},
            "no feature petal_lenght; did you mean petal_length?",
        ),
        ("regions", {"features": ["petal_width"] * 2}, "regions are drawn over two different features"),
        ("regions", {"features": ["petal_width"]}, "regions are drawn over two different features"),
        ("regions", {"components": [1, 5]}, "1,5: give two different numbers from 1 to 4"),
        ("regions", {"components": [1, 1]}, "1,1: give two different numbers from 1 to 4"),
        ("regions", {"components": [1, 2], "features": []}, "features and components: give one of them"),
        ("paths", {"components": [1, 2]}, "features and components are for the picture regions"),
    ],
)
def test_what_regions_cannot_be_drawn_over(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(IrisbpError, match=re.escape(message)):
        irisbp.train(epochs=1).plot(kind, **options)


@pytest.mark.usefixtures("undrawn")
def test_rows_beyond_float64_are_left_out_and_noted(tmp_path: Path) -> None:
    overrides = [*far_table(tmp_path / "t.csv"), "data.validation=0.4", "network.activation=relu"]
    run = made(tmp_path / "run", *overrides)
    assert {20, 21} < set(run.dataset.held_out_rows.tolist())
    notes: list[str] = []
    assert len(drawn(run, notes=notes)) == len(PICTURES)
    assert notes == [
        "row 20 of the table is left out of pictures: standardized, a feature is beyond float64",
        "regions are drawn without 1 sample beyond 1e12 sd",
    ]
    held_out = len(run.dataset.held_out_rows)
    title = style.drawn(lambda: confusion(run)).axes[0].get_title()
    assert title.startswith(f"{held_out - 1} held-out samples, without 1 beyond float64, accuracy ")
    last = retrace(run).moments[-1].validation
    assert np.isfinite(last).all()


def test_the_plane_is_that_of_scikit_learn() -> None:
    inputs = np.random.default_rng(5).normal(size=(80, 6)) * [5, 1, 1, 3, 1, 1]
    inputs -= inputs.mean(axis=0)
    found, plane = PCA(2).fit(inputs), Plane.fit(inputs)
    np.testing.assert_allclose(np.abs(plane.directions), np.abs(found.components_), rtol=1e-8)
    assert [name.split(", ")[1] for name in plane.names] == [
        f"{100 * share:.0f} % of variance)" for share in found.explained_variance_ratio_
    ]
    points = np.array([[1.0, -2.0], [0.5, 3.0]])
    np.testing.assert_allclose(plane.project(plane.lift(points)), points)


def test_wrong_samples_are_ringed(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "epochs=2")
    inputs, labels_ = run.dataset.inputs, run.dataset.labels
    plane, predicted = Plane.fit(inputs), predicted_by(run, inputs)
    points = plane.project(inputs)
    figure = style.drawn(lambda: regions(run))
    ringed, crossed = scattered(figure, 75), scattered(figure, 55)
    assert ringed == rounded(points[predicted != labels_])
    assert 0 < len(ringed) < 75
    # Whoever looks at a sample on the side of another class finds a ring or a cross there.
    beyond = predicted_by(run, plane.lift(points)) != labels_
    assert rounded(points[beyond]) <= ringed | crossed
    assert rounded(points[~beyond]).isdisjoint(ringed - crossed)


def test_gradients_and_activations_are_those_of_single_samples(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "network.activation=tanh")
    rows = run.dataset.train_rows[:5]
    hidden, output = _activations(run, run.vector, rows)
    p = run.network.views(run.vector)
    expected = np.tanh(run.dataset.inputs[rows] @ p["hidden_1.weight"] + p["hidden_1.bias"])
    np.testing.assert_allclose(hidden, expected, rtol=1e-13)
    gradients = _gradients(run, run.vector, rows)[-1][:, -3:]  # of the output's biases: p - y
    np.testing.assert_allclose(gradients, output - np.eye(3)[run.dataset.labels[rows]], rtol=1e-10)


def test_histograms_hold_all_values(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    with house_style():
        figure = distributions(run, retrace(run))
    for axes in figure.axes:
        for stairs in axes.patches:
            assert stairs.get_data().values.sum() == pytest.approx(1, abs=0.01)  # type: ignore[attr-defined]


def test_a_comparison_names_what_differs(tmp_path: Path) -> None:
    runs = [
        made(tmp_path / "a"),
        made(tmp_path / "b", "optimizer={name: adam, beta1: 0.8}", "network.hidden=[4,3]"),
        made(tmp_path / "c" / "a", "learning_rate=1e308", "network.hidden=[]"),
    ]
    assert labels(runs[:2]) == [
        "a  optimizer=sgd",
        "b  optimizer=adam  optimizer.beta1=0.8  network.hidden=[4,3]",
    ]
    assert labels(runs)[2] == f"{text(str(tmp_path / 'c' / 'a'), 60)}  diverged\n{'  '.join(DIFFERENT)}"
    with house_style():
        loss, accuracy = comparison(runs).axes
    looks = [(line.get_color(), line.get_marker(), line.get_linestyle()) for line in loss.lines]
    assert len(set(looks)) == 3
    epochs = np.genfromtxt(tmp_path / "b" / "epochs.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), epochs["epoch_loss"])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), epochs["epoch_accuracy"])
    assert draw_comparison(runs, "png", print) == draw_comparison(runs, "png", print)
    assert draw_comparison(runs[2:] * 2, "svg", print).startswith(b"<?xml")  # no epoch in any
    with pytest.raises(IrisbpError, match="25 runs: one picture shows at most 24"):
        comparison(runs[:1] * 25)


DIFFERENT = ["learning_rate=1e+308", "optimizer=sgd", "network.hidden=[]"]


def test_a_long_run_is_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path / "run", "epochs=30")
    monkeypatch.setattr(curves, "MOST_SAMPLES", 100)
    monkeypatch.setattr(curves, "MOST_EPOCHS", 8)
    steps, losses, count = _read(curves.read_losses, run)
    assert count == 4500
    assert 90 < len(steps) <= 100
    recorded = np.genfromtxt(tmp_path / "run" / "steps.csv", delimiter=",", skip_header=1, usecols=(5,))
    np.testing.assert_array_equal(losses, recorded[steps.astype(int) - 1])
    assert len(set((steps % 45).tolist())) > 20  # no pattern
    epochs = _read(curves.read_epochs, run)["epoch"].tolist()
    assert len(epochs) <= 8
    assert (epochs[0], epochs[-1]) == (1, 30)


def test_thinning_keeps_first_and_last_evenly() -> None:
    kept = curves.Thinned(8)
    for k in range(100):
        kept.add(k)
        assert len(kept.all()) <= 9
        assert (kept.all()[0], kept.all()[-1]) == (0, k)
    assert np.diff(kept.all()[:-1]).tolist() == [16] * 6
    assert curves.Thinned(3).all() == []


def test_a_changed_record_is_refused(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    for name, read in (("steps.csv", curves.read_losses), ("epochs.csv", curves.read_epochs)):
        (tmp_path / "run" / name).write_text((tmp_path / "run" / name).read_text().replace("1", "2"))
        with pytest.raises(RunError, match=f"{name} is not the file that the run wrote"):
            _read(read, run)


def _read(read: Any, run: Run) -> Any:
    assert run.path is not None
    with OpenDirectory(run.path) as directory:
        return read(directory, run.manifest)


def test_no_legend_is_wider_than_its_picture(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "network.hidden=[8]", "data.validation=0.2", "epochs=3")
    history = retrace(run)
    with house_style():
        figures = [
            parameter_paths(run, history),
            probabilities_over_time(run, history),
            loss_and_accuracy(run),
        ]
        for figure in figures:
            assert figure is not None
            figure.draw_without_rendering()
            extent = figure.legends[0].get_window_extent()
            assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
