"""The confirmation of a sweep: its best two settings on seeds that chose nothing."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from irisbp.errors import RunError
from irisbp.rundir.damage import damage_of
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.storage import Directory

CONFIRMATION = "confirmation.json"


class ConfirmedSetting(BaseModel):
    """A setting on fresh seeds: the mean and sd over the runs that have a figure, and each run's figure.

    figures are in the order of folds and, fastest, seeds; null where a run has none. rank is the sweep's.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    setting: int
    rank: int
    values: dict[str, str]
    diverged: int
    failed: int
    mean: float | None
    sd: float | None
    figures: list[float | None]


class ConfirmedDifference(BaseModel):
    """The second setting's figure minus the first's, over pairs of runs, and its mean's 95 % interval."""

    model_config = ConfigDict(extra="forbid", strict=True)
    pairs: int
    wins: int
    ties: int
    losses: int
    mean: float | None
    sd: float | None
    effect: float | None
    low: float | None
    high: float | None
    differs: bool


class Confirmation(BaseModel):
    """The best two settings of a sweep, trained on seeds that it has not used.

    figure is what the sweep ranks by; seeds is their text, such as 1000:1100. Of the two settings the first
    is the sweep's best. configs identifies the sweep: it is its manifest's.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    configs: str
    figure: str
    seeds: str
    settings: list[ConfirmedSetting]
    difference: ConfirmedDifference
    test_rows_per_training_row: float
    versions: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Plain data, the content of confirmation.json."""
        return self.model_dump()


def write_confirmation(directory: Directory, confirmation: Confirmation) -> None:
    """Write confirmation.json into the sweep's directory."""
    directory.write(CONFIRMATION, confirmation.model_dump_json(indent=2).encode() + b"\n")


def read_confirmation(directory: OpenDirectory, configs: str) -> Confirmation | None:
    """The confirmation of the sweep of these configs in its directory, if any; RunError if damaged."""
    if not directory.has(CONFIRMATION):
        return None
    path = directory.path / CONFIRMATION
    try:
        found = Confirmation.model_validate_json(directory.read(CONFIRMATION))
    except ValidationError as error:
        raise RunError(f"{path} is damaged: {damage_of(error)}") from None
    if found.configs != configs or len(found.settings) != 2:
        raise RunError(f"{path} is not of this sweep; remove it to read the sweep without it")
    return found
