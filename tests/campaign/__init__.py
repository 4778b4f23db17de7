"""Faults, by the thousand: what a run has to survive, one file per fault.

`python -m tests.campaign` runs all of them in full and prints a table; names of files as arguments run
those. tests/test_campaign.py runs a short form of each. A fault is a module here with

    FAULT          what is done, for the table
    PASSES_WHEN    what has to hold
    FULL, SHORT    how many trials the campaign and the suite make, at least
    run(trials, folder) -> Outcome

where folder is an empty directory that the fault may fill.
"""

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How many trials were made, a line for each that failed, and what was measured on the way."""

    trials: int = 0
    failures: list[str] = field(default_factory=list)
    measured: str = ""

    def check(self, holds: bool, otherwise: str) -> None:
        """Count one trial."""
        self.trials += 1
        if not holds:
            self.failures.append(otherwise)
