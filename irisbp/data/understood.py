"""The understanding of a table, as it is told and recorded: its columns, classes, and what is left out."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Understood:
    """One column of the file: its kind, or why it is left out, and what its cells are."""

    name: str
    kind: str
    missing: int
    distinct: int | None
    range: str
    example: str
    left_out: str | None = None
    mean: float | None = None


@dataclass(frozen=True)
class Reading:
    """The understanding of a table: rows that are used, columns, classes with counts, rows dropped."""

    source: str
    rows: int
    columns: tuple[Understood, ...]
    classes: dict[str, int]
    dropped: int = 0
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def features(self) -> list[Understood]:
        """The columns that are used."""
        return [column for column in self.columns if column.left_out is None]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
