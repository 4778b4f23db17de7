"""`irisbp explain` as its users run it."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import CONFIGS, Irisbp

SMOKE = str(CONFIGS / "smoke.yaml")


@pytest.fixture
def run(irisbp: Irisbp, tmp_path: Path) -> Path:
    assert irisbp("train", SMOKE, "epochs=3", "--name", "x", "--quiet").returncode == 0
    return tmp_path / "runs" / "x"


def test_the_articles_first_step(irisbp: Irisbp) -> None:
    done = irisbp("explain")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "step 1, epoch 1: sample 141"
    assert max(map(len, lines)) <= 80
    assert irisbp("explain", "--step", "1").stdout == done.stdout
    assert irisbp("explain", "--sample", "141").stdout == done.stdout
    assert irisbp("explain", "--epoch", "1", "--sample", "141").stdout == done.stdout


def test_a_runs_step_is_the_recorded_one(irisbp: Irisbp, run: Path) -> None:
    rows = [line.split(",") for line in (run / "steps.csv").read_text().splitlines()[1:]]
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    for row in (rows[0], rows[200], rows[-1]):
        data = json.loads(irisbp("explain", "runs/x", "--step", row[0], "--json").stdout)
        place = (data["step"], data["epoch"], data["sample"], data["label"], data["predicted"])
        assert tuple(map(str, place)) == tuple(row[:5])
        assert data["loss"] == float(row[5])
        again = irisbp("explain", "runs/x", "--epoch", row[1], "--sample", row[2], "--json")
        assert json.loads(again.stdout) == data
    text = irisbp("explain", "runs/x", "--step", "9").stdout
    assert f"= {float(rows[8][5])!r}\n    steps.csv has the same loss, to the last bit\n" in text
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_new_values_are_the_next_steps_old_ones(irisbp: Irisbp, run: Path) -> None:
    first, second = (
        json.loads(irisbp("explain", "runs/x", "--step", str(step), "--json").stdout) for step in (300, 301)
    )
    assert [p["new"] for p in first["parameters"]] == [p["old"] for p in second["parameters"]]


def test_one_gradient(irisbp: Irisbp) -> None:
    done = irisbp("explain", "--parameter", "x1a3")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert irisbp("explain", "--parameter", "hidden_1.weight[0,2]").stdout == done.stdout
    data = json.loads(irisbp("explain", "--parameter", "x1a3", "--json").stdout)
    assert data["parameter"]["name"] == "hidden_1.weight[0,2]"
    assert [way["name"] for way in data["ways"]] == [
        "sum over the paths", "symbolic, whole graph", "complex step", "central difference",
    ]  # fmt: skip
    assert data["path_count"] == len(data["paths"]) == 3
    assert data["sum"] == pytest.approx(data["parameter"]["gradient"], rel=1e-14)
    assert all(repr(way["value"]) in done.stdout for way in data["ways"])


def test_a_batch_at_a_sample_of_it(irisbp: Irisbp) -> None:
    first = json.loads(irisbp("explain", "batch_size=4", "--step", "3", "--json").stdout)
    batch = [part["sample"] for part in first["batch"]]
    assert (len(batch), first["sample"]) == (4, batch[0])
    arguments = ("batch_size=4", "--step", "3", "--sample", str(batch[2]), "--json")
    third = json.loads(irisbp("explain", *arguments).stdout)
    assert third["sample"] == batch[2]
    assert [p["gradient"] for p in third["parameters"]] == [p["gradient"] for p in first["parameters"]]
    each = [p["sample_gradient"] for p in third["parameters"]]
    assert each != [p["sample_gradient"] for p in first["parameters"]]


def test_notes(irisbp: Irisbp) -> None:
    for arguments in ((), ("--parameter", "bz2")):
        notes = irisbp("explain", *arguments, "--markdown").stdout
        assert notes.startswith("# ")
        assert notes.count("$$") % 2 == 0
        assert r"\frac{\partial L}{\partial" in notes


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--step", "0"), "step 0: the steps are 1 to 7500"),
        (("--step", "1", "--epoch", "1"), "one of them"),
        (("--epoch", "1"), "epoch needs sample"),
        (("--epoch", "0", "--sample", "0"), "the epochs are 1 to 50"),
        (("--sample", "150"), "the samples are 0 to 149"),
        (("--step", "1", "--sample", "0"), "step 1 takes 141"),
        (("--json", "--markdown"), "one of them"),
        (("--parameter", "x9a9"), "hidden_1.weight[3,2]"),
        (("--growth", "--step", "1"), "--growth"),
        (("runs/none",), "no such file"),
        (("seed=x",), "seed"),
    ],
)
def test_errors(irisbp: Irisbp, arguments: tuple[str, ...], told: str) -> None:
    done = irisbp("explain", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_of_a_run(irisbp: Irisbp, run: Path) -> None:
    assert "overrides are for a config, not for a run" in irisbp("explain", "runs/x", "seed=3").stderr
    assert "the steps are 1 to 450" in irisbp("explain", "runs/x", "--step", "451").stderr
    steps = run / "steps.csv"
    steps.write_text(steps.read_text().replace("\n9,1,", "\n9,2,"))
    done = irisbp("explain", "runs/x", "--step", "9")
    assert done.returncode == 2
    assert done.stderr == "irisbp: runs/x/steps.csv is not the file that the run wrote: its sha256 differs\n"


def test_divergence_has_its_exit_code(irisbp: Irisbp) -> None:
    done = irisbp("explain", "learning_rate=1e308", "network.hidden=[]", "--step", "3")
    assert (done.returncode, done.stdout) == (4, "")
    assert "diverged" in done.stderr
    assert irisbp("explain", "learning_rate=1e308", "network.hidden=[]", "--step", "2").returncode == 0


def test_without_sympy_it_says_what_to_install(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "sympy.py").write_text("raise ImportError")
    program = "import sys; sys.path.insert(0, '.'); from irisbp.cli import run; run()"
    import subprocess

    command = [sys.executable, "-c", program, "explain", "--parameter", "x1a1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "symbolic, whole graph: pip install 'irisbp[symbolic]'" in done.stdout
    assert "central difference" in done.stdout


def test_growth_is_drawn_into_a_new_file(irisbp: Irisbp, tmp_path: Path) -> None:
    backend = os.environ | {"MPLBACKEND": "nonsense"}  # as from a notebook of another environment
    done = irisbp("explain", "--growth", "--output", "growth.png", env=backend)
    assert done.returncode == 0
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
    assert "growth.png: exists" in irisbp("explain", "--growth", "--output", "growth.png").stderr
    assert "give a .png or .svg file" in irisbp("explain", "--growth", "--output", "growth.gif").stderr
    assert irisbp("explain", "--output", "x.png").returncode == 2


def test_a_step_just_before_a_run_diverges(irisbp: Irisbp) -> None:
    irisbp("train", "learning_rate=1e308", "network.hidden=[]", "--quiet", "--run-dir", "run")
    done = irisbp("explain", "run", "--step", "2", "--parameter", "output.bias[0]", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (_, symbolic, *_) = json.loads(done.stdout)["ways"]
    assert symbolic["value"] == 1.0  # the wrong class, with a probability of 1
