"""Tables in the forms in which people have them, each with the reading that it should get.

A file is read at once, or with the very keys that its first message names. The expected means, kinds and
classes were written down by hand, not by irisbp.
"""

import json
import shlex
from pathlib import Path

import pytest

from tests.conftest import Irisbp

TABLES = Path(__file__).parent / "tables"

FOUR = "sepal_length=5.753 sepal_width=3.087 petal_length=3.85 petal_width=1.167"
R_FOUR = "Sepal.Length=5.753 Sepal.Width=3.087 Petal.Length=3.85 Petal.Width=1.167"
TWO = "x1=5.753 x2=3.85"
MISSING = "x1=5.779 x2=3.85"  # the means of the cells that are there, in 28 and 30 rows
TENS = "setosa:10 versicolor:10 virginica:10"
NINES = "setosa:9 versicolor:9 virginica:10"
HALVES = "a:15 b:15"

# The file, its target, the means of its columns of numbers, its other columns, and its classes.
READ = [
    ("thousands.csv", "segment", "income=1536.5 age=34.5", "", HALVES),
    ("percent.csv", "segment", "rate=24.5 age=34.5", "", HALVES),
    ("percent_only.csv", "segment", "rate=24.5", "", HALVES),
    ("dates.csv", "segment", "age=34.5", "", HALVES),
    ("decimal_comma_one_int.tsv", "Species", "Plot=2, Sepal length=5.753, Petal length=3.85", "", TENS),
    ("decimal_comma.tsv", "#Label", "Sepal length=5.753, Petal length=3.85", "", "0:10 1:10 2:10"),
    ("fortran_d.csv", "y", TWO, "", TENS),
    ("excel_leading_zero.csv", "y", "x2=3.85", "", TENS),
    ("int_400_digits.csv", "y", "x2=3.85", "", TENS),
    ("overflow_numbers.csv", "y", "x=2.25", "", "a:2 b:2"),
    ("underflow_numbers.csv", "y", "x=2.25", "", "a:2 b:2"),
    ("inf_column.csv", "y", "x=2.25", "", "a:2 b:2"),
    ("bool_tf.csv", "segment", "age=34.5", "smoker", HALVES),
    ("bool_only.csv", "segment", "", "a b", HALVES),
    ("cat_decides.csv", "segment", "age=38.725", "color", "a:20 b:20"),
    ("cat_only.csv", "segment", "", "color size", HALVES),
    ("rdatasets.csv", "Species", R_FOUR, "", TENS),
    ("id_column.csv", "species", FOUR, "", TENS),
    ("label_space.csv", "species", FOUR, "", TENS),
    ("trailing_spaces.csv", "species", FOUR, "", TENS),
    (
        "label_case.csv",
        "species",
        FOUR,
        "",
        "SETOSA:3 VERSICOLOR:2 VIRGINICA:3 setosa:7 versicolor:8 virginica:7",
    ),
    ("mixed_labels.csv", "y", TWO, "", "0:5 0.0:5 1:5 1.0:5 2:5 2.0:5"),
    ("zero_padded.csv", "y", "x1=6.6 x2=2.25", "", "01:6 1:6"),
    ("na_label.csv", "y", TWO, "", "NA:2 setosa:9 versicolor:9 virginica:10"),
    ("plus_minus.csv", "class", "a=0.5545 b=0.0075", "", "+:20 -:20"),
    ("hash_header.csv", "species", f"#{FOUR}", "", TENS),
    ("near_constant.csv", "y", f"{TWO} flag=0.03333", "", TENS),
    ("constant.csv", "y", TWO, "", TENS),
    ("mnist_style.csv", "label", "1x1=131.97 1x2=128.9", "", "0:10 1:10 2:10"),
    ("all_missing_column.csv", "y", TWO, "", TENS),
    ("wine_semicolon.csv", "quality", "fixed acidity=7.697, pH=3.476, alcohol=9.92", "", "5:10 6:10 7:10"),
    *((name, "species", FOUR, "", TENS) for name in (
        "plain.csv", "plain.csv.gz", "semicolon_utf8.csv", "pipe.csv", "tab.txt", "tab_in_csv.csv",
        "pandas_index.csv", "title_line.csv", "comment_lines.csv", "excel_sep_line.csv",
        "excel_empty_cols.csv", "excel_trailing_empty.csv", "blank_spaces.csv", "excel_utf16.txt",
        "test_semi.csv", "test_index.csv",
    )),
    ("space_separated.txt", "y", TWO, "", TENS),
    ("r_write_csv.csv", "Species", R_FOUR, "", TENS),
    ("r_write_csv2.csv", "Species", R_FOUR, "", TENS),
    ("r_write_table_default.txt", "y", "x1=5 x2=1.3", "", "a:2 b:1"),
    ("numeric_header.csv", "4", "0=5.753 1=3.087 2=3.85 3=1.167", "", TENS),
    ("uci_iris.data", "4", "0=5.753 1=3.087 2=3.85 3=1.167", "", TENS),
    ("excel_cp1252_class.csv", "species", "length=5.753 width=3.087", "", TENS.replace("e", "é", 1)),
    ("na_text.csv", "segment", "age=35.22", "sex", "a:14 b:12"),
    ("empty_label.csv", "y", TWO, "", NINES),
    *((f"missing_{how}.csv", "y", MISSING, "", NINES) for how in (
        "dash", "dot", "inf", "minf", "na_dots", "nan", "none", "null", "q", "space", "xlna",
    )),
    ("one_row_class.csv", "y", TWO, "", "rare:1 setosa:10 versicolor:10 virginica:9"),
    ("imbalanced.csv", "y", "", "", ""),
    ("test_na.csv", "species", "", "", "setosa:9 versicolor:10 virginica:10"),
    ("test_unseen.csv", "species", "", "", "pallida:3 setosa:5"),
]  # fmt: skip

