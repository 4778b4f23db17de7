"""What a spreadsheet would run is made harmless, and nothing is confused by it."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irisbp.data.cells import cell, harmless, row


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("setosa", "setosa"),
        ("-1", "-1"),
        ("+1", "+1"),
        ("-1.5e-3", "-1.5e-3"),
        ("=1+1", '"\'=1+1"'),
        ("-1+1", "-1+1"),
        ("-", "-"),
        ("+", "+"),
        ("+49 30 0000", "+49 30 0000"),
        ("-a", '"\'-a"'),
        ("+(1)", '"\'+(1)"'),
        ("-1|x", '"\'-1|x"'),
        ("@SUM(A1)", '"\'@SUM(A1)"'),
        ("\t=1", '"\'\t=1"'),
        ("\r=1", '"\'\r=1"'),
        ("'=1", "\"''=1\""),
        ("'-1", "'-1"),
        ("'quoted'", "'quoted'"),
        ("\uff1d1", '"\'\uff1d1"'),
        ('=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'),
        ("a,b", '"a,b"'),
        ("-1\n", '"-1\n"'),
    ],
)
def test_cells(text: str, written: str) -> None:
    assert cell(text) == written


@given(st.lists(st.text("'=+-@\t\r\n1.e\",a", max_size=5), min_size=2, unique=True))
def test_cells_read_back_and_no_two_are_confused(texts: list[str]) -> None:
    (read,) = csv.reader([row(texts)], strict=True)
    assert read == [harmless(text) for text in texts]
    assert len(set(read)) == len(texts)
