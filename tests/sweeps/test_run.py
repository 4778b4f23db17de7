"""irisbp.sweep: the same sweep as the command's, in memory or recorded, stopped, resumed and looked at."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from rich.console import Console

import irisbp
from irisbp.cli import app
from irisbp.cli.output import json_text
from irisbp.data.frames import read_exactly
from irisbp.sweeps.directory import writer
from irisbp.sweeps.directory.manifest import SweepManifest
from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.plan import plan_sweep
from irisbp.sweeps.results.columns import Results, points
from irisbp.sweeps.session import SweepProgress, Workers
from tests.conftest import CONFIGS

SMOKE = CONFIGS / "smoke.yaml"
FILES = ("sweep.yaml", "results.csv", "summary.csv", "curves.npz")
OPTIMIZERS = {"optimizer": ["sgd", "adam"], "seed": range(4)}
DIVERGING = {"learning_rate": [0.1, 1e308], "seed": range(2)}

# The values of a key as they are typed, and as they are in Python.
AXES: dict[str, list[tuple[str, Any]]] = {
    "seed": [("0:3", range(3)), ("5,2", [5, 2]), ("0:7:3", range(0, 7, 3)), ("4", np.array([4]))],
    "optimizer": [
        ("sgd,adam", ("sgd", "adam")),
        ("{name: sgd, momentum: 0.9},adam", [{"name": "sgd", "momentum": 0.9}, "adam"]),
    ],
    "network.hidden": [("[3],[8, 4]", [[3], [8, 4]]), ("[]", [[]])],
    "learning_rate": [("0.1,1e308", [0.1, 1e308]), ("1e-5", [1e-5]), ("0.01,1.0", np.logspace(-2, 0, 2))],
    "data.validation": [("null,0.2", [None, 0.2]), ("0.2", [0.2])],
    "early_stopping": [
        ("{patience: 1, monitor: training},null", [{"patience": 1, "monitor": "training"}, None])
    ],
    "data.shuffle": [("once,every_epoch", ["once", "every_epoch"])],
    "optimizer.nesterov": [("false", [False])],
}


@st.composite
def _requests(draw: st.DrawFn) -> tuple[list[str], dict[str, Any]]:
    """A small grid as arguments and as values."""
    keys = draw(st.permutations(["seed", "optimizer", "network.hidden", "learning_rate", "data.validation"]))
    keys = keys[: draw(st.integers(1, 3))] + draw(st.sampled_from([[], ["early_stopping"], ["data.shuffle"]]))
    chosen = {key: draw(st.sampled_from(AXES[key])) for key in keys}
    values = {"epochs": [2], "l2": [10]} | {key: given for key, (_, given) in chosen.items()}
    return ["epochs=2", "l2=10"] + [f"{key}={text}" for key, (text, _) in chosen.items()], values


def _command(*arguments: object) -> Any:
    """The JSON that a call of the command prints, in this process."""
    with redirect_stdout(StringIO()) as output:
        app([*map(str, arguments), "--json", "--quiet"], prog_name="irisbp", standalone_mode=False)
    return json.loads(output.getvalue())


def _content(path: Path) -> dict[str, bytes]:
    return {name: (path / name).read_bytes() for name in FILES}


def _plain(swept: irisbp.Sweep) -> Any:
    return json.loads(json_text(swept.as_json()))


def _untimed(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in ("sweep", "seconds")}


def _check_frames(swept: irisbp.Sweep, path: Path) -> None:
    """The frames are what pandas reads from the files."""
    with (path / "results.csv").open("rb") as file:
        results = read_exactly(file, dtype={"best_epoch": "Int64", "reason": str})
    reasons, others = swept.results["reason"].fillna(""), swept.results.drop(columns="reason")
    assert reasons.tolist() == results.pop("reason").fillna("").tolist()
    assert_frame_equal(others, results, check_exact=True)
    with (path / "summary.csv").open("rb") as file:
        assert_frame_equal(swept.summary, read_exactly(file), check_exact=True)


@settings(max_examples=12, deadline=None)
@given(_requests())
def test_command_and_library_make_the_same_sweep(request: tuple[list[str], dict[str, Any]]) -> None:
    arguments, values = request
    with tempfile.TemporaryDirectory() as folder:
        by_command, by_library = Path(folder, "command"), Path(folder, "library")
        told = _command("sweep", SMOKE, *arguments, "--run-dir", by_command)
        recorded = irisbp.sweep(SMOKE, values, directory=by_library)
        in_memory = irisbp.sweep(SMOKE, values)
        assert _content(by_command) == _content(by_library)
        assert told == _plain(irisbp.open_sweep(by_command))
        assert (recorded.path, in_memory.path) == (by_library, None)
        for swept in (recorded, in_memory, irisbp.open_sweep(by_library)):
            assert _untimed(_plain(swept)) == _untimed(told)
            _check_frames(swept, by_command)
            assert_frame_equal(swept.curves, recorded.curves, check_exact=True)


def test_keys_are_fixed_before_values_vary() -> None:
    swept = irisbp.sweep(
        None, {"optimizer.beta1": [0.5, 0.9], "seed": [3, 4]}, epochs=2, optimizer={"name": "adam"}
    )
    alone = irisbp.train(epochs=2, optimizer={"name": "adam", "beta1": 0.9}, seed=3)
    assert swept.config(2) == alone.config
    assert swept.results["optimizer.beta1"].tolist() == [0.5, 0.5, 0.9, 0.9]
    assert swept.run(2).vector.tolist() == alone.vector.tolist()


def test_a_config_may_be_a_path_a_mapping_or_a_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text("x,kind\n1,a\n2,b\n3,a\n4,b\n")
    monkeypatch.chdir(tmp_path)
    keys = {"seed": 0, "learning_rate": 0.1, "initializer": "normal", "optimizer": "sgd", "epochs": 2}
    mapping: Mapping[str, Any] = keys | {"data": {"source": "t.csv", "target": "kind"}}
    lines = [f"{key}: {value}\n" for key, value in keys.items()]
    (tmp_path / "c.yaml").write_text("".join([*lines, "data: {source: t.csv, target: kind}\n"]))
    configs = (mapping, irisbp.load_config(mapping), "c.yaml", tmp_path / "c.yaml")
    found = [irisbp.sweep(config, {"seed": range(2), "data.shuffle": ["once"]}) for config in configs]
    for swept in found:
        assert swept.config(1).data.source == str(tmp_path / "t.csv")
        assert_frame_equal(swept.results, found[0].results)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.yaml", "t.csv"]
    irisbp.sweep(mapping, {"data.shuffle": ["once", "every_epoch"]}, directory="x")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert irisbp.open_sweep("../x").config(1).data.source == str(tmp_path / "t.csv")


def test_a_row_trained_in_full_is_the_run_alone() -> None:
    swept = irisbp.sweep(SMOKE, OPTIMIZERS | {"data.validation": [0.2]})
    run = swept.run(6)
    alone = irisbp.train(SMOKE, optimizer="adam", seed=2, data={"validation": 0.2})
    assert run.vector.tolist() == alone.vector.tolist()
    row = swept.results.loc[6]
    assert (row["row"], row["optimizer"], row["seed"]) == (6, "adam", 2)
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert row[name] == pytest.approx(run.as_json()[name], rel=1e-12)
    curve = swept.curves[swept.curves["row"] == 6]
    assert curve["epoch"].tolist() == run.epochs["epoch"].tolist()
    np.testing.assert_allclose(curve["epoch_loss"], run.epochs["epoch_loss"], rtol=1e-12)
    np.testing.assert_allclose(curve["validation_loss"], run.epochs["validation_loss"], rtol=1e-12)
    assert row["lowest_epoch_loss"] == pytest.approx(run.epochs["epoch_loss"].min(), rel=1e-12)
    with pytest.raises(irisbp.RunError, match=r"^row 8: the sweep has rows 0 to 7$"):
        swept.run(8)
    with pytest.raises(irisbp.RunError, match=r"^row -1: "):
        swept.config(-1)


def test_the_best_setting_is_given_as_keys() -> None:
    swept = irisbp.sweep(SMOKE, OPTIMIZERS | {"network.hidden": [[3], [8, 4]], "l2": [0.0]})
    first = swept.summary.set_index("rank").loc[1]
    hidden = {"[3]": [3], "[8, 4]": [8, 4]}[str(first["network.hidden"])]
    assert swept.best == {"optimizer": first["optimizer"], "network.hidden": hidden}
    row = int(str(first["setting"])) * 4
    assert swept.config(row) == irisbp.load_config(SMOKE, **swept.best, seed=0)


def test_a_diverged_run_is_a_row() -> None:
    swept = irisbp.sweep(SMOKE, DIVERGING, l2=10)
    assert swept.results["status"].tolist() == ["completed"] * 2 + ["diverged"] * 2
    assert swept.results["reason"].isna().tolist() == [True, True, False, False]
    assert swept.summary["diverged"].tolist() == [0, 2]
    assert set(swept.curves["row"]) == {0, 1}
    with pytest.raises(irisbp.Diverged) as error:
        swept.run(3)
    assert error.value.reason == swept.results["reason"][3]
    assert error.value.run.status == "diverged"


def test_fail_fast_raises_at_the_first_diverged_row(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(irisbp.Diverged) as error:
        irisbp.sweep(SMOKE, DIVERGING, l2=10, fail_fast=True, directory=path)
    first, second = str(error.value).splitlines()
    assert first.startswith("row 2: diverged: ")
    assert second == f"irisbp resume {path} resumes it"
    assert irisbp.resume_sweep(path).summary["diverged"].tolist() == [0, 2]
    with pytest.raises(irisbp.Diverged, match=r"^row 2: diverged: .*$"):
        irisbp.resume_sweep(path, fail_fast=True)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs in a part and a slice for each epoch; nothing is written before the sweep ends or stops."""
    monkeypatch.setattr("irisbp.sweeps.plan._MOST_ROWS", 2)
    monkeypatch.setattr("irisbp.sweeps.session._HERE", 0.0)
    monkeypatch.setattr(writer, "_AT_MOST_EVERY", 3600.0)


