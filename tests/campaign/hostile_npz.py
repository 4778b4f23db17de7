"""Files of arrays that mean harm, under a seal that fits: each is refused, or read as numpy reads it."""

import hashlib
import io
import os
import pickle
import random
import struct
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from irisbp.errors import RunError
from irisbp.rundir.arrays import pack, unpack
from tests.campaign import Outcome

FAULT = "a hostile npz file with a valid sha256"
PASSES_WHEN = "RunError or numpy's own arrays, below 50 ms and 50 MiB; no pickle loaded, nothing written"
FULL, SHORT = 100_000, 600

_SECONDS, _BYTES = 0.05, 50 << 20
_MEASURE_EVERY, _MOST_ORDINARY = 20, 20_000  # trials; bytes
_GOOD = pack(
    {
        "hidden_1.weight": np.linspace(-1, 1, 12).reshape(4, 3),
        "hidden_1.bias": np.arange(3.0),
        "step": np.array(7),
        "state": np.arange(16, dtype=np.uint8),
        "none": np.empty((0, 2)),
    }
)
_DESCRS = (
    "<f8",
    "<i8",
    "|u1",
    ">f8",
    "<f4",
    "|O",
    "<U9",
    "|V8",
    "<c16",
    "<M8[s]",
    "|S8",
    "|b1",
    "x",
    "<f8'",
    "",
)
_SHAPES = (
    "()",
    "(2,)",
    "(2, 1)",
    "(1, 2)",
    "(0,)",
    "(0, 1000000000000000000)",
    "(-1,)",
    "(-2, -1)",
    "(9223372036854775807,)",
    "(18446744073709551618,)",
    "(2305843009213693954,)",
    "(4294967296, 4294967296)",
    "(1e9,)",
    "(True, 2)",
    "2",
    "[2]",
    "(2, None)",
    "(((2,)))",
    "('2',)",
    "(2,)" + " " * 9000,
    "(" * 5000 + ")" * 5000,
    "(" + "1, " * 64 + ")",
    "(2, )",
    "(0x2,)",
    "(0, 0, 1000000000)",
    "(1000000000, 0)",
    "(02,)",
    "(2L,)",
)
_NAMES = (
    "a",
    "../a",
    "/etc/a",
    "a\0b",
    "\u00e4",
    "a/b",
    "con",
    "C:\\a",
    "",
    ".",
    "..",
    "a" * 300,
    "a b",
    "a\n",
    "x.npy",
)


