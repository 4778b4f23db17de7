"""Public tables in their published forms, the first rows of each: one message, then a run on all of them."""

import json
import shlex
from pathlib import Path

import pytest

from tests.conftest import Irisbp
from tests.data.told import told

PUBLIC = Path(__file__).parent / "public"


@pytest.mark.parametrize(
    ("name", "target", "rows", "features", "left_out", "classes"),
    [
        # Two penguins have no measurements, two more no sex.
        ("penguins.csv", "species", 20,
         "island bill_length_mm bill_depth_mm flipper_length_mm body_mass_g sex", "",
         "Adelie Chinstrap Gentoo"),
        # Nearly every name and ticket is a different one; most cabins are missing, and so filled in.
        ("titanic.csv", "Survived", 24, "PassengerId Pclass Sex Age SibSp Parch Fare Cabin Embarked",
         "Name Ticket", "0 1"),
        ("german.data", "20", 20, " ".join(map(str, range(20))), "", "1 2"),
        ("adult.data", "14", 22, " ".join(map(str, range(14))), "", "<=50K >50K"),
        ("winequality-red.csv", "quality", 16, "fixed_acidity volatile_acidity citric_acid residual_sugar"
         " chlorides free_sulfur_dioxide total_sulfur_dioxide density pH sulphates alcohol", "", "5 6 7"),
        # These rows have one kind of veil and of ring; a root is missing in three of them.
        ("agaricus-lepiota.data", "0", 15, "1 2 3 4 5 6 7 8 9 10 11 13 14 15 17 19 20 21 22", "12 16 18",
         "e p"),
    ],
)  # fmt: skip
def test_one_message_then_a_run(
    irisbp: Irisbp,
    tmp_path: Path,
    name: str,
    target: str,
    rows: int,
    features: str,
    left_out: str,
    classes: str,
) -> None:
    command = ["train", f"data.source={PUBLIC / name}", f"data.target={target}", "epochs=2", "--name", "x"]
    first = irisbp(*command)
    assert first.returncode == 2
    keys = shlex.split(first.stderr.rsplit("With these keys it can be read: ", 1)[1])
    second = irisbp(*command, *keys)
    assert (second.returncode, "Traceback" in second.stderr) == (0, False), second.stderr
    manifest = json.loads((tmp_path / "runs" / "x" / "manifest.json").read_text())
    reading = manifest["data"]["reading"]
    used = {column["name"]: column["left_out"] for column in reading["columns"]}
    assert [column.replace(" ", "_") for column, why in used.items() if not why] == features.split()
    assert [column for column, why in used.items() if why] == left_out.split()
    assert reading["rows"] == rows
    assert sorted(manifest["classes"]) == classes.split()


def test_a_line_above_a_table_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "adult.test"
    rows = "25, Private, 2, <=50K.\n38, Private, 5, <=50K.\n44, Local-gov, 1, >50K.\n"
    path.write_text(f"|1x3 Cross validator\n{rows}")
    found = told(path, "3")
    assert found.keys == ["data.skip_rows=1", "data.header=none", 'data.categorical=["1"]']


def test_words_below_words_of_their_columns_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("red,small,a\nblue,small,b\nred,large,a\nblue,large,b\nred,small,b\n")
    assert told(path, "2").keys == ["data.header=none", 'data.categorical=["0", "1"]']
    # A header that is there twice, as where two files were joined, is a header.
    path.write_text("color,size,kind\nred,small,a\nred,large,b\ncolor,size,kind\nblue,small,a\n")
    assert "data.header=none" not in told(path, "kind").keys
