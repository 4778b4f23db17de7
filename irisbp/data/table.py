"""A table of samples as it was measured: columns in numbers and a class for each row.

Nothing in a table is guessed at. A class is the text that stands there, `NA` and `01` too; what is no number
needs a key that says what it is.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.resources import files
from pathlib import Path
from typing import IO

import numpy as np

from irisbp.data.aside import aside, parts_of
from irisbp.data.formats import open_table, sheet_of
from irisbp.data.kinds import Kind
from irisbp.data.options import Wanted
from irisbp.data.reading import Attempt, Reading, attempt_to_read, read, recognised_names
from irisbp.errors import StorageError
from irisbp.nn.types import Array, Indices

IRIS = "iris"  # the source of the table that comes with irisbp
_COLUMNS = Wanted(IRIS, "species")


@dataclass(frozen=True)
class Table:
    """values is (rows, features); targets names each row's class; digest is the file's sha256.

    A feature without a kind is a number. A cell of words is the place of its text in the feature's
    categories; a missing cell is nan.
    """

    source: str
    features: tuple[str, ...]
    values: Array
    target: str
    targets: tuple[str, ...]
    digest: str
    kinds: tuple[Kind, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    reading: Reading | None = None

    @property
    def columns(self) -> tuple[tuple[str, ...], tuple[Kind, ...], tuple[tuple[str, ...], ...]]:
        """The features' names, kinds and categories."""
        count = len(self.features)
        numbers = tuple[Kind, ...](["number"] * count)
        return self.features, self.kinds or numbers, self.categories or ((),) * count

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The classes, in the order in which the rows show them."""
        return tuple(dict.fromkeys(self.targets))

    @cached_property
    def codes(self) -> Indices:
        """Each row's class, an index into names: (rows,)."""
        index = {name: k for k, name in enumerate(self.names)}
        return np.array([index[name] for name in self.targets], dtype=np.int64)


def load_table(source: str | None, target: str | None, features: Sequence[str] | None) -> Table:
    """Iris, or the table in a file; DataError or StorageError says what is wrong with it, and where.

    features defaults to all columns of numbers but the target.
    """
    if source is None:
        return read_table(None)
    assert target is not None
    return read_table(Wanted(source, target, None if features is None else tuple(features)))


def read_table(wanted: Wanted | None) -> Table:
    """The table that is wanted of a file, or iris; all problems of it at once, as a DataError."""
    wanted = wanted or _COLUMNS
    with open_source(wanted) as file:
        return _read(file, wanted)


def parse_table(content: bytes, wanted: Wanted) -> Table:
    """The table in the content of a CSV file; its source is what to call it."""
    return _read(io.BytesIO(content), wanted)


def attempt_table(wanted: Wanted) -> Attempt:
    """Read a table as far as possible, with everything that has to be decided."""
    with open_source(wanted) as file:
        return attempt_to_read(lambda asked: sheet_of(file, asked), wanted)


def last_column(wanted: Wanted) -> str:
    """The name of a table's last column that has one, in the dialect that is wanted or one that fits."""
    with open_source(wanted) as file:
        names = recognised_names(lambda asked: sheet_of(file, asked), wanted)
    return next(filter(None, reversed(names)), "")


def _read(file: IO[bytes], wanted: Wanted) -> Table:
    with aside(partial(digest_of, source=wanted.source), file) as digest:
        found = read(lambda asked: sheet_of(file, asked), wanted)
    return Table(
        wanted.source, found.features, found.values, wanted.target, found.targets, digest(),
        found.kinds, found.categories, found.reading,
    )  # fmt: skip


def table_digest(source: str | None) -> str:
    """The digest that load_table would find, without reading what the file says."""
    with open_source(Wanted(source or IRIS, "") if source else _COLUMNS) as file:
        return digest_of(file, source or IRIS)


def open_source(wanted: Wanted) -> IO[bytes]:
    """The file that is wanted, opened."""
    if wanted is _COLUMNS:
        return io.BytesIO(files("irisbp.data").joinpath("iris.csv").read_bytes())
    return open_table(Path(wanted.source))


def digest_of(file: IO[bytes], source: str) -> str:
    """The sha256 of a file's content."""
    digest = hashlib.sha256()
    try:
        for part in parts_of(file):
            digest.update(part)
        return digest.hexdigest()
    except OSError as error:
        raise StorageError("read", source, error) from None