class _Trap:
    """Leaves a file behind when a pickle of it is loaded."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (self._path,))


def run(trials: int, folder: Path) -> Outcome:
    """A third of whole mutants, a third of archives, a third of arrays in a good archive."""
    outcome, slowest, accepted, most = Outcome(), 0.0, 0, 0
    for k, (name, content) in enumerate(_files(trials, folder / "trap")):
        wrong, seconds, read = _try(content)
        if seconds > _SECONDS:  # once more: other work may have been in the way
            wrong, seconds, read = _try(content)
        slowest, accepted = max(slowest, seconds), accepted + read
        if seconds > _SECONDS:
            wrong = wrong or f"{seconds:.3f} s"
        if k % _MEASURE_EVERY == 0 or len(content) > _MOST_ORDINARY:
            most = max(most, peak := _peak(content))
            wrong = wrong or (f"{peak} bytes" if peak > _BYTES else "")
        outcome.check(not wrong, f"{name}: {wrong}")
    outcome.check(not list(folder.iterdir()), "a pickle was loaded, or something was written")
    outcome.measured = f"slowest {slowest * 1e3:.0f} ms; at most {most / 1e6:.1f} MB; {accepted} read"
    return outcome


def _peak(content: bytes) -> int:
    """The bytes that reading takes beyond the content; measuring them takes time, and so is not for all."""
    tracemalloc.start()
    with suppress(RunError):
        unpack(Path("x.npz"), content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _try(content: bytes) -> tuple[str, float, bool]:
    """What is wrong, the seconds that it took, and whether arrays came of it."""
    began = time.process_time()
    try:
        arrays = unpack(Path("x.npz"), content)
    except RunError:
        return "", time.process_time() - began, False
    except BaseException as error:  # none of these is to come out
        return f"{type(error).__name__}: {error}", time.process_time() - began, False
    seconds = time.process_time() - began
    try:
        return ("" if _as_numpy_reads(content, arrays) else "not what numpy reads"), seconds, True
    except Exception as error:
        return f"read, but numpy refuses it: {error}", seconds, True


def _as_numpy_reads(content: bytes, arrays: dict[str, Any]) -> bool:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        theirs = {name: archive[name] for name in archive.files}
    kinds = [{k: (v.dtype, v.shape, v.tobytes()) for k, v in some.items()} for some in (theirs, arrays)]
    return kinds[0] == kinds[1]


def _seal(content: bytes) -> bytes:
    return content[:-64] + hashlib.sha256(content[:-64]).hexdigest().encode()


def _files(count: int, trap: Path) -> Iterator[tuple[str, bytes]]:
    yield from _large()
    for k in range(count):
        draws = random.Random(k)
        make = (_mutant, _archive, _array)[k % 3]
        yield f"{make.__name__} {k}", _seal(make(draws, trap))


def _large() -> Iterator[tuple[str, bytes]]:
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        bomb = _zip(
            [("a.npy", bytes(1 << 20))] * 100 if method == zipfile.ZIP_DEFLATED else [("a.npy", bytes(9999))],
            method,
        )
        yield f"bomb {method}", _seal(bomb)
    yield "members", _seal(_zip([(f"{k}.npy", b"") for k in range(20_000)]))
    yield "header", _seal(_zip([("a.npy", _npy("<f8", "(" * 60_000))]))


def _mutant(draws: random.Random, trap: Path) -> bytes:
    """A good file with some bytes changed, removed, doubled or exchanged."""
    content = bytearray(_GOOD)
    for _ in range(draws.choice((1, 1, 2, 5))):
        a = draws.choice((draws.randrange(len(content) - 64), draws.choice(_fields(content))))
        b = min(a + draws.choice((1, 2, 4, 8, 60)), len(content) - 64)
        kind = draws.randrange(5)
        if kind == 0:
            content[a] ^= 1 << draws.randrange(8)
        elif kind == 1:
            content[a:b] = draws.choice((b"\0", b"\xff", b"\1", b"\x7f")) * (b - a)
        elif kind == 2:
            del content[a:b]
        elif kind == 3:
            content[b:b] = content[a:b]
        else:
            content[a:b] = draws.randbytes(b - a)
        if len(content) < 200:
            break
    return bytes(content)


def _fields(content: bytearray) -> list[int]:
    """Places in the structure, where a change does most."""
    marks = [k for k in range(len(content)) if content[k : k + 2] == b"PK"]
    return [min(mark + k, len(content) - 65) for mark in marks for k in range(46)] or [0]


def _archive(draws: random.Random, trap: Path) -> bytes:
    """Archives of good arrays with names, methods, flags, sizes and comments that are not."""
    good = _npy("<f8", "(2,)")
    members = [(f"{draws.choice(_NAMES)}.npy", good) for _ in range(draws.choice((1, 1, 2, 3)))]
    method = draws.choice((zipfile.ZIP_STORED,) * 5 + (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    content = bytearray(_zip(members, method))
    entry, local = content.find(b"PK\1\2"), content.find(b"PK\3\4")
    for _ in range(draws.choice((0, 1, 2))):
        # APPNOTE.TXT 4.3.12: flags 8, method 10, crc 16, sizes 20 and 24, lengths 28 to 32, offset 42.
        at = draws.choice((6, 8, 10, 16, 20, 24, 28, 30, 32, 34, 38, 42))
        value = draws.choice(
            (0, 1, 8, 0x800, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, len(content), draws.randrange(300))
        )
        field = struct.pack("<L", value)[: 2 if at < 16 or 28 <= at < 38 else 4]
        start = draws.choice(
            (entry, local, len(content) - 64 - 22 - at + draws.choice((4, 8, 10, 12, 16, 20)))
        )
        content[start + at : start + at + len(field)] = field
    if draws.random() < 0.2:  # zip64's end and its locator, or anything, before the end
        end = len(content) - 64 - 22
        size, count, first = (
            draws.choice((0, 1, 1 << 40)),
            draws.choice((0, 1, 1 << 33)),
            draws.choice((0, 1 << 50)),
        )
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, first)
        content[end:end] = end64 + struct.pack("<4sLQL", b"PK\6\7", 0, draws.choice((end, 0, 1 << 60)), 1)
    return bytes(content)


def _array(draws: random.Random, trap: Path) -> bytes:
    """A good archive of an array that is not."""
    values = draws.choice((bytes(16), bytes(8), b"", bytes(1000), pickle.dumps(_Trap(str(trap)))))
    descr, shape = (
        draws.choice((_DESCRS[0], draws.choice(_DESCRS))),
        draws.choice((_SHAPES[1], draws.choice(_SHAPES))),
    )
    version = draws.choice((b"\1\0",) * 6 + (b"\2\0", b"\3\0", b"\0\0", b"\xff\xff"))
    npy = _npy(descr, shape, draws.choice(("False",) * 9 + ("True", "0", "[]")), values, version)
    if draws.random() < 0.3:
        a = draws.randrange(min(len(npy), 80))
        npy = npy[:a] + bytes([draws.randrange(256)]) + npy[a + 1 :]
    return _zip([("a.npy", npy)])


def _npy(
    descr: str, shape: str, fortran: str = "False", values: bytes = bytes(16), version: bytes = b"\1\0"
) -> bytes:
    kind = f"'{descr}'" if descr != "|V8" else "[('a', '<f8')]" if len(values) % 16 else "('<f8', (2,))"
    text = f"{{'descr': {kind}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()[:65_000]
    length = struct.pack("<H" if version == b"\1\0" else "<L", len(text))
    return b"\x93NUMPY" + version + length + text + values


def _zip(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # names that are there twice
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
        archive.comment = b"0" * 64
    return file.getvalue()
