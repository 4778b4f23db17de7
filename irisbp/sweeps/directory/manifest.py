"""The manifest of a sweep: what it was trained on and with, and the digest of every file."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from irisbp.errors import RunError, in_shell
from irisbp.rundir.reader import read_content
from irisbp.sweeps.directory.place import check_that_it_is_a_sweep


class SweepManifest(BaseModel):
    """Written last, so that a directory without it is a sweep that did not end.

    configs is the sha256 of all rows' configs; data has each table's. seconds is the time that training took.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    status: Literal["completed"] = "completed"
    runs: int
    diverged: int
    settings: int
    seconds: float
    started: str
    finished: str
    configs: str
    data: dict[str, str]
    versions: dict[str, str]
    files: dict[str, str]


def read_manifest(path: Path) -> SweepManifest:
    """The manifest of the sweep in a directory; RunError if it is none, or did not come to its end."""
    check_that_it_is_a_sweep(path)
    if not (path / "manifest.json").exists():
        raise RunError(f"{path} is an unfinished sweep; irisbp resume {in_shell(path)} goes on with it")
    try:
        return SweepManifest.model_validate_json(read_content(path / "manifest.json"))
    except ValidationError as error:
        raise RunError(f"{path / 'manifest.json'} is damaged: {error.errors()[0]['msg']}") from None
