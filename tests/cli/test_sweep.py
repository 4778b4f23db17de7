"""`irisbp sweep` as its users run it: processes, files, what ends it early and what is wrong with a call."""

import csv
import json
import signal
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from shutil import copytree
from statistics import stdev

import pytest

from irisbp.cli import app
from irisbp.errors import IrisbpError
from irisbp.sweeps.run import sweep as sweep_in_python
from tests.conftest import CONFIGS, Irisbp

SMOKE = str(CONFIGS / "smoke.yaml")
GRID = ["seed=0:4", "learning_rate=0.1,1e308", "optimizer=sgd,adam", "l2=10", "data.validation=0.2"]
# Each run is trained alone; together they take some seconds.
LONG = [SMOKE, "seed=0:6", "numerics=portable", "epochs=600", "batch_size=all", "--quiet"]
OF_A_TABLE = ["data.source=flowers.csv", "data.target=species", "seed=0:2"]
FILES = ("sweep.yaml", "results.csv", "summary.csv", "curves.npz")


def _start(cwd: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "irisbp", "sweep", *arguments]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for(pattern: str, sweep: Path) -> None:
    limit = time.monotonic() + 60
    while not list(sweep.glob(pattern)):
        assert time.monotonic() < limit
        time.sleep(0.01)


def _content(sweep: Path) -> dict[str, bytes]:
    return {name: (sweep / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small sweep in runs/smoke-sweep-001, of which half the runs diverge."""
    folder = tmp_path_factory.mktemp("swept")
    process = _start(folder, SMOKE, *GRID)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    (folder / "stdout").write_text(output)
    (folder / "stderr").write_text(errors)
    return folder


@pytest.fixture
def sweep(swept: Path, tmp_path: Path) -> Path:
    copytree(swept / "runs", tmp_path / "runs")
    return tmp_path / "runs" / "smoke-sweep-001"


def _rows(sweep: Path) -> list[dict[str, str]]:
    with (sweep / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_diverged_run_is_a_row(swept: Path) -> None:
    sweep = swept / "runs" / "smoke-sweep-001"
    assert sorted(path.name for path in sweep.iterdir()) == sorted([*FILES, "manifest.json"])
    rows = _rows(sweep)
    assert [row["status"] for row in rows] == ["completed"] * 8 + ["diverged"] * 8
    assert [row["seed"] for row in rows] == ["0", "1", "2", "3"] * 4
    manifest = json.loads((sweep / "manifest.json").read_text())
    assert (manifest["runs"], manifest["diverged"], manifest["settings"]) == (16, 8, 4)
    output = (swept / "stdout").read_text().splitlines()
    assert output[:3] == [
        "sweep     runs/smoke-sweep-001",
        "runs      16: 4 settings, 4 seeds each",
        "diverged  8",
    ]
    assert output[5].split()[:4] == ["learning_rate", "optimizer", "runs", "diverged"]
    assert output[6].split()[2:6] == ["4", "of", "4", "0"]
    assert {line.split()[0] for line in output[6:8]} == {"0.1"}
    assert (swept / "stderr").read_text().splitlines()[-1].startswith("runs 16/16")


@pytest.mark.parametrize("row", [2, 9])
def test_a_row_can_be_trained_in_full(irisbp: Irisbp, sweep: Path, row: int) -> None:
    done = irisbp("train", "--from", str(sweep), "--row", str(row), "--json", "--quiet")
    told, kept = json.loads(done.stdout), _rows(sweep)[row]
    assert done.returncode == (4 if row > 7 else 0)
    assert told["run"] == f"runs/smoke-sweep-001-row-{row}-001"
    assert (told["status"], str(told["steps"]), told["which"]) == (
        kept["status"],
        kept["steps"],
        kept["parameters"],
    )
    assert told["reason"] == (kept["reason"] or None)
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        if told[name] is None:
            assert kept[name] == "nan"
        else:
            assert float(kept[name]) == pytest.approx(told[name], rel=1e-12, abs=1e-12)


def test_a_row_that_ends_otherwise_in_full_is_noted(irisbp: Irisbp, tmp_path: Path) -> None:
    """With Adam at this rate the last digit decides; whether it did for a row shows in its figures."""
    irisbp("sweep", SMOKE, "optimizer=adam", "learning_rate=0.1", "epochs=50", "seed=0:10", "--name", "s")
    for row in (0, 3, 9):
        done = irisbp("train", "--from", "runs/s", "--row", str(row), "--json", "--quiet")
        ours, theirs = json.loads(done.stdout)["loss"], float(_rows(tmp_path / "runs" / "s")[row]["loss"])
        differs = abs(ours - theirs) > 1e-12 * max(1.0, ours)
        assert (f"row {row} was completed with the loss {theirs:.12g}" in done.stderr) is differs
        assert ("amplifies the last digit" in done.stderr) is differs


def test_a_difference_from_the_sweep_is_a_warning() -> None:
    swept = sweep_in_python(SMOKE, {"seed": range(2)}, epochs=2)
    swept.outcomes.columns["loss"][1] += 1e-9
    swept.run(0)
    with pytest.warns(UserWarning, match="in the sweep, row 1 was completed with the loss"):
        swept.run(1)
    assert swept.manifest is not None
    swept.manifest.versions["numpy"] = "1.0"
    with pytest.warns(UserWarning, match=r"the sweep was trained with numpy 1\.0, not"):
        swept.run(1)


def test_folds_are_no_settings(irisbp: Irisbp, tmp_path: Path) -> None:
    grid = ["seed=0:2", "data.fold=0:3", "data.folds=3", "early_stopping={patience: 1},{patience: 3}"]
    done = irisbp("sweep", SMOKE, *grid, "--run-dir", "x", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "runs      12: 2 settings, 2 seeds x 3 folds each"
    rows = _rows(tmp_path / "x")
    assert [(row["data.fold"], row["seed"]) for row in rows] == [(f, s) for f in "012" for s in "01"] * 2
    assert [row["early_stopping"] for row in rows] == ["{patience: 1}"] * 6 + ["{patience: 3}"] * 6
    with (tmp_path / "x" / "summary.csv").open(newline="") as file:
        settings = list(csv.DictReader(file))
    assert [(setting["runs"], setting["pairs"]) for setting in settings] == [("6", "6")] * 2
    full = irisbp("train", "--from", "x", "--row", "9", "--json", "--quiet")
    assert json.loads(full.stdout)["validation_loss"] == pytest.approx(
        float(rows[9]["validation_loss"]), rel=1e-12
    )


def test_losses_near_the_end_of_float64_have_figures(irisbp: Irisbp, tmp_path: Path) -> None:
    grid = ["epochs=3", "seed=0:4", "learning_rate=0.1,1e300", "network.hidden=[]"]
    done = irisbp("sweep", SMOKE, *grid, "--run-dir", "x", "--json", "--quiet")
    apart = json.loads(done.stdout)["best"][1]["difference"]
    losses = [float(row["loss"]) / 1e299 for row in _rows(tmp_path / "x")[4:]]
    with (tmp_path / "x" / "summary.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[1]
    assert float(last["loss_sd"]) == pytest.approx(stdev(losses) * 1e299)
    assert (float(last["loss_low"]), float(last["loss_high"])) == (apart["low"], apart["high"])
    assert apart["low"] < 1e299 < apart["high"] < 1e301


def test_processes_change_no_byte(irisbp: Irisbp, sweep: Path) -> None:
    done = irisbp("sweep", SMOKE, *GRID, "--run-dir", "x", "--jobs", "2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["runs"], told["ranked_by"], len(told["best"])) == (16, "validation_loss", 4)
    assert told["best"][0]["difference"]["mean"] == 0
    assert _content(sweep.parent.parent / "x") == _content(sweep)


def _refusal(*arguments: str) -> str:
    """What a call is refused with, in this process."""
    with pytest.raises(IrisbpError) as error:
        app(list(arguments), prog_name="irisbp", standalone_mode=False)
    assert error.value.exit_code == 2
    return str(error.value)


def test_a_sweep_is_no_run_and_a_run_no_sweep(
    irisbp: Irisbp, sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sweep.parent.parent)
    name = "runs/smoke-sweep-001"
    assert irisbp("runs").stdout == "no runs in runs\n"
    for command in (["evaluate", name], ["runs", "show", name], ["runs", "diff", name, name]):
        told = f"{name} is a sweep; irisbp train --from {name} --row N trains one of its runs"
        assert _refusal(*command) == told
    assert _refusal("train", "--from", "runs", "--row", "1") == "runs is not a sweep: it holds no sweep.yaml"
    assert "which irisbp did not write there" in _refusal("train", SMOKE, "--run-dir", name, "--overwrite")
    assert _refusal("sweep", SMOKE, "seed=0,1", "--run-dir", name).startswith(f"{name} exists; ")
    other = _refusal("sweep", SMOKE, "seed=0,1", "--run-dir", name, "--resume")
    assert other.startswith(f"{name} is another sweep: seed is 0:4 there and 0,1 here; learning_rate varies")
    assert len(_rows(sweep)) == 16
    replaced = irisbp("sweep", SMOKE, "seed=0,1", "--run-dir", str(sweep), "--overwrite", "--quiet")
    assert (replaced.returncode, len(_rows(sweep))) == (0, 2)


def test_a_backend_that_cannot_be_used_leaves_no_sweep_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "scheduler: processes of this machine" in _refusal("sweep", "seed=0:2", "--scheduler", "tcp://x:1")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", [[], ["--run-dir", "x"], ["--run-dir", "x", "--resume"]])
def test_a_cluster_that_cannot_be_reached_leaves_no_sweep_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: list[str]
) -> None:
    pytest.importorskip("distributed", reason="needs dask")
    monkeypatch.chdir(tmp_path)
    address = "tcp://127.0.0.1:1"
    told = _refusal("sweep", "seed=0:2", *place, "--backend", "dask", "--scheduler", address)
    assert told == f"scheduler: {address} cannot be reached: Connection refused"
    assert not list(tmp_path.iterdir())


def test_a_killed_or_stopped_sweep_goes_on(irisbp: Irisbp, tmp_path: Path) -> None:
    process = _start(tmp_path, *LONG, "--run-dir", "x", "--jobs", "1")
    _wait_for("part-*.npz", tmp_path / "x")
    process.kill()
    process.communicate()
    (part,) = (tmp_path / "x").glob("part-*.npz")
    process = _start(tmp_path, *LONG, "--run-dir", "y", "--jobs", "2")
    _wait_for("sweep.yaml", tmp_path / "y")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert errors.endswith("holds all but the last second or so\nirisbp resume y resumes it\n")
    assert irisbp("resume", "x").stderr.splitlines()[0].endswith("of 6 runs are done")
    assert not part.exists()
    done = irisbp("sweep", *LONG, "--run-dir", "y", "--resume", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert _content(tmp_path / "x") == _content(tmp_path / "y")
    assert not list((tmp_path / "x").glob("*part*"))


def test_runs_that_take_long_go_on_from_where_they_stood(irisbp: Irisbp, tmp_path: Path) -> None:
    """Eight seeds side by side, none of which ends before the kill."""
    seeds = [SMOKE, "seed=0:8", "epochs=250"]
    process = _start(tmp_path, *seeds, "--run-dir", "x", "--jobs", "1", "--quiet")
    _wait_for("state-*.npz", tmp_path / "x")
    process.kill()
    process.communicate()
    assert not list((tmp_path / "x").glob("part-*"))
    done = irisbp("resume", "x")
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "8 runs go on from where they stood")
    assert irisbp("sweep", *seeds, "--run-dir", "y", "--jobs", "1", "--quiet").returncode == 0
    assert _content(tmp_path / "x") == _content(tmp_path / "y")
    assert not list((tmp_path / "x").glob("state-*"))


@pytest.mark.parametrize(("quietly", "notes"), [((), 1), (("--quiet",), 0)])
def test_a_long_sweep_is_told_of_the_compiled_engine(
    tmp_path: Path, quietly: tuple[str, ...], notes: int
) -> None:
    long = ("epochs=100000", "seed=0:500", "--jobs", "1", "--run-dir", "x")
    process = _start(tmp_path, *long, *quietly)
    _wait_for("sweep.yaml", tmp_path / "x")
    process.terminate()
    errors = process.communicate(timeout=60)[1].splitlines()
    told = "note: about 50 min or more; engine=compiled gives the same results about 5 times as fast"
    assert [line[: len(told)] for line in errors if line.startswith("note")] == [told] * notes


def test_a_finished_sweep_says_so(irisbp: Irisbp, sweep: Path, swept: Path) -> None:
    again = irisbp("resume", "runs/smoke-sweep-001")
    assert again.returncode == 0
    assert again.stderr == "runs/smoke-sweep-001 is finished: there is nothing to resume\n"
    assert again.stdout == (swept / "stdout").read_text()


def test_fail_fast_names_the_row(irisbp: Irisbp) -> None:
    arguments = (SMOKE, "learning_rate=0.1,1e308", "l2=10", "seed=0:2", "--run-dir", "x", "--quiet")
    done = irisbp("sweep", *arguments, "--fail-fast")
    assert done.returncode == 4
    assert done.stderr.startswith("irisbp: row 2: diverged: ")
    assert done.stderr.endswith("irisbp resume x resumes it\n")
    again = irisbp("sweep", *arguments, "--fail-fast", "--resume")
    assert (again.returncode, again.stderr) == (4, done.stderr)
    assert irisbp("resume", "x", "--quiet").returncode == 0
    finished = irisbp("sweep", *arguments, "--fail-fast", "--resume")
    assert (finished.returncode, finished.stderr) == (4, done.stderr.split("\n")[0] + "\n")
    assert irisbp("sweep", *arguments, "--resume").returncode == 0


_SPREAD = "feature b goes from 0.0 to 1e-310: its standard deviation is beyond float64"


@pytest.fixture
def with_failures(tmp_path: Path) -> list[str]:
    """The call of a sweep whose seed decides whether the only row in which b differs is trained on."""
    rows = [f"{k % 7},{1e-310 if k == 3 else 0},{'pq'[k % 2]}" for k in range(30)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    data = ("data.source=table.csv", "data.target=y", "data.validation=0.2")
    return [SMOKE, *data, "epochs=2", "seed=0:12", "learning_rate=0.1,0.2", "--run-dir", "x"]


def test_a_sweep_survives_runs_that_cannot_be_trained(
    irisbp: Irisbp, with_failures: list[str], tmp_path: Path
) -> None:
    done = irisbp("sweep", *with_failures)
    rows = _rows(tmp_path / "x")
    failed = [row for row in rows if row["status"] == "failed"]
    assert {row["status"] for row in rows} == {"completed", "failed"}
    assert {row["reason"] for row in failed} == {_SPREAD}
    assert {row["loss"] for row in failed} == {"nan"}
    assert done.returncode == 3
    assert f"irisbp: {len(failed)} of 24 runs failed: results.csv says why" in done.stderr
    assert "resumes it" not in done.stderr
    assert f"failed    {len(failed)}: row {failed[0]['row']}: {_SPREAD}" in done.stdout
    # By hand: a seed is failed in both settings or in none.
    whole = 12 - len(failed) // 2
    assert done.stdout.count(f"{whole} of 12") == 2
    again = irisbp("resume", "x", "--quiet")
    assert (again.returncode, again.stdout) == (3, done.stdout)
    other = irisbp("sweep", *with_failures[:-1], "y", "--allow-failed", "--json", "--quiet")
    assert (other.returncode, json.loads(other.stdout)["failed"]) == (0, len(failed))


def test_fail_fast_ends_at_a_run_that_cannot_be_trained(irisbp: Irisbp, with_failures: list[str]) -> None:
    done = irisbp("sweep", *with_failures, "--fail-fast", "--quiet")
    assert done.returncode == 2
    assert "irisbp: row " in done.stderr
    assert _SPREAD in done.stderr


def test_a_sweep_of_which_no_run_can_be_trained_does_not_begin(
    irisbp: Irisbp, with_failures: list[str], tmp_path: Path
) -> None:
    arguments = [argument for argument in with_failures if argument != "data.validation=0.2"]
    done = irisbp("sweep", *arguments, "--quiet")
    assert (done.returncode, done.stderr) == (2, f"irisbp: {_SPREAD}\n")
    assert not (tmp_path / "x").exists()


def test_a_loss_that_is_not_finite_counts_as_diverged(irisbp: Irisbp, tmp_path: Path) -> None:
    """The last update explodes: nothing but the final figures shows it."""
    explosive = ("l2=1e33,0", "batch_size=all", "network.activation=relu", "data.validation=0.2")
    done = irisbp("sweep", SMOKE, *explosive, "epochs=5", "seed=0:2", "--run-dir", "x", "--quiet")
    assert done.returncode == 0
    rows = _rows(tmp_path / "x")
    assert [row["status"] for row in rows] == ["diverged", "diverged", "completed", "completed"]
    assert all(row["reason"] for row in rows[:2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "sweep: no KEY=VALUES; name the keys to vary"),
        ([SMOKE], "sweep: no KEY=VALUES; name the keys to vary"),
        (["none.yaml", "seed=0:2"], "none.yaml: no such file"),
        ([SMOKE, "seed=0:2", "lr=1"], "argument lr=1: unknown key lr; did you mean learning_rate?"),
        ([SMOKE, "seed=0:2", "--overwrite"], "overwrite: give the directory or the name"),
        ([SMOKE, "seed=0:2", "--resume"], "resume: give the directory or the name of the sweep"),
        ([SMOKE, "seed=0:2", "--run-dir", "file"], "file exists"),
        ([SMOKE, "seed=0:2", "--run-dir", "file", "--overwrite"], "file is not a directory"),
        ([SMOKE, "seed=0:2", "--run-dir", "mine", "--overwrite"], "mine holds letter.txt"),
        ([SMOKE, "seed=0:2", "--scheduler", "x"], "scheduler: processes of this machine have none"),
        ([SMOKE, "data.source=none.csv", "data.target=x", "seed=0:2"], "none.csv"),
    ],
)
def test_wrong_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert message in _refusal("sweep", *arguments)
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--row", "1"], "--from and --row: give both"),
        (["--from", "x"], "--from and --row: give both"),
        (["--from", "smoke-sweep-001", "--row", "16"], "row 16: smoke-sweep-001 has rows 0 to 15"),
        (["--from", "x", "--row", "1", "seed=3"], "--from: row 1 has a config of its own"),
    ],
)
def test_wrong_rows(sweep: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str) -> None:
    monkeypatch.chdir(sweep.parent)
    assert _refusal("train", *arguments).startswith(message)


def _call(*arguments: str) -> None:
    """A call that goes well, in this process."""
    app(list(arguments), prog_name="irisbp", standalone_mode=False)


@pytest.fixture
def of_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table, on which the finished sweep x beside it was trained; both are in the working directory."""
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "flowers.csv"
    table.write_bytes(files("irisbp.data").joinpath("iris.csv").read_bytes())
    _call("sweep", SMOKE, *OF_A_TABLE, "--run-dir", "x", "--quiet")
    return table


def test_a_row_is_not_trained_on_a_table_that_has_changed(of_a_table: Path) -> None:
    _call("train", "--from", "x", "--row", "1", "--quiet", "--name", "y")
    of_a_table.write_bytes(of_a_table.read_bytes().replace(b"\n5", b"\n9"))
    told = _refusal("train", "--from", "x", "--row", "1", "--quiet", "--name", "z")
    assert told == f"{of_a_table} has changed since x was trained on it"
    assert sorted(path.name for path in Path("runs").iterdir()) == ["y"]


def test_a_row_of_another_grid_is_not_trained(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sweep.parent)
    content = (sweep / "sweep.yaml").read_text()
    (sweep / "sweep.yaml").write_text(content.replace("0:4", "1:5"))
    told = _refusal("train", "--from", str(sweep), "--row", "1")
    assert told == f"{sweep / 'sweep.yaml'} is not the file that the sweep wrote: its sha256 differs"


def test_a_finished_sweep_needs_no_table(of_a_table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_a_table.unlink()
    _call("resume", "x")
    assert capsys.readouterr().err == "x is finished: there is nothing to resume\n"
    _call("sweep", SMOKE, *OF_A_TABLE, "--run-dir", "x", "--resume")
    assert capsys.readouterr().err == "x is finished: there is nothing to resume\n"


@pytest.mark.parametrize("name", ["results.csv", "summary.csv"])
def test_a_lost_or_damaged_table_is_written_again(irisbp: Irisbp, sweep: Path, name: str) -> None:
    whole = _content(sweep)
    for damaged in (None, whole[name] + b"1\n"):
        (sweep / name).unlink()
        if damaged is not None:
            (sweep / name).write_bytes(damaged)
        done = irisbp("resume", str(sweep), "--quiet")
        assert done.returncode == 0
        assert done.stderr == f"note: {name} was missing or damaged; it was written again\n"
        assert _content(sweep) == whole


def test_a_table_that_would_come_out_otherwise_is_not_written_again(sweep: Path) -> None:
    kept = json.loads((sweep / "manifest.json").read_text())
    kept["files"]["results.csv"] = "0" * 64  # as if another version had written it
    (sweep / "manifest.json").write_text(json.dumps(kept))
    before = (sweep / "results.csv").read_bytes() + b"1\n"
    (sweep / "results.csv").write_bytes(before)
    told = _refusal("resume", str(sweep), "--quiet")
    assert told.startswith(f"{sweep / 'results.csv'} is missing or damaged, and cannot be written again")
    assert (sweep / "results.csv").read_bytes() == before


def test_a_sweep_without_its_grid_is_told(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sweep.parent)
    (sweep / "sweep.yaml").unlink()
    begun = Path("begun")
    begun.mkdir()
    (begun / "part-000000.npz").write_bytes(b"mine")
    for path in (sweep.name, begun.name):
        told = f"{path} is a sweep without its sweep.yaml: restore that file, or use another directory"
        again = ["sweep", SMOKE, *GRID, "--run-dir", path]
        calls = [["resume", path], ["plot", path], [*again, "--resume"], [*again, "--overwrite"]]
        assert [_refusal(*call) for call in calls] == [told] * 4
    assert len(_rows(sweep)) == 16
    assert (begun / "part-000000.npz").read_bytes() == b"mine"


def test_a_closed_pipe_ends_it_quietly(sweep: Path) -> None:
    command = (
        f"{sys.executable} -m irisbp resume runs/smoke-sweep-001 --quiet | true; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], cwd=sweep.parent.parent, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")


def test_its_pictures(irisbp: Irisbp, sweep: Path) -> None:
    done = irisbp("plot", "runs/smoke-sweep-001")
    names = ["loss-curves.png", "heat-map.png"]
    assert done.stdout.splitlines() == [f"runs/smoke-sweep-001/plots/{name}" for name in names]
    assert all((sweep / "plots" / name).read_bytes().startswith(b"\x89PNG") for name in names)
    assert "--kind is for a run; a sweep has its own" in _refusal("plot", str(sweep), "--kind", "paths")
    (sweep / "curves.npz").write_bytes(b"")
    assert "is not the file that the sweep wrote" in _refusal("plot", str(sweep))
