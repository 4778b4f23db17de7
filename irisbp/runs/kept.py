"""Tables that have no file of their own, from stdin or from Python: a run keeps them in its directory."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from os.path import abspath
from pathlib import Path

from irisbp.config.place import TABLES, with_tables
from irisbp.config.schema import Config
from irisbp.data.options import STDIN
from irisbp.data.streams import read_stdin
from irisbp.data.table import Table
from irisbp.errors import RunError
from irisbp.rundir.place import TABLE, VALIDATION_TABLE
from irisbp.rundir.storage import Directory
from irisbp.training.state import Training
from irisbp.training.tables import table_of

_FILES = {"source": TABLE, "validation_source": VALIDATION_TABLE}


@dataclass(frozen=True)
class KeptTables:
    """The contents of tables without a file, by the key of `data` that would name it."""

    contents: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of_stdin(cls, config: Config) -> "KeptTables":
        """The table on stdin, if that is a config's source."""
        return cls({"source": read_stdin()} if config.data.source == STDIN else {})

    def table(self, config: Config) -> Table:
        """The config's table, of these contents or of its files."""
        own, held_out = (io.BytesIO(self.contents[key]) if key in self.contents else None for key in TABLES)
        return table_of(config.data, own, held_out)

    def config_in(self, config: Config, path: Path) -> Config:
        """The config of a run in this directory, which names the files there."""
        return with_tables(config, {key: abspath(path / _FILES[key]) for key in self.contents})

    def check(self, directory: Directory) -> None:
        """RunError if the run in a directory was begun with other tables."""
        for key, content in self.contents.items():
            if directory.sha256(_FILES[key]) != sha256(content).hexdigest():
                path = directory.path / _FILES[key]
                raise RunError(f"{path} is not the table that is given: the run was begun with another one")

    def put_into(self, directory: Directory, training: Training) -> Training:
        """The training with its tables written into a new run's directory."""
        for key, content in self.contents.items():
            directory.write(_FILES[key], content)
        config = self.config_in(training.config, directory.path)
        table = _renamed(training.dataset.table, config)
        return replace(training, config=config, dataset=replace(training.dataset, table=table))


def _renamed(table: Table, config: Config) -> Table:
    """The table with the sources that a config names."""
    data, held, reading = config.data, table.held_out, table.reading
    if held is not None and data.validation_source is not None:
        source = data.validation_source
        held = replace(held, source=source, reading=replace(held.reading, source=source))
    if reading is not None and data.source is not None:
        return replace(table, source=data.source, reading=replace(reading, source=data.source), held_out=held)
    return replace(table, held_out=held)