REFUSED = [
    ("regression_target.csv", "price", "irisbp classifies"),
    ("iris.arff", "class", "this is an ARFF file"),
    ("libsvm.txt", "y", "this is a libsvm file"),
    ("json_lines.jsonl", "y", "this is JSON"),
    ("test_label_blank.csv", "species", "a class is needed"),
]
NO_TRAINING = ["test_label_q.csv"]  # one class: `table` shows it, and nothing can be trained on it


def test_every_table_is_here() -> None:
    known = [name for name, *_ in READ] + [name for name, *_ in REFUSED] + NO_TRAINING
    assert sorted(known) == sorted(path.name for path in TABLES.iterdir())


@pytest.mark.parametrize(("name", "target", "means", "others", "classes"), READ, ids=[r[0] for r in READ])
def test_a_table_is_read_with_the_keys_of_its_first_message(
    irisbp: Irisbp, name: str, target: str, means: str, others: str, classes: str
) -> None:
    command = ["table", str(TABLES / name), "--target", target, "--json"]
    done = irisbp(*command)
    if done.returncode:
        assert "With these keys it can be read: " in done.stderr
        done = irisbp(*command, *shlex.split(done.stderr.rsplit(": ", 1)[1]))
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    used = {column["name"]: column for column in found["columns"] if column["left_out"] is None}
    if classes:
        assert found["classes"] == {
            text.rpartition(":")[0]: int(text.rpartition(":")[2]) for text in classes.split()
        }
    if means or others:
        parts = means.split(", ") if ", " in means else means.split()
        expected = {name: float(mean) for name, _, mean in (part.rpartition("=") for part in parts)}
        numbers = {key: column["mean"] for key, column in used.items() if column["kind"] == "number"}
        assert numbers == pytest.approx(expected, rel=1e-3, abs=1e-4)
        assert sorted(used) == sorted({*expected, *others.split()})


@pytest.mark.parametrize(("name", "target", "message"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_is_no_table_of_classes_is_refused(irisbp: Irisbp, name: str, target: str, message: str) -> None:
    done = irisbp("table", str(TABLES / name), "--target", target)
    assert (done.returncode, message in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
