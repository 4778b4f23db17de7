"""The tables of a recorded sweep, found by their sha256 wherever they are now, as those of a run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from irisbp.config.place import anchored_path, paths_of, recorded_in, recorded_path
from irisbp.config.schema import Config
from irisbp.data.files import table_digest
from irisbp.data.recorded import is_recorded
from irisbp.data.table import IRIS
from irisbp.errors import DataError, RunError
from irisbp.runs.tables import Files, OwnTables, Search, as_files
from irisbp.sweeps.grid.grid import Grid, to_yaml


def found_tables(
    owner: Path, grid: Grid, digests: Mapping[str, str], data: Files, wanted: Grid | None
) -> Grid:
    """The grid of the unfinished sweep in owner, with the places of its tables.

    digests are their sha256, by path. data names files that they are; wanted is the user's own grid, the same
    one. RunError if a table is not found.
    """
    given = tuple(anchored_path(file, Path()) for file in as_files(data))
    search, places = Search(owner, given, is_own=wanted is not None), dict[str, str]()
    for path in grid.paths:
        was = wanted.paths if wanted is not None else []
        places[path], file = search.find(recorded_path(path, owner), digests.get(path), was)
        file.close()
    search.check_given(places.values())
    return replace(grid, places=places)


def is_same(begun: Grid, wanted: Grid) -> bool:
    """Return whether a grid is the one that has begun, with the same tables at other paths."""
    digests = {
        path: sha256
        for path in wanted.paths
        for sha256 in set(begun.tables.values())
        if is_recorded(path, sha256)
    }
    ours, theirs = by_digest(begun, begun.tables), by_digest(wanted, digests)
    return to_yaml(ours) == to_yaml(theirs)


def by_digest(grid: Grid, digests: Mapping[str, str]) -> Grid:
    """The grid with the sha256 of its tables in place of their paths."""
    return replace(grid.moved(lambda path: digests.get(path, path)), tables={})


def row_config(
    owner: Path, config: Config, digests: Mapping[str, str], data: Files = None, *, is_own: bool = False
) -> Config:
    """The config of a row with the places of its tables; DataError if one is not the recorded one."""
    if config.data.source is None and IRIS in digests and table_digest(None) != digests[IRIS]:
        raise DataError(f"{IRIS} has changed since {owner} was trained on it")
    sha256 = {key: digests[path] for key, path in paths_of(config).items() if path in digests}
    tables = OwnTables(owner, recorded_in(config, owner), sha256, is_own=is_own)
    try:
        return tables.named(data).config()
    except RunError as error:
        raise DataError(*str(error).split("\n")) from None
