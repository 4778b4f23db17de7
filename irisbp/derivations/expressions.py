"""Reads expressions that a user writes, with a tokenizer and a parser of our own; nothing is run as Python.

The result is a list of steps in postfix order, operands before the operation that takes them. Evaluating
it, in numbers or in symbols, is a walk along the list without recursion.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import NoReturn

from irisbp.errors import IrisbpError, literal

MOST_CHARACTERS = 1000
MOST_NESTING = 50
FUNCTIONS = (
    "exp", "log", "sqrt", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh",
    "sigmoid", "softplus", "relu", "abs",
)  # fmt: skip
NEGATION = "neg"

# How tightly an operator binds to its left and right; a sign binds less tightly than a power.
_BINDS = {"+": (1, 2), "-": (1, 2), "*": (3, 4), "/": (3, 4), "**": (7, 6)}
_SIGN_BINDS = 5
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<mark>\*\*|[-+*/(),])",
    re.ASCII,
)
_SPACE = re.compile(r"[ \t\r\n]*")
_SHOWN = 64  # characters of a long expression that an error shows
_LONGEST_WORD = 40


class Kind(Enum):
    """The kind of a step: it pushes a number or a name's value, or applies an operation."""

    NUMBER = "number"
    NAME = "name"
    OPERATION = "operation"


@dataclass(frozen=True)
class Step:
    """One step: the number as written, the name, or the operation with how many operands it takes."""

    kind: Kind
    text: str
    place: int
    operands: int = 0


@dataclass(frozen=True)
class Expression:
    """A parsed expression: what it is (for messages), its text, and its steps in postfix order."""

    what: str
    source: str
    steps: tuple[Step, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names it uses, in order of appearance."""
        return tuple(dict.fromkeys(step.text for step in self.steps if step.kind is Kind.NAME))

    @property
    def operations(self) -> int:
        """The number of its operations."""
        return sum(step.kind is Kind.OPERATION for step in self.steps)

    def place_of(self, name: str) -> int:
        """The place of a name's first appearance."""
        return next(step.place for step in self.steps if step.text == name and step.kind is Kind.NAME)

    def error(self, place: int, problem: str) -> IrisbpError:
        """A problem at a place of this expression."""
        return ExpressionError(self.what, self.source, place, problem)


class ExpressionError(IrisbpError):
    """An expression cannot be read or has no value; the message has a caret under the place."""

    def __init__(self, what: str, source: str, place: int, problem: str) -> None:
        start = max(0, place - _SHOWN // 2)
        end = start + _SHOWN
        before = "..." * (start > 0) + literal(source[start:place])
        after = literal(source[place:end]) + "..." * (end < len(source))
        super().__init__(f"{what}: {problem}", f"  {before}{after}", "  " + " " * len(before) + "^")


def parse(source: str, what: str = "expression") -> Expression:
    """Parse a text; ExpressionError shows the place of a mistake. what is the expression's name there."""
    if len(source) > MOST_CHARACTERS:
        raise IrisbpError(f"{what}: {len(source)} characters; an expression has at most {MOST_CHARACTERS}")
    return Expression(what, source, tuple(_Parser(what, source).steps()))


def is_name(text: str) -> bool:
    """True for a text that can name a variable: a letter or _, then letters, digits and _; no function."""
    word = _TOKEN.fullmatch(text)
    return bool(word and word["name"]) and len(text) <= _LONGEST_WORD and text not in FUNCTIONS


@dataclass(frozen=True)
class _Token:
    kind: str | None  # number, name or mark; None is the end
    text: str
    place: int


class _Parser:
    """Precedence climbing: an operand, then as many operators as bind tightly enough."""

    def __init__(self, what: str, source: str) -> None:
        self._what, self._source = what, source
        self._tokens = list(self._tokenize())
        self._at = 0
        self._depth = 0
        self._steps: list[Step] = []

    def steps(self) -> list[Step]:
        """All steps, once the whole text is read."""
        self._climb(0)
        if self._token.kind is not None:
            self._fail_after_operand(self._token)
        return self._steps

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _tokenize(self) -> Iterator[_Token]:
        source, place = self._source, 0
        while (place := _after_spaces(source, place)) < len(source):
            found = _TOKEN.match(source, place)
            if found is None:
                self._fail_at_character(place)
            if len(found[0]) > _LONGEST_WORD:
                self._fail(place, f"a name or a number has at most {_LONGEST_WORD} characters")
            yield _Token(found.lastgroup, found[0], place)
            place = found.end()
        yield _Token(None, "", len(source))

    def _next(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _climb(self, least: int) -> None:
        self._depth += 1
        if self._depth > MOST_NESTING:
            self._fail(self._token.place, f"nested more than {MOST_NESTING} deep")
        self._operand()
        while (binds := _BINDS.get(self._token.text, (-1, -1)))[0] >= least:
            operator = self._next()
            self._climb(binds[1])
            self._apply(operator, operator.text, 2)
        self._depth -= 1

    def _operand(self) -> None:
        token = self._next()
        if token.kind == "number":
            self._number(token)
        elif token.kind == "name":
            self._name(token)
        elif token.text == "(":
            self._climb(0)
            self._close(token)
        elif token.text in ("-", "+"):
            self._climb(_SIGN_BINDS)
            if token.text == "-":
                self._apply(token, NEGATION, 1)
        else:
            self._fail(token.place, "a number, a name or ( is missing here")

    def _number(self, token: _Token) -> None:
        value = float(token.text)
        if not isfinite(value) or (value == 0 and any(c in "123456789" for c in _mantissa(token.text))):
            self._fail(token.place, f"{token.text} is out of the range of float64")
        self._steps.append(Step(Kind.NUMBER, token.text, token.place))

    def _name(self, token: _Token) -> None:
        called = self._token.text == "("
        if token.text in FUNCTIONS:
            if not called:
                self._fail(token.place, f"{token.text} is a function: its argument goes into brackets")
            bracket = self._next()
            self._climb(0)
            if self._token.text == ",":
                self._fail(self._token.place, f"{token.text} takes one argument")
            self._close(bracket)
            self._apply(token, token.text, 1)
        elif called:
            self._fail(token.place, f"no function {token.text}; there are {', '.join(FUNCTIONS)}")
        else:
            self._steps.append(Step(Kind.NAME, token.text, token.place))

    def _close(self, bracket: _Token) -> None:
        if self._token.kind is None:
            self._fail(bracket.place, "this bracket is never closed")
        if self._token.text != ")":
            self._fail_after_operand(self._token)
        self._next()

    def _apply(self, token: _Token, operation: str, operands: int) -> None:
        self._steps.append(Step(Kind.OPERATION, operation, token.place, operands))

    def _fail(self, place: int, problem: str) -> NoReturn:
        raise ExpressionError(self._what, self._source, place, problem)

    def _fail_after_operand(self, token: _Token) -> NoReturn:
        if token.text == ")":
            self._fail(token.place, "this bracket was never opened")
        if token.text == ",":
            self._fail(token.place, "a comma has no meaning here")
        self._fail(token.place, "an operator is missing here")

    def _fail_at_character(self, place: int) -> NoReturn:
        character = self._source[place]
        if character == "^":
            self._fail(place, "^ has no meaning here; a power is written **")
        shown = literal(character) if character.isascii() else f"U+{ord(character):04X}"
        self._fail(place, f"{shown} has no meaning in an expression")


def _after_spaces(source: str, place: int) -> int:
    spaces = _SPACE.match(source, place)
    return spaces.end() if spaces else place


def _mantissa(number: str) -> str:
    return number.lower().partition("e")[0]
