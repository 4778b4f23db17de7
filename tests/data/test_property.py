"""Any frame, as pandas, R, Excel and Parquet write it: read with the same meaning, or with the keys told.

The meaning is what the frame held before it was written. What is left out has to be of no use: empty,
constant, an index, or words that are nearly all different.
"""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irisbp.data.apart import as_csv
from irisbp.data.options import MISSING_VALUES
from irisbp.data.table import Table
from tests.data.told import read_as_told

EXAMPLES = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
CLASSES = ["setosa", "no", "NA", "x y", "été", "-", "01", "1.5e3 or so"]
LETTERS = "abcxyzé"
Cells = list[Any]

_words = st.builds(str.__add__, st.sampled_from(LETTERS), st.text(LETTERS + "1 ,;.|\"'%/-_", max_size=6)).map(
    str.strip
)
_plain_words = _words.filter(lambda text: text not in MISSING_VALUES)
_floats = st.floats(-1e308, 1e308)  # beyond, 15 digits as R writes them may be infinite
_measured = st.integers(-10_000, 10_000).map(lambda n: n / 100)
_cells: dict[str, st.SearchStrategy[Any]] = {
    "floats": _floats,
    "measured": _measured,
    "whole": st.integers(-(2**53), 2**53),
    "small": st.integers(0, 3),
    "booleans": st.booleans(),
    "words": _plain_words,
    "few words": st.sampled_from(["red", "blue", "dark red, or so", 'the "blue"', "sky;blue"]),
}


@st.composite
def frames(draw: st.DrawFn, most_rows: int = 14) -> pd.DataFrame:
    """Columns of one kind each, one of them of use for certain, and the classes in the column `kind`."""
    rows = draw(st.integers(2, most_rows))
    names = draw(
        st.lists(
            _words.filter(lambda name: name not in ("kind", "useful")), min_size=1, max_size=3, unique=True
        )
    )
    columns = {name: draw(_column(rows)) for name in names}
    quarters = st.integers(-9999, 9999).map(lambda n: n + 0.25)
    columns["useful"] = pd.Series(draw(st.lists(quarters, min_size=rows, max_size=rows, unique=True)))
    classes = draw(st.lists(st.sampled_from(CLASSES), min_size=2, max_size=4, unique=True))
    labels = draw(st.lists(st.sampled_from(classes), min_size=rows, max_size=rows))
    place = draw(st.integers(0, len(names)))
    pairs = [*columns.items()]
    pairs.insert(place, ("kind", pd.Series(labels, dtype=object)))
    return pd.DataFrame(dict(pairs))


@st.composite
def _column(draw: st.DrawFn, rows: int) -> "pd.Series[Any]":
    kind = draw(st.sampled_from(sorted(_cells)))
    cells = draw(st.lists(_cells[kind], min_size=rows, max_size=rows))
    lost = draw(st.sets(st.integers(0, rows - 1), max_size=draw(st.sampled_from([0, 0, 2, rows]))))
    values = [None if row in lost else cell for row, cell in enumerate(cells)]
    is_float = kind in ("floats", "measured") or (kind in ("whole", "small") and lost)
    return pd.Series(values, dtype="float64" if is_float else object if lost else None)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of other formats are read here: for sound ones, a process of their own makes no difference."""

    def read(file: IO[bytes], ending: str) -> bytes:
        file.seek(0)
        return as_csv(io.BytesIO(file.read()), ending)

    monkeypatch.setattr("irisbp.data.formats.csv_apart", read)


def check(path: Path, frame: pd.DataFrame, number: Callable[[float], float] = float) -> None:
    """Read a file, and compare it with the frame that was written; number is what the writer makes of one."""
    table, keys = read_as_told(path, "kind")
    kept = _kept_rows(frame, table, keys)
    assert list(table.targets) == [frame["kind"][row] for row in kept]
    assert table.reading is not None
    left_out = {column.name: column.left_out for column in table.reading.columns if column.left_out}
    names = [name for name in frame.columns if name != "kind"]
    assert [name for name in names if name not in left_out] == list(table.features)
    for name in names:
        cells = [None if pd.isna(cell) else cell for cell in frame[name]]
        if name in left_out:
            assert _is_of_no_use(cells, left_out[name]), (name, left_out[name])
        else:
            _check_column(table, name, [cells[row] for row in kept], number)


def _kept_rows(frame: pd.DataFrame, table: Table, keys: list[str]) -> list[int]:
    if "data.missing=drop" not in keys:
        return list(range(len(frame)))
    lost = frame[list(table.features)].isna().any(axis=1)
    return [row for row in range(len(frame)) if not lost[row]]


def _check_column(table: Table, name: str, cells: Cells, number: Callable[[float], float]) -> None:
    k = table.features.index(name)
    values, categories = table.values[:, k].tolist(), table.columns[2][k]
    kind = table.columns[1][k]
    if isinstance(next(cell for cell in cells if cell is not None), str):
        assert kind == "words"
        assert [None if math.isnan(v) else categories[int(v)] for v in values] == cells
        return
    assert kind != "words"
    assert [None if math.isnan(v) else v for v in values] == [
        None if cell is None else number(float(cell)) for cell in cells
    ]


def _is_of_no_use(cells: Cells, why: str) -> bool:
    present = [cell for cell in cells if cell is not None]
    if why == "empty":
        return not present
    if why.startswith("constant"):
        return len(set(present)) == 1 and len(present) == len(cells)
    if why.startswith("an index: it counts"):
        counted = [range(start, len(cells) + start) for start in (0, 1)]
        return len(cells) >= 10 and list(map(float, cells)) in [list(map(float, some)) for some in counted]
    return why == "data.exclude" and all(isinstance(cell, str) for cell in present) and len(set(present)) > 2


@EXAMPLES
@given(
    frames(),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from([".", ","]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(["", "NA", "nan", "?"]),
)
def test_what_pandas_writes(
    tmp_path: Path,
    frame: pd.DataFrame,
    separator: str,
    decimal: str,
    quoting: Any,
    index: bool,
    line_end: str,
    encoding: str,
    missing: str,
) -> None:
    path = tmp_path / "t.csv"
    separator = ";" if separator == decimal else separator
    frame.to_csv(
        path,
        sep=separator,
        decimal=decimal,
        quoting=quoting,
        index=index,
        lineterminator=line_end,
        encoding=encoding,
        na_rep=missing,
    )
    check(path, frame)


def _in_r(cell: Any, decimal: str) -> str:
    """A cell as R's write.csv writes it."""
    if cell is None:
        return "NA"
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, str):
        return '"' + cell.replace('"', '""') + '"'
    return _number_in_r(cell).replace(".", decimal)


