"""`python -m tests.campaign [FAULT...]`: the whole campaign, as a table."""

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.campaign.faults import FAULTS


def main(names: list[str]) -> int:
    """Run the named faults, or all; the exit code is 1 if any trial failed."""
    unknown = set(names) - set(FAULTS)
    if unknown:
        print(f"no such fault: {', '.join(sorted(unknown))}; known: {', '.join(FAULTS)}", file=sys.stderr)
        return 2
    table = Table("fault", "trials", "passes when", "failed", "measured", "minutes")
    failures: list[str] = []
    for name in names or FAULTS:
        fault, began = FAULTS[name], time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            outcome = fault.run(fault.FULL, Path(folder))
        minutes = (time.monotonic() - began) / 60
        bad = len(outcome.failures)
        cells = (f"{outcome.trials:,}", fault.PASSES_WHEN, f"{bad}", outcome.measured, f"{minutes:.1f}")
        table.add_row(fault.FAULT, *cells)
        told = f"{name}: {outcome.trials} trials, {bad} failed, {minutes:.1f} min"
        print(told, *outcome.failures[:100], sep="\n", file=sys.stderr, flush=True)
        failures += outcome.failures
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
