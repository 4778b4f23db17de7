"""The grid of a sweep: its runs, in their order, and each one's config.

Rows count from 0. Keys vary in the order in which they are given, the last one fastest; but the seed,
wherever it is given, varies fastest of all, and the fold next: both are random, not chosen. So the rows of a
setting (everything but the seed and the fold) are neighbours, in the same order in each.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import prod
from pathlib import Path
from typing import Any

from irisbp.config.arguments import lost
from irisbp.config.given import Given
from irisbp.config.load import (
    given_document,
    overridden,
    put,
    read_document,
    valid_config,
)
from irisbp.config.place import TABLES, anchor_source, anchored_path, recorded_path
from irisbp.config.schema import Config
from irisbp.config.settings import varying_keys
from irisbp.config.yaml import LARGEST_FILE, Document, abridged, dump, read_file
from irisbp.errors import ConfigError, RunError
from irisbp.sweeps.grid.values import MOST_RUNS, Axis, axis_of, parse_axis

SEED, FOLD = "seed", "data.fold"


@dataclass(frozen=True)
class Grid:
    """A config, and the values of the keys that are overridden in it, in the order of overriding.

    path names the config in messages; axes with a single value are fixed. tables has the sha256 of each table
    of a recorded grid, by its path; places says where one is now, if that is not its path.
    """

    path: Path | None
    base: Document
    axes: tuple[Axis, ...]
    tables: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def varied(self) -> tuple[Axis, ...]:
        """The axes with several values, the one that varies fastest last."""
        found = [axis for axis in self.axes if len(axis) > 1]
        return tuple(sorted(found, key=lambda axis: (axis.key == SEED, axis.key == FOLD)))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that vary from setting to setting."""
        return tuple(axis.key for axis in self.varied if axis.key not in (SEED, FOLD))

    @property
    def seeds(self) -> int:
        """The number of seeds of each setting."""
        return self._count(SEED)

    @property
    def folds(self) -> int:
        """The number of folds of each setting, with each seed."""
        return self._count(FOLD)

    @property
    def repeats(self) -> int:
        """The number of rows of each setting."""
        return self.seeds * self.folds

    def _count(self, key: str) -> int:
        return prod(len(axis) for axis in self.axes if axis.key == key)

    def __len__(self) -> int:
        return prod(map(len, self.axes))

    def config(self, row: int) -> Config:
        """A row's config; Problems if it is invalid."""
        chosen, data = self.chosen(row), dict(self.base.data)
        for axis in self.axes:
            item = axis[chosen.get(axis.key, 0)]
            put(data, axis.path, item.value, f"argument {axis.key}={item.text}")
        _change_paths(data, lambda path: self.places.get(path, path))
        config = valid_config(data) if self._is_sound else None
        if config is None:
            arguments = [axis.argument(chosen.get(axis.key, 0)) for axis in self.axes]
            return overridden(deepcopy(self.base), arguments, self.path)
        return config

    @property
    def paths(self) -> list[str]:
        """The paths of all tables, in a fixed order."""
        section = self.base.data.get("data")
        base = [section.get(key) for key in TABLES] if isinstance(section, dict) else []
        found = {path for path in base if isinstance(path, str)}
        return sorted(found.union(*(axis.paths() for axis in self.axes)))

    def named(self, change: Callable[[str], str]) -> "Grid":
        """The same grid, in which values that are paths of tables have other texts."""
        return replace(self, axes=tuple(axis.named(change) for axis in self.axes))

    def moved(self, change: Callable[[str], str]) -> "Grid":
        """The same grid, with other paths of tables."""
        base = dict(self.base.data)
        _change_paths(base, change)
        axes = tuple(axis.anchored(change).named(str) for axis in self.axes)
        return replace(self, base=replace(self.base, data=base), axes=axes)

    def values(self, row: int) -> list[str]:
        """The values of the varied keys in a row, as they were given."""
        chosen = self.chosen(row)
        return [axis[chosen[axis.key]].text for axis in self.varied]

    def setting(self, number: int) -> dict[str, Any]:
        """The keys that vary from setting to setting, with their values in one, as plain data."""
        chosen = self.chosen(number * self.repeats)
        return {axis.key: axis[chosen[axis.key]].value for axis in self.varied if axis.key in self.keys}

    def chosen(self, row: int) -> dict[str, int]:
        """The number of each varied key's value in a row."""
        chosen = {}
        for axis in reversed(self.varied):
            row, chosen[axis.key] = divmod(row, len(axis))
        return chosen

    @cached_property
    def _is_sound(self) -> bool:
        return not self.base.problems and all(axis.is_sound for axis in self.axes)


def make_grid(path: Path | None, arguments: Sequence[str]) -> Grid:
    """The grid that a command line asks for; ConfigError if it is invalid."""
    return _grid(path, read_document(path), [parse_axis(argument) for argument in arguments])


def grid_of_values(
    config: Given, values: Mapping[str, Iterable[Any]], fixed: Mapping[str, Any] | None = None
) -> Grid:
    """The grid of a config (a path, a mapping, a Config or None) and the values of its keys.

    fixed keys have one value each, and are put into the config before the others. ConfigError if it is wrong.
    """
    if not isinstance(values, Mapping) or not values:
        raise ConfigError('sweep: no values; name the keys to vary, such as {"seed": range(100)}')
    base, path = given_document(config)
    anchor_source(base.data, Path())
    axes = [axis_of(key, [value]) for key, value in (fixed or {}).items()]
    return _grid(path, base, axes + [axis_of(str(key), some) for key, some in values.items()])


