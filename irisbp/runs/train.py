"""Trains a run: the verb of the library, for which the command line is a shell."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from irisbp.annotations import DataFrame
from irisbp.config.given import Given
from irisbp.config.load import given_document, load_config
from irisbp.config.schema import Config
from irisbp.data.frames import csv_of
from irisbp.errors import ConfigError, DataError
from irisbp.rundir.space import check_space
from irisbp.runs.kept import KeptTables
from irisbp.runs.layout import open_begun_run, open_new_run
from irisbp.runs.resume import resume_in
from irisbp.runs.run import Run
from irisbp.runs.session import AnyListener, Asked, ShouldStop, in_directory, in_memory
from irisbp.training.setup import prepare

# The names of tables in memory.
_FRAMES = {"source": "DataFrame", "validation_source": "validation DataFrame"}
# How csv_of writes a frame, whatever the config says of its own file.
_AS_WRITTEN: dict[str, Any] = dict.fromkeys(("separator", "thousands", "encoding", "comment", "header"))
_AS_WRITTEN |= {"decimal": ".", "skip_rows": 0, "units": (), "exponent": "E"}


def train(
    config: Given = None,
    *,
    table: DataFrame | None = None,
    target: str | None = None,
    validation_table: DataFrame | None = None,
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
    validation_table is another one, with the same columns, whose rows are held out.
    directory records the run there; resume continues the run that lies there, if there is one, and overwrite
    replaces it. listeners are called with every record. should_stop is asked after every record: once it is
    true, the run ends there, interrupted. progress shows a bar.

    ConfigError, DataError and RunError are raised for wrong arguments, tables and directories. Diverged, with
    the run attached, is raised where a loss or a parameter stops being finite; NotFinite, a kind of it,
    where a loss of the final parameters is not finite; Interrupted, also a KeyboardInterrupt, after a Ctrl-C,
    once the run has ended in good order.
    """
    if directory is None and (resume or overwrite):
        raise ConfigError("resume and overwrite need a directory")
    place = None if directory is None else Path(directory)
    kept = _kept(table, validation_table)
    wanted = _resolved(config, kept, target, keys)
    asked = Asked(listeners, should_stop, progress)
    if place is None:
        return asked.run(in_memory(prepare(wanted, kept.table(wanted))))
    if resume and (begun := open_begun_run(directory=place, name=None)):
        with begun:
            kept.check(begun)
            return resume_in(begun, asked, kept.config_in(wanted, begun.path))
    training = prepare(wanted, kept.table(wanted))
    check_space(training, place, replaces=overwrite)
    with open_new_run(None, directory=place, name=None, overwrite=overwrite, unbegun=resume) as held:
        return asked.run(in_directory(held, kept.put_into(held, training)))


def _kept(table: DataFrame | None, validation_table: DataFrame | None) -> KeptTables:
    """The tables that are given as DataFrames, as the files that they would be."""
    if table is None and validation_table is not None:
        raise DataError("validation_table: needs table; a file is held out by the key data.validation_source")
    given = {"source": table, "validation_source": validation_table}
    return KeptTables({key: csv_of(frame) for key, frame in given.items() if frame is not None})


def _resolved(config: Given, kept: KeptTables, target: str | None, keys: dict[str, Any]) -> Config:
    """The config, in which DataFrames have taken the place of files."""
    if not kept.contents:
        return load_config(config, **keys if target is None else keys | {"data.target": target})
    if target is None and not isinstance(config, Config):
        target = given_document(config)[0].data.get("data", {}).get("target", keys.get("data.target"))
    target = target or (config.data.target if isinstance(config, Config) else None)
    if target is None:
        raise DataError("table: needs target, the column that holds the classes")
    given: dict[str, Any] = {f"data.{key}": _FRAMES[key] for key in kept.contents} | {"data.target": target}
    found = load_config(config, **keys, **given)
    if "validation_source" not in kept.contents and found.data.validation_source is not None:
        raise DataError("table: give validation_table, a DataFrame too, in place of data.validation_source")
    named = {key: _FRAMES[key] for key in kept.contents}
    return found.model_copy(update={"data": found.data.model_copy(update={**named, **_AS_WRITTEN})})
