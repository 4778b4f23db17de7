"""Every fault by its name."""

from pathlib import Path
from typing import Protocol

from tests.campaign import Outcome, numbers, paths, terminal


class Fault(Protocol):
    """What a module of this folder offers; see the folder's own text."""

    FAULT: str
    PASSES_WHEN: str
    FULL: int
    SHORT: int

    def run(self, trials: int, folder: Path) -> Outcome:
        """Make at least so many trials."""


FAULTS: dict[str, Fault] = {"numbers": numbers, "paths": paths, "terminal": terminal}