def _grid(path: Path | None, base: Document, axes: Sequence[Axis]) -> Grid:
    """The grid; ConfigError if a key is given twice, or if it has too many runs."""
    by_key: dict[str, Axis] = {}
    for axis in axes:
        if axis.key in by_key and len(axis) * len(by_key[axis.key]) > 1:
            raise ConfigError(f"{axis.key} is given twice: give its values as one comma-separated list")
        for other in by_key.values():
            if other.path[: len(axis.path)] == axis.path:
                raise lost(f"argument {_short(axis)}", _short(other))
        by_key[axis.key] = axis
    grid = Grid(path, base, tuple(axes))
    if len(grid) > MOST_RUNS:
        raise ConfigError(f"the grid has {len(grid)} runs; a sweep has at most {MOST_RUNS}")
    return grid


def differences(begun: Grid, wanted: Grid) -> list[str]:
    """The differences of a sweep that has begun from the one that is wanted: values, keys, or their order."""
    here, there = ({axis.key: axis.text for axis in grid.varied} for grid in (wanted, begun))
    found = [
        f"{key} is {abridged(there[key])} there and {abridged(here[key])} here"
        for key in here
        if key in there and here[key] != there[key]
    ]
    found += [f"{key} varies there, but not here" for key in there if key not in here]
    found += [f"{key} varies here, but not there" for key in here if key not in there]
    keys = varying_keys([begun.config(0), wanted.config(0)])
    varied = [axis.path for grid in (begun, wanted) for axis in grid.varied]
    fixed = [key for key in keys if not any(tuple(key.split("."))[: len(path)] == path for path in varied)]
    found += [f"the configs differ in {', '.join(fixed)}"] if fixed else []
    return found or ["the same keys are given in another order, or the same values in other words"]


def _short(axis: Axis) -> str:
    return abridged(f"{axis.key}={axis.text}")


def _change_paths(data: dict[str, Any], change: Callable[[str], str]) -> None:
    """Change the paths of tables in the data of a config."""
    section = data.get("data")
    if isinstance(section, dict):
        found = {key: change(section[key]) for key in TABLES if isinstance(section.get(key), str)}
        data["data"] = section | found if found else section


def to_yaml(grid: Grid, folder: Path | None = None) -> bytes:
    """The grid as sweep.yaml: the config, complete but for what varies, the values, and the tables' sha256.

    The paths of tables are relative to the folder, without one as they are. ConfigError if it would be too
    large to be read again.
    """
    named: Callable[[str], str] = str
    if folder is not None:
        named = partial(recorded_path, folder=folder)
        grid = replace(grid.named(named), places={})
    touched = {axis.path[0] for axis in grid.varied}
    complete = grid.config(0).model_dump(mode="json")
    base = {key: value for key, value in complete.items() if key not in touched}
    replaced = {axis.key for axis in grid.varied}
    base |= {key: value for key, value in grid.base.data.items() if key in touched - replaced}
    values = {axis.key: axis.text for axis in grid.axes if axis.path[0] in touched}
    _change_paths(base, named)
    tables = {named(path): sha256 for path, sha256 in grid.tables.items()}
    content = dump({"base": base, "grid": values} | ({"tables": tables} if tables else {})).encode()
    if len(content) > LARGEST_FILE:
        raise ConfigError(f"the values take more than {LARGEST_FILE} bytes; a range (0:1000) is shorter")
    return content


def read_grid(path: Path, content: bytes) -> Grid:
    """The grid of a sweep.yaml, as it was written; RunError if it is invalid."""
    try:
        document = read_file(path, content)
        match document.data:
            case {"base": dict(base), "grid": dict(values)} if not document.problems:
                axes = tuple(parse_axis(f"{key}={text}", None) for key, text in values.items())
                tables = document.data.get("tables", {})
            case _:
                raise RunError(f"{path} is not the grid of a sweep: it holds no base and grid")
        if not isinstance(tables, dict) or not all(isinstance(text, str) for text in tables.values()):
            raise RunError(f"{path} is not the grid of a sweep: tables has no sha256 for each path")
        grid = Grid(path, Document(base), axes, tables)
        if len(grid) > MOST_RUNS or to_yaml(grid) != content:
            raise RunError(f"{path} is not as irisbp writes it")
    except ConfigError as error:
        raise RunError(f"{path} is not the grid of a sweep: {error}") from None
    return _anchored(grid, path.parent)


def _anchored(grid: Grid, folder: Path) -> Grid:
    """A grid that was read from a file in the folder, with absolute paths of tables."""
    anchored, base = partial(anchored_path, folder=folder), dict(grid.base.data)
    _change_paths(base, anchored)
    axes = tuple(axis.anchored(anchored) for axis in grid.axes)
    tables = {anchored(path): sha256 for path, sha256 in grid.tables.items()}
    return Grid(grid.path, Document(base), axes, tables)
