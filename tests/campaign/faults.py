"""Every fault by its name."""

from pathlib import Path
from typing import Protocol

from tests.campaign import (
    Outcome,
    cpu_paths,
    csv_meaning,
    damage,
    failing_members,
    full_disk,
    hostile_npz,
    hostile_tables,
    huge_configs,
    kill_points,
    numbers,
    one_writer,
    parts,
    paths,
    portable,
    power_loss,
    random_signals,
    same_machine,
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
    "kill_points": kill_points,
    "random_signals": random_signals,
    "power_loss": power_loss,
    "full_disk": full_disk,
    "damage": damage,
    "hostile_npz": hostile_npz,
    "hostile_tables": hostile_tables,
    "yaml_hostile": yaml_hostile,
    "yaml_meaning": yaml_meaning,
    "csv_meaning": csv_meaning,
    "terminal": terminal,
    "spreadsheet": spreadsheet,
    "paths": paths,
    "one_writer": one_writer,
    "failing_members": failing_members,
    "parts": parts,
    "huge_configs": huge_configs,
    "numbers": numbers,
    "same_machine": same_machine,
    "portable": portable,
    "cpu_paths": cpu_paths,
}