@pytest.mark.usefixtures("in_parts")
def test_a_stopped_sweep_keeps_what_is_done_and_is_resumed(tmp_path: Path) -> None:
    seen: list[SweepProgress] = []
    asked: dict[str, Any] = {
        "listeners": [seen.append],
        "should_stop": lambda: seen[-1].done >= 4,
        "epochs": 3,
    }
    stopped = irisbp.sweep(SMOKE, OPTIMIZERS, directory=tmp_path / "x", **asked)
    assert (stopped.status, list(stopped.rows), len(stopped)) == ("interrupted", [0, 1, 2, 3], 8)
    assert repr(stopped) == f"<Sweep {tmp_path / 'x'}: interrupted, 4 of 8 runs (0 diverged)>"
    assert stopped.results["row"].tolist() == [0, 1, 2, 3]
    assert stopped.curves["row"].tolist() == [row for row in range(4) for _ in range(3)]
    for ask in (lambda: stopped.summary, stopped.as_json, stopped.plot):
        with pytest.raises(irisbp.RunError, match="the sweep was interrupted: 4 of 8 runs are done"):
            ask()
    with pytest.raises(irisbp.RunError, match=r"is an unfinished sweep; irisbp resume .*x resumes it"):
        irisbp.open_sweep(tmp_path / "x")
    with pytest.raises(irisbp.RunError, match="is another sweep: "):
        irisbp.sweep(SMOKE, OPTIMIZERS, directory=tmp_path / "x", resume=True, epochs=4)
    whole = irisbp.sweep(SMOKE, OPTIMIZERS, directory=tmp_path / "y", epochs=3)
    seen.clear()
    resumed = irisbp.sweep(
        SMOKE, OPTIMIZERS, directory=tmp_path / "x", resume=True, epochs=3, listeners=[seen.append]
    )
    assert (seen[0].done, seen[-1]) == (4, SweepProgress(8, 8, 24, 24))
    assert _content(tmp_path / "x") == _content(tmp_path / "y")
    assert_frame_equal(resumed.results, whole.results)
    again = irisbp.sweep(SMOKE, OPTIMIZERS, directory=tmp_path / "x", resume=True, epochs=3)
    assert_frame_equal(again.summary, whole.summary)


