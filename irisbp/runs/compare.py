"""Two runs side by side: the keys that differ, the first different losses, and both results.

The rows of both are read together, a row at a time, so that runs of any length fit into memory.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BufferedReader
from itertools import zip_longest
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from irisbp.config.schema import Config
from irisbp.config.settings import settings, varying_keys
from irisbp.errors import IrisbpError, RunError
from irisbp.nn.types import Array
from irisbp.rundir.arrays import unpack
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Manifest, finite
from irisbp.rundir.reader import read_rows
from irisbp.runs.listing import Entry, read_entry

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Row:
    """A loss and its place; step and sample are None where only epochs were compared."""

    epoch: int
    step: int | None
    sample: int | None
    loss: float


@dataclass(frozen=True)
class FirstDifference:
    """The first rows of a file that are not equal in both runs, after `rows` that are.

    a or b is None if that run has ended there; both are None if all rows are equal.
    """

    file: str
    rows: int
    a: Row | None
    b: Row | None

    @property
    def differ(self) -> bool:
        """Return whether there is such a row."""
        return self.a is not None or self.b is not None

    def as_json(self) -> dict[str, Any]:
        """Plain data; a loss that is not finite is None."""
        sides = {
            name: row and asdict(row) | {"loss": finite(row.loss)}
            for name, row in (("a", self.a), ("b", self.b))
        }
        return {"file": self.file, "differ": self.differ, "equal_rows": self.rows, **sides}


@dataclass(frozen=True)
class ParameterDiff:
    """The difference of the final parameters: how many differ, and which the most; or why it is unknown."""

    equal: bool
    differing: int = 0
    count: int = 0
    largest: float = 0.0
    place: str | None = None
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data; a difference that is not finite is None."""
        return asdict(self) | {"largest": finite(self.largest)}


@dataclass(frozen=True, repr=False)
class Diff:
    """Two runs, and the differences between them.

    config has keys of the config; others has what else numbers depend on: versions and data. A key that
    one of the two does not have is None there. first_difference is None where there are
    no losses to compare.
    """

    a: Entry
    b: Entry
    config: dict[str, Pair]
    others: dict[str, Pair]
    first_difference: FirstDifference | None
    parameters: ParameterDiff

    def __repr__(self) -> str:
        keys = ", ".join(self.config) or "none"
        losses = "differ" if self.first_difference and self.first_difference.differ else "are equal"
        if self.first_difference is None:
            losses = "are not recorded"
        return f"<Diff of {self.a.path} and {self.b.path}: keys that differ: {keys}; losses {losses}>"

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "a": _final(self.a),
            "b": _final(self.b),
            "config": {key: list(pair) for key, pair in self.config.items()},
            "others": {key: list(pair) for key, pair in self.others.items()},
            "first_difference": self.first_difference.as_json() if self.first_difference else None,
            "parameters": self.parameters.as_json(),
        }


def _final(entry: Entry) -> dict[str, Any]:
    figures = {key: value for key, value in entry.as_json().items() if key not in ("config", "learning_rate")}
    return figures | {"steps": entry.manifest.steps if entry.manifest else None}


