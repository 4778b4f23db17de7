"""Tables for a terminal: numbers stay whole; cells that do not fit get their own lines or are left out.

`print_table` is for results: where a table is wider than the terminal, each of its cells has a line.
`print_columns` is for results of many columns: those that do not fit continue below, or have lines.
`fitted_table` is for views of a fixed height: the most important columns that fit.
"""

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from irisbp.errors import literal
from irisbp.show.console import print_lines

_SHORTEST_WORD = 12  # characters that a cut word keeps


def print_table(
    console: Console,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Collection[int],
    styles: Sequence[str] = (),
    below: Sequence[str] = (),
) -> None:
    """Print a table, or, where it is wider than the terminal, a line for each of its cells.

    left are the columns that are set to the left. styles and below have one entry for each row: its style,
    and a text that is printed under it.
    """
    head, *body = ([literal(cell) for cell in row] for row in (header, *rows))
    widths = _widths([head, *body])
    is_fitting = _width(widths) <= console.width
    if is_fitting:
        print_lines(console, _line(head, widths, left), style="dim")
    for k, row in enumerate(body):
        style = styles[k] if styles else ""
        if is_fitting:
            print_lines(console, _line(row, widths, left), style=style)
        else:
            _print_cells(console, head, row, style)
        if below:
            say(console, below[k], indent=2)


def print_columns(
    console: Console, columns: Mapping[str, Sequence[str]], *, left: Collection[str] = ()
) -> None:
    """Print columns side by side; those that do not fit the terminal continue below, behind the first again.

    left are those that are set to the left. If a column does not fit at all, each cell has a line: nothing is
    left out, whatever the width.
    """
    shown = {literal(name): [literal(cell) for cell in cells] for name, cells in columns.items()}
    widths = {name: max(map(cell_len, (name, *cells))) for name, cells in shown.items()}
    blocks = _blocks(widths, console.width)
    if blocks is None:
        head, *body = [[*shown], *zip(*shown.values(), strict=True)]
        for row in body:
            _print_cells(console, head, (f"{head[0]} {row[0]}", *row[1:]), "")
        return
    at_left = {literal(name) for name in left}
    for k, block in enumerate(blocks):
        if k:
            console.print()
        places = {place for place, name in enumerate(block) if name in at_left}
        for number, cells in enumerate([block, *zip(*(shown[name] for name in block), strict=True)]):
            line = _line(cells, [widths[name] for name in block], places)
            print_lines(console, line, style="" if number else "dim")


def _blocks(widths: Mapping[str, int], room: int) -> list[list[str]] | None:
    """The columns that stand side by side, each time behind the first one; None if one does not fit so."""
    first, *others = widths
    blocks = [[first]]
    for name in others:
        if widths[first] + 2 + widths[name] > room:
            return None
        if _width([widths[each] for each in (*blocks[-1], name)]) > room:
            blocks.append([first])
        blocks[-1].append(name)
    return blocks if widths[first] <= room else None


def _print_cells(console: Console, head: Sequence[str], row: Sequence[str], style: str) -> None:
    """Print a row as a line for each of its cells."""
    say(console, row[0], style)
    for name, cell in zip(head[1:], row[1:], strict=True):
        say(console, f"{name} {cell}", indent=2)


def print_pairs(console: Console, pairs: Iterable[tuple[str, str]]) -> None:
    """Print a line for each name and value; where one does not fit, the value has its own."""
    shown = [(literal(name), literal(value)) for name, value in pairs]
    width = max(cell_len(name) for name, _ in shown) + 2
    for name, value in shown:
        if width + cell_len(value) <= console.width:
            print_lines(console, f"{_set(name, width, left=True)}{value}".rstrip())
        else:
            say(console, name)
            say(console, value, indent=2)


def say(console: Console, text: str, style: str = "", *, indent: int = 0) -> None:
    """Print a sentence, broken between words where the terminal ends, and a row of a file at its commas."""
    for part in textwrap.wrap(
        literal(text), max(console.width - indent, 1), break_long_words=False, break_on_hyphens=False
    ):
        for piece in _at_commas(part, console.width - indent):
            # Without room for an indentation there is none.
            print_lines(console, " " * min(indent, max(console.width - len(piece), 0)) + piece, style=style)


def fits(console: Console, rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a table of these rows, with its header, fits the terminal's width."""
    return _width(_widths([[literal(cell) for cell in row] for row in rows])) <= console.width


def fitted_table(
    columns: Mapping[str, Sequence[str]],
    *,
    width: int,
    by_importance: Sequence[str],
    words: Sequence[str] = (),
    names: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> Text:
    """The columns that fit side by side, in their order, chosen by importance.

    words are columns of text that may be cut short; names are columns of text that may not. styles has one
    for each row. The last column is set to the right, so that no line ends in spaces.
    """
    widths = _fitting_widths(columns, width, by_importance, words)
    shown = [name for name in columns if name in widths]
    left = {k for k, name in enumerate(shown) if (name in words or name in names) and name != shown[-1]}
    # A Table of Rich's would look the same and take ten times as long to draw.
    table = Text(no_wrap=True, overflow="crop")
    for k, cells in enumerate([shown, *zip(*(columns[name] for name in shown), strict=True)]):
        line = _line(cells, [widths[name] for name in shown], left)
        style = styles[k - 1] if 0 < k <= len(styles) else ""
        table.append("\n" + line if k else line, style if k else "dim")
    return table


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _line(cells: Sequence[str], widths: Sequence[int], left: Collection[int]) -> str:
    """Cells side by side, those of `left` set to the left, the others to the right."""
    return "  ".join(_all_set(cells, widths, left)).rstrip()


def _all_set(cells: Sequence[str], widths: Sequence[int], left: Collection[int]) -> Iterator[str]:
    for k, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        yield _set(cell, width, left=k in left)


def _set(cell: str, width: int, *, left: bool) -> str:
    """A cell of exactly so many columns of a terminal."""
    length = cell_len(cell)
    if length > width:
        return set_cell_size(cell, width - 1) + "…"
    space = " " * (width - length)
    return cell + space if left else space + cell


def _at_commas(text: str, width: int) -> list[str]:
    pieces = [""]
    for cell in re.findall("[^,]*,|[^,]+$", text) if len(text) > width else [text]:
        if pieces[-1] and len(pieces[-1] + cell) > width:
            pieces.append("")
        pieces[-1] += cell
    return pieces


def _fitting_widths(
    columns: Mapping[str, Sequence[str]], room: int, by_importance: Sequence[str], words: Sequence[str]
) -> dict[str, int]:
    """The width of each column that there is room for; the rest goes to words that are cut."""
    widest = {name: max(map(cell_len, (name, *cells))) for name, cells in columns.items()}
    widths: dict[str, int] = {}
    for name in filter(columns.__contains__, by_importance):
        needed = min(widest[name], _SHORTEST_WORD) if name in words else widest[name]
        if needed <= room:
            widths[name] = needed
            room -= needed + 2
    room += 2  # nothing follows the last column
    for name in filter(widths.__contains__, words):
        more = min(widest[name] - widths[name], max(room, 0))
        widths[name] += more
        room -= more
    return widths