@pytest.mark.usefixtures("in_parts")
def test_progress_adds_up_and_a_stop_after_the_last_part_stops_nothing() -> None:
    seen: list[SweepProgress] = []
    swept = irisbp.sweep(
        SMOKE, {"seed": range(5)}, epochs=3, listeners=[seen.append], should_stop=lambda: seen[-1].done == 5
    )
    assert swept.status == "completed"
    assert [(p.runs, p.epochs) for p in seen] == [(5, 15)] * len(seen)
    assert [p.settled for p in seen] == sorted(p.settled for p in seen)
    assert seen[-1] == SweepProgress(5, 5, 15, 15)
    stopped = irisbp.sweep(SMOKE, {"seed": range(5)}, epochs=3, should_stop=lambda: "now")
    assert (stopped.status, list(stopped.rows)) == ("interrupted", [])
    assert stopped.results.empty
    assert stopped.curves.empty


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("during", ["the wait for a part", "the time between two"])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_ctrl_c_ends_it_in_good_order(tmp_path: Path, during: str, recorded: bool) -> None:
    seen: list[SweepProgress] = []

    def interrupt(progress: SweepProgress) -> None:
        is_new = bool(seen) and progress.done > seen[-1].done
        seen.append(progress)
        if progress.done == 4 and is_new == (during != "the wait for a part"):
            signal.raise_signal(signal.SIGINT)

    place: dict[str, Any] = {"directory": tmp_path / "x"} if recorded else {}
    with pytest.raises(irisbp.Interrupted) as error:
        irisbp.sweep(SMOKE, OPTIMIZERS, epochs=3, listeners=[interrupt], **place)
    assert isinstance(error.value, KeyboardInterrupt)
    assert error.value.result.rows == [0, 1, 2, 3]
    lines = ["stopped; 4 of 8 runs are done and kept"]
    assert str(error.value).splitlines() == lines + [f"irisbp resume {tmp_path / 'x'} resumes it"] * recorded
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if recorded:
        assert len(irisbp.resume_sweep(tmp_path / "x").results) == 8


