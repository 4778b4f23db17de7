"""Tables that fit their terminal: columns that there is no room for are left out, and numbers stay whole."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.table import Table

_SHORTEST_WORD = 12  # characters that a cut word keeps


def fitted_table(
    columns: Mapping[str, Sequence[str]],
    *,
    width: int,
    by_importance: Sequence[str],
    words: Sequence[str] = (),
    names: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> Table:
    """The columns that fit side by side, in their order, the most important first to be let in.

    words are columns of text that may be cut short; names are columns of text that may not. styles has one
    for each row. The last column is set to the right, so that no line ends in spaces.
    """
    widths = _fitting_widths(columns, width, by_importance, words)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    shown = [name for name in columns if name in widths]
    for k, name in enumerate(shown, 1):
        left = (name in words or name in names) and k < len(shown)
        table.add_column(
            name,
            justify="left" if left else "right",
            no_wrap=True,
            overflow="ellipsis",
            width=widths[name],
        )
    for k, row in enumerate(zip(*(columns[name] for name in shown), strict=True)):
        table.add_row(*row, style=styles[k] if k < len(styles) else "")
    return table


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
