"""Tables that fit their terminal: columns that there is no room for are left out, and numbers stay whole."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

_SHORTEST_WORD = 12  # characters that a cut word keeps


def fitted_table(
    columns: Mapping[str, Sequence[str]],
    *,
    width: int,
    by_importance: Sequence[str],
    words: Sequence[str] = (),
    names: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> Text:
    """The columns that fit side by side, in their order, the most important first to be let in.

    words are columns of text that may be cut short; names are columns of text that may not. styles has one
    for each row. The last column is set to the right, so that no line ends in spaces.
    """
    widths = _fitting_widths(columns, width, by_importance, words)
    shown = [name for name in columns if name in widths]
    lefts = [(name in words or name in names) and name != shown[-1] for name in shown]
    # A Table of Rich's would look the same and take ten times as long to draw.
    table = Text(no_wrap=True, overflow="crop")
    for k, cells in enumerate([shown, *zip(*(columns[name] for name in shown), strict=True)]):
        line = "  ".join(map(_set, cells, (widths[name] for name in shown), lefts))
        style = styles[k - 1] if 0 < k <= len(styles) else ""
        table.append("\n" + line if k else line, style if k else "dim")
    return table


def _set(cell: str, width: int, left: bool) -> str:
    """A cell of exactly so many columns of a terminal."""
    length = cell_len(cell)
    if length > width:
        return set_cell_size(cell, width - 1) + "…"
    space = " " * (width - length)
    return cell + space if left else space + cell


def _fitting_widths(
    columns: Mapping[str, Sequence[str]], room: int, by_importance: Sequence[str], words: Sequence[str]
) -> dict[str, int]:
    """The width of each column that there is room for; what is left over goes to words that are cut."""
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
