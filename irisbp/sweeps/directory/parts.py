"""The files that keep the finished rows of an unfinished sweep."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from irisbp.errors import DataError, RunError
from irisbp.rundir.arrays import AnyArray, pack, problem_of, unpack
from irisbp.rundir.storage import Directory
from irisbp.sweeps.directory.manifest import Session
from irisbp.sweeps.directory.place import part_names
from irisbp.sweeps.plan import SweepPlan
from irisbp.sweeps.results.columns import Results

_LARGEST_PART = 1 << 30  # bytes


class _PartText(BaseModel):
    """The text in a file of results."""

    model_config = ConfigDict(extra="forbid", strict=True)
    form: Literal[1] = 1
    configs: str
    data: dict[str, str]
    started: str
    seconds: float
    versions: dict[str, str]


def write_part(
    directory: Directory, plan: SweepPlan, rows: Sequence[int], results: Results, session: Session
) -> None:
    """Put the outcomes of some rows into a file of their own, durably."""
    about = _PartText(
        configs=plan.rows.digest(rows),
        data=plan.data,
        started=session.started,
        seconds=session.seconds,
        versions=session.versions,
    )
    arrays: dict[str, AnyArray] = {
        "about": np.frombuffer(about.model_dump_json().encode(), np.uint8),
        "rows": np.array(rows, np.int64),
    }
    directory.write(f"part-{rows[0]:06d}.npz", pack(arrays | results.arrays()))


def recorded_tables(directory: Directory) -> dict[str, str]:
    """The sha256 of the tables of the unfinished sweep in a directory, by path, by one of its parts.

    Its sweep.yaml has them, too, since irisbp records them there.
    """
    for name in part_names(directory):
        with suppress(RunError, ValidationError, KeyError, ValueError):
            arrays = unpack(directory.path / name, directory.read(name, _LARGEST_PART))
            return _PartText.model_validate_json(arrays["about"].tobytes()).data
    return {}


def read_part(directory: Directory, name: str, plan: SweepPlan) -> tuple[list[int], Results, Session]:
    """A file's rows, their outcomes, and the session.

    RunError if it is not one of this sweep's, DataError if it was trained on other data.
    """
    path = directory.path / name
    arrays = unpack(path, directory.read(name, _LARGEST_PART))
    try:
        about = _PartText.model_validate_json(arrays["about"].tobytes())
        rows = [int(row) for row in arrays["rows"].reshape(-1)]
        if not all(0 <= row < len(plan.grid) for row in rows) or about.configs != plan.rows.digest(rows):
            raise RunError("its rows are not those of the grid")
        results = Results.from_arrays(arrays, len(rows), plan.epochs)
    except (ValidationError, KeyError, ValueError, RunError) as error:
        raise RunError(f"{path} is not a part of this sweep: {problem_of(error)}") from None
    if [*about.data.values()] != [*plan.data.values()]:  # the paths may be others by now
        raise DataError(
            f"the data of {directory.path} has changed since it was begun: {', '.join(plan.data)}"
        )
    return rows, results, Session(about.started, about.seconds, about.versions)
