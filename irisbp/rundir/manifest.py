"""The manifest: what a run was, how it ended, and the digest of every file it wrote."""

import platform
import sys
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from irisbp import __version__

Status = Literal["completed", "diverged", "interrupted"]


Which = Literal["last", "best"]


class Data(BaseModel):
    """The table that was trained on; sha256 is that of its file, validation counts the rows held out."""

    model_config = ConfigDict(extra="forbid", strict=True)
    source: str
    sha256: str
    rows: int
    validation: int
    features: list[str]
    target: str


class Manifest(BaseModel):
    """Written last, so that a directory without it is a run that did not end.

    steps counts the updates done, epochs the passes begun; seconds is the time that training took,
    recording included; reason says why a run that is not completed ended. best_epoch is that of
    best_parameters.npz, None where nothing was monitored; which names the parameters to use.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    status: Status
    reason: str | None
    epochs: int
    steps: int
    stopped_early: bool
    best_epoch: int | None
    which: Which
    seconds: float
    started: str
    finished: str
    classes: list[str]
    data: Data
    versions: dict[str, str]
    files: dict[str, str]


def versions() -> dict[str, str]:
    """What the numbers of a run may depend on."""
    return {
        "irisbp": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{sys.platform}-{platform.machine()}",
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
