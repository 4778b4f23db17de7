"""The manifest of a sweep: what it was trained on and with, and the digest of every file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from irisbp.errors import RunError, in_shell
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import (
    Count,
    Digest,
    Files,
    Seconds,
    Time,
    Versions,
    now,
    readings_as_json,
    versions,
)
from irisbp.rundir.reader import parsed
from irisbp.sweeps.directory.place import check_that_it_is_a_sweep
from irisbp.sweeps.plan import SweepPlan
from irisbp.sweeps.results.columns import Results, most_bytes


class SweepManifest(BaseModel):
    """Written last, so that a directory without it is a sweep that did not end.

    configs is the sha256 of all rows' configs; data has each table's, tables what was understood of them.
    seconds is the time that training took.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    status: Literal["completed"] = "completed"
    runs: Count
    diverged: Count
    failed: Count = 0
    settings: Count
    seconds: Seconds
    started: Time
    finished: Time
    configs: Digest
    data: dict[str, Digest]
    tables: list[dict[str, Any]] = []
    versions: Versions
    files: Files

    def most(self, name: str) -> int | None:
        """The most bytes that curves.npz can have; None for files of other kinds."""
        return most_bytes(self.runs) if name == "curves.npz" else None


@dataclass(frozen=True)
class Session:
    """The start of a sweep, the time that it has been trained, and the versions used."""

    started: str
    seconds: float
    versions: dict[str, str]

    @classmethod
    def begin(cls) -> "Session":
        """A session that begins now."""
        return cls(now(), 0.0, versions())

    def after(self, seconds: float) -> "Session":
        """The session once it has lasted for so many seconds more."""
        return replace(self, seconds=self.seconds + seconds)


def make_manifest(
    plan: SweepPlan, results: Results, settings: int, session: Session, files: Mapping[str, str]
) -> SweepManifest:
    """The manifest of a sweep that ends now, with so many settings and these files."""
    return SweepManifest(
        runs=len(plan.grid),
        diverged=int(results.diverged.sum()),
        failed=int(results.failed.sum()),
        settings=settings,
        seconds=session.seconds,
        started=session.started,
        finished=now(),
        configs=plan.rows.digest(range(len(plan.grid))),
        data=plan.data,
        tables=[readings_as_json(readings) for readings in plan.readings],
        versions=session.versions,
        files=dict(files),
    )


def read_manifest(directory: OpenDirectory) -> SweepManifest:
    """The manifest of the sweep in a directory; RunError if it is not a sweep, or not finished."""
    check_that_it_is_a_sweep(directory)
    path = directory.path
    if not directory.has("manifest.json"):
        raise RunError(f"{path} is an unfinished sweep; irisbp resume {in_shell(path)} resumes it")
    return parsed(SweepManifest, directory)
