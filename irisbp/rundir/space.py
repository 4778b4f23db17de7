"""Whether the disk has room for what a run will record, asked before it starts."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from irisbp.errors import NoRoom
from irisbp.training.state import Training

_SAMPLE_ROW, _EPOCH_ROW = 30, 30  # bytes that a line takes at least


def check_space(training: Training, place: Path, *, replaces: bool = False) -> None:
    """NoRoom if the tables of a run at this place cannot fit; one that may stop early is let go.

    What lies there makes room for it, if the run replaces it.
    """
    config = training.config
    if config.early_stopping is not None:
        return
    samples = len(training.order) if config.record == "steps" else 0
    need = config.epochs * (samples * _SAMPLE_ROW + _EPOCH_ROW)
    folder = next(above for above in (place.absolute(), *place.absolute().parents) if above.exists())
    with suppress(OSError):  # whatever is wrong there shows when it is written to
        free = shutil.disk_usage(folder).free
        if replaces and folder == place.absolute():
            free += sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
        if need > free:
            table, remedy = ("steps.csv", "; record: epochs leaves it out") if samples else ("epochs.csv", "")
            raise NoRoom(
                f"{place}: {table} would take {_size(need)} or more, and {_size(free)} are free{remedy}"
            )


def _size(count: int) -> str:
    """Bytes as people write them."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one:
            return f"{count / one:.1f} {unit}"
    return f"{count} bytes"
