"""`irisbp predict` on tables and on single samples."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from tests.campaign.screens import start
from tests.conftest import CONFIGS, Irisbp

SMOKE = str(CONFIGS / "smoke.yaml")
FLOWER = ["sepal_length=5.1", "sepal_width=3.5", "petal_length=1.4", "petal_width=0.2"]


@pytest.fixture
def run(irisbp: Irisbp, tmp_path: Path) -> Path:
    assert irisbp("train", SMOKE, "--name", "x").returncode == 0
    return tmp_path / "runs" / "x"


def _expected(run: Path, values: list[list[float]]) -> np.ndarray:
    with np.load(run / "parameters.npz") as p:
        inputs = (np.array(values) - p["standardizer.mean"]) / p["standardizer.sd"]
        hidden = 1 / (1 + np.exp(-(inputs @ p["hidden_1.weight"] + p["hidden_1.bias"])))
        powers = np.exp(hidden @ p["output.weight"] + p["output.bias"])
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_a_table_is_classified_and_its_columns_carried_through(
    irisbp: Irisbp, run: Path, tmp_path: Path
) -> None:
    table = tmp_path / "new.csv"
    table.write_text(
        "petal_width,id,petal_length,sepal_width,sepal_length,note\n"
        '0.2,007,1.4,3.5,5.1,"a, quoted"\n\n2.5,NA,6.0,3.3,6.3,\n'
    )
    done = irisbp("predict", "runs/x", "new.csv")
    assert done.returncode == 0
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["predicted"] for row in rows] == ["setosa", "virginica"]
    assert [(row["id"], row["note"]) for row in rows] == [("007", "a, quoted"), ("NA", "")]
    classes = json.loads((run / "manifest.json").read_text())["classes"]
    got = [[float(row[f"probability_{name}"]) for name in classes] for row in rows]
    expected = _expected(run, [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]])
    np.testing.assert_allclose(got, expected, rtol=1e-13)
    assert irisbp("predict", "runs/x", "new.csv", "--output", "out.csv").stdout == ""
    assert (tmp_path / "out.csv").read_text() == done.stdout
    again = irisbp("predict", "runs/x", "new.csv", "--output", "out.csv")
    assert (again.returncode, "out.csv: exists" in again.stderr) == (2, True)


def test_one_flower(irisbp: Irisbp, run: Path) -> None:
    done = irisbp("predict", "runs/x", *reversed(FLOWER))
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["predicted"] == "setosa"
    assert row["sepal_length"] == "5.1"
    chances = [float(cell) for name, cell in row.items() if name.startswith("probability_")]
    assert sum(chances) == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (FLOWER[:3], "no value for petal_width"),
        ([*FLOWER, "petal_width=1"], "argument petal_width=1: petal_width is given twice"),
        ([*FLOWER[:3], "petal_widht=1"], "argument petal_widht=1: not FEATURE=VALUE; the features are"),
        ([*FLOWER[:3], "petal_width=wide"], "argument petal_width=wide: 'wide' is not a finite number"),
        ([*FLOWER[:3], "petal_width="], "argument petal_width=: empty"),
        (["nowhere.csv"], "nowhere.csv: no such file"),
        (
            [f"{cell.partition('=')[0]}=1.7e308" for cell in FLOWER],
            "the sample 1.7e308, 1.7e308, 1.7e308, 1.7e308: it lies so far out that its logits overflow",
        ),
        (["."], "is a directory, not a table"),
    ],
)
def test_samples_that_are_none(irisbp: Irisbp, run: Path, arguments: list[str], message: str) -> None:
    done = irisbp("predict", "runs/x", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sepal_length,sepal_width\n1,2\n", "no column petal_length, petal_width; there are"),
        (
            "sepal_length,sepal_width,petal_length,petal_width\n1,2,x,4\n",
            "line 2, column petal_length: 'x' is",
        ),
        (
            "sepal_length,sepal_width,petal_length,petal_width,predicted\n1,2,3,4,5\n",
            "it already has a column predicted",
        ),
    ],
)
def test_tables_that_do_not_fit(irisbp: Irisbp, run: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "new.csv").write_text(text)
    done = irisbp("predict", "runs/x", "new.csv", "--output", "out.csv")
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_prediction_needs_no_table_but_its_own(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,kind\n1,x\n2,y\n3,x\n4,y\n")
    irisbp("train", SMOKE, "data.source=t.csv", "data.target=kind", "--name", "y", "--quiet")
    before = irisbp("predict", "runs/y", "a=2")
    (tmp_path / "t.csv").unlink()
    assert irisbp("predict", "runs/y", "a=2").stdout == before.stdout
    assert irisbp("predict", "runs/y", "a=1e308").returncode == 0
    assert irisbp("predict", "runs/y", "a=1e308").stderr == ""
    assert "t.csv: no such file" in irisbp("evaluate", "runs/y").stderr


def test_an_output_is_whole_or_not_there(irisbp: Irisbp, run: Path, tmp_path: Path) -> None:
    header = "sepal_length,sepal_width,petal_length,petal_width\n"
    (tmp_path / "new.csv").write_text(header + "1,2,3,4\n" * 9000 + "1,2,wide,4\n")
    assert irisbp("predict", "runs/x", "new.csv", "--output", "out.csv").returncode == 2
    (tmp_path / "new.csv").write_text(header + "1,2,3,4\n")
    assert irisbp("predict", "runs/x", "new.csv", "--output", "out.csv").returncode == 0
    assert not (tmp_path / "out.csv").stat().st_mode & 0o111
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.csv", "out.csv", "runs"]


def test_odd_classes_are_data_in_a_pipe_and_escapes_on_a_terminal(irisbp: Irisbp, tmp_path: Path) -> None:
    classes = ["a\rb", "c\nirisbp: d", "\x1b[31m\u202e"]
    with open(tmp_path / "t.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("x", "t"), *((k, classes[k % 3]) for k in range(6))])
    arguments = ("data.source=t.csv", "data.target=t", "--run-dir", "run", "--quiet")
    assert irisbp("train", SMOKE, *arguments).returncode == 0
    with open(tmp_path / "run" / "steps.csv", newline="", encoding="utf-8") as file:
        assert {row["label"] for row in csv.DictReader(file)} == set(classes)
    piped = irisbp("predict", "run", "x=1").stdout
    header, _ = csv.reader(io.StringIO(piped, newline=""))
    # Text mode makes a line end of a CR.
    assert {name.removeprefix("probability_") for name in header[2:]} == {"a\nb", *classes[1:]}
    shown = start(["predict", "run", "x=1"], tmp_path, "dumb terminal").text
    assert {r"probability_a\rb", r"probability_c\nirisbp: d"} < set(shown.split("\n")[0].split(","))
    assert r"probability_\x1b[31m\u202e" in shown
    assert shown.count("\n") == 2
