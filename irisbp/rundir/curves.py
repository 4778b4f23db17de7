"""The figures that a run recorded, thinned for a picture: a file of any length takes little memory."""

from contextlib import suppress
from io import BufferedReader
from typing import Any

import numpy as np

from irisbp.errors import RunError
from irisbp.nn.types import Array
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Manifest
from irisbp.rundir.reader import count_lines, open_written, read_rows
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


def read_epochs(directory: OpenDirectory, manifest: Manifest) -> dict[str, Array]:
    """The columns of a run's epochs.csv, thinned on a long run; an empty cell is nan."""
    kept = Thinned(MOST_EPOCHS)
    with open_written(directory, "epochs.csv", manifest) as file:
        for row in read_rows(file):
            kept.add(_numbers(file, row, len(EPOCH_COLUMNS)))
    values = np.array(kept.all(), dtype=float).reshape(-1, len(EPOCH_COLUMNS))
    return {name: values[:, k] for k, name in enumerate(EPOCH_COLUMNS)}


def read_losses(directory: OpenDirectory, manifest: Manifest) -> tuple[Array, Array, int]:
    """The steps and losses of samples in steps.csv, and how many there were: a random part of many.

    The part is the same at every call. None at all, if the run did not record them.
    """
    if "steps.csv" not in manifest.files:
        return np.empty(0), np.empty(0), 0
    with open_written(directory, "steps.csv", manifest) as file:
        wanted = iter(one_of_each_stretch(count_lines(file) - 1))
        following, pairs, count = next(wanted, -1), [], 0
        for row in read_rows(file):
            if count == following:
                pairs.append(_numbers(file, row[:1] + row[-1:], 2))
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


def _numbers(file: BufferedReader, cells: list[str], count: int) -> list[float]:
    """So many numbers, nan for an empty cell; RunError for other cells."""
    with suppress(ValueError):
        numbers = [float(cell) if cell else np.nan for cell in cells]
        if len(numbers) == count:
            return numbers
    raise RunError(f"{file.name}: not a valid row: {','.join(cells)[:100]}")
