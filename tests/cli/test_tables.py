"""Tables of one's own, through the command line: the right value, or an error with its place."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CONFIGS, Irisbp

SMOKE = str(CONFIGS / "smoke.yaml")
GOOD = "a,b,kind\n1,2.5,x\n2,1.5,y\n3,-1e-1,x\n4,.5,y\n"


@pytest.fixture
def trained(irisbp: Irisbp, tmp_path: Path) -> "Trained":
    return Trained(irisbp, tmp_path)


class Trained:
    """Trains on a table with these contents and tells how it went."""

    def __init__(self, irisbp: Irisbp, folder: Path) -> None:
        self._irisbp, self._folder = irisbp, folder

    def ok(self, content: str | bytes, *overrides: str) -> dict[str, object]:
        """The manifest of a run on this table."""
        done = self._train(content, *overrides)
        assert done[0] == 0, done[1]
        manifest: dict[str, object] = json.loads((self._folder / "runs" / "x" / "manifest.json").read_text())
        return manifest

    def error(self, content: str | bytes, *overrides: str) -> str:
        """The message, without the path."""
        code, message = self._train(content, *overrides)
        assert code == 2
        assert not (self._folder / "runs").exists()
        return message.removeprefix("irisbp: ").replace(f"{self._folder / 't.csv'}: ", "").rstrip("\n")

    def _train(self, content: str | bytes, *overrides: str) -> tuple[int, str]:
        data = content.encode() if isinstance(content, str) else content
        (self._folder / "t.csv").write_bytes(data)
        own = ("data.source=t.csv", "data.target=kind", *overrides)
        done = self._irisbp("train", SMOKE, *own, "--name", "x", "--quiet")
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr


def test_a_good_table(trained: Trained, irisbp: Irisbp, tmp_path: Path) -> None:
    manifest = trained.ok(GOOD)
    assert manifest["data"]["features"] == ["a", "b"]  # type: ignore[index]
    with np.load(tmp_path / "runs" / "x" / "parameters.npz") as arrays:
        np.testing.assert_allclose(arrays["standardizer.mean"], [2.5, 1.1])
    assert json.loads(irisbp("evaluate", "runs/x", "--json").stdout)["samples"] == 4


@pytest.mark.parametrize("classes", [("NA", "01"), ("1", "01"), ("nan", "null"), ("1.0", "1")])
def test_a_class_stays_the_text_that_it_is(trained: Trained, classes: tuple[str, str]) -> None:
    text = GOOD.replace("x\n", f"{classes[0]}\n").replace("y\n", f"{classes[1]}\n")
    assert sorted(trained.ok(text)["classes"]) == sorted(classes)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD.replace("2.5", ""), "b: 1 of 4 cells is missing (line 2): data.missing=drop or =median"),
        (GOOD.replace("2.5", "NA"), "b: 1 of 4 cells is missing (line 2): data.missing=drop or =median"),
        (GOOD.replace("1.5", "1,5"), "line 3: 4 cells, where the header has 3"),
        (GOOD.replace("3,-1e-1,x", "3,x"), "line 4: 2 cells, where the header has 3"),
        (
            GOOD.replace("1.5", "wide"),
            "b: 'wide' (line 3) is not a number; 1 of 4 cells are words, the others numbers: data.exclude",
        ),
        (GOOD.replace("1.5", "1e999"), "line 3, column b: '1e999' is beyond the range of float64"),
        (GOOD.replace("1.5", "1_000"), "line 3, column b: '1_000' has underscores, which no number has"),
        (GOOD.replace("1.5", "0x10"), "line 3, column b: '0x10' is hexadecimal, not a decimal number"),
        (GOOD.replace("1.5", "\u0661"), "line 3, column b: '\u0661' is not in the digits 0 to 9"),
        (GOOD.replace("2,1.5,y", "2,1.5,"), "line 3, column kind: empty; a class is needed"),
        (GOOD.replace("a,b,kind", "a,a,kind"), "line 1: two columns are called a"),
        (GOOD.split("\n", 1)[1].replace("x", "1").replace("y", "2"), "line 1: 1 is no name; a header with"),
        (GOOD.split("\n", 1)[1], "line 1: 1 is no name; a header with the columns' names is needed"),
        (GOOD.replace("kind", "sort"), "no column kind; there are a, b, sort"),
        (GOOD.replace("y", "x"), "every row is of class x; there is nothing to tell apart"),
        ("a,b,kind\n", "no rows below the header"),
        ("", "empty; a table has a header and rows"),
        (
            "kind,note\nx,p\ny,q\n",
            "note: words, such as 'p' (line 2); 2 different: data.categorical=[note] or data",
        ),
        (
            GOOD.replace(",", ";"),
            "line 1: one column; its cells seem to be separated by a semicolon: data.sep",
        ),
        (GOOD.encode("utf-16"), "UTF-16; data.encoding=utf-16 reads it"),
        (GOOD.replace("x", "\u00e9").encode("latin-1"), "line 2, column 3: byte 0xe9 is not UTF-8"),
        (
            GOOD.replace("x", "p")
            .replace("y,", "q,")
            .replace("p\n2", "r\n2")
            .replace("4,.5,y", "4,.5,s")
            .replace("3,-1e-1,p", "3,-1e-1,t"),
            "every row has a different class; is kind the target?",
        ),
        (GOOD.replace("2.5", '"2.5'), "line 5: unexpected end of data"),
    ],
)
def test_traps_are_errors_with_their_place(trained: Trained, content: str | bytes, message: str) -> None:
    told = trained.error(content)
    assert told.startswith(message)


def test_a_constant_feature(trained: Trained) -> None:
    text = "a,b,kind\n1,0.1,x\n2,0.1,y\n3,0.1,x\n"
    data = trained.ok(text)["data"]
    assert data["features"] == ["a"]  # type: ignore[index]
    assert data["reading"]["columns"][1]["left_out"] == "constant: 0.1 in every row"  # type: ignore[index]
    assert trained.ok(text, "data.features=[a, b]", "--overwrite")["data"]["features"] == ["a", "b"]  # type: ignore[index]


def test_a_column_without_a_name_is_left_out(trained: Trained) -> None:
    data = trained.ok(GOOD.replace("a,b,kind", "a,,kind"))["data"]
    assert data["features"] == ["a"]  # type: ignore[index]


def test_true_in_any_form_is_one_class(trained: Trained) -> None:
    text = GOOD.replace("1,2.5,x", "1,2.5,True").replace("3,-1e-1,x", "3,-1e-1,TRUE")
    assert sorted(trained.ok(text)["classes"]) == ["True", "y"]  # type: ignore[call-overload]


def test_a_class_with_one_row_cannot_be_split(trained: Trained) -> None:
    message = "class z has one row (row 4, counted from 0): it cannot be split in two"
    assert trained.error(GOOD + "5,5,z\n", "data.validation=0.5") == message
    assert trained.error(GOOD + "5,5,z\n", "data.folds=2", "data.fold=0") == message
    assert trained.error(GOOD, "data.folds=9", "data.fold=0") == "9 folds of 4 rows: some would be empty"


def test_marks_line_ends_blanks_and_text_columns_are_no_trap(trained: Trained) -> None:
    text = "\ufeff a , name,kind\r\n1,p,x\r\n\r\n 2 ,q,y\r\n3,r,x\r\n"
    assert trained.ok(text, "data.exclude=[name]")["data"]["features"] == ["a"]  # type: ignore[index]


def test_chosen_features(trained: Trained, irisbp: Irisbp) -> None:
    assert trained.ok(GOOD, "data.features=[b]")["data"]["features"] == ["b"]  # type: ignore[index]
    for chosen, message in (
        ("[c]", "no column c"),
        ("[a, kind]", "kind cannot be both the target and a feature"),
    ):
        done = irisbp("train", SMOKE, "data.source=t.csv", "data.target=kind", f"data.features={chosen}")
        assert (done.returncode, message in done.stderr) == (2, True)


def test_the_standardizer_never_sees_held_out_rows(trained: Trained, tmp_path: Path) -> None:
    rows = [f"{k + 5},{k * k % 7},{'xy'[k % 2]}" for k in range(20)]
    text = "a,b,kind\n" + "\n".join(rows) + "\n"
    assert trained.ok(text, "data.folds=4", "data.fold=1")["data"]["validation"] == 5  # type: ignore[index]
    used = {int(line.split(",")[2]) for line in (tmp_path / "runs/x/steps.csv").read_text().splitlines()[1:]}
    assert len(used) == 15
    values = np.array([[float(cell) for cell in rows[k].split(",")[:2]] for k in sorted(used)])
    with np.load(tmp_path / "runs" / "x" / "parameters.npz") as arrays:
        np.testing.assert_allclose(arrays["standardizer.mean"], values.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(arrays["standardizer.sd"], values.std(axis=0, ddof=1), rtol=1e-14)


def test_other_data_is_refused_unless_asked_for(trained: Trained, irisbp: Irisbp, tmp_path: Path) -> None:
    trained.ok(GOOD)
    (tmp_path / "t.csv").write_text(GOOD.replace("2.5", "2.6"))
    done = irisbp("evaluate", "runs/x")
    assert done.returncode == 2
    assert "has changed since runs/x was trained on it" in done.stderr
    result = json.loads(irisbp("evaluate", "runs/x", "--data", "t.csv", "--json").stdout)
    assert (result["samples"], result["rows"]) == (4, "all")
    (tmp_path / "t.csv").write_text(GOOD.replace("x", "w"))
    done = irisbp("evaluate", "runs/x", "--data", "t.csv")
    assert (done.returncode, "lines 2, 4: class w (2 rows), not one of" in done.stderr) == (2, True)


def test_a_config_finds_its_table_from_anywhere(irisbp: Irisbp, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "t.csv").write_text(GOOD)
    text = Path(SMOKE).read_text() + "data: {source: t.csv, target: kind}\n"
    (folder / "c.yaml").write_text(text)
    assert irisbp("train", "study/c.yaml", "--name", "x", "--quiet").returncode == 0
    assert "source: ../../study/t.csv\n" in (tmp_path / "runs" / "x" / "config.yaml").read_text()
    assert irisbp("train", "runs/x/config.yaml", "--name", "y", "--quiet").returncode == 0
    for name in ("config.yaml", "steps.csv", "parameters.npz"):
        assert (tmp_path / "runs/x" / name).read_bytes() == (tmp_path / "runs/y" / name).read_bytes()


def test_best_and_last_parameters(irisbp: Irisbp, tmp_path: Path) -> None:
    overrides = ["data.validation=0.3", "epochs=60", "learning_rate=0.5", "early_stopping.patience=5"]
    result = json.loads(irisbp("train", SMOKE, *overrides, "--name", "x", "--json").stdout)
    assert result["which"] == "best"
    assert result["best_epoch"] < result["epochs"]
    assert result["stopped_early"] == (result["epochs"] < 60)
    figures = {
        which: json.loads(irisbp("evaluate", "runs/x", "--which", which, "--json").stdout)
        for which in ("best", "last")
    }
    assert figures["best"]["which"] == "best"
    assert figures["best"]["rows"] == "validation"
    assert figures["best"]["loss"] == result["validation_loss"] < figures["last"]["loss"]
    assert json.loads(irisbp("evaluate", "runs/x", "--json").stdout)["which"] == "best"
    rows = (tmp_path / "runs" / "x" / "epochs.csv").read_text().splitlines()
    assert float(rows[result["best_epoch"]].split(",")[4]) == pytest.approx(
        result["validation_loss"], rel=1e-12
    )
    assert float(rows[-1].split(",")[4]) == pytest.approx(figures["last"]["loss"], rel=1e-12)
    assert len(rows) == result["epochs"] + 1
    done = irisbp("evaluate", "runs/x", "--on", "training", "--json")
    assert json.loads(done.stdout)["loss"] == result["loss"]
    irisbp("train", SMOKE, "--name", "y", "--quiet")
    assert "has no best parameters" in irisbp("evaluate", "runs/y", "--which", "best").stderr
    assert "held no rows out" in irisbp("evaluate", "runs/y", "--on", "validation").stderr


def test_a_path_with_a_nul_is_none(irisbp: Irisbp, tmp_path: Path) -> None:
    config = (CONFIGS / "smoke.yaml").read_text() + 'data: {source: "a\\0b.csv", target: y}\n'
    (tmp_path / "c.yaml").write_text(config)
    place = f"c.yaml:{config.count(chr(10))}:16"
    for command in (("config", "validate"), ("train",)):
        done = irisbp(*command, "c.yaml")
        told = f"irisbp: {place}: data.source: is not a path: it contains a NUL character\n"
        assert (done.returncode, done.stderr) == (2, told)


def test_a_table_of_too_many_columns_is_refused_by_its_header(trained: Trained) -> None:
    header = ",".join(f"c{k}" for k in range(2**17)) + ",kind\n"
    assert trained.error(header) == "line 1: 131073 columns; at most 131072 can be read here"


def test_a_table_on_stdin_is_kept_in_the_run(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    of_file = ("train", SMOKE, "data.target=kind", "--quiet")
    command = (*of_file, "data.source=-", "--name", "x")
    assert irisbp(*command, input=GOOD).returncode == 0
    assert irisbp(*of_file, "data.source=t.csv", "--name", "y").returncode == 0
    run, other = tmp_path / "runs" / "x", tmp_path / "runs" / "y"
    assert (run / "table.csv").read_text() == GOOD
    for name in ("steps.csv", "epochs.csv", "parameters.npz"):
        assert (run / name).read_bytes() == (other / name).read_bytes()
    assert f"source: {run / 'table.csv'}" in (run / "config.yaml").read_text()
    assert json.loads((run / "manifest.json").read_text())["data"]["source"] == str(run / "table.csv")
    assert irisbp("evaluate", "runs/x").returncode == 0
    assert irisbp("runs", "verify", "runs/x", "--quiet").returncode == 0
    assert irisbp(*command, "--resume", input=GOOD).returncode == 0
    changed = irisbp(*command, "--resume", input=GOOD.replace("2.5", "2.6"))
    told = "irisbp: runs/x/table.csv is not the table that is given: the run was begun with another one\n"
    assert (changed.returncode, changed.stderr) == (2, told)
    assert irisbp(*command, "--overwrite", input=GOOD.replace("2.5", "2.6")).returncode == 0
    assert (run / "table.csv").read_text() == GOOD.replace("2.5", "2.6")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", SMOKE), "stdin: empty; a table has a header and rows"),
        (("table", "-"), "stdin: empty; a table has a header and rows"),
        (("config", "validate", SMOKE), "stdin: empty; a table has a header and rows"),
        (("sweep", SMOKE, "seed=0:2"), "data.source: a sweep reads its table many times, and stdin"),
    ],
)
def test_what_cannot_be_read_from_stdin(irisbp: Irisbp, arguments: tuple[str, ...], message: str) -> None:
    keys = () if arguments[0] == "table" else ("data.source=-", "data.target=kind")
    done = irisbp(*arguments, *keys, input="")
    assert (done.returncode, done.stderr.startswith(f"irisbp: {message}")) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_is_no_table(irisbp: Irisbp) -> None:
    ours, theirs = os.openpty()
    try:
        done = irisbp("train", SMOKE, "data.source=-", "data.target=kind", stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stderr) == (
        2,
        "irisbp: stdin is a terminal, not a table: give a file, or let a table come in by < or |\n",
    )


def test_validate_checks_the_table_as_table_does(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c,kind\n1,,red,x\n2,1.5,blue,y\n3,9,red,x\n4,8,red,y\n")
    keys = ("data.source=t.csv", "data.target=kind")
    refused = irisbp("config", "validate", *keys)
    shown = irisbp("table", "t.csv", "--target", "kind")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.replace(f"{tmp_path}/", "") == shown.stderr
    settled = ("data.missing=drop", "data.categorical=[c]")
    valid = irisbp("config", "validate", *keys, *settled)
    assert (valid.returncode, valid.stdout) == (0, "the article: valid\n")
    assert valid.stderr.startswith(
        "table     3 rows; 3 columns: a, b, c (words: 2 categories); classes: x 1, y 2\n"
    )
    gone = irisbp("config", "validate", *keys, *settled, "data.validation_source=gone.csv")
    assert (gone.returncode, gone.stdout) == (0, "the article: valid\n")
    assert f"note: {tmp_path / 'gone.csv'} is not there, and was not checked\n" in gone.stderr


def test_the_reading_is_told_by_train_sweep_and_evaluate(irisbp: Irisbp, tmp_path: Path) -> None:
    rows = [f"{k},{k * 7 % 5},{k % 3 == 0},{'xy'[k % 2]}" for k in range(12)]
    (tmp_path / "t.csv").write_text("id,a,flag,kind\n" + "\n".join(rows) + "\n12,,True,x\n")
    keys = ("data.source=t.csv", "data.target=kind", "data.missing=drop", "epochs=1")
    lines = [
        "table     12 rows; 2 columns: a, flag (boolean); classes: x 6, y 6",
        "note: left out: id (an index: it counts the rows)",
        "note: rows with missing cells are left out: 1 of 13",
    ]
    trained = irisbp("train", *keys, "--name", "x", "--json")
    swept = irisbp("sweep", *keys, "seed=0:2", "--name", "s", "--json")
    evaluated = irisbp("evaluate", "runs/x")
    as_json = irisbp("evaluate", "runs/x", "--json")
    for done in (trained, swept, evaluated):
        assert done.stderr.splitlines()[:3] == lines
    assert as_json.stderr.splitlines()[:2] == lines[1:]
    manifests = [json.loads((tmp_path / "runs" / name / "manifest.json").read_text()) for name in "xs"]
    for told in (
        json.loads(trained.stdout)["table"],
        json.loads(swept.stdout)["tables"][0]["table"],
        json.loads(as_json.stdout)["table"],
        manifests[0]["data"]["reading"],
        manifests[1]["tables"][0]["table"],
    ):
        assert (told["rows"], told["dropped"], told["classes"]) == (12, 1, {"x": 6, "y": 6})
        assert [column["name"] for column in told["columns"]] == ["id", "a", "flag"]
        assert told["columns"][0]["left_out"] == "an index: it counts the rows"
        assert told["columns"][2]["kind"] == "boolean"


def test_a_class_that_is_never_found_is_told_by_evaluate(irisbp: Irisbp, tmp_path: Path) -> None:
    rows = [f"{k % 6},{k // 6},many" for k in range(36)] + ["2.5,2.5,few", "3.5,2.5,few", "60,60,one"]
    (tmp_path / "t.csv").write_text("a,b,kind\n" + "\n".join(rows) + "\n")
    irisbp("train", "data.source=t.csv", "data.target=kind", "epochs=20", "--name", "x", "--quiet")
    notes = [line for line in irisbp("evaluate", "runs/x").stderr.splitlines() if line.startswith("note")]
    assert notes == [
        "note: no row of class few is classified as such (recall 0);"
        " class_weight=balanced gives rare classes more weight",
        "note: there is 1 row of class one",
    ]


def test_the_table_of_many_folds_is_told_once(irisbp: Irisbp, tmp_path: Path) -> None:
    # Each of the columns r0, r1, ... differs in one row, which one of the folds holds out.
    rows = [",".join([str(k * 7 % 11), *(str(int(k == j)) for j in range(6)), "xy"[k % 2]]) for k in range(6)]
    names = [f"r{j}" for j in range(6)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(["a", *names, "kind"]), *rows]) + "\n")
    keys = ("data.source=t.csv", "data.target=kind", "epochs=1", "data.folds=3")
    lines = irisbp("sweep", *keys, "data.fold=0:3", "optimizer=sgd,adam").stderr.splitlines()
    told = [line for line in lines if line.startswith(("table", "note"))]
    assert told == ["table     6 rows; 7 columns: a, r0, r1, r2, r3, r4, r5; classes: x 3, y 3"]
    # What is so in one fold only is told, and kept, by its run.
    start = "the same in every training row, and scaled by 1: "
    done = irisbp("train", *keys, "data.fold=1", "--name", "x")
    note = json.loads((tmp_path / "runs" / "x" / "manifest.json").read_text())["data"]["reading"]["notes"][-1]
    assert len(note.removeprefix(start).split(", ")) == 2
    assert f"note: {note}\n" in done.stderr


@pytest.mark.parametrize(
    ("content", "keys", "line"),
    [
        ("a,b,kind\n1,2,x\n3,oops,y\n5,6,x\n", (), 3),
        ("\ufeffa,b,kind\r\n1,2,x\r\n3,oops,y\r\n5,6,x\r\n", (), 3),
        ("title\n\na,b,kind\n1,2,x\n\n3,oops,y\n5,6,x\n", ("data.skip_rows=2",), 6),
        ("# c\na,b,kind\n# c\n1,2,x\n3,oops,y\n5,6,x\n", ("data.comment=#",), 5),
        ('a,"b\n(m)",kind\n1,2,x\n3,oops,y\n5,6,x\n', (), 4),
        ('a,b,kind\n1,2,"x\n\nx"\n3,oops,"y\ny"\n5,6,z\n', (), 5),
    ],
)
def test_a_row_has_the_line_where_it_begins(
    trained: Trained, content: str, keys: tuple[str, ...], line: int
) -> None:
    assert f"'oops' (line {line}) is not a number" in trained.error(content, *keys)


def test_a_comma_in_a_number_is_a_decimal_one_where_semicolons_separate(trained: Trained) -> None:
    told = trained.error("a;b;kind\n1,250;0,5;x\n2,125;1,250;y\n")
    assert told.endswith("With these keys it can be read: data.separator=semicolon data.decimal=comma")
    told = trained.error('a,b,kind\n"0,250",3,x\n"2,125",2,y\n')
    assert told.endswith("With these keys it can be read: data.decimal=comma")
    told = trained.error('a,b,kind\n"1,250",3,x\n"2,125",2,y\n')
    assert told.endswith("With these keys it can be read: data.thousands=comma")
