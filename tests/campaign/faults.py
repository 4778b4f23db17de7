"""Every fault by its name."""

from pathlib import Path
from typing import Protocol

from tests.campaign import (
    Outcome,
    csv_meaning,
    hostile_npz,
    huge_configs,
    numbers,
    paths,
    spreadsheet,
    terminal,
    yaml_hostile,
    yaml_meaning,
)


class Fault(Protocol):
    """What a module of this folder offers; see the folder's own text."""

    FAULT: str
    PASSES_WHEN: str
    FULL: int
    SHORT: int

    def run(self, trials: int, folder: Path) -> Outcome:
        """Make at least so many trials."""


FAULTS: dict[str, Fault] = {
    "hostile_npz": hostile_npz,
    "yaml_hostile": yaml_hostile,
    "yaml_meaning": yaml_meaning,
    "csv_meaning": csv_meaning,
    "terminal": terminal,
    "spreadsheet": spreadsheet,
    "paths": paths,
    "huge_configs": huge_configs,
    "numbers": numbers,
}
