"""The quick way reads what the csv module and float read, or leaves a table to the careful way.

Tables are drawn with cells that pandas takes for numbers, and others do not, and with lines of other forms.
"""

import csv
import io
import random
from pathlib import Path

import numpy as np
import pandas.io.parsers.readers as readers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irisbp.data import aside, quick
from irisbp.data.kinds import judge
from irisbp.data.options import Dialect, Wanted
from irisbp.data.sheet import Sheet, read_sheet
from irisbp.data.source import read_table
from irisbp.errors import DataError

PLAIN = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["0", "-0", "-0.0", ".5", "5.", "1e5", "+1E-05", "1e-323", " 7", "7 ", "0" * 40]),
)
ODD = st.sampled_from([
    "", " ", "NA", "nan", "inf", "-Infinity", "1e400", "1e-400", "1e-0400", f"0.{'0' * 330}1", "1_000",
    "0x1A", "1D+00", "1e", "e5", ".", "+", "--1", "1 2", "1.2.3", "True", "-999", "-999.0", "x", '"1"', "1\r",
    "\t1", "1\v", "\u0661", "é", "1\0", "1,2", "1;2", "#1", "\u00a01",
])  # fmt: skip
WORDS = st.sampled_from(["a", "b", " a", "NA", "1", "é", "a b", "+"])
WAYS = ["memory", "parts"]


def _quick(content: bytes, wanted: Wanted, way: str, path: Path) -> Sheet | None:
    if way == "memory":
        return quick.quick_sheet(io.BytesIO(content), wanted)
    path.write_bytes(content)
    with open(path, "rb") as file:
        return quick.quick_sheet(file, wanted)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the quick way gets at the text; small tables take it, too, in several parts."""
    monkeypatch.setattr(quick, "LARGE", 0)
    monkeypatch.setattr(aside, "LARGE", 0)
    for name, value in (("READ_MIN_BYTES", 100), ("MIN_CHUNK_ROWS", 7), ("CHUNK_BYTES", 50)):
        monkeypatch.setattr(readers, f"_PARALLEL_{name}", value, raising=False)  # pandas has them from 3.1 on
    return str(request.param)


@st.composite
def _tables(draw: st.DrawFn) -> bytes:
    """A table of numbers with its classes first or last, and at most two things that are not as usual."""
    width, rows = draw(st.integers(2, 4)), draw(st.integers(1, 12))
    at = draw(st.sampled_from([0, width - 1]))
    cells = [[draw(WORDS if k == at else PLAIN) for k in range(width)] for _ in range(rows)]
    many = draw(st.booleans())  # so that what is odd is not in the rows that are looked at first
    if many:
        cells = [list(row) for row in cells * (1 + 60 // rows)]
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.sampled_from(cells))
        what = draw(st.sampled_from(["cell", "cell", "cell", "cut", "more", "blank", "blanks"]))
        k = draw(st.integers(0, width - 1))
        row[:] = {
            "cell": [*row[:k], draw(ODD), *row[k + 1 :]], "cut": row[:k], "more": [*row, "1"], "blank": [],
            "blanks": [" "] * width,
        }[what]  # fmt: skip
    header = ",".join("y" if k == at else f"x{k}" for k in range(width))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", "\r\r\n"]))
    start = draw(st.sampled_from(["", "", "\ufeff"]))
    text = start + end.join([header, *map(",".join, cells)]) + draw(st.sampled_from(["", end]))
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "cp1252"])), "ignore")


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=_tables(), missing=st.sampled_from([None, ("-999",), ()]))
def test_both_ways_read_the_same(
    way: str, content: bytes, missing: tuple[str, ...] | None, tmp_path: Path
) -> None:
    wanted = Wanted("t.csv", "y", missing_values=missing)
    try:
        found = _quick(content, wanted, way, tmp_path / "t.csv")
    except Exception as error:
        with pytest.raises(type(error)):
            read_sheet(io.BytesIO(content), Dialect())
        return
    if found is None:
        return
    careful = read_sheet(io.BytesIO(content), Dialect())
    assert (found.names, list(found.lines), found.blank) == (careful.names, careful.lines, careful.blank)
    for name in careful.names:
        ours, theirs = found.column(name), careful.column(name)
        if isinstance(ours, list):
            assert ours == theirs
        else:
            judged = judge(theirs, wanted)
            assert not judged.odd
            assert not judged.words
            assert ours.tobytes() == judged.values.tobytes()


def test_plain_tables_take_the_quick_way(way: str, tmp_path: Path) -> None:
    draws = random.Random(0)
    rows = [[repr(draws.gauss(0, 1)), repr(draws.gauss(0, 1e-5)), str(draws.randrange(9)), draws.choice("ab")]
            for _ in range(500)]  # fmt: skip
    rows[300][1] = "NA"
    for end in ("\n", "\r\n"):
        content = end.join(map(",".join, [["p", "q", "r", "y"], *rows])).encode()
        found = _quick(content, Wanted("t.csv", "y"), way, tmp_path / "t.csv")
        assert found is not None
        with open(tmp_path / "again.csv", "w", newline="") as file:
            file.write(content.decode())
        with open(tmp_path / "again.csv", newline="") as file:
            _, *expected = csv.reader(file)
        for k in range(3):
            texts = [row[k] for row in expected]
            values = np.array([np.nan if text == "NA" else float(text) for text in texts])
            np.testing.assert_array_equal(found.columns[k], values)
        assert found.columns[3] == [row[3] for row in expected]
        assert list(found.lines) == list(range(2, 502))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1.5,0x1A,a", "line 4002, column q: '0x1A' is hexadecimal"),
        ("1.5,a", "line 4002: 2 cells, where the header has 3"),
        ("1.5,2,a,4", "line 4002: 4 cells, where the header has 3"),
        ("1.5,1e-400,a", "line 4002, column q: '1e-400' is beyond the range of float64"),
        ("1.5,,a", "q: 1 of 4002 cells is missing (line 4002): data.missing=drop"),
    ],
)
def test_the_place_of_a_fault_in_a_large_file(way: str, line: str, message: str, tmp_path: Path) -> None:
    rows = [f"{k / 7!r},{k % 5},{'ab'[k % 2]}" for k in range(4000)]
    text = "\n".join(["p,q,y", *rows, line, "1,2,a"]) + "\n"
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        read_table(Wanted(str(tmp_path / "t.csv"), "y"))
    assert message in str(caught.value)


def test_a_number_may_mean_a_missing_cell(way: str, tmp_path: Path) -> None:
    rows = ["1,2,a", "-999,3,b", " -999 ,-999.0,a", "7,8,b"] * 20
    (tmp_path / "t.csv").write_text("\n".join(["p,q,y", *rows]))
    wanted = Wanted(str(tmp_path / "t.csv"), "y", missing_values=("-999",), missing="drop")
    assert read_table(wanted).values.tolist() == [[1.0, 2.0], [7.0, 8.0]] * 20


def test_a_negative_zero_keeps_its_sign(way: str, tmp_path: Path) -> None:
    rows = [f"{k}.5,{k},{'ab'[k % 2]}" for k in range(60)] + ["-0,1,a", "1,2,b"] * 60
    content = "\n".join(["p,q,y", *rows]).encode()
    found = _quick(content, Wanted("t.csv", "y"), way, tmp_path / "t.csv")
    careful = judge(read_sheet(io.BytesIO(content), Dialect()).column("p"), Wanted("t.csv", "y"))
    assert np.signbit(careful.values[60])
    assert found is None or np.array_equal(np.signbit(found.columns[0]), np.signbit(careful.values))
