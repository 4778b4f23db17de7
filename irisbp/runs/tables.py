"""The tables of a recorded run or sweep: found by their sha256, wherever they are now.

A run may come from anyone, and its config may name any file of ours: nothing in a file is read as a table, or
shown, before its sha256 is the recorded one, or before the user has named the file.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TypeAlias

from irisbp.config.place import anchored_in, anchored_path, paths_of, with_tables
from irisbp.config.schema import Config
from irisbp.data.options import STDIN
from irisbp.data.recorded import ends_in, is_recorded, open_if, why_not
from irisbp.data.table import Table
from irisbp.errors import RunError
from irisbp.rundir.manifest import Data
from irisbp.rundir.place import TABLE, VALIDATION_TABLE
from irisbp.training.tables import table_of

Files: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None"
"""Files that the user names, or one of them."""

_HINT = "--data FILE (in Python data=) says where it is"


def as_files(data: Files) -> list[str]:
    """The files that the user names, as they are named."""
    named = [data] if isinstance(data, str | os.PathLike) else [*(data or ())]
    return [os.fspath(file) for file in named]


@dataclass(frozen=True)
class OwnTables:
    """The tables of the run or the sweep in owner.

    recorded is a config with the paths of tables as they are in its file, relative to owner. sha256 has the
    recorded one of each key of `data` that names a table, was their absolute paths at that time. given are
    files that the user says they are. A config of the user's own names them, too: is_own.
    """

    owner: Path
    recorded: Config
    sha256: Mapping[str, str] = field(default_factory=dict)
    was: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    is_own: bool = False

    @classmethod
    def of(cls, owner: Path, recorded: Config, data: Data) -> "OwnTables":
        """Those of a run with a manifest, which has this data."""
        held = data.validation_table
        sha256, was = {"source": data.sha256}, {"source": data.source}
        if held is not None:
            sha256["validation_source"], was["validation_source"] = held.sha256, held.source
        return cls(owner, recorded, sha256, was)

    def named(self, data: Files) -> "OwnTables":
        """The same, if the user says where the tables are."""
        return replace(self, given=tuple(anchored_path(file, Path()) for file in as_files(data)))

    def read(self) -> tuple[Config, Table]:
        """The config with the tables' paths, and the table; RunError if one is not the recorded one.

        The table of iris is not checked here.
        """
        with ExitStack() as stack:
            config, files = self._opened(stack)
            return config, table_of(config.data, files.get("source"), files.get("validation_source"))

    def config(self) -> Config:
        """The config with the tables' paths; RunError if one is not the recorded one."""
        with ExitStack() as stack:
            return self._opened(stack)[0]

    def known_in(self, other: Config) -> dict[str, str]:
        """The paths of another config, by key, at which the recorded tables are."""
        return {
            key: path
            for key, path in paths_of(other).items()
            if key in paths_of(self.recorded) and is_recorded(path, self.sha256.get(key))
        }

    def _opened(self, stack: ExitStack) -> tuple[Config, dict[str, IO[bytes]]]:
        places, files = dict[str, str](), dict[str, IO[bytes]]()
        for number, (key, path) in enumerate(paths_of(self.recorded).items()):
            places[key], file = self._find(number, key, path)
            files[key] = stack.enter_context(file)
        if unused := [file for file in self.given if file not in places.values()]:
            raise RunError(f"{unused[0]} is not a table of {self.owner}: {why_not(unused[0])}")
        return with_tables(anchored_in(self.recorded, self.owner), places), files

    def _find(self, number: int, key: str, path: str) -> tuple[str, IO[bytes]]:
        """The place of a table, and the open file; RunError if it is not found."""
        sha256, here = self.sha256.get(key), anchored_path(path, self.owner)
        if sha256 is None:
            self._check_that_it_is_ours(here)
        named = self.given if sha256 is not None else self.given[number : number + 1]
        for place in (*named, here, *(self._elsewhere(key, path) if sha256 is not None else ())):
            file = open_if(place, sha256)
            if file is not None:
                return place, file
        raise RunError(self._told(here))

    def _elsewhere(self, key: str, path: str) -> Iterator[str]:
        """The places where a table may be, other than the recorded one: where it was, and where one is."""
        if key in self.was:
            yield self.was[key]
        yield from ends_in(path, [Path(), *(Path(file).parent for file in self.given if file != STDIN)])

    def _check_that_it_is_ours(self, here: str) -> None:
        """RunError if nothing proves that a file is the table: neither its sha256 nor its user."""
        is_kept = here in [os.path.abspath(self.owner / name) for name in (TABLE, VALIDATION_TABLE)]
        if not (self.given or self.is_own or (is_kept and not os.path.islink(here))):
            raise RunError(
                f"{self.owner} has no sha256 of its table, {here}: nothing shows that it is the file that was"
                f" meant; {_HINT}"
            )

    def _told(self, here: str) -> str:
        """The sentence on a table that was not found."""
        if self.given:
            return f"{self.given[0]} is not a table of {self.owner}: {why_not(self.given[0])}"
        if not os.path.exists(here):
            return f"{here}: {why_not(here)}; it is a table of {self.owner}: {_HINT}"
        return f"{here} has changed since {self.owner} was trained on it: {why_not(here)}; {_HINT}"
