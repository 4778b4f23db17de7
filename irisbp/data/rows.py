"""The rows of a table as they are, to be written again: column by column, or as the lines of the file."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from irisbp.data.cells import column

One = Callable[[str], str]  # a text as a cell of a CSV file


@dataclass(frozen=True)
class Columns:
    """The cells of each column."""

    columns: Sequence[Sequence[str]]

    def csv(self, one: One) -> Iterable[str]:
        """Each row's cells, each of them through one, with commas."""
        return map(",".join, zip(*(column(cells, one) for cells in self.columns), strict=True))

    def row(self, k: int) -> list[str]:
        """The cells of a row."""
        return [cells[k] for cells in self.columns]


@dataclass(frozen=True)
class Lines:
    """Lines of cells with commas, none in quotes; texts are the columns that are not numbers."""

    lines: list[str]
    texts: Sequence[Sequence[str]]

    def csv(self, one: One) -> Iterable[str]:
        """Each row's cells, each of them through one, with commas; the lines, if no cell changes."""
        has_tabs = any("\t" in line for line in self.lines)  # beside a number, it is no part of it
        if has_tabs or any(list(column(cells, one)) != list(cells) for cells in self.texts):
            return Columns([*zip(*map(self._cells, self.lines), strict=True)]).csv(one)
        return self.lines

    def row(self, k: int) -> list[str]:
        """The cells of a row."""
        return self._cells(self.lines[k])

    @staticmethod
    def _cells(line: str) -> list[str]:
        return line.split(",")