_LONG = """
import irisbp, sys
try:
    irisbp.sweep(sys.argv[1], {"seed": range(4)}, directory="x", jobs=2, numerics="portable",
                 batch_size="all", epochs=100_000)
except KeyboardInterrupt as error:
    print(type(error).__name__, error, sep=": ")
"""


def test_a_ctrl_c_does_not_wait_for_processes(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _LONG, str(SMOKE)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    while not (tmp_path / "x" / "sweep.yaml").exists():
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output == "Interrupted: stopped; 0 of 4 runs are done and kept\nirisbp resume x resumes it\n"
    assert process.returncode == 0


@pytest.mark.usefixtures("in_parts")
def test_what_a_listener_raises_is_raised_and_finished_parts_are_kept(tmp_path: Path) -> None:
    def fail(progress: SweepProgress) -> None:
        if progress.done == 2:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        irisbp.sweep(SMOKE, OPTIMIZERS, directory=tmp_path / "x", epochs=3, listeners=[fail])
    assert [path.name for path in tmp_path.glob("x/part-*")] == ["part-000000.npz"]


def test_processes_change_no_byte(tmp_path: Path) -> None:
    one = irisbp.sweep(SMOKE, DIVERGING, l2=10, directory=tmp_path / "x", jobs=1)
    two = irisbp.sweep(SMOKE, DIVERGING, l2=10, directory=tmp_path / "y", jobs=2)
    assert _content(tmp_path / "x") == _content(tmp_path / "y")
    assert _untimed(_plain(one)) == _untimed(_plain(two))


def test_processes_are_used_where_they_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})
    short = plan_sweep(make_grid(None, ["seed=0:4"]))
    assert Workers().jobs_for(short) == 1
    assert Workers(4).jobs_for(short) == 4
    long = plan_sweep(make_grid(None, ["seed=0:40", "epochs=1000", "numerics=portable"]))
    assert Workers().jobs_for(long) == 3