def _number_in_r(cell: float) -> str:
    """15 significant digits, in the shorter of both notations: 100000 is 1e+05."""
    digits = next(n for n in range(1, 16) if float(f"{cell:.{n - 1}e}") == float(f"{cell:.14e}"))
    scientific = f"{cell:.{digits - 1}e}"
    exponent = int(scientific.partition("e")[2])
    fixed = f"{cell:.{max(0, digits - 1 - exponent)}f}"
    return fixed if len(fixed) <= len(scientific) else scientific


def test_numbers_in_r() -> None:
    # As R prints them with 15 digits.
    texts = {
        1e5: "1e+05", 123456.0: "123456", 0.1: "0.1", 1e-5: "1e-05", 1 / 3: "0.333333333333333",
        1e15: "1e+15", -2.5: "-2.5", 0.0001: "1e-04",
    }  # fmt: skip
    assert {number: _number_in_r(number) for number in texts} == texts


def _write_r(path: Path, frame: pd.DataFrame, separator: str, decimal: str, row_names: list[str]) -> None:
    names = [_in_r(name, decimal) for name in frame.columns]
    lines = [separator.join(['""'] * bool(row_names) + names)]
    for row in range(len(frame)):
        cells = [None if pd.isna(cell) else cell for cell in frame.iloc[row].tolist()]
        start = [_in_r(row_names[row], decimal)] if row_names else []
        lines.append(separator.join([*start, *(_in_r(cell, decimal) for cell in cells)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@EXAMPLES
@given(frames(), st.sampled_from([(",", "."), (";", ",")]), st.sampled_from(["numbers", "names", "none"]))
def test_what_r_writes(tmp_path: Path, frame: pd.DataFrame, how: tuple[str, str], row_names: str) -> None:
    rows = range(1, len(frame) + 1)
    names = {"numbers": [str(k) for k in rows], "names": [f"car {k}" for k in rows], "none": []}[row_names]
    _write_r(tmp_path / "t.csv", frame, *how, names)
    check(tmp_path / "t.csv", frame, lambda number: float(_number_in_r(number)))


@pytest.mark.usefixtures("in_this_process")
@EXAMPLES
@given(frames(), st.booleans())
def test_what_is_in_an_excel_file(tmp_path: Path, frame: pd.DataFrame, index: bool) -> None:
    frame.to_excel(tmp_path / "t.xlsx", index=index, engine="openpyxl")
    check(tmp_path / "t.xlsx", frame, lambda number: float(f"{number:.16g}"))  # what openpyxl writes


@pytest.mark.usefixtures("in_this_process")
@EXAMPLES
@given(frames(), st.sampled_from(["parquet", "feather"]), st.sampled_from(["", "id", "rows that were kept"]))
def test_what_is_in_a_parquet_file(tmp_path: Path, frame: pd.DataFrame, ending: str, index: str) -> None:
    path, stored = tmp_path / f"t.{ending}", frame
    if index and ending == "parquet":  # an index is a column of the file, too
        stored = frame.set_index(pd.Index([k * k for k in range(len(frame))], name="id"))
        frame = stored.reset_index()
        if index != "id":
            stored.index.name, frame = None, frame.drop(columns="id")
    getattr(stored, f"to_{ending}")(path)
    check(path, frame)


@settings(EXAMPLES, max_examples=15)
@given(frames(), st.sampled_from([",", "\t"]), st.booleans())
def test_the_quick_way_has_the_same_meaning(
    tmp_path: Path, frame: pd.DataFrame, separator: str, index: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("irisbp.data.quick.LARGE", 0)
        frame.to_csv(tmp_path / "t.csv", sep=separator, index=index)
        check(tmp_path / "t.csv", frame)
