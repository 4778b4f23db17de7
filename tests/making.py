"""Runs for tests, made in this process by the library, and read again from their directories."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import irisbp
from irisbp.config.given import Given
from irisbp.config.load import load_config
from irisbp.rundir.directory import OpenDirectory
from irisbp.runs.listing import Entry, EpochFigures, FileEntry, last_epochs, list_files, read_entry
from irisbp.training.state import Block, Record

Stop = Callable[[Record], bool]


def at_step(step: int) -> Stop:
    """Stop at the record that has this step."""
    return lambda record: isinstance(record, Block) and record.last_step >= step


def after_records(count: int) -> Stop:
    """Stop after so many records."""
    records = iter(range(1, count))
    return lambda record: next(records, None) is None


def make_run(path: Path, *overrides: str, config: Given = None, stop: Stop | None = None) -> irisbp.Run:
    """A run in a directory of its own, as it is read from there, however it ended."""
    stopped: list[bool] = []
    asked: dict[str, Any] = {}
    if stop is not None:
        asked = {
            "listeners": [lambda record: stopped.append(stop(record))],
            "should_stop": lambda: stopped[-1] and "stopped by a signal",
        }
    with contextlib.suppress(irisbp.Diverged):
        irisbp.train(load_config(config, overrides), directory=path, **asked)
    return irisbp.open_run(path)


def entry_of(path: Path) -> Entry:
    """The run in a directory, as a list shows it."""
    with OpenDirectory(path) as directory:
        return read_entry(directory)


def epochs_of(path: Path, count: int) -> list[EpochFigures]:
    """The last epochs of the run in a directory."""
    with OpenDirectory(path) as directory:
        return last_epochs(directory, count)


def files_of(path: Path) -> list[FileEntry]:
    """The files of the run in a directory, and the state of each."""
    with OpenDirectory(path) as directory:
        return list_files(directory, read_entry(directory).manifest)