_WRONG: list[tuple[Any, dict[str, Any], str]] = [
    ({}, {}, 'sweep: no values; name the keys to vary, such as {"seed": range(100)}'),
    ({"seed": []}, {}, "argument seed: no values; give at least one"),
    ({"seed": 3}, {}, "argument seed: 3 is not a list of values, such as [0.1, 0.01] or range(100)"),
    ({"optimizer": "adam"}, {}, "argument optimizer: 'adam' is not a list of values"),
    ({"optimizer": {"sgd", "adam"}}, {}, "argument optimizer: {"),
    ({"seed": [object()]}, {}, "argument seed=<object object at "),
    ({"a b": [1]}, {}, "argument a b: not a key, such as seed or optimizer.beta1"),
    ({"a..b": [1]}, {}, "argument a..b: a key is words joined by single dots"),
    ({"lr": [1, 2]}, {}, "argument lr=1: unknown key lr; did you mean learning_rate?"),
    ({"optimizer": ["adm"]}, {}, "argument optimizer=adm: "),
    ({"seed": [1, 2]}, {"seed": 3}, "seed is given twice: give its values as one comma-separated list"),
    ({"seed": [1, 1]}, {}, "rows 0 and 1 are the same run: a value is given twice, or overridden"),
    ({"seed": range(10**6 + 1)}, {}, "argument seed: 1000001 values; a sweep has at most 1000000 runs"),
    ({"seed": [1]}, {"jobs": 0}, "jobs: 0 is not a number of processes: use 1 or more"),
    ({"seed": [1]}, {"backend": "spark"}, "backend: spark is not one of loky, dask, ray"),
    ({"seed": [1]}, {"scheduler": "x"}, "scheduler: processes of this machine have none"),
    ({"seed": [1]}, {"resume": True}, "resume and overwrite need a directory"),
    ({"seed": [1]}, {"resume": True, "overwrite": True, "directory": "x"}, "resume and overwrite: give one"),
    ({"seed": [1]}, {"directory": "file"}, "file exists"),
    ({"seed": [1]}, {"config": 3}, "config: int is not a config"),
]


@pytest.mark.parametrize(("values", "options", "message"), _WRONG)
def test_wrong_calls_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: Any, options: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(irisbp.IrisbpError) as error:
        irisbp.sweep(**{"config": None, "values": values, "directory": None, **options})
    assert str(error.value).startswith(message)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_no_sweep_is_neither_opened_nor_resumed(tmp_path: Path) -> None:
    irisbp.train(SMOKE, directory=tmp_path / "run")
    for verb in (irisbp.open_sweep, irisbp.resume_sweep):
        with pytest.raises(irisbp.RunError, match=r"run is not a sweep: it holds no sweep.yaml"):
            verb(tmp_path / "run")
        with pytest.raises(irisbp.RunError, match=r"none is not a (sweep|run): no such directory"):
            verb(tmp_path / "none")


def test_an_existing_sweep_is_overwritten_only_if_asked(tmp_path: Path) -> None:
    irisbp.sweep(SMOKE, {"seed": range(2)}, directory=tmp_path / "x")
    with pytest.raises(irisbp.RunError, match="x exists; "):
        irisbp.sweep(SMOKE, {"seed": range(3)}, directory=tmp_path / "x")
    irisbp.sweep(SMOKE, {"seed": range(3)}, directory=tmp_path / "x", overwrite=True)
    assert len(irisbp.open_sweep(tmp_path / "x").results) == 3


