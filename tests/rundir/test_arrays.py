"""Packed arrays come back to the bit, and what is anything else is refused."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irisbp.errors import RunError
from irisbp.rundir.arrays import pack, unpack

PATH = Path("some/parameters.npz")
ARRAYS: dict[str, Any] = {
    "hidden_1.weight": np.array([[0.1, -0.0, np.nan], [np.inf, 5e-324, -1e308]]),
    "count": np.array(7, dtype=np.int64),
    "bytes": np.arange(5, dtype=np.uint8),
    "none": np.empty((0, 3)),
}


def seal(content: bytes) -> bytes:
    """The content with the seal that fits it in place of its last 64 bytes."""
    return content[:-64] + hashlib.sha256(content[:-64]).hexdigest().encode()


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    described = [{k: (v.dtype, v.shape, v.tobytes()) for k, v in arrays.items()} for arrays in (a, b)]
    return described[0] == described[1] and list(a) == list(b)


def test_numpy_reads_what_is_packed() -> None:
    with np.load(io.BytesIO(pack(ARRAYS)), allow_pickle=False) as archive:
        assert _equal({name: archive[name] for name in archive.files}, ARRAYS)


def test_it_comes_back_to_the_bit_and_may_be_written_to() -> None:
    content = pack(ARRAYS)
    arrays = unpack(PATH, content)
    assert _equal(arrays, ARRAYS)
    assert all(array.flags.writeable and array.flags.owndata for array in arrays.values())
    assert content == pack(ARRAYS)
    assert content[-64:].decode() == hashlib.sha256(content[:-64]).hexdigest()


shapes = st.lists(st.integers(0, 4), max_size=4)
packable = st.builds(
    lambda shape, dtype, seed: np.random.default_rng(seed).integers(0, 255, shape).astype(dtype),
    shapes,
    st.sampled_from([np.float64, np.int64, np.uint8]),
    st.integers(0, 9),
)


@given(st.dictionaries(st.from_regex(r"\A[a-z0-9_][a-z0-9_.-]{0,8}\Z"), packable, max_size=5))
def test_any_arrays(arrays: dict[str, Any]) -> None:
    assert _equal(unpack(PATH, pack(arrays)), arrays)
    assert _equal(unpack(PATH, pack({k: np.array(v, order="F") for k, v in arrays.items()})), arrays)


def test_numpys_own_file_is_read_without_a_seal() -> None:
    file = io.BytesIO()
    np.savez(file, **ARRAYS)
    assert _equal(unpack(PATH, file.getvalue(), sealed=False), ARRAYS)
    with pytest.raises(RunError, match=r"some/parameters\.npz is damaged: the sha256 at its end"):
        unpack(PATH, file.getvalue())


def test_every_changed_byte_and_every_missing_end_is_seen() -> None:
    content = pack({"a": np.array([1.0, 2.0])})
    for k in range(len(content)):
        changed = content[:k] + bytes([content[k] ^ 1]) + content[k + 1 :]
        for damaged in (changed, content[:k], content[k + 1 :]):
            with pytest.raises(RunError, match="the sha256 at its end"):
                unpack(PATH, damaged)


def _zip(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=compression)
        archive.comment = b"0" * 64
    return seal(file.getvalue())


def _npy(header: str, values: bytes = bytes(16), version: bytes = b"\1\0") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + values


GOOD = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"


def test_the_hostile_files_below_differ_from_a_good_one_by_what_they_name() -> None:
    assert unpack(PATH, _zip(("a.npy", _npy(GOOD))))["a"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "npy",
    [
        _npy(GOOD.replace("<f8", "|O")),
        _npy(GOOD.replace("<f8", ">f8")),
        _npy(GOOD.replace("'<f8'", "[('a', '<f8')]")),
        _npy(GOOD.replace("False", "True")),
        _npy(GOOD.replace("(2,)", "(-2,)")),
        _npy(GOOD.replace("(2,)", "(3,)")),
        _npy(GOOD.replace("(2,)", "(0, 1000000000000000000)"), b""),
        _npy(GOOD.replace("(2,)", "(0, 1000000000)"), b""),
        _npy(GOOD.replace("(2,)", "(4294967298, 4294967296)")),
        _npy(GOOD.replace("(2,)", "((((((2))))))")),
        _npy(GOOD, version=b"\2\0"),
        _npy(GOOD, version=b"\3\0"),
        _npy(GOOD, bytes(24)),
        _npy(GOOD)[:30],
        b"",
    ],
)
def test_hostile_arrays(npy: bytes) -> None:
    with pytest.raises(RunError, match="is damaged: a"):
        unpack(PATH, _zip(("a.npy", npy)))


def _patched(find: bytes, change: Callable[[bytearray, int], None]) -> bytes:
    content = bytearray(_zip(("a.npy", _npy(GOOD))))
    change(content, content.index(find))
    return seal(bytes(content))


def _set(offset: int, value: bytes) -> Callable[[bytearray, int], None]:
    def change(content: bytearray, at: int) -> None:
        content[at + offset : at + offset + len(value)] = value

    return change


@pytest.mark.parametrize(
    "content",
    [
        _zip(("a.npy", _npy(GOOD)), compression=zipfile.ZIP_DEFLATED),
        _zip(("../a.npy", _npy(GOOD))),
        _zip(("/a.npy", _npy(GOOD))),
        _zip(("\u00e4.npy", _npy(GOOD))),
        _zip(("a.txt", _npy(GOOD))),
        _zip(*((f"{k}.npy", _npy(GOOD)) for k in range(1001))),
        _patched(b"PK\1\2", _set(8, b"\1")),  # encrypted, in the directory
        _patched(b"PK\3\4", _set(6, b"\1")),  # and before the member
        _patched(b"PK\3\4", _set(30, b"b")),  # another name before the member
        _patched(b"PK\1\2", _set(20, b"\xff\xff\0\0\xff\xff\0\0")),  # larger than the file
        _patched(b"PK\1\2", _set(6, b"\x50")),  # needs a later zip
        _patched(b"PK\1\2", _set(42, b"\1")),  # begins elsewhere
        _patched(b"PK\1\2", _set(16, b"\0\0\0\0")),  # another checksum
        _patched(b"PK\1\2", _set(28, b"\xff\xff")),  # a name beyond the end
        _patched(b"PK\5\6", _set(8, b"\2\0\2\0")),  # more members than there are
        _patched(b"PK\5\6", _set(8, b"\0\0\0\0")),  # or fewer
        _patched(b"PK\5\6", _set(12, b"\1")),  # a directory of another size
        _patched(b"PK\5\6", _set(20, b"\0\0")),  # a comment of another length
        seal(b"x" + _zip(("a.npy", _npy(GOOD)))),  # something before it
        seal(b"no archive at all" * 10),
        seal(bytes(64)),
    ],
)
def test_hostile_archives(content: bytes) -> None:
    with pytest.raises(RunError, match="is damaged"):
        unpack(PATH, content)


def test_bytes_between_the_members_are_refused() -> None:
    for k in range(3):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for part in range(3):
                if part == k:  # zipfile counts its offsets from where the file stands
                    file.write(b"hidden")
                    archive.start_dir = file.tell()
                if part < 2:
                    archive.writestr(f"{part}.npy", _npy(GOOD))
            archive.comment = b"0" * 64
        with pytest.raises(RunError, match=r"have gaps|belong to no array"):
            unpack(PATH, seal(file.getvalue()))


def test_members_of_one_name_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = _zip(("a.npy", _npy(GOOD)), ("a.npy", _npy(GOOD)))
    with pytest.raises(RunError, match="share a name"):
        unpack(PATH, content)


@pytest.mark.parametrize(
    ("name", "array"),
    [("a", np.zeros(2, np.float32)), ("a", np.array([None])), ("../a", np.zeros(2)), ("", np.zeros(2))],
)
def test_what_cannot_be_packed(name: str, array: Any) -> None:
    with pytest.raises(ValueError, match="cannot be packed"):
        pack({name: array})
