"""Results as HTML for notebooks: every value is escaped and shown as text."""

from collections.abc import Iterable, Mapping

from irisbp.errors import literal

# The standard library's html loads a table of all entities, which a short run would wait for.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def html_pairs(title: str, pairs: Mapping[str, object]) -> str:
    """A title, and a row for each name with its value."""
    left = "style='text-align:left'"
    rows = "".join(
        f"<tr><th {left}>{_text(name)}</th><td {left}>{_text(value)}</td></tr>"
        for name, value in pairs.items()
    )
    return f"<div><strong>{_text(title)}</strong><table><tbody>{rows}</tbody></table></div>"


def html_table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A table with a header, the first column of its rows to the left."""
    head = "".join(f"<th>{_text(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: object) -> str:
    return literal(str(value)).translate(_ESCAPES)
