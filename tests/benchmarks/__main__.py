"""irisbp and each of its peers that is installed, in one go: `python -m tests.benchmarks`.

Prints a table of what things cost and of their ratios, and exits with 1 if one is not as wanted. Everything
that is compared takes turns. Names of parts as arguments (updates view engines medium sweep tables) measure
those.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.turns import PEERS, Row, environment, is_installed

ROUNDS = 5
PARTS = ("updates", "view", "engines", "medium", "sweep", "tables")


def main(names: list[str]) -> None:
    """Measure, print the table, and exit with 1 if something is not as wanted."""
    os.environ.update(environment())  # before anything that reads it is imported
    missing = [peer for peer in PEERS if not is_installed(peer)]
    console = Console(width=120, highlight=False)
    console.print(f"not installed, and so left out: {', '.join(missing) or 'nothing'}")
    with tempfile.TemporaryDirectory() as name:
        rows = [_told(row) for part in names or PARTS for row in _measured(part, Path(name))]
    console.print(_table(rows))
    console.print("load while it ran (1, 5, 15 minutes): {:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    sys.exit(any(row.missed() for row in rows))


def _told(row: Row) -> Row:
    """The same; progress is told on stderr."""
    figures = {"irisbp": row.ours} | dict(row.peers) if row.ours is not None else {}
    told = ", ".join(f"{name} {row.show(value)}" for name, value in figures.items() if value is not None)
    print(f"{row.what}: {told or row.note}", file=sys.stderr, flush=True)
    return row


def _measured(part: str, folder: Path) -> Iterable[Row]:
    from tests.benchmarks import engines, medium, speed, sweep, tables, view

    measure: dict[str, Callable[[], Iterable[Row]]] = {
        "updates": lambda: speed.rows(folder, ROUNDS),
        "view": lambda: view.rows(folder, ROUNDS),
        "engines": lambda: engines.rows(folder, ROUNDS),
        "medium": lambda: medium.rows(4 * ROUNDS),
        "sweep": lambda: sweep.rows(folder),
        "tables": lambda: tables.rows(folder, ROUNDS),
    }
    return measure[part]()


def _table(rows: list[Row]) -> Table:
    table = Table("what", "irisbp", "peers", "ratio", "wanted")
    for row in rows:
        ratios = row.ratios()
        table.add_row(
            row.what,
            row.show(row.ours) if row.ours is not None else row.note,
            "\n".join(f"{name} {row.show(theirs)}" for name, theirs in row.peers.items()),
            "\n".join(f"{ratio:.2f}" for ratio in ratios.values()),
            "\n".join(row.conditions()),
            style="bold red" if row.missed() else "",
        )
    return table


if __name__ == "__main__":
    main(sys.argv[1:])
