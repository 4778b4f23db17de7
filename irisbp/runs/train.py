"""Trains a run: the verb of the library, for which the command line is a shell."""

from collections.abc import Iterable
from os import PathLike
from os.path import abspath
from pathlib import Path
from typing import Any

from irisbp.annotations import DataFrame
from irisbp.config.given import Given
from irisbp.config.load import given_document, load_config
from irisbp.config.schema import Config
from irisbp.data.files import parse_table
from irisbp.data.frames import csv_of
from irisbp.data.table import Table
from irisbp.errors import ConfigError, DataError
from irisbp.rundir.place import TABLE
from irisbp.rundir.space import check_space
from irisbp.runs.layout import open_begun_run, open_new_run
from irisbp.runs.resume import resume_in
from irisbp.runs.run import Run
from irisbp.runs.session import AnyListener, Asked, ShouldStop, in_directory, in_memory
from irisbp.training.setup import prepare
from irisbp.training.tables import wanted_of

_FRAME = "DataFrame"  # the name of a table in memory
# How csv_of writes a frame, whatever the config says of its own file.
_AS_WRITTEN: dict[str, Any] = dict.fromkeys(("separator", "thousands", "encoding", "comment", "header"))
_AS_WRITTEN |= {"decimal": ".", "skip_rows": 0, "units": (), "exponent": "E"}


def train(
    config: Given = None,
    *,
    table: DataFrame | None = None,
    target: str | None = None,
    directory: str | PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    listeners: Iterable[AnyListener] = (),
    should_stop: ShouldStop | None = None,
    progress: bool = False,
    **keys: Any,
) -> Run:
    """Train a run: the article's, or that of a config (a path, a mapping or a Config) with keys in its place.

    table is a pandas DataFrame to use in place of the config's table, target the column of its classes.
    directory records the run there; resume continues the run that lies there, if there is one, and overwrite
    replaces it. listeners are called with every record. should_stop is asked after every record: once it is
    true, the run ends there, interrupted. progress shows a bar.

    ConfigError, DataError and RunError are raised for wrong arguments, tables and directories. Diverged, with
    the run attached, is raised where a loss or a parameter stops being finite; Interrupted, also a
    KeyboardInterrupt, after a Ctrl-C, once the run has ended in good order.
    """
    if directory is None and (resume or overwrite):
        raise ConfigError("resume and overwrite need a directory")
    place = None if directory is None else Path(directory)
    content = None if table is None else csv_of(table)
    wanted, data = _resolved(config, content, target, place, keys)
    asked = Asked(listeners, should_stop, progress)
    if place is None:
        return asked.run(in_memory(prepare(wanted, data)))
    if resume and (begun := open_begun_run(directory=place, name=None)):
        with begun:
            return resume_in(begun, asked, wanted)
    training = prepare(wanted, data)
    check_space(training, place, replaces=overwrite)
    with open_new_run(None, directory=place, name=None, overwrite=overwrite, unbegun=resume) as held:
        if content is not None:
            held.write(TABLE, content)
        return asked.run(in_directory(held, training))


def _resolved(
    config: Given, content: bytes | None, target: str | None, place: Path | None, keys: dict[str, Any]
) -> tuple[Config, Table | None]:
    """The config, and the table of a DataFrame, which a run in a directory keeps beside its config."""
    if content is None:
        return load_config(config, **keys if target is None else keys | {"data.target": target}), None
    source = _FRAME if place is None else abspath(place / TABLE)
    if target is None and not isinstance(config, Config):
        target = given_document(config)[0].data.get("data", {}).get("target", keys.get("data.target"))
    target = target or (config.data.target if isinstance(config, Config) else None)
    if target is None:
        raise DataError("table: needs target, the column that holds the classes")
    given: dict[str, Any] = {"data.source": source, "data.target": target}
    found = load_config(config, **keys, **given)
    data = found.data.model_copy(update={"source": source, **_AS_WRITTEN})
    wanted = wanted_of(data)
    assert wanted is not None
    return found.model_copy(update={"data": data}), parse_table(content, wanted)
