"""The manifest of a sweep: what it was trained on and with, and the digest of every file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from irisbp.errors import RunError, in_shell
from irisbp.rundir.damage import damage_of
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import now, readings_as_json, versions
from irisbp.sweeps.directory.place import check_that_it_is_a_sweep
from irisbp.sweeps.plan import SweepPlan
from irisbp.sweeps.results.columns import Results
from irisbp.sweeps.results.tables import METHODS


class SweepManifest(BaseModel):
    """Written last, so that a directory without it is a sweep that did not end.

    configs is the sha256 of all rows' configs; data has each table's, tables what was understood of them;
    statistics names the methods by which settings are compared.
    seconds is the time that training took.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    status: Literal["completed"] = "completed"
    runs: int
    diverged: int
    failed: int = 0
    settings: int
    seconds: float
    started: str
    finished: str
    configs: str
    data: dict[str, str]
    tables: list[dict[str, Any]] = []
    statistics: dict[str, str] = {}
    versions: dict[str, str]
    files: dict[str, str]


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
        statistics=METHODS,
        versions=session.versions,
        files=dict(files),
    )


def read_manifest(directory: OpenDirectory) -> SweepManifest:
    """The manifest of the sweep in a directory; RunError if it is not a sweep, or not finished."""
    check_that_it_is_a_sweep(directory)
    path = directory.path
    if not directory.has("manifest.json"):
        raise RunError(f"{path} is an unfinished sweep; irisbp resume {in_shell(path)} resumes it")
    try:
        return SweepManifest.model_validate_json(directory.read("manifest.json"))
    except ValidationError as error:
        raise RunError(f"{path / 'manifest.json'} is damaged: {damage_of(error)}") from None
