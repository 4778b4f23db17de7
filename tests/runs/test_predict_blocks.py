"""Predictions for a large table: its lines as they are, the same as cell by cell, fault or no fault."""

import csv
import io
import random
from pathlib import Path

import pandas as pd
import pytest

import irisbp
from irisbp.data import quick
from irisbp.errors import DataError
from irisbp.runs import predict

HEADER = ["a", "note", "b"]


@pytest.fixture(scope="module")
def run() -> irisbp.Run:
    """A run of two columns."""
    draws = random.Random(0)
    rows = [{"a": draws.gauss(0, 1), "b": draws.gauss(0, 1), "kind": draws.choice("xy")} for _ in range(60)]
    return irisbp.train(epochs=1, table=pd.DataFrame(rows), target="kind")


def _rows(count: int) -> list[list[str]]:
    draws = random.Random(1)
    return [[repr(draws.gauss(0, 1e-4)), draws.choice(["x", "-1", "é"]), str(k)] for k in range(count)]


def _predicted(run: irisbp.Run, path: Path, *, raw: bool) -> tuple[str, str]:
    """What is written, and the error at its end."""
    written = ""
    try:
        _, found = predict.predict_table(run.model, path, blank=False)
        for some in found:
            written += some.csv(raw=raw)
    except DataError as error:
        return written, str(error)
    return written, ""


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("1,x,2", "\n"),
        ("1,x,2", "\r\n"),
        ('1,"x, y",2', "\n"),
        ("1,=x(),2", "\n"),
        ("1,-x,2", "\n"),
        ("\t1,x,2", "\n"),
        (" 1,x,2 ", "\n"),
        ("", "\n"),
        (" , , ", "\n"),
        ("1,x", "\n"),
        ("1,x,0x1A", "\n"),
        (",x,2", "\n"),
        ("1e400,x,2", "\n"),
    ],
)
def test_blocks_are_written_as_cells_are(
    line: str, end: str, raw: bool, run: irisbp.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = _rows(70)
    lines = [",".join(row) for row in rows]
    lines[33:33] = [line]
    path = tmp_path / "t.csv"
    path.write_bytes(end.join([",".join(HEADER), *lines, ""]).encode())
    monkeypatch.setattr(predict, "ROWS_AT_ONCE", 10)
    careful = _predicted(run, path, raw=raw)
    monkeypatch.setattr(quick, "LARGE", 0)
    assert _predicted(run, path, raw=raw) == careful
    cells = [row[:3] for row in csv.reader(io.StringIO(careful[0]))]
    assert cells[:30] == rows[:30]
    if line == "1,x,2":
        assert cells == [*rows[:33], ["1", "x", "2"], *rows[33:]]
