"""Packed files, Parquet, Feather and Excel that are damaged, or mean harm: one clear error, or a table.

Every file goes through the command line, in a process whose memory and time are measured with those of the
process that reads for it. They are forks of one process, which has imported everything.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.campaign import Outcome

FAULT = "hostile and damaged gz, bz2, xz, zip, Parquet, Feather and Excel files"
PASSES_WHEN = "a table, or exit code 2 and one clear message, with at most 2.5 GiB and 90 s of the processor"
FULL, SHORT = 3_600, 66

_BYTES, _SECONDS = 5 << 29, 90
_ROWS = 40
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|Traceback")
_MIB = 1 << 20


def run(trials: int, folder: Path) -> Outcome:
    """Each format's truncations and mutants; in the full form, bombs too."""
    outcome, slowest, most, read = Outcome(), 0.0, 0, 0
    files = list(_files(trials))
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.campaign.hostile_tables"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert worker.stdin
    assert worker.stdout
    with worker:
        for name, ending, make in files:
            path = folder / f"t{ending}"
            path.write_bytes(make())
            worker.stdin.write(f"{path}\n")
            worker.stdin.flush()
            told = json.loads(worker.stdout.readline())
            path.unlink()
            slowest, most = max(slowest, told["seconds"]), max(most, told["bytes"])
            read += told["code"] == 0
            outcome.check(_holds(told), f"{name}{ending}: {told}")
        worker.stdin.close()
    outcome.measured = f"{read:,} read; at most {slowest:.1f} s and {most // _MIB:,} MiB"
    return outcome


def _holds(told: dict[str, Any]) -> bool:
    """Exit code 0 or 2; damage is told in one line, what has to be decided in several."""
    text = told["text"]
    is_clear = told["code"] == 0 or (text.startswith("irisbp: ") and told["code"] == 2)
    is_short = text.count("\n") <= 1 or "damaged" not in text
    within = told["seconds"] < _SECONDS and told["bytes"] < _BYTES
    return bool(is_clear and is_short and within and not _CONTROL.search(text) and len(text) < 20_000)


