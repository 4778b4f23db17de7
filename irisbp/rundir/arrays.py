"""Named arrays in a file of one form: the plainest npz there is, sealed with its own sha256.

np.load reads what is packed here. What is unpacked here may come from anywhere, and so nothing in it is
trusted: of everything that zip and npy allow, only the form that is packed here is read.
"""

import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from irisbp.errors import RunError

AnyArray = np.ndarray[Any, np.dtype[Any]]

_DTYPES: dict[str, np.dtype[Any]] = {"<f8": np.dtype("<f8"), "<i8": np.dtype("<i8"), "|u1": np.dtype("|u1")}
_NAME = re.compile(rb"([A-Za-z0-9_][A-Za-z0-9_.-]{0,199})\.npy")
_MOST_ARRAYS = 1000
LARGEST_ARCHIVE = (1 << 32) - 1  # bytes; beyond, a zip archive has another form
_NEWEST = 45  # the version of zip that numpy's own files need
_SEAL = 64  # hexadecimal digits, as the archive's comment

# APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16: what precedes a member, its entry in the directory, the end.
_MEMBER = struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")

_NPY = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([^']{3})', 'fortran_order': False, 'shape': "
    rb"\(((?:|(?:0|[1-9][0-9]{0,9}),|(?:0|[1-9][0-9]{0,9})(?:, (?:0|[1-9][0-9]{0,9})){1,31}))\), \} *\n"
)


class _Damaged(Exception):
    """The content is damaged; the message says how."""


class _Entry(NamedTuple):
    """A member as the directory describes it; its own header is compared to that."""

    name: bytes
    size: int
    crc: int
    offset: int


def pack(arrays: Mapping[str, AnyArray]) -> bytes:
    """The arrays as a file's content, the same bytes for the same arrays; uncompressed.

    Each is float64, int64 or uint8, of any shape, under a name of ASCII letters, digits, `_`, `.` and `-`;
    ValueError for anything else. RunError if they need 4 GiB or more.
    """
    if len(arrays) > _MOST_ARRAYS:
        raise ValueError(f"{len(arrays)} arrays; a file holds up to {_MOST_ARRAYS}")
    if sum(array.nbytes + 1024 for array in arrays.values()) > LARGEST_ARCHIVE:
        raise RunError("the arrays need 4 GiB or more; a file of them holds less")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = f"{name}.npy"
            if not _NAME.fullmatch(member.encode()) or array.dtype not in _DTYPES.values():
                raise ValueError(f"{name}: an array of {array.dtype} cannot be packed under this name")
            # The time is zip's first: the file has none, so that its bytes do not depend on it.
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), _npy(array))
        archive.comment = b"0" * _SEAL
    with file.getbuffer() as content:
        content[-_SEAL:] = _seal(content[:-_SEAL])
    return file.getvalue()


def unpack(path: Path, content: bytes, *, sealed: bool = True) -> dict[str, AnyArray]:
    """The arrays in a file's content, in the order in which they were packed; they may be written to.

    RunError if it is not in the form that pack makes or, unless sealed is False, its sha256 is wrong. Takes
    no more memory than the content's size and a little. path is used in messages.
    """
    try:
        if sealed and content[-_SEAL:] != _seal(memoryview(content)[:-_SEAL]):
            raise _Damaged("the sha256 at its end is not that of its bytes")
        return {entry.name.decode()[: -len(".npy")]: _array(content, entry) for entry in _entries(content)}
    except _Damaged as error:
        raise RunError(f"{path} is damaged: {error}") from None


def _seal(content: memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _npy(array: AnyArray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array).reshape(array.shape), (1, 0), False)
    return file.getvalue()


