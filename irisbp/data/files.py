"""Files of tables: opened, read or attempted, and their digests."""

import hashlib
import io
from functools import partial
from pathlib import Path
from typing import IO

from irisbp.data.aside import aside, parts_of
from irisbp.data.formats import open_table, sheet_of
from irisbp.data.memory import naming_the_table
from irisbp.data.options import Wanted
from irisbp.data.reading import Attempt, attempt_to_read, read, recognised_names
from irisbp.data.table import IRIS, Table, iris_bytes
from irisbp.errors import StorageError


def read_file(wanted: Wanted) -> Table:
    """The table that is wanted of a file; all problems of it at once, as a DataError."""
    with _open(wanted) as file:
        return _read(file, wanted)


def parse_table(content: bytes, wanted: Wanted) -> Table:
    """The table in the content of a CSV file; its source is what to call it."""
    return _read(io.BytesIO(content), wanted)


def attempt_table(wanted: Wanted) -> Attempt:
    """Read a table as far as possible, with everything that has to be decided."""
    with _open(wanted) as file, naming_the_table(wanted.source):
        return attempt_to_read(lambda asked: sheet_of(file, asked), wanted)


def last_column(wanted: Wanted) -> str:
    """The name of a table's last column that has one, in the dialect that is wanted or one that fits."""
    with _open(wanted) as file, naming_the_table(wanted.source):
        names = recognised_names(lambda asked: sheet_of(file, asked), wanted)
    return next(filter(None, reversed(names)), "")


def _read(file: IO[bytes], wanted: Wanted) -> Table:
    with naming_the_table(wanted.source), aside(partial(digest_of, source=wanted.source), file) as digest:
        found = read(lambda asked: sheet_of(file, asked), wanted)
    return Table(
        wanted.source, found.features, found.values, wanted.target, found.targets, digest(),
        found.kinds, found.categories, found.reading,
    )  # fmt: skip


def table_digest(source: str | None) -> str:
    """The digest of iris, or of the table in a file, without reading what it says."""
    if source is None:
        return digest_of(io.BytesIO(iris_bytes()), IRIS)
    with open_table(Path(source)) as file:
        return digest_of(file, source)


def _open(wanted: Wanted) -> IO[bytes]:
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
