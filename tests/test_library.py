"""The library and the command line: one cannot say what the other does not, nor a run in memory another's."""

import json
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from typer.testing import CliRunner

import irisbp
from irisbp.cli import app
from irisbp.config.load import to_yaml
from irisbp.config.schema import Config
from irisbp.rundir.manifest import Which
from tests.conftest import CONFIGS
from tests.making import at_step, make_run
from tests.test_choices import configs

FEW = settings(max_examples=12)
SMOKE = CONFIGS / "smoke.yaml"
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def printed(*arguments: object) -> Any:
    """What a command prints as JSON; one that fails raises its error."""
    done = CliRunner().invoke(app, list(map(str, arguments)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return json.loads(done.stdout)


def as_printed(data: Any) -> Any:
    """What JSON makes of data: lists of tuples, and null of what is not finite."""
    return json.loads(json.dumps(data))


def without_clock(data: dict[str, Any]) -> dict[str, Any]:
    """Without what differs from run to run."""
    return {key: value for key, value in data.items() if key not in ("seconds", "run")}


def train_both(config: Config, folder: Path) -> tuple[irisbp.Run, irisbp.Run, dict[str, Any]]:
    """A run in memory, the same recorded by Python, and what the command prints of a third."""
    (folder / "config.yaml").write_text(to_yaml(config))
    runs = []
    for directory in (None, folder / "recorded"):
        try:
            runs.append(irisbp.train(config, directory=directory))
        except irisbp.Diverged as error:
            runs.append(error.run)
    try:
        told = printed("train", folder / "config.yaml", "--run-dir", folder / "told", "--quiet", "--json")
    except irisbp.Diverged:
        told = irisbp.open_run(folder / "told").as_json()
    return runs[0], runs[1], told


@FEW
@given(configs())
def test_train_is_the_same_in_memory_in_a_directory_and_as_a_command(config: Config) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        here, recorded, told = train_both(config, folder)
        assert without_clock(told) == without_clock(as_printed(here.as_json()))
        assert without_clock(told) == without_clock(as_printed(recorded.as_json()))
        for path in (folder / "told").iterdir():
            if path.name != "manifest.json" and not path.name.startswith("checkpoint"):
                assert path.read_bytes() == (folder / "recorded" / path.name).read_bytes(), path.name
        check_records(here, folder / "told")
        check_verbs(here, folder / "told")


def check_records(here: irisbp.Run, path: Path) -> None:
    """A run in memory holds what a run's files hold, to the last bit."""
    with np.load(path / "parameters.npz") as arrays:
        for name, array in here.using("last").parameters.items():
            np.testing.assert_array_equal(array, arrays[name], strict=True)
    pd.testing.assert_frame_equal(here.epochs, exact(path / "epochs.csv"), check_exact=True)
    if here.config.record == "steps":
        pd.testing.assert_frame_equal(here.steps, exact(path / "steps.csv"), check_exact=True)
    else:
        with pytest.raises(irisbp.RunError, match="did not record its steps"):
            _ = here.steps


def exact(path: Path) -> pd.DataFrame:
    """A file of numbers as Python's own float reads them."""
    texts = pd.read_csv(BytesIO(path.read_bytes()), dtype=str, keep_default_na=False)
    kinds = {name: "int64" for name in ("step", "epoch", "sample") if name in texts}
    floats = [name for name in texts if name not in kinds and name not in ("label", "predicted")]
    for name in floats:
        texts[name] = [float(text) if text else np.nan for text in texts[name]]
    return texts.astype(kinds)


def check_verbs(here: irisbp.Run, path: Path) -> None:
    """evaluate, verify and predict, as commands and as calls."""
    which: list[Which] = ["last", "best"] if here.manifest.best_epoch else ["last"]
    for some in which:
        told = printed("evaluate", path, "--which", some, "--json")
        assert told == as_printed(finite(here.evaluate(which=some).as_json()))
        assert told == as_printed(finite(irisbp.evaluate(path, which=some).as_json()))
    figures = as_printed(here.as_json())
    fitted = as_printed(finite(here.evaluate("training").as_json()))
    assert (figures["loss"], figures["accuracy"]) == (fitted["loss"], fitted["accuracy"])
    verified = irisbp.verify(path)
    assert verified.equal
    assert as_printed(verified.as_json()) == printed("runs", "verify", path, "--quiet", "--json")
    told = printed("predict", path, *(f"{name}={value}" for name, value in FLOWER.items()), "--json")
    (row,) = here.predict(FLOWER).to_dict("records")
    (sample,) = told["samples"]
    assert sample["predicted"] == row["predicted"]
    assert [row[f"probability_{name}"] for name in here.classes] == list(sample["probabilities"].values())


def finite(data: Any) -> Any:
    """Data with null where JSON has no word."""
    if isinstance(data, dict):
        return {key: finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [finite(value) for value in data]
    return None if isinstance(data, float) and not np.isfinite(data) else data


def test_a_stopped_run_is_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    whole = irisbp.train(SMOKE, epochs=40, directory=tmp_path / "whole")
    stop, seen = at_step(2000), list[bool]()
    stopped = irisbp.train(
        SMOKE,
        epochs=40,
        directory=tmp_path / "x",
        listeners=[lambda record: seen.append(stop(record))],
        should_stop=lambda: seen[-1],
    )
    assert (stopped.status, stopped.manifest.reason) == ("interrupted", "stopped by should_stop")
    assert stopped.manifest.steps < 6000
    assert len(stopped.steps) == stopped.manifest.steps
    resumed = irisbp.resume(tmp_path / "x")
    assert without_clock(resumed.as_json()) == without_clock(whole.as_json())
    for name in ("steps.csv", "epochs.csv", "parameters.npz"):
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    again = irisbp.train(SMOKE, epochs=40, directory=tmp_path / "x", resume=True)
    assert without_clock(again.as_json()) == without_clock(whole.as_json())
    assert as_printed(again.as_json()) == printed("resume", tmp_path / "x", "--quiet", "--json")


def test_a_stopped_run_in_memory_keeps_what_it_has() -> None:
    run = irisbp.train(epochs=3, should_stop=lambda: "enough")
    assert (run.status, run.manifest.reason) == ("interrupted", "enough")
    assert len(run.steps) == run.manifest.steps
    assert repr(run).startswith("<Run in memory: interrupted, ")


def test_what_a_listener_raises_ends_the_run_in_good_order(tmp_path: Path) -> None:
    closed: list[bool] = []

    class Failing:
        def take(self, record: object) -> None:
            raise LookupError("nothing there")

        def close(self) -> None:
            closed.append(True)

    with pytest.raises(LookupError, match="nothing there"):
        irisbp.train(SMOKE, directory=tmp_path / "x", listeners=[Failing()])
    run = irisbp.open_run(tmp_path / "x")
    assert run.manifest.reason == "a listener failed: LookupError: nothing there"
    assert (run.status, closed) == ("interrupted", [True])
    assert irisbp.resume(tmp_path / "x").status == "completed"


_INTERRUPTED = """
import irisbp, os, signal, sys
def interrupt(record):
    if getattr(record, "step", 0) > 3000 and interrupt.due:
        interrupt.due = False
        os.kill(os.getpid(), signal.SIGINT)
interrupt.due = True
try:
    irisbp.train("CONFIG", epochs=10**6, directory=DIRECTORY, listeners=[interrupt])
except KeyboardInterrupt as error:
    assert isinstance(error, irisbp.IrisbpError)
    print(error, error.result.status, error.result.manifest.reason, sep="\\n")
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


@pytest.mark.parametrize("directory", ["None", "'x'"])
def test_ctrl_c_ends_a_run_in_good_order(directory: str, tmp_path: Path) -> None:
    program = _INTERRUPTED.replace("CONFIG", str(SMOKE)).replace("DIRECTORY", directory)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first.startswith("stopped after step 3")
    assert rest[-2:] == ["interrupted", "stopped by Ctrl-C"]
    assert rest[:-2] == ([] if directory == "None" else ["irisbp resume x resumes it"])


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    program = _INTERRUPTED.replace("CONFIG", str(SMOKE)).replace("DIRECTORY", "None")
    program = program.replace(
        "os.kill(os.getpid(), signal.SIGINT)", "[os.kill(os.getpid(), 2) for _ in '12']"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert "KeyboardInterrupt" in done.stderr
    assert signal.SIGINT in (-done.returncode, done.returncode - 128, 2)


def test_a_diverged_run_is_attached_to_the_error(tmp_path: Path) -> None:
    keys: dict[str, Any] = {"learning_rate": 1e308, "network": {"hidden": []}}
    for directory in (None, tmp_path / "x"):
        with pytest.raises(irisbp.Diverged) as raised:
            irisbp.train(directory=directory, **keys)
        run = raised.value.run
        assert (run.status, run.path, run.manifest.steps) == ("diverged", directory, 2)
        assert run.manifest.reason == str(raised.value).split("\n")[0]
        assert np.isfinite(run.vector).all()
    with pytest.raises(irisbp.Diverged) as raised:
        irisbp.train(directory=tmp_path / "x", resume=True, **keys)
    assert raised.value.run.path == tmp_path / "x"


def iris_frame() -> pd.DataFrame:
    """The iris table as scikit-learn has it, rows renamed."""
    from sklearn.datasets import load_iris

    data = load_iris(as_frame=True)
    frame: pd.DataFrame = data.data.set_axis(list(FLOWER), axis=1)
    return frame.assign(species=data.target_names[data.target]).set_axis([f"r{k}" for k in range(150)])


@pytest.mark.parametrize("directory", [None, "x"])
def test_a_frame_takes_the_place_of_a_file(
    directory: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = iris_frame()
    frame.to_csv("t.csv", index=False)
    keys: dict[str, Any] = {"epochs": 3, "seed": 4, "data": {"validation": 0.2}}
    run = irisbp.train(SMOKE, table=frame, target="species", directory=directory, **keys)
    keys["data"] = {"validation": 0.2, "source": "t.csv", "target": "species"}
    other = irisbp.train(SMOKE, **keys)
    np.testing.assert_array_equal(run.vector, other.vector)
    found, expected = (each.evaluate().as_json() for each in (run, other))
    for told in (found, expected):  # all but the names of the files
        told["data"], told["table"]["source"] = "", ""
    assert found == expected
    predicted = run.predict(frame)
    assert list(predicted.index) == list(frame.index)
    assert list(predicted) == ["predicted", *(f"probability_{name}" for name in run.classes)]
    shares = (predicted["predicted"] == frame["species"]).mean()
    assert shares == run.evaluate("all").accuracy
    if directory:
        assert irisbp.open_run("x").evaluate().loss == run.evaluate().loss
        assert irisbp.verify("x").equal


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"table": [[1, 2]], "target": "y"}, "table: list is not a pandas DataFrame"),
        ({"table": pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]})}, "table: needs target"),
        (
            {"table": pd.DataFrame({"x": [1.0, np.nan], "y": ["a", "b"]}), "target": "y"},
            "x: 1 of 2 cells is missing (line 3)",
        ),
        ({"target": "y"}, "data.target: needs data.source"),
        ({"resume": True}, "resume and overwrite need a directory"),
        ({"sede": 1}, "argument sede=1: unknown key sede; did you mean seed?"),
        ({"epochs": 2.5}, "argument epochs=2.5: epochs: 2.5 is not a whole number"),
        ({"config": 5}, "config: int is not a config"),
        ({"config": "nowhere.yaml"}, "nowhere.yaml: no such file"),
        ({"config": {"learning_rate": -1}}, "config: learning_rate: -1 is not a number greater than 0"),
    ],
)
def test_what_is_wrong_is_said_as_on_the_command_line(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(irisbp.IrisbpError) as raised:
        irisbp.train(keys.pop("config", None), **keys)
    assert message in str(raised.value)


def test_a_config_may_be_given_in_any_form(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "seed: 5\nepochs: 3\nlearning_rate: 0.1\ninitializer: normal\noptimizer: adam\n"
    )
    adam = {"name": "adam", "beta1": 0.8}
    expected = irisbp.load_config(tmp_path / "c.yaml", ["optimizer.beta1=0.8", "network.hidden=[8]"])
    given: list[Any] = [str(tmp_path / "c.yaml"), expected]
    given += [{"seed": 5, "epochs": np.int64(3), "learning_rate": np.float64(0.1), "initializer": "normal"}]
    for config in given:
        assert irisbp.load_config(config, optimizer=adam, network={"hidden": (8,)}) == expected
    dotted: dict[str, Any] = {"optimizer.beta1": 0.5}
    assert irisbp.load_config(expected, **dotted).optimizer.model_dump()["beta1"] == 0.5
    assert irisbp.load_config(expected) is expected


def test_runs_are_listed_and_compared(tmp_path: Path) -> None:
    a = irisbp.train(SMOKE, epochs=2, directory=tmp_path / "a")
    irisbp.train(SMOKE, epochs=2, seed=5, directory=tmp_path / "b")
    listed = irisbp.list_runs(tmp_path)
    assert sorted(listed["name"]) == ["a", "b"]
    assert listed.set_index("name")["loss"]["a"] == a.as_json()["loss"] == a.evaluate("training").loss
    assert listed.set_index("name")["epoch_loss"]["a"] == a.epochs["epoch_loss"].iloc[-1]
    told = printed("runs", "list", tmp_path, "--json")["runs"]
    assert [run["loss"] for run in told] == listed["loss"].tolist()
    difference = irisbp.diff(tmp_path / "a", tmp_path / "b")
    assert difference.config == {"seed": (a.config.seed, 5)}
    assert as_printed(difference.as_json()) == printed(
        "runs", "diff", tmp_path / "a", tmp_path / "b", "--json"
    )


def test_an_evaluation_is_frames_and_figures() -> None:
    from sklearn.metrics import confusion_matrix, precision_score, recall_score

    run = irisbp.train(SMOKE, epochs=5, data={"validation": 0.3})
    found, frame = run.evaluate(on="validation"), iris_frame().iloc[run.dataset.held_out_rows]
    truth, predicted = frame["species"], run.predict(frame)["predicted"]
    assert found.samples == len(frame)
    assert found.accuracy == (truth == predicted).mean()
    expected = confusion_matrix(truth, predicted, labels=run.classes)
    assert found.confusion.loc[run.classes, run.classes].to_numpy().tolist() == expected.tolist()
    options: dict[str, Any] = {"labels": run.classes, "average": None, "zero_division": np.nan}
    np.testing.assert_allclose(found.classes["precision"], precision_score(truth, predicted, **options))
    np.testing.assert_allclose(found.classes["recall"], recall_score(truth, predicted, **options))
    with pytest.raises(irisbp.IrisbpError, match="on: some is not one of training, validation, all"):
        run.evaluate("some")  # type: ignore[arg-type]


def test_what_a_notebook_shows_is_short_and_escaped(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "y": [HOSTILE, "b", HOSTILE, "b"]})
    run = irisbp.train(SMOKE, table=frame, target="y", epochs=2, directory=tmp_path / "<b>")
    for shown in (run, run.evaluate()):
        assert len(repr(shown)) < 300
        html = shown._repr_html_()
        assert "<script" not in html
        assert "<b>" not in html
        assert "\x1b" not in html
        assert "\u202e" not in html
    assert "&lt;script&gt;" in run.evaluate()._repr_html_()


def test_progress_is_a_bar_only_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    irisbp.train(epochs=2)
    assert capsys.readouterr() == ("", "")
    irisbp.train(epochs=2, progress=True)
    assert "epoch 2/2" in capsys.readouterr().out


def test_a_picture_of_a_run_in_memory_is_that_of_its_files(tmp_path: Path) -> None:
    import matplotlib.figure

    here, recorded = irisbp.train(SMOKE, epochs=3), make_run(tmp_path / "x", "epochs=3", config=SMOKE)
    for kind in ("loss-and-accuracy", "confusion", "regions", "paths"):
        pictures = [run.plot(kind) for run in (here, recorded)]
        assert all(isinstance(picture, matplotlib.figure.Figure) for picture in pictures)
        lines = [[line.get_xydata() for axes in p.axes for line in axes.get_lines()] for p in pictures]
        for ours, theirs in zip(*lines, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(irisbp.IrisbpError, match="portrait is not a picture; give one of loss-and-accuracy"):
        here.plot("portrait")


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"sepal_length": 1.0}, "no column sepal_width, petal_length, petal_width"),
        (FLOWER | {"petal_width": "wide"}, "index 0, column petal_width: 'wide' is not a finite number"),
        (dict.fromkeys(FLOWER, 1.7e308), "at index 0: it lies so far out"),
        ([1.0, 2.0], "predict: list is not a DataFrame or a mapping"),
    ],
)
def test_samples_that_cannot_be_classified(samples: Any, message: str) -> None:
    run = irisbp.train(SMOKE, epochs=1)
    with pytest.raises(irisbp.DataError, match=message):
        run.predict(samples)
