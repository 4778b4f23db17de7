"""A table of samples as it was measured: columns in numbers and a class for each row.

Nothing in a table is guessed at. A class is the text that stands there, `NA` and `01` too; what is no number
needs a key that says what it is.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import numpy as np

from irisbp.data.options import Kind, Wanted
from irisbp.data.understood import Reading
from irisbp.nn.types import Array, Indices

IRIS = "iris"  # the source of the table that comes with irisbp


@dataclass(frozen=True)
class Table:
    """values is (rows, features); targets names each row's class; digest is the file's sha256.

    A feature without a kind is a number. A cell of words is the place of its text in the feature's
    categories; a missing cell is nan. reading is what was understood of a file, None of iris.
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


def read_table(wanted: Wanted | None) -> Table:
    """The table that is wanted of a file, or iris; all problems of it at once, as a DataError."""
    if wanted is None:
        return _iris()
    from irisbp.data.files import read_file  # much code, which iris does not need

    return read_file(wanted)


def _iris() -> Table:
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
