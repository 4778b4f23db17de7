"""One cell that is written otherwise is judged as a whole column of them is, whatever the way of writing.

In each row, @ stands for a digit; the verdict was written down by hand.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from irisbp.data.kinds import judge
from irisbp.data.odd import Measured, odd_faults
from tests.data.told import read_as_told, told, wanted

PLAIN = ["17", "3", "12", "5", "9", "21", "4", "8", "2", "11", "30", "6"]

NUMBERS = {
    "@": 7, "+@": 7, "-@": -7, ".@": 0.7, "@.": 7, "@e5": 7e5, "1E@": 1e7, "@E-5": 7e-5, "1e+0@": 1e7,
    "0@": 7, "00@.5": 7.5, "-0": 0, "@ ": 7, " @": 7, "@\u00a0": 7, "\u00a0@": 7, "\t@": 7, "1.@00": 1.7,
    "1.7976931348623157e308": 1.7976931348623157e308, "5e-324": 5e-324,
}  # fmt: skip

# The value that the keys give, and the keys.
KEYS = {
    "1,@00": (1700, "thousands=comma"),
    "1,000,@00.5": (1000700.5, "thousands=comma"),
    "1 @00": (1700, "thousands=blank"),
    "1\u00a0@00": (1700, "thousands=blank"),
    "1\u202f@00": (1700, "thousands=blank"),
    "1'@00": (1700, "thousands=apostrophe"),
    "1.000.@00": (1000700, "decimal=comma thousands=point"),
    "1.@00,5": (1700.5, "decimal=comma thousands=point"),
    "1 @00,5": (1700.5, "decimal=comma thousands=blank"),
    "5,@": (5.7, "decimal=comma"),
    "-5,@e3": (-5700, "decimal=comma"),
    ",@": (0.7, "decimal=comma"),
    "@D+00": (7, "exponent=D"),
    "@.5d-1": (0.75, "exponent=D"),
    "@%": (7, 'units=["%"]'),
    "@.5 %": (7.5, 'units=["%"]'),
    "@,5 %": (7.5, 'decimal=comma units=["%"]'),
    "$@": (7, 'units=["$"]'),
    "$ -@": (-7, 'units=["$"]'),
    "-$@": (-7, 'units=["$"]'),
    "@ €": (7, 'units=["€"]'),
    "$1,@00": (1700, 'thousands=comma units=["$"]'),
    "inf": (np.nan, "missing=drop missing_values=[inf]"),
    "-inf": (np.nan, 'missing=drop missing_values=["-inf"]'),
    "Infinity": (np.nan, "missing=drop missing_values=[Infinity]"),
}  # fmt: skip

# Nothing reads these: the column has to be left out, and is never one of words.
BEYOND = [
    "@e999", "-@e999", "@e-999", "0x@A", "1_00@", "\uff10@", "\u0663@", "\u2212@", "(@)", "(1,@00)",
    "9" * 400 + "@",
]  # fmt: skip

WORDS = [
    "2020-01-0@", "0@.01.2020", "1/0@/2020", "12:3@", "12:3@:00", "@/2", "@ kg", "@kg", "@h", "USD @", "~@",
    "<@", "@+", "@-", "#@", "++@", "- @", "1 @", "@j", "@L", "10^@", "@*10^3", "\u00bd@", "1e@,5", "1.2.@",
    "@1;5", "'@", "0b1@", "1.5%@", "%@", "$@€", "@:", "no. @",
]  # fmt: skip


def _write(path: Path, cells: list[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "k"])
        # b is of whole numbers, which all dialects read.
        writer.writerows([cell, k * 7 % 11, "xy"[k % 2]] for k, cell in enumerate(cells))
    return path


def _one(form: str) -> list[str]:
    return [*PLAIN[:4], form.replace("@", "7"), *PLAIN[5:]]


def _all(form: str) -> list[str]:
    return [form.replace("@", str(k % 9 + 1)) for k in range(12)]


@pytest.mark.parametrize("form", NUMBERS)
def test_a_number(form: str, tmp_path: Path) -> None:
    for cells in (_one(form), _all(form)):
        table, keys = read_as_told(_write(tmp_path / "t.csv", cells), "k", "data.features=[a, b]")
        assert keys == ["data.features=[a, b]"]
        assert table.values[cells.index(form.replace("@", "7")), 0] == NUMBERS[form]


@pytest.mark.parametrize("form", KEYS)
def test_a_number_that_a_key_reads(form: str, tmp_path: Path) -> None:
    value, keys = KEYS[form]
    for cells in (_one(form), _all(form)):
        table, found = read_as_told(_write(tmp_path / "t.csv", cells), "k")
        assert sorted(found) == [f"data.{key}" for key in keys.split()]
        row = cells.index(form.replace("@", "7"))
        if not np.isnan(value):
            assert table.features == ("a", "b")
            assert table.values[row, 0] == value
        elif cells[0] == "17":  # its row is left out
            assert table.values[:, 0].tolist() == [float(cell) for cell in PLAIN if cell != "9"]
        else:
            assert table.features == ("b",)


@pytest.mark.parametrize("form", BEYOND)
def test_a_number_that_nothing_reads(form: str, tmp_path: Path) -> None:
    reasons = []
    for cells in (_one(form), _all(form)):
        found = told(_write(tmp_path / "t.csv", cells), "k")
        assert found.keys == ["data.exclude=[a]"]
        (text,) = found.texts
        assert "words" not in text
        reasons.append(text.partition(": ")[0].partition(" ")[2].partition(" ")[2])
        assert read_as_told(tmp_path / "t.csv", "k")[0].features == ("b",)
    assert reasons[0] == reasons[1] == "column a"


@pytest.mark.parametrize("form", WORDS)
def test_words(form: str, tmp_path: Path) -> None:
    for cells in (_one(form), _all(form)):
        found = told(_write(tmp_path / "t.csv", cells), "k")
        (text,) = found.texts
        assert found.keys == ["data.exclude=[a]"]
        assert "words" in text
        assert text.startswith("a: ")


def test_a_missing_cell(tmp_path: Path) -> None:
    for form in ("", "NA", "nan", "NULL", "?", "-", ".", "#N/A", "\\N", "\u00a0"):
        found = told(_write(tmp_path / "t.csv", _one(form)), "k")
        assert found.keys == ["data.missing=drop"]
        table, keys = read_as_told(_write(tmp_path / "t.csv", _all(form)), "k")
        assert (keys, table.features) == ([], ("b",))


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        # A decimal comma in one column is no thousands mark in another one.
        ({"a": ["1,234", "2,5"], "b": ["1,234", "2,500"]}, {"a": ["decimal=comma"], "b": ["decimal=comma"]}),
        ({"a": ["1,234", "2,500"], "b": ["5.1", "2.5"]}, {"a": ["thousands=comma"]}),
        # What cannot be read together: the columns that are fewer are left out, or those that are odd.
        ({"a": ["1,23", "2,50"], "b": ["5.1", "2.5"]}, {"a": ["exclude=[a]"]}),
        ({"a": ["1,23", "2.50"]}, {"a": ["exclude=[a]"]}),
        (
            {"a": ["1,23", "2,50"], "b": ["5.1", "2.5"], "c": ["1,5", "2,5"]},
            {"a": ["decimal=comma"], "b": ["exclude=[b]"], "c": ["decimal=comma"]},
        ),
        ({"a": ["$5", "$6"], "b": ["7 %", "8"]}, {"a": ['units=["$"]'], "b": ['units=["%"]']}),
        ({"a": ["$5", "€6"]}, {"a": ["exclude=[a]"]}),  # not the same money
        ({"a": ["1'234", "2 345"]}, {"a": ["exclude=[a]"]}),
    ],
)
def test_columns_together(columns: dict[str, list[str]], keys: dict[str, list[str]]) -> None:
    asked = wanted(Path("t.csv"), "k")
    numbers = [Measured(name, cells, judge(cells, asked)) for name, cells in columns.items()]
    found = odd_faults(numbers, range(2, 4), asked)
    assert {name: [*fault.keys] for name, fault in found.items()} == {
        name: [f"data.{key}" for key in some] for name, some in keys.items()
    }


@pytest.mark.parametrize("form", [*NUMBERS, *KEYS, *BEYOND, *WORDS])
def test_the_quick_way_judges_alike(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "t.csv", [*PLAIN * 5, *_one(form)])
    expected = told(path, "k")
    monkeypatch.setattr("irisbp.data.quick.LARGE", 0)
    assert told(path, "k") == expected
    if not expected.texts:
        assert read_as_told(path, "k")[0].values[64, 0] == NUMBERS[form]
