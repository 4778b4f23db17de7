"""The choices that a table needs from its reader: its dialect, its columns, and what a missing cell is.

They are the keys of a config's `data` that concern a file, as plain data, so that this room needs no config.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from irisbp.data.cells import NUMBER

STDIN = "-"  # the source of a table that comes through a pipe
Kind = Literal["number", "boolean", "words"]
Missing = Literal["error", "drop", "mean", "median", "most_frequent"]
Unknown = Literal["error", "zeros"]

_WORDS = ("na", "n/a", "nan", "-nan", "null", "none", "n.a.", "#n/a", "#na", "<na>", "missing")
MISSING_VALUES = tuple(
    dict.fromkeys(
        ["", "?", "-", ".", "\\N", "NaN", "#N/A N/A", "#NULL!", "(missing)"]
        + [form for word in _WORDS for form in (word, word.upper(), word.capitalize())]
    )
)
"""The texts of a cell without a value, unless the user names others; blanks around them do not count."""


@dataclass(frozen=True)
class Dialect:
    """The dialect of a text file; separator and encoding are None where the file's name decides.

    units are texts around numbers that are left out, such as %; an exponent may also follow a D, as Fortran
    writes it.
    """

    separator: str | None = None
    decimal: str = "."
    thousands: str | None = None
    units: tuple[str, ...] = ()
    exponent: Literal["E", "D"] = "E"
    encoding: str | None = None
    comment: str | None = None
    skip_rows: int = 0
    header: tuple[str, ...] | Literal["none"] | None = None

    @property
    def has_plain_numbers(self) -> bool:
        """Return true if numbers are written as Python writes them."""
        others = self.thousands, self.units, self.decimal != ".", self.exponent != "E"
        return not any(others)


@dataclass(frozen=True)
class Wanted:
    """A request for a table: its columns, how to read them, and what to do about missing cells."""

    source: str
    target: str
    features: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    missing: Missing = "error"
    missing_values: tuple[str, ...] | None = None
    dialect: Dialect = field(default_factory=Dialect)
    thorough: bool = False  # count the different cells of each column, too

    @cached_property
    def missing_texts(self) -> frozenset[str]:
        """The stripped texts of a cell without a value."""
        return frozenset(MISSING_VALUES if self.missing_values is None else ("", *self.missing_values))

    @cached_property
    def missing_numbers(self) -> frozenset[str]:
        """Those that are written as numbers, such as -999."""
        return frozenset(filter(NUMBER.fullmatch, self.missing_texts))

    @cached_property
    def missing_labels(self) -> frozenset[str]:
        """The same for the classes: only an empty cell, unless the user names other texts."""
        return frozenset(("", *(self.missing_values or ())))


def listed(lines: Iterable[int], most: int = 5) -> str:
    """Line numbers for a message: "line 5", "lines 5, 273", or the first of very many."""
    numbers = list(lines)
    more = ", ..." if len(numbers) > most else ""
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:most]))}{more}"
