"""Checks what is to be derived: expressions that fit together, and a value for every variable.

Every name that is used must be known where it is used, and every name that is known must be used.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from numbers import Real

from irisbp.derivations.arithmetic import refuse_huge_exponents
from irisbp.derivations.expressions import FUNCTIONS, Expression, is_name, parse
from irisbp.errors import IrisbpError

WHOLE = "expression"  # the name of the expression itself
MOST_DEFINITIONS = 50
_SHOWN = 60  # characters of a name or a value that cannot be one

Pairs = Mapping[str, object] | Iterable[tuple[str, object]]


@dataclass(frozen=True)
class System:
    """Definitions in order, the last of them the whole, and the values of the given variables."""

    parts: dict[str, Expression]
    at: dict[str, float]
    wrt: str

    @property
    def whole(self) -> Expression:
        """The expression that everything leads to."""
        return self.parts[WHOLE]

    def factors(self) -> Iterator[tuple[str, str]]:
        """Each part with each name it uses that depends on the variable."""
        moving = {self.wrt}
        for name, part in self.parts.items():
            uses = [used for used in part.names if used in moving]
            yield from ((name, used) for used in uses)
            if uses:
                moving.add(name)

    def operations(self) -> int:
        """The number of operations of the whole, with every name replaced by its definition."""
        total = dict.fromkeys(self.at, 0)
        for name, part in self.parts.items():
            total[name] = part.operations + sum(total.get(step.text, 0) for step in part.steps)
        return total[WHOLE]


def system_of(expression: str, wrt: str, at: Pairs, let: Pairs) -> System:
    """The system that these make; IrisbpError says what does not fit.

    at is each variable's value and let each part's definition, in order: mappings, or pairs.
    """
    values = _values(at)
    parts = _parts(let, values)
    parts[WHOLE] = parse(_text(expression, WHOLE), WHOLE)
    for part in parts.values():
        refuse_huge_exponents(part)
    _check_names(parts, values)
    _check_variable(wrt, parts, values)
    return System(parts, values, wrt)


def _pairs(given: Pairs) -> list[tuple[str, object]]:
    return list(given.items()) if isinstance(given, Mapping) else list(given)


def _values(at: Pairs) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, value in _pairs(at):
        _check_name("at", name)
        if name in values:
            raise IrisbpError(f"at {name}: given twice")
        values[name] = _number(name, value)
    return values


def _number(name: str, value: object) -> float:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise IrisbpError(f"at {name}: {_shown(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise IrisbpError(f"at {name}: the value must be finite, and within the range of float64")
    return number


def _parts(let: Pairs, values: Mapping[str, float]) -> dict[str, Expression]:
    definitions = _pairs(let)
    if len(definitions) > MOST_DEFINITIONS:
        raise IrisbpError(f"let: {len(definitions)} definitions; at most {MOST_DEFINITIONS} are allowed")
    parts: dict[str, Expression] = {}
    for name, source in definitions:
        _check_name("let", name)
        if name in parts:
            raise IrisbpError(f"let {name}: defined twice")
        if name in values:
            raise IrisbpError(f"at {name}: it is defined by let, and has no value of its own")
        parts[name] = parse(_text(source, f"let {name}"), f"let {name}")
    return parts


def _text(source: object, what: str) -> str:
    if not isinstance(source, str):
        raise IrisbpError(f"{what}: {_shown(source)} is not a text, such as 'w*x'")
    return source


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN]


def _check_name(argument: str, name: object) -> None:
    if not isinstance(name, str):
        raise IrisbpError(f"{argument}: {_shown(name)} is not a name")
    if name in FUNCTIONS:
        raise IrisbpError(f"{argument} {name}: {name} is a function")
    if name == WHOLE:
        raise IrisbpError(f"{argument} {name}: this name stands for the whole expression")
    if not is_name(name):
        raise IrisbpError(f"{argument}: {name[:_SHOWN] or 'an empty text'} is not a name")


def _check_names(parts: Mapping[str, Expression], values: Mapping[str, float]) -> None:
    known = list(values)
    used: set[str] = set()
    for name, part in parts.items():
        for missing in (word for word in part.names if word not in known):
            raise part.error(part.place_of(missing), _why_unknown(missing, parts))
        used.update(part.names)
        known.append(name)
    for name in known:
        if name not in used and name != WHOLE:
            raise IrisbpError(f"{'let' if name in parts else 'at'} {name}: nothing uses it")


def _why_unknown(name: str, parts: Mapping[str, Expression]) -> str:
    if name in parts:
        return f"{name} is defined only after this"
    return f"{name} has no value; at must give one"


def _check_variable(wrt: object, parts: Mapping[str, Expression], values: Mapping[str, float]) -> None:
    given = ", ".join(values) or "no values"
    if not isinstance(wrt, str):
        raise IrisbpError(f"wrt: {_shown(wrt)} is not a name; at gives {given}")
    if wrt in parts and wrt != WHOLE:
        raise IrisbpError(f"wrt {wrt}: it is defined by let; derive by one of {given}")
    if wrt not in values:
        raise IrisbpError(f"wrt {wrt[:_SHOWN]}: no such variable; at gives {given}")
