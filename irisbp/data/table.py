"""A table of samples as it was measured: columns in numbers and a class for each row.

Nothing in a table is guessed at. A class is the text that stands there, `NA` and `01` too; what is no number
needs a key that says what it is.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import numpy as np

from irisbp.data.options import Kind
from irisbp.data.understood import Reading
from irisbp.nn.types import Array, Indices

IRIS = "iris"  # the source of the table that comes with irisbp


@dataclass(frozen=True)
class HeldOut:
    """Another file, whose rows are the last ones of a table: how many, and what was understood of it."""

    source: str
    digest: str
    rows: int
    reading: Reading


@dataclass(frozen=True)
class Table:
    """values is (rows, features); targets names each row's class; digest is the file's sha256.

    A feature without a kind is a number. A cell of words is the place of its text in the feature's
    categories; a missing cell is nan. reading is what was understood of a file, None of iris. The last rows
    may be those of another file, which is held out.
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
    held_out: HeldOut | None = None

    @property
    def readings(self) -> dict[str, Reading]:
        """The understanding of its files: `table`, of iris nothing; `validation_table` if one is held out."""
        found = {} if self.reading is None else {"table": self.reading}
        return found | ({"validation_table": self.held_out.reading} if self.held_out else {})

    @property
    def digests(self) -> list[tuple[str, str]]:
        """Each file that it was read from, with its sha256."""
        held = self.held_out
        return [(self.source, self.digest), *([(held.source, held.digest)] if held else [])]

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


def iris() -> Table:
    """Fisher's iris, in the plain text that this package holds: four numbers and a species in each row."""
    content = iris_bytes()
    header, *lines = content.decode().splitlines()
    *features, target = header.split(",")
    rows = [line.split(",") for line in lines]
    values = np.array([list(map(float, cells)) for *cells, _ in rows])
    targets = tuple(species for *_, species in rows)
    return Table(IRIS, tuple(features), values, target, targets, hashlib.sha256(content).hexdigest())


def iris_bytes() -> bytes:
    """The content of iris' file."""
    return files("irisbp.data").joinpath("iris.csv").read_bytes()