def diff(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> Diff:
    """Compare two runs, finished or not; RunError if one has no config that can be read."""
    with OpenDirectory(Path(a)) as run_a, OpenDirectory(Path(b)) as run_b:
        of_a, of_b = read_entry(run_a), read_entry(run_b)
        return Diff(
            a=of_a,
            b=of_b,
            config=_config_pairs(_config(of_a), _config(of_b)),
            others=_other_pairs(of_a.manifest, of_b.manifest),
            first_difference=find_first_difference(run_a, run_b),
            parameters=compare_parameters(run_a, run_b),
        )


def _config(entry: Entry) -> Config:
    if entry.config is None:
        raise RunError(entry.problem or f"{entry.path} has no config")
    return entry.config


def _config_pairs(a: Config, b: Config) -> dict[str, Pair]:
    of_a, of_b = ({key: setting.value for key, setting in settings(config).items()} for config in (a, b))
    return {key: (of_a.get(key), of_b.get(key)) for key in varying_keys([a, b])}


def _other_pairs(a: Manifest | None, b: Manifest | None) -> dict[str, Pair]:
    if a is None or b is None:
        return {}
    of_a, of_b = _others(a), _others(b)
    keys = dict.fromkeys([*of_a, *of_b])
    return {key: (of_a.get(key), of_b.get(key)) for key in keys if of_a.get(key) != of_b.get(key)}


def _others(manifest: Manifest) -> dict[str, Any]:
    data = {"data.rows": manifest.data.rows, "data.sha256": manifest.data.sha256}
    if held := manifest.data.validation_table:
        data["data.validation_sha256"] = held.sha256
    return data | {"classes": manifest.classes} | manifest.versions


def find_first_difference(run_a: OpenDirectory, run_b: OpenDirectory) -> FirstDifference | None:
    """The first different losses of two runs: by sample if both recorded steps, else by epoch."""
    for name, columns in (("steps.csv", (1, 2, 5)), ("epochs.csv", (0, 2))):
        if run_a.has(name) and run_b.has(name):
            with run_a.open(name) as file_a, run_b.open(name) as file_b:
                return _first_difference(name, file_a, file_b, columns)
    return None


def _first_difference(
    name: str, file_a: BufferedReader, file_b: BufferedReader, columns: tuple[int, ...]
) -> FirstDifference:
    """The first rows that differ in these columns: text for text, since floats read back exactly."""
    rows = 0
    for a, b in zip_longest(_cells(file_a), _cells(file_b)):
        if a is None or b is None or any(a[k] != b[k] for k in columns):
            return FirstDifference(name, rows, _row(file_a, name, a), _row(file_b, name, b))
        rows += 1
    return FirstDifference(name, rows, None, None)


def _cells(file: BufferedReader) -> Iterator[list[str]]:
    for number, row in enumerate(read_rows(file), 1):
        if len(row) != 6:
            raise RunError(f"{file.name}: row {number} has {len(row)} cells, not 6")
        yield row


def _row(file: BufferedReader, name: str, cells: list[str] | None) -> Row | None:
    if cells is None:
        return None
    try:
        if name == "steps.csv":
            return Row(int(cells[1]), int(cells[0]), int(cells[2]), float(cells[5]))
        return Row(int(cells[0]), None, None, float(cells[2]))
    except ValueError:
        raise RunError(f"{file.name}: not a valid row: {','.join(cells)[:100]}") from None


def compare_parameters(run_a: OpenDirectory, run_b: OpenDirectory) -> ParameterDiff:
    """Compare the final parameters of two runs, without the standardizer's mean and sd."""
    try:
        a, b = _parameters(run_a), _parameters(run_b)
    except IrisbpError as error:
        return ParameterDiff(equal=False, problem=str(error))
    shapes_a, shapes_b = ({name: array.shape for name, array in arrays.items()} for arrays in (a, b))
    if shapes_a != shapes_b:
        return ParameterDiff(equal=False, problem="the networks do not have the same shape")
    count, differing, largest, place = 0, 0, 0.0, None
    for name in a:
        count += a[name].size
        differ = differing_entries(a[name], b[name])
        if differ.any():
            differing += int(differ.sum())
            gap, spot = _largest_gap(a[name], b[name], differ)
            if place is None or gap > largest:
                largest, place = gap, entry_name(name, spot)
    return ParameterDiff(differing == 0, differing, count, largest, place)


def _parameters(directory: OpenDirectory) -> dict[str, Array]:
    file = directory.path / "parameters.npz"
    if not directory.has(file.name):
        raise RunError(f"{directory.path} has no parameters.npz")
    arrays = unpack(file, directory.read(file.name))
    parameters = {name: array for name, array in arrays.items() if not name.startswith("standardizer.")}
    if any(array.dtype != np.float64 for array in parameters.values()):
        raise RunError(f"{file}: not all of its arrays are float64")
    return parameters


def differing_entries(a: Array, b: Array) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """A mask of the entries in which two arrays of one shape and type differ in a bit.

    So NaN equals itself, and 0 differs from -0.
    """
    bytes_a, bytes_b = (
        np.frombuffer(array.tobytes(), np.uint8).reshape(*array.shape, array.itemsize) for array in (a, b)
    )
    return np.asarray((bytes_a != bytes_b).any(axis=-1))


def _largest_gap(
    a: Array, b: Array, differ: "np.ndarray[Any, np.dtype[np.bool_]]"
) -> tuple[float, tuple[int, ...]]:
    """The largest difference among the entries that differ, and where; NaN counts as infinitely far."""
    with np.errstate(all="ignore"):
        gaps = np.abs(a - b)
    gaps[np.isnan(gaps)] = inf
    gaps[~differ] = -1.0  # inf equals inf, though their difference is NaN
    spot = np.unravel_index(int(gaps.argmax()), gaps.shape)
    return float(gaps[spot]), tuple(map(int, spot))


def entry_name(name: str, spot: Sequence[int]) -> str:
    """An entry of an array as the gradient check writes it."""
    return f"{name}[{','.join(map(str, spot))}]"