def _entries(content: bytes) -> list[_Entry]:
    """The directory's entries, whose members fill the file from its start to the directory without a gap."""
    start, count, end = _directory(content)
    entries, at, expected = dict[bytes, _Entry](), start, 0
    for _ in range(count):
        entry, at = _entry(content, at, end)
        if entry.offset != expected or entry.name in entries:
            raise _Damaged("its members overlap, have gaps or share a name")
        expected = _data(content, entry, start) + entry.size
        entries[entry.name] = entry
    if at != end or expected != start:
        raise _Damaged("it holds bytes that belong to no array")
    return list(entries.values())


def _directory(content: bytes) -> tuple[int, int, int]:
    """The start of the directory, the number of its entries, and its end."""
    for comment in (_SEAL, 0):
        end = len(content) - _END.size - comment
        if end < 0:
            continue
        signature, disk, first, here, count, size, start, length = _END.unpack_from(content, end)
        if signature == b"PK\5\6" and length == comment:
            if (disk, first, here, start + size) != (0, 0, count, end) or count > _MOST_ARRAYS:
                raise _Damaged("its directory is at the wrong place")
            return start, count, end
    raise _Damaged("it does not end as an archive of arrays does")


def _entry(content: bytes, at: int, end: int) -> tuple[_Entry, int]:
    """The directory's entry at a place, and the place of the next one."""
    if at + _ENTRY.size > end:
        raise _Damaged("its directory is cut off")
    fields = _ENTRY.unpack_from(content, at)
    signature, _, needed, flags, method, _, _, crc, packed, size, length, *others, offset = fields
    extra, comment, disk, _, _ = others
    name = content[at + _ENTRY.size : min(at + _ENTRY.size + length, end)]
    if signature != b"PK\1\2" or (extra, comment, disk) != (0, 0, 0) or needed > _NEWEST:
        raise _Damaged("its directory has an unknown kind of entry")
    if flags or method or packed != size:
        raise _Damaged("a member is compressed or encrypted")
    if len(name) != length or not _NAME.fullmatch(name):
        raise _Damaged(f"{name[:40]!r} is not an array's name")
    return _Entry(name, size, crc, offset), at + _ENTRY.size + length


def _data(content: bytes, entry: _Entry, end: int) -> int:
    """The start of a member's bytes, all of which lie before end."""
    if entry.offset + _MEMBER.size > end:
        raise _Damaged("a member lies outside the file")
    fields = _MEMBER.unpack_from(content, entry.offset)
    signature, _, flags, method, *_, length, extra = fields
    named = entry.offset + _MEMBER.size
    start: int = named + length + extra
    if signature != b"PK\3\4" or flags or method or content[named : named + length] != entry.name:
        raise _Damaged("a member differs from its entry in the directory")
    if start + entry.size > end:
        raise _Damaged("a member is cut off")
    return start


def _array(content: bytes, entry: _Entry) -> AnyArray:
    name, start = entry.name.decode(), _data(content, entry, len(content))
    member = memoryview(content)[start : start + entry.size]
    if zlib.crc32(member) != entry.crc:
        raise _Damaged(f"{name}: its bytes do not match its checksum")
    begins = len(_NPY) + 2
    length = int.from_bytes(member[len(_NPY) : begins], "little")
    header = _HEADER.fullmatch(member[begins : begins + length])
    if bytes(member[: len(_NPY)]) != _NPY or header is None or header[1].decode("latin-1") not in _DTYPES:
        raise _Damaged(f"{name} is not a plain array of float64, int64 or uint8")
    dtype, shape = _DTYPES[header[1].decode()], tuple(_dimensions(header[2]))
    values = member[begins + length :]
    # An empty array may claim any width, which numpy would have to multiply out.
    if prod(shape) * dtype.itemsize != len(values) or max(shape, default=0) > len(content):
        raise _Damaged(f"{name}: {len(values)} bytes are not an array of {shape} {dtype}")
    array: AnyArray = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[...] = np.frombuffer(values, np.uint8)
    return array


def _dimensions(text: bytes) -> Iterator[int]:
    return (int(number) for number in text.split(b",") if number)


def problem_of(error: Exception) -> str:
    """The reason, in a few words, why a file's arrays are not those wanted."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"about {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)