def test_a_row_is_not_trained_on_a_table_that_has_changed(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("x,kind\n1,a\n2,b\n3,a\n4,b\n")
    data = {"source": str(table), "target": "kind"}
    swept = irisbp.sweep(None, {"seed": range(2)}, data=data, epochs=2)
    table.write_text("x,kind\n1,a\n2,b\n3,a\n5,b\n")
    with pytest.raises(irisbp.DataError, match=r"t.csv has changed since the sweep was trained on it"):
        swept.run(0)


def test_a_lost_table_is_written_again(tmp_path: Path) -> None:
    irisbp.sweep(SMOKE, {"seed": range(2)}, directory=tmp_path / "x")
    before = (tmp_path / "x" / "summary.csv").read_bytes()
    (tmp_path / "x" / "summary.csv").unlink()
    with pytest.warns(UserWarning, match=r"^summary.csv was missing or damaged; it was written again$"):
        irisbp.resume_sweep(tmp_path / "x")
    assert (tmp_path / "x" / "summary.csv").read_bytes() == before


def _of_texts(*texts: str) -> irisbp.Sweep:
    """A sweep of the target's names, none of which was trained."""
    grid = make_grid(None, [f"data.target={','.join(texts)}", "seed=0:2"])
    manifest = SweepManifest.model_construct(status="completed")
    return irisbp.Sweep(grid, Results.empty(len(grid), points([2], len(grid))), range(len(grid)), manifest)


def test_it_shows_itself_shortly_and_escaped() -> None:
    swept = _of_texts("<b>x</b>", "y\u202ez")
    html = swept._repr_html_()
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "\\u202e" in html
    assert "\u202e" not in html
    assert "nan" in repr(swept)
    found = irisbp.sweep(SMOKE, OPTIMIZERS)
    mean = found.summary["loss_mean"].min()
    best = found.best["optimizer"]
    assert repr(found) == (
        f"<Sweep in memory: completed, 8 runs (0 diverged), best optimizer={best}: mean loss {mean:.6g}>"
    )
    assert len(found._repr_html_()) < 2000


def test_its_pictures() -> None:
    swept = irisbp.sweep(SMOKE, {"optimizer": ["sgd", "adam"], "l2": [0.0, 0.1]})
    assert swept.plot().axes[0].get_ylabel() == "epoch loss (nats)"
    assert [axes.get_title() for axes in swept.plot("heat-map").axes[:2]] == ["mean loss", "mean accuracy"]
    assert swept.plot().get_suptitle().startswith("in memory: ")
    with pytest.raises(irisbp.IrisbpError, match=r"give one of loss-curves, heat-map$"):
        swept.plot("paths")
    with pytest.raises(irisbp.IrisbpError, match="a heat map needs two varied keys"):
        irisbp.sweep(SMOKE, {"seed": range(2)}).plot("heat-map")


def test_a_bar_shows_the_runs_that_are_done() -> None:
    stream = StringIO()
    with irisbp.sweep_bar(Console(file=stream, width=80, force_terminal=True)) as listener:
        irisbp.sweep(SMOKE, {"seed": range(5)}, listeners=[listener])
    assert "runs 5/5" in stream.getvalue()
    assert "100%" in stream.getvalue()


_WITHOUT_POSIX = """
import importlib, os, pkgutil, signal, sys
import numpy, pandas, pydantic, rich.progress, yaml, joblib, matplotlib.figure, distributed
for name in ("resource", "fcntl"):
    sys.modules[name] = None
for name in ("SIGALRM", "setitimer", "pthread_sigmask", "set_wakeup_fd", "SIGKILL"):
    delattr(signal, name)
del os.sched_getaffinity
import irisbp, irisbp.sweeps
for module in pkgutil.walk_packages(irisbp.sweeps.__path__, "irisbp.sweeps."):
    importlib.import_module(module.name)
assert len(irisbp.sweep(None, {"seed": range(40)}, epochs=2).summary) == 1
for options in ({"jobs": 2}, {"backend": "dask"}, {"directory": "x"}):
    try:
        irisbp.sweep(None, {"seed": range(2)}, epochs=2, **options)
    except irisbp.IrisbpError as error:
        print(error)
"""


def test_sweeps_in_memory_need_no_posix(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="needs dask")
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_POSIX], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    processes = "a sweep in several processes needs a POSIX system: use one job\n"
    assert done.stdout.startswith(2 * processes)
    assert done.stdout.count("\n") == 3
    assert list(tmp_path.iterdir()) == []


def test_pandas_is_loaded_only_when_it_is_used() -> None:
    script = (
        "import sys, irisbp\n"
        "swept = irisbp.sweep(None, {'seed': range(4)}, epochs=1)\n"
        "assert 'pandas' not in sys.modules\n"
        "swept.summary\n"
        "assert 'pandas' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_settings_are_compared_as_pandas_would() -> None:
    """pandas' own statistics of a group sum in another order: equal to some units in the last place."""
    swept = irisbp.sweep(SMOKE, OPTIMIZERS | {"seed": range(12)}, data={"validation": 0.2})
    groups = swept.results.groupby("optimizer", sort=False)["validation_loss"]
    expected = pd.DataFrame(
        {"mean": groups.mean(), "sd": groups.std(), "q05": groups.quantile(0.05), "median": groups.median()}
    )
    found = swept.summary[[f"validation_loss_{name}" for name in expected]]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
