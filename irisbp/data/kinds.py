"""A column's kind, and why: numbers, booleans, words, or numbers that are written otherwise.

One cell is judged as a whole column of such cells is, so that no column changes its meaning with its length.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from irisbp.data.cells import NUMBER
from irisbp.data.options import Dialect, Wanted
from irisbp.nn.types import Array

Verdict = Literal["number", "boolean", "words", "mixed", "odd", "empty"]

TRUE, FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")
BOOLEANS = dict.fromkeys(TRUE, 1.0) | dict.fromkeys(FALSE, 0.0)
_BLANK = "[ \u00a0\u202f]"  # the latter two do not break a line, and are what spreadsheets write
_WRITTEN_OTHERWISE: tuple[tuple[re.Pattern[str], str, dict[str, str]], ...] = (
    (re.compile(r"[-+]?(inf|infinity)", re.I), "is not a finite number", {}),
    (
        re.compile(r"[-+]?\d{1,3}(\.\d{3})+,\d+", re.A),
        "has a decimal comma",
        {"decimal": ",", "thousands": "."},
    ),
    (re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.A), "has thousands marks", {"thousands": ","}),
    (re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?", re.A), "has a decimal comma", {"decimal": ","}),
    (re.compile(r"[-+]?\d+,", re.A), "has a decimal comma", {"decimal": ","}),
    (
        re.compile(rf"[-+]?\d{{1,3}}({_BLANK}\d{{3}})+(\.\d*)?", re.A),
        "has thousands marks",
        {"thousands": " "},
    ),
    (
        re.compile(rf"[-+]?\d{{1,3}}({_BLANK}\d{{3}})+,\d*", re.A),
        "has a decimal comma",
        {"decimal": ",", "thousands": " "},
    ),
    (re.compile(r"[-+]?\d{1,3}('\d{3})+(\.\d*)?", re.A), "has thousands marks", {"thousands": "'"}),
    (
        re.compile(r"[-+]?\d{1,3}(\.\d{3}){2,}", re.A),
        "has thousands marks",
        {"decimal": ",", "thousands": "."},
    ),
    (re.compile(r"\([\d.,' ]+\)", re.A), "is in brackets, where a number below 0 has a minus", {}),
    (re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[dD][-+]?\d+", re.A), "has a D, not an E", {"exponent": "D"}),
    (re.compile(r"[-+]?0[xX][0-9a-fA-F]+"), "is hexadecimal, not a decimal number", {}),
    (re.compile(r"[-+]?\d+(_\d+)+(\.\d*)?", re.A), "has underscores, which no number has", {}),
    (re.compile(r"[-+\u2212]?[\d]+([.,]\d+)?"), "is not in the digits 0 to 9 with a plain sign", {}),
)  # fmt: skip
_ONE_COMMA = re.compile(r"[-+]?\d+,\d+", re.A)
_AMOUNT = re.compile(r"([-+]?)\s*([$€£¥]?)\s*([-+]?.*\d.*?)\s*([$€£¥%]?)", re.A)


@dataclass(frozen=True)
class Odd:
    """A number that is written otherwise: the row, what is odd about it, and the dialect that reads it."""

    row: int
    cell: str
    reason: str
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """A column's verdict; values (rows,) has nan where a cell is missing, or no number.

    missing are the rows of missing cells, odd the numbers that are written otherwise, words the other cells
    that are no number, each with its row.
    """

    verdict: Verdict
    values: Array
    missing: list[int]
    odd: list[Odd]
    words: list[tuple[int, str]]

    @cached_property
    def numbers(self) -> Array:
        """The values without nan."""
        present = ~np.isnan(self.values)
        return self.values if present.all() else self.values[present]

    @cached_property
    def least(self) -> float:
        """The smallest of the numbers, of which there is one at least."""
        return float(self.numbers.min())

    @cached_property
    def most(self) -> float:
        """The largest of them."""
        return float(self.numbers.max())


def judge(cells: "Sequence[str] | Array", wanted: Wanted) -> Judged:
    """The verdict on a column of cells, or of numbers with nan for each missing cell."""
    if isinstance(cells, np.ndarray):
        return _judge_numbers(cells)
    values = numbers_of(cells, wanted)
    return _judge_cells(cells, wanted) if values is None else _judge_numbers(values)


def _judge_numbers(values: Array) -> Judged:
    missing: list[int] = np.flatnonzero(np.isnan(values)).tolist()
    return Judged("empty" if len(missing) == len(values) else "number", values, missing, [], [])


def numbers_of(cells: Sequence[str], wanted: Wanted) -> Array | None:
    """The numbers of plain cells, nan where one means a missing cell; None if a cell is anything else."""
    values = plain_numbers(cells, wanted.dialect)
    if values is not None and wanted.missing_numbers:
        values[[row for row, cell in enumerate(cells) if cell.strip() in wanted.missing_numbers]] = np.nan
    return values


def plain_numbers(cells: Sequence[str], dialect: Dialect) -> Array | None:
    """All cells as numbers, None if one is none: the quick way for most columns."""
    text = "\n".join(cells)
    if not dialect.has_plain_numbers or "_" in text or not text.isascii():
        return None
    try:
        values = np.array(list(map(float, cells)), dtype=np.float64)
    except ValueError:
        return None
    if not np.isfinite(values).all():
        return None
    zeros = {cells[row] for row in np.flatnonzero(values == 0.0).tolist()}
    return None if any(map(_vanishes, zeros)) else values


def _vanishes(cell: str) -> bool:
    """A number above 0 that float64 has no room for."""
    return re.search("[1-9]", re.split("[eE]", cell)[0]) is not None


def number_of(text: str, dialect: Dialect) -> float | None:
    """The number that a stripped cell is in a dialect; None if it is none, or beyond float64."""
    plain = _plain(text, dialect)
    if not NUMBER.fullmatch(plain):
        return None
    number = float(plain)
    return None if not np.isfinite(number) or (number == 0 and _vanishes(plain)) else number


def _plain(text: str, dialect: Dialect) -> str:
    """The text as Python writes a number, if thousands marks, units and the rest are where they belong."""
    thousands, decimal = dialect.thousands, dialect.decimal
    for unit in dialect.units:
        sign = text[:1] if text[1:].lstrip().startswith(unit) and text[:1] in ("-", "+") else ""
        text = sign + text.removeprefix(sign).strip().removeprefix(unit).removesuffix(unit).strip()
    if dialect.exponent == "D":
        text = text.replace("D", "E").replace("d", "e")
    if thousands == " ":
        text = re.sub(_BLANK, " ", text)
    if thousands and thousands in text:
        t, d = re.escape(thousands), re.escape(decimal)
        if not re.fullmatch(rf"[-+]?\d{{1,3}}({t}\d{{3}})+({d}\d*)?", text, re.A):
            return ""
        text = text.replace(thousands, "")
    if decimal != ".":
        return "" if "." in text else text.replace(decimal, ".")
    return text


def trouble_of(text: str, dialect: Dialect) -> tuple[str, dict[str, str]] | None:
    """The way in which a stripped text is a number, and the keys that read it; None of a word."""
    if NUMBER.fullmatch(_plain(text, dialect)):
        return "is beyond the range of float64", {}
    if dialect.decimal != "." and NUMBER.fullmatch(text):
        return f"has a decimal point, not a {dialect.decimal}", {}
    if dialect.separator == ";" and _ONE_COMMA.fullmatch(text):  # where the comma is free for that
        return "has a decimal comma", {"decimal": ","}
    found = ((reason, keys) for pattern, reason, keys in _WRITTEN_OTHERWISE if pattern.fullmatch(text))
    return next(found, None) or _amount(text, dialect)


def _amount(text: str, dialect: Dialect) -> tuple[str, dict[str, str]] | None:
    """A number, written plainly or not, with a unit before or after it."""
    match = _AMOUNT.fullmatch(text)
    if not match or bool(match[2]) == bool(match[4]):
        return None
    number, unit = match[1] + match[3], match[2] or match[4]
    _, keys = (
        ("", {}) if number_of(number, dialect) is not None else trouble_of(number, dialect) or ("", None)
    )
    what = "a percentage" if unit == "%" else "an amount of money"
    return None if keys is None else (f"is {what}, not a plain number", {"units": unit, **keys})


def _judge_cells(cells: Sequence[str], wanted: Wanted) -> Judged:
    values, missing = np.full(len(cells), np.nan), list[int]()
    odd, words = list[Odd](), list[tuple[int, str]]()
    texts, dialect = wanted.missing_texts, wanted.dialect
    for row, cell in enumerate(cells):
        text = cell.strip()
        if text in texts:
            missing.append(row)
        elif (number := number_of(text, dialect)) is not None:
            values[row] = number
        elif trouble := trouble_of(text, dialect):
            odd.append(Odd(row, cell, *trouble))
        else:
            words.append((row, cell))
    return _verdict(len(cells), values, missing, odd, words)


def _verdict(
    count: int, values: Array, missing: list[int], odd: list[Odd], words: list[tuple[int, str]]
) -> Judged:
    verdict: Verdict = "number"
    if len(missing) == count:
        verdict = "empty"
    elif words and len(words) + len(missing) == count:
        verdict = "words"
        if all(text.strip() in BOOLEANS for _, text in words):
            verdict = "boolean"
            for row, text in words:
                values[row] = BOOLEANS[text.strip()]
    elif words:
        verdict = "mixed"
    elif odd:
        verdict = "odd"
    return Judged(verdict, values, missing, odd, words)


def counts_rows(values: Array) -> bool:
    """Return true of values that count the rows from 0 or 1, of a table of 10 rows or more."""
    count, start = len(values), values[0] if len(values) else 2.0
    if count < _FEWEST_COUNTED or start not in (0, 1) or values[-1] != start + count - 1:
        return False
    return np.array_equal(values, np.arange(count) + start)


_FEWEST_COUNTED = 10  # in a shorter table it may well be a measurement
