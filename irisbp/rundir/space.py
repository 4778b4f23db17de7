"""Checks, before a run starts, that the disk has room for what it will record."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from irisbp.errors import NoRoom
from irisbp.training.state import Training

_SAMPLE_ROW, _EPOCH_ROW = 30, 30  # bytes that a line takes at least


def check_space(training: Training, place: Path, *, replaces: bool = False) -> None:
    """NoRoom if the tables of a run at this place cannot fit; a run that may stop early is not checked.

    If the run replaces one, the space of that one counts as free.
    """
    config = training.config
    if config.early_stopping is not None:
        return
    samples = len(training.order) if config.record == "steps" else 0
    need = config.epochs * (samples * _SAMPLE_ROW + _EPOCH_ROW)
    folder = next(above for above in (place.absolute(), *place.absolute().parents) if above.exists())
    with suppress(OSError):  # any error there is reported when it is written to
        free = shutil.disk_usage(folder).free
        if replaces and folder == place.absolute():
            free += sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
        if need > free:
            table, remedy = (
                ("steps.csv", "; use record: epochs to leave it out") if samples else ("epochs.csv", "")
            )
            raise NoRoom(
                f"{place}: {table} would take {_size(need)} or more, and {_size(free)} are free{remedy}"
            )


def _size(count: int) -> str:
    """A number of bytes in a readable unit."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one:
            return f"{count / one:.1f} {unit}"
    return f"{count} bytes"
