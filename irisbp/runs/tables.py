"""The tables of a recorded run or sweep: found by their sha256, wherever they are now.

A run may come from anyone, and its config may name any file of ours: nothing in a file is read as a table, or
shown, before its sha256 is the recorded one, or before the user has named the file.
"""

import os
from collections.abc import Collection, Mapping, Sequence
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
        for key, path in paths_of(recorded).items():
            if os.path.lexists(anchored_path(path, owner)):  # a table that has changed is not looked for
                was.pop(key, None)
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
        search = Search(self.owner, self.given, is_own=self.is_own)
        places, files = dict[str, str](), dict[str, IO[bytes]]()
        for key, path in paths_of(self.recorded).items():
            was = [self.was[key]] if key in self.was else []
            places[key], file = search.find(path, self.sha256.get(key), was)
            files[key] = stack.enter_context(file)
        search.check_given(places.values())
        return with_tables(anchored_in(self.recorded, self.owner), places), files


@dataclass
class Search:
    """The search for the tables of owner, a run or a sweep; given and is_own are as for OwnTables."""

    owner: Path
    given: Sequence[str] = ()
    is_own: bool = False
    _unknown: int = 0  # tables without a sha256, so far

    def find(self, path: str, sha256: str | None, was: Sequence[str] = ()) -> tuple[str, IO[bytes]]:
        """The place of a table and the open file; path is the recorded one. RunError if it is not found.

        Without a sha256, a file counts that the user has named, or that lies in the run itself.
        """
        here = anchored_path(path, self.owner)
        if sha256 is None:
            self._check_that_it_is_ours(here)
            places = [*self.given[self._unknown : self._unknown + 1], here]
            self._unknown += 1
        else:
            folders = [Path(), *(Path(file).parent for file in self.given if file != STDIN)]
            places = [*self.given, here, *was, *ends_in(path, folders)]
        for place in places:
            file = open_if(place, sha256)
            if file is not None:
                return place, file
        raise RunError(self._told(here))

    def check_given(self, places: Collection[str]) -> None:
        """RunError if a file that the user has named is none of the places that were found."""
        for file in self.given:
            if file not in places:
                raise RunError(f"{file} is not a table of {self.owner}: {why_not(file)}")

    def _check_that_it_is_ours(self, here: str) -> None:
        """RunError if nothing shows that a file is the table: neither its sha256 nor its user."""
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
