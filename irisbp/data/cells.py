"""Text as a cell of a CSV file that a spreadsheet shows, and never runs.

A spreadsheet takes a cell that begins with = or @, a tab or a line end for a formula, quoted or not, and one
that begins with + or - where what follows can be computed: a letter, a bracket, a quote or a bar in it. Such
text gets an apostrophe in front (CWE-1236; OWASP, CSV injection). So does text that already has apostrophes
there, so that no two texts become one. Signs, numbers and phone numbers stay as they are.
"""

import re
from collections.abc import Callable, Iterable, Sequence

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
# Behind apostrophes: what is always computed, and a sign with something to compute; full-width forms, too.
_ACTIVE = re.compile(
    r"""'*(?:[=@\t\r\n\uff1d\uff20]|[+\-\uff0b\uff0d].*(?:[^\W\d_]|[()\[\]{}"'|]))""", re.DOTALL
)
_SPECIAL = re.compile(r'[",\r\n]')


def harmless(text: str) -> str:
    """The text, or, where a spreadsheet would run it, the text behind an apostrophe; one to one."""
    return f"'{text}" if _ACTIVE.match(text) and not NUMBER.fullmatch(text) else text


def quoted(text: str) -> str:
    """Text as one cell of a CSV file, whatever it says; in quotes where it has to be."""
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def cell(text: str) -> str:
    """Harmless text as one cell of a CSV file; in quotes where it has to be, or was made harmless."""
    safe = harmless(text)
    return quoted(text) if safe is text else '"' + safe.replace('"', '""') + '"'


def column(texts: Sequence[str], one: Callable[[str], str] = cell) -> Sequence[str]:
    """One of each text: no text of digits, signs and points alone changes, and equal ones become the same."""
    joined = "".join(texts)
    others = joined.encode().translate(None, b"0123456789+-.") if joined.isascii() else b"?"
    if not others:
        return texts
    if not others.translate(None, b"eE"):  # a few numbers with exponents
        return [one(text) if "e" in text or "E" in text else text for text in texts]
    forms = {text: one(text) for text in set(texts)}
    return [forms[text] for text in texts]


def row(texts: Iterable[str]) -> str:
    """A line of such cells."""
    return ",".join(map(cell, texts)) + "\n"


def raw_row(texts: Iterable[str]) -> str:
    """A line of cells as they are, in quotes where they have to be."""
    return ",".join(map(quoted, texts)) + "\n"
