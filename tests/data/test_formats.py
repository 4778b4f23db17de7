"""Packed files, frames and stdin read as the text that they hold; damaged ones end in one clear error."""

import bz2
import gzip
import io
import lzma
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from irisbp.data.options import Wanted
from irisbp.data.source import read_table
from irisbp.errors import DataError
from tests.conftest import Irisbp

TEXT = "mass,name,smoker,kind\n1.5,x,True,a\n2.5,y,False,b\n1e22,x,True,a\n-4,y,False,b\n"
PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", content)
    return file.getvalue()


def _contents() -> dict[str, bytes]:
    found = {f"t.csv{ending}": pack(TEXT.encode()) for ending, pack in PACKED.items()}
    found["t.zip"] = _zipped(TEXT.encode())
    frame = pd.read_csv(io.StringIO(TEXT))
    for name, write in (
        ("t.parquet", frame.to_parquet),
        ("t.feather", frame.to_feather),
        ("t.xlsx", lambda file: frame.to_excel(file, index=False)),
    ):
        file = io.BytesIO()
        write(file)
        found[name] = file.getvalue()
    return found


CONTENTS = _contents()


def _read(path: Path, content: bytes) -> object:
    path.write_bytes(content)
    table = read_table(Wanted(str(path), "kind", categorical=("name",)))
    return table.features, table.kinds, table.values.tolist(), table.targets


@pytest.mark.parametrize("name", CONTENTS)
def test_a_format_has_the_meaning_of_its_text(name: str, tmp_path: Path) -> None:
    expected = _read(tmp_path / "t.csv", TEXT.encode())
    assert _read(tmp_path / name, CONTENTS[name]) == expected


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.zip"])  # others: the campaign
def test_a_damaged_file_is_one_clear_error_or_a_table(name: str, tmp_path: Path) -> None:
    content, draws = CONTENTS[name], random.Random(name)
    for trial in range(60):
        damaged = bytearray(content)
        for _ in range(draws.randrange(1, 4)):
            damaged[draws.randrange(len(damaged))] = draws.randrange(256)
        if trial % 3 == 0:
            damaged = damaged[: draws.randrange(len(damaged))]
        try:
            _read(tmp_path / name, bytes(damaged))
        except DataError as error:
            assert 0 < len(str(error).splitlines()) < 9  # noqa: PT017


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
def test_a_bomb_is_refused(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.csv{ending}"
    path.write_bytes(PACKED[ending](b"0" * (2**24 + 1)))
    with pytest.raises(DataError, match="a line of more than 16777216 bytes; that is no table"):
        read_table(Wanted(str(path), "kind"))


def test_a_bomb_of_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,kind\n" + b"1,x\n" * 2**24))
    with pytest.raises(DataError, match="more than 67108864 bytes; if it is a packed table, unpack"):
        read_table(Wanted(str(path), "kind"))


@pytest.mark.parametrize(
    ("source", "message"),
    [("t.pkl", "this is a pickle"), ("t.npz", "this is a NumPy file"), ("t.json", "this is JSON")],
)
def test_other_formats_are_named(source: str, message: str, tmp_path: Path) -> None:
    (tmp_path / source).write_bytes(b"x")
    with pytest.raises(DataError, match=message):
        read_table(Wanted(str(tmp_path / source), "kind"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(TEXT.encode(), mtime=0), "a file packed by gzip"),
        (lzma.compress(TEXT.encode()), "a file packed by xz"),
        (bz2.compress(TEXT.encode()), "a file packed by bzip2"),
        (pickle.dumps({"a": 1}), "a pickle"),
        (b"PK\x03\x04...", "a zip file, or an Excel file"),
        (b"PAR1...", "a Parquet file"),
    ],
    ids=["gzip", "xz", "bzip2", "pickle", "zip", "parquet"],
)
def test_other_formats_are_named_by_their_first_bytes(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(Wanted(str(tmp_path / "t.csv"), "kind"))
    assert str(caught.value).startswith(f"{tmp_path / 't.csv'}: this is {message}")


def test_an_address_is_no_file() -> None:
    with pytest.raises(DataError, match=r"^https://example\.org/t\.csv: an address, not a file"):
        read_table(Wanted("https://example.org/t.csv", "kind"))


def test_stdin_is_shown_and_a_table_is_no_config(irisbp: Irisbp, tmp_path: Path) -> None:
    done = irisbp("table", "-", "data.categorical=[name]", input=TEXT)
    assert (done.returncode, "4 rows; 3 columns: mass, name (words" in done.stdout) == (0, True)
    (tmp_path / "t.csv").write_text(TEXT)
    told = irisbp("train", "t.csv", "data.target=kind").stderr
    assert "t.csv: a table, not a config; it is given as keys: data.source=t.csv data.target=COLUMN" in told
