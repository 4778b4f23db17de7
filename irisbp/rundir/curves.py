"""The figures that a run recorded, thinned for a picture: a file of any length takes little memory."""

import csv
import hashlib
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np

from irisbp.errors import RunError, StorageError
from irisbp.nn.types import Array
from irisbp.rundir.manifest import Manifest
from irisbp.rundir.reader import open_file
from irisbp.rundir.writer import EPOCH_COLUMNS

MOST_EPOCHS = 4000
MOST_SAMPLES = 20_000


class Thinned:
    """At most `most` items of a stream of unknown length, evenly spaced, the first and the last among them.

    Whenever there are too many, every second one is dropped, and from then on half as many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most, self._every, self._count = most, 1, 0
        self._kept: list[Any] = []
        self._last: Any = None

    @property
    def wants_next(self) -> bool:
        """Return whether the next item would be kept: one that would not need not be made."""
        return self._count % self._every == 0

    def add(self, thing: Any) -> None:
        """Take the next item; None for one that is not wanted."""
        self._last = thing
        if self.wants_next:
            self._kept.append(thing)
            if len(self._kept) >= self._most:
                self._kept, self._every = self._kept[::2], 2 * self._every
        self._count += 1

    def all(self) -> list[Any]:
        """All items that were kept, and the last one."""
        ends_with_last = not self._kept or self._kept[-1] is self._last or self._last is None
        return self._kept if ends_with_last else [*self._kept, self._last]


def read_epochs(path: Path, manifest: Manifest) -> dict[str, Array]:
    """The columns of a run's epochs.csv, thinned on a long run; an empty cell is nan."""
    _verify(path, "epochs.csv", manifest)
    kept = Thinned(MOST_EPOCHS)
    for row in _rows(path / "epochs.csv"):
        kept.add([float(cell) if cell else np.nan for cell in row])
    values = np.array(kept.all(), dtype=float).reshape(-1, len(EPOCH_COLUMNS))
    return {name: values[:, k] for k, name in enumerate(EPOCH_COLUMNS)}


def read_losses(path: Path, manifest: Manifest) -> tuple[Array, Array, int]:
    """The steps and losses of samples in steps.csv, and how many there were: a random part of many.

    The part is the same at every call. None at all, if the run did not record them.
    """
    if "steps.csv" not in manifest.files:
        return np.empty(0), np.empty(0), 0
    lines = _verify(path, "steps.csv", manifest) - 1
    wanted = iter(one_of_each_stretch(lines))
    following, pairs, count = next(wanted, -1), [], 0
    for row in _rows(path / "steps.csv"):
        if count == following:
            pairs.append((float(row[0]), float(row[-1])))
            following = next(wanted, -1)
        count += 1
    values = np.array(pairs, dtype=float).reshape(-1, 2)
    return values[:, 0], values[:, 1], count


def one_of_each_stretch(count: int) -> list[int]:
    """All numbers below count; of too many, one drawn from each of equal stretches.

    Taking every k-th would be wrong: it might always be the same sample of the table.
    """
    if count <= MOST_SAMPLES:
        return list(range(count))
    edges = np.linspace(0, count, MOST_SAMPLES + 1)
    draws = np.random.default_rng(0).random(MOST_SAMPLES)
    return sorted(set((edges[:-1] + draws * np.diff(edges)).astype(np.int64).tolist()))


def _verify(path: Path, name: str, manifest: Manifest) -> int:
    """The number of lines of a file; RunError if it is not the one that the run wrote."""
    digest, lines = hashlib.sha256(), 0
    try:
        with open_file(path / name) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                lines += chunk.count(b"\n")
    except OSError as error:
        raise StorageError("read", path / name, error) from None
    if digest.hexdigest() != manifest.files.get(name):
        raise RunError(f"{path / name} is not the file that the run wrote: its sha256 differs")
    return lines


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with TextIOWrapper(open_file(path), encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows, None)
            yield from rows
    except OSError as error:
        raise StorageError("read", path, error) from None
