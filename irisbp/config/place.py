"""The paths of a config's tables: absolute in memory, and relative to the file in which a run records them.

So a run and its table can be moved together.
"""

import os
from pathlib import Path
from typing import Any

from irisbp.config.schema import Config

TABLES = ("source", "validation_source")
"""The keys of `data` that name a table."""

_ANYWHERE = ("", "-")  # no file: nothing, and stdin


def anchor_source(config: Any, folder: Path) -> None:
    """Make the paths of tables absolute; until then they are relative to the folder.

    In a file that is the file's folder, in an override the working directory.
    """
    data = config.get("data")
    for key in TABLES if isinstance(data, dict) else ():
        if isinstance(data.get(key), str):
            config["data"] = data = data | {key: anchored_path(data[key], folder)}


def anchored_path(path: str, folder: Path) -> str:
    """The absolute path of a table whose path is relative to the folder."""
    return path if path in _ANYWHERE else os.path.abspath(folder / path)


def recorded_path(path: str, folder: Path) -> str:
    """The path from a folder to a table, with slashes; absolute if they share only the root."""
    if path in _ANYWHERE:
        return path
    try:
        shared = os.path.commonpath([path, os.path.abspath(folder)])
    except ValueError:  # on another drive
        return path
    if os.path.dirname(shared) == shared:
        return path
    return os.path.relpath(path, folder).replace(os.sep, "/")


def anchored_in(config: Config, folder: Path) -> Config:
    """A config that was read from a file in the folder, with absolute paths."""
    return with_tables(config, {key: anchored_path(path, folder) for key, path in paths_of(config).items()})


def recorded_in(config: Config, folder: Path) -> Config:
    """A config as a run in the folder records it."""
    return with_tables(config, {key: recorded_path(path, folder) for key, path in paths_of(config).items()})


def paths_of(config: Config) -> dict[str, str]:
    """The paths of a config's tables, by their keys in `data`; none of iris."""
    found = {key: getattr(config.data, key) for key in TABLES}
    return {key: path for key, path in found.items() if path is not None}


def with_tables(config: Config, paths: dict[str, str]) -> Config:
    """The config with other paths of tables."""
    return config.model_copy(update={"data": config.data.model_copy(update=paths)}) if paths else config