def _files(trials: int) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    good = _good()
    bombs = list(_bombs()) if trials > SHORT else [b for b in _bombs() if b[0].startswith("small")]
    each = max(3, (trials - len(bombs)) // len(good) + 1)
    for ending, content in good.items():
        tenths = range(10) if trials > SHORT else (0, 5, 9)
        for k in tenths:
            yield f"{k} tenths", ending, lambda c=content, k=k: c[: len(c) * k // 10]  # type: ignore[misc]
        for k in range(each - len(tenths)):
            yield f"mutant {k}", ending, lambda c=content, k=k: _mutant(c, random.Random(k))  # type: ignore[misc]
    yield from bombs


def _good() -> dict[str, bytes]:
    """A table in every format."""
    import pandas as pd

    draws = random.Random(0)
    rows = [
        (draws.gauss(0, 1), draws.randrange(5), draws.choice(["x", "yy", "zzz"]), draws.choice("pq"))
        for _ in range(_ROWS)
    ]
    frame = pd.DataFrame(rows, columns=["mass", "count", "word", "kind"])
    text = frame.to_csv(index=False).encode()
    files = {".gz": gzip.compress(text, mtime=0), ".bz2": bz2.compress(text), ".xz": lzma.compress(text)}
    files[".zip"] = _zip({"t.csv": text})
    for ending, write in ((".parquet", frame.to_parquet), (".feather", frame.to_feather)):
        file = io.BytesIO()
        write(file)
        files[ending] = file.getvalue()
    file = io.BytesIO()
    frame.to_excel(file, index=False)
    return files | {".xlsx": file.getvalue()}


def _mutant(content: bytes, draws: random.Random) -> bytes:
    """A good file with bits flipped, and parts removed, doubled, overwritten or exchanged."""
    found = bytearray(content)
    for _ in range(draws.choice((1, 1, 2, 5))):
        a, b, size = draws.randrange(len(found)), draws.randrange(len(found)), draws.choice((1, 4, 16, 100))
        kind = draws.randrange(5)
        if kind == 0:
            found[a] ^= 1 << draws.randrange(8)
        elif kind == 1:
            del found[a : a + min(size, len(found) // 2)]
        elif kind == 2:
            found[a:a] = found[a : a + size]
        elif kind == 3:
            found[a : a + size] = draws.choice((b"\0", b"\xff", b"\x7f")) * len(found[a : a + size])
        else:
            found[a : a + size], found[b : b + size] = found[b : b + size], found[a : a + size]
    return bytes(found)


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            stored = name == "mimetype"  # as OpenDocument has it
            archive.writestr(name, content, zipfile.ZIP_STORED if stored else None)
    return file.getvalue()


def _bombs() -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Small files that say, or are, much more than they seem."""
    table = b"a,b,kind\n" + b"1,2,x\n" * (16 * _MIB)
    yield "10 GiB of zeros", ".gz", lambda: gzip.compress(bytes(100 * _MIB)) * 100
    yield "10 GiB of rows", ".gz", lambda: gzip.compress(table) * 100
    yield "line ends", ".gz", lambda: gzip.compress(b"a,b,kind\n" + b"\n" * (60 * _MIB))
    yield "rows", ".bz2", lambda: bz2.compress(table) * 40
    yield "rows", ".xz", lambda: lzma.compress(table) * 40
    yield "rows", ".zip", lambda: _zip({"t.csv": table * 3})
    yield "small: one within the other", ".zip", lambda: _zip({"t.csv": _zip({"t.csv": b"a,k\n1,x\n"})})
    yield "small: thousands of members", ".zip", lambda: _zip({f"{k}.csv": b"" for k in range(5_000)})
    yield "small: a size that is not", ".zip", lambda: _lying(_zip({"t.csv": table[: 4 * _MIB]}))
    yield "small: packed twice", ".gz", lambda: gzip.compress(gzip.compress(b"a,k\n1,x\n"))
    yield "small: no cells, so it says", ".xlsx", lambda: _workbook(dimension="A1:XFD1048576")
    yield "a cell in the last corner", ".xlsx", lambda: _workbook(cells=["A1", "XFD1048576"])
    yield "a long string", ".xlsx", lambda: _workbook(text="x" * (300 * _MIB))
    yield "small: entities of entities", ".xlsx", lambda: _workbook(text="&lol9;", entities=True)
    yield "a million rows", ".xlsx", lambda: _workbook(cells=[f"A{k}" for k in range(1, 1_000_000)])
    yield "a string for all rows", ".parquet", lambda: _parquet_of_one("x" * _MIB, 300_000)
    yield "a number for all rows", ".parquet", lambda: _parquet_of_one(1.0, 100_000_000)
    yield "lists of lists", ".parquet", _nested
    yield "a string for all rows", ".feather", lambda: _feather_of_one("x" * _MIB, 300_000)
    yield "rows said to be there", ".ods", _repeated


def _lying(content: bytes) -> bytes:
    """A zip file whose members are said to have 10 bytes (APPNOTE.TXT 4.3.7 and 4.3.12)."""
    found = bytearray(content)
    for mark, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        start = found.find(mark) + at
        found[start : start + 4] = struct.pack("<L", 10)
    return bytes(found)


def _workbook(
    *, dimension: str = "A1:A2", cells: list[str] | None = None, text: str = "x", entities: bool = False
) -> bytes:
    """An Excel file with the same text in the cells that are named."""
    from openpyxl import Workbook

    file = io.BytesIO()
    Workbook().save(file)
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    laughs = "".join(f'<!ENTITY lol{k} "{f"&lol{k - 1};" * 10}">' for k in range(1, 10))
    head = f'<!DOCTYPE x [<!ENTITY lol0 "lol">{laughs}]>' if entities else ""
    row = '<row r="{}"><c r="{}" t="inlineStr"><is><t>{}</t></is></c></row>'
    rows = "".join(row.format(re.sub(r"\D", "", name), name, text) for name in cells or ["A1", "A2"])
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = (
        f'<worksheet xmlns="{space}"><dimension ref="{dimension}"/><sheetData>{rows}</sheetData></worksheet>'
    )
    return _zip(members | {"xl/worksheets/sheet1.xml": (head + sheet).encode()})


def _parquet_of_one(value: object, rows: int) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"a": _of_one(value, rows), "kind": _of_one("x", rows)}), file)
    return file.getvalue()


def _feather_of_one(value: object, rows: int) -> bytes:
    import pyarrow as pa
    import pyarrow.feather as feather

    file = io.BytesIO()
    feather.write_feather(pa.table({"a": _of_one(value, rows), "kind": _of_one("x", rows)}), file)
    return file.getvalue()


def _of_one(value: object, rows: int) -> Any:
    """A column of one value, which takes the room of its places in a dictionary of one."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(bytes(rows), pa.int8()), pa.array([value]))


def _nested() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind, value = pa.float64(), 1.0
    for _ in range(60):
        kind, value = pa.list_(kind), [value]  # type: ignore[assignment]
    file = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([value, value], kind), "kind": ["x", "y"]}), file)
    return file.getvalue()


def _repeated() -> bytes:
    """An OpenDocument file whose only cell is there in every row and column."""
    office = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(f'xmlns:{name}="{office}:{name}:1.0"' for name in ("office", "table", "text"))
    cell = (
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell'
        ' table:number-columns-repeated="16384" office:value-type="string"><text:p>x</text:p>'
        "</table:table-cell></table:table-row>"
    )
    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="s">{cell}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    return _zip({"mimetype": kind, "content.xml": content.encode(), "META-INF/manifest.xml": manifest})


def _work() -> None:
    """Show the tables whose paths come in, each in a fork of this process."""
    import pandas
    import pyarrow.feather
    import pyarrow.parquet
    import python_calamine

    import irisbp.cli.table  # noqa: F401
    from irisbp.data import apart

    del pandas, pyarrow, python_calamine
    apart.subprocess.run = _forked  # type: ignore[attr-defined]
    for line in sys.stdin:
        print(json.dumps(_shown(line.rstrip("\n"))), flush=True)


def _shown(path: str) -> dict[str, Any]:
    """The exit code, the message, and what it took of memory and the processor's time."""
    errors = Path(f"{path}.errors")
    pid = os.fork()
    if pid == 0:
        for target, where in ((1, os.devnull), (2, str(errors))):
            os.dup2(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), target)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.argv = ["irisbp", "table", path, "--target", "kind", "data.categorical=[word]"]
        _exit_as(__import__("irisbp.cli", fromlist=["run"]).run)
    _, status, usage = os.wait4(pid, 0)
    text = errors.read_text(errors="replace")
    errors.unlink()
    code = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    return {"code": code, "seconds": seconds, "bytes": usage.ru_maxrss * 1024, "text": text}


def _exit_as(command: Callable[[], object]) -> None:
    """Run it, and leave with its exit code."""
    code: object = 0
    try:
        command()
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


def _forked(command: list[str], *, input: bytes, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    """What subprocess.run is to do, without the start of an interpreter: the reader's main, in a fork."""
    from irisbp.data import apart

    ending = re.findall(r"main\('(.*)'\)", command[-1])[0]
    places = [Path(f"/proc/self/fd/{os.memfd_create(name)}") for name in ("in", "out", "err")]
    places[0].write_bytes(input)
    pid = os.fork()
    if pid == 0:
        for target, place in enumerate(places):
            os.dup2(os.open(place, os.O_RDONLY if target == 0 else os.O_WRONLY), target)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        apart.main(ending)
    _, status = os.waitpid(pid, 0)
    out, err = (place.read_bytes() for place in places[1:])
    for place in places:
        os.close(int(place.name))
    return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(status), out, err)


if __name__ == "__main__":
    _work()
