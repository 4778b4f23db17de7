"""The files that keep the rows of an unfinished sweep: those that are finished, and those that have begun."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from irisbp.errors import DataError, RunError
from irisbp.rundir.arrays import AnyArray, pack, problem_of, unpack
from irisbp.rundir.storage import Directory
from irisbp.sweeps.directory.manifest import Session
from irisbp.sweeps.plan import Part, SweepPlan
from irisbp.sweeps.results.columns import Results
from irisbp.sweeps.trainers.state import GroupState

_LARGEST_PART = 1 << 30  # bytes


class _PartText(BaseModel):
    """The text in a file of results, or of rows that have begun: those stand at an epoch's sample."""

    model_config = ConfigDict(extra="forbid", strict=True)
    form: Literal[1] = 1
    configs: str
    data: dict[str, str]
    started: str
    seconds: float
    versions: dict[str, str]
    epoch: int | None = None
    samples: int | None = None


def write_part(
    directory: Directory, plan: SweepPlan, rows: Sequence[int], results: Results, session: Session
) -> None:
    """Put the outcomes of some rows into a file of their own, durably."""
    about = _about(plan, rows, session)
    directory.write(f"part-{rows[0]:06d}.npz", _packed(about, rows, results.arrays()))


def write_state(directory: Directory, plan: SweepPlan, part: Part, session: Session) -> None:
    """Put the rows of a part that have begun into a file of their own, durably, unless that is too large."""
    assert part.state is not None
    about = _about(plan, part.begun, session)
    about.epoch, about.samples = part.state.position
    if part.state.nbytes <= _LARGEST_PART // 2:
        directory.write(state_name(part), _packed(about, part.begun, part.state.arrays))


def state_name(part: Part) -> str:
    """The name of the file for the rows of a part that have begun."""
    return f"state-{part.rows[0]:06d}.npz"


def _about(plan: SweepPlan, rows: Sequence[int], session: Session) -> _PartText:
    return _PartText(
        configs=plan.rows.digest(rows),
        data=plan.data,
        started=session.started,
        seconds=session.seconds,
        versions=session.versions,
    )


def _packed(about: _PartText, rows: Sequence[int], arrays: Mapping[str, AnyArray]) -> bytes:
    text = np.frombuffer(about.model_dump_json(exclude_none=True).encode(), np.uint8)
    return pack({"about": text, "rows": np.array(rows, np.int64), **arrays})


def read_part(directory: Directory, name: str, plan: SweepPlan) -> tuple[list[int], Results, Session]:
    """A file's rows, their outcomes, and the session.

    RunError if it is not one of this sweep's, DataError if it was trained on other data.
    """
    about, rows, arrays = _read(directory, name, plan)
    try:
        results = Results.from_arrays(arrays, len(rows), plan.epochs)
    except (KeyError, RunError) as error:
        raise _not_of_this_sweep(directory, name, error) from None
    return rows, results, _session(about)


def read_state(directory: Directory, name: str, plan: SweepPlan) -> tuple[Part, Session]:
    """A file's rows, which have begun, as a part, and the session; raises what read_part does."""
    about, rows, arrays = _read(directory, name, plan)
    try:
        if about.epoch is None or about.samples is None or len(set(rows)) != len(rows):
            raise ValueError("its rows have not begun")
        if any(array.ndim and array.shape[-1] != len(rows) for array in arrays.values()):
            raise ValueError("an array has not one entry for each row")
        part = plan.part(rows, GroupState(about.epoch, about.samples, arrays))
        if not 1 <= about.epoch <= part.cost.epochs or "parameters" not in arrays:
            raise ValueError(f"epoch {about.epoch}")
    except ValueError as error:
        raise _not_of_this_sweep(directory, name, error) from None
    return part, _session(about)


def _read(
    directory: Directory, name: str, plan: SweepPlan
) -> tuple[_PartText, list[int], dict[str, AnyArray]]:
    """A file's text, its rows, and its other arrays."""
    path = directory.path / name
    arrays = unpack(path, directory.read(name, _LARGEST_PART))
    try:
        about = _PartText.model_validate_json(arrays.pop("about").tobytes())
        rows = [int(row) for row in arrays.pop("rows").reshape(-1)]
        if not all(0 <= row < len(plan.grid) for row in rows) or about.configs != plan.rows.digest(rows):
            raise RunError("its rows are not those of the grid")
    except (ValidationError, KeyError, ValueError, RunError) as error:
        raise _not_of_this_sweep(directory, name, error) from None
    if about.data != plan.data:
        raise DataError(
            f"the data of {directory.path} has changed since it was begun: {', '.join(plan.data)}"
        )
    return about, rows, arrays


def _not_of_this_sweep(directory: Directory, name: str, error: Exception) -> RunError:
    return RunError(f"{directory.path / name} is not a part of this sweep: {problem_of(error)}")


def _session(about: _PartText) -> Session:
    return Session(about.started, about.seconds, about.versions)
