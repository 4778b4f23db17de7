"""The derivative of an expression in several ways, and as a chain along the definitions it is made of.

A definition is a part with a name. The partial derivative of a part by another part, all else held fixed,
is one factor of the chain; the factors along a path from the whole back to the variable are multiplied, and
the products of all paths are added. The same derivative comes from the whole expression, its definitions put
in: in symbols, in dual numbers, by a complex step and by a central difference.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite, log10, prod
from typing import Any

from irisbp.derivations.arithmetic import COMPLEXES, DUALS, FLOATS, Arithmetic, Dual, N, evaluate
from irisbp.derivations.symbolic import HOW_TO_INSTALL, Symbolic
from irisbp.derivations.system import WHOLE, System
from irisbp.errors import IrisbpError, literal
from irisbp.html import html_pairs, html_table

MOST_PATHS = 20  # that are listed
_SHOWN = 80  # characters of the values that a repr shows
_MOST_DIGITS = 16.0
_CUBE_ROOT_OF_EPSILON = 2.0**-17
_COMPLEX_STEP = 2.0**-70
_TINY = 2.0**-900  # steps do not vanish


@dataclass(frozen=True)
class Partial:
    """One factor: the derivative of a part by what it uses, in symbols if SymPy is there."""

    of: str
    by: str
    name: str
    value: float
    symbolic: str | None


@dataclass(frozen=True)
class ChainPath:
    """The factors' names from the whole back to the variable, and their product."""

    factors: list[str]
    product: float


@dataclass(frozen=True)
class MethodResult:
    """The derivative of the whole by one method; value is None where the method gives none."""

    method: str
    value: float | None
    digits: float | None = None  # in common with the first method that has a value


@dataclass(frozen=True, repr=False)
class Derivation:
    """The derivative of an expression by the variable wrt, at given values of all its variables.

    ways has it by every method, the most trustworthy first; derivative is the first of them. With
    definitions, partials are the factors of the chain, paths their products (none are listed of more than
    MOST_PATHS), and sum_of_paths is what the products add up to.
    """

    expression: str
    definitions: dict[str, str]
    at: dict[str, float]
    wrt: str
    values: dict[str, float]
    value: float
    derivative: float
    symbolic: str | None
    note: str | None  # why there is no symbolic derivative
    ways: list[MethodResult]
    partials: list[Partial] = field(default_factory=list)
    paths: list[ChainPath] = field(default_factory=list)
    path_count: int = 0
    sum_of_paths: float | None = None

    @property
    def name(self) -> str:
        """The derivative's name, such as `d expression/dw`."""
        return f"d {WHOLE}/d{self.wrt}"

    def as_json(self) -> dict[str, Any]:
        """Plain data: what `irisbp derive --json` prints."""
        return asdict(self)

    def __repr__(self) -> str:
        at = ", ".join(f"{name}={value!r}" for name, value in self.at.items())
        return f"<Derivation {self.name} = {self.derivative!r} at {_short(at)}>"

    def _repr_html_(self) -> str:
        asked = {**self.definitions, WHOLE: self.expression} | {f"{k} =": v for k, v in self.at.items()}
        rows = [
            (way.method, "-" if way.value is None else repr(way.value), _digits_text(way))
            for way in self.ways
        ]
        table = html_table((self.name, "value", "digits in common"), rows)
        return html_pairs(f"{self.name} = {self.derivative!r}", asked) + table


def _short(text: str) -> str:
    text = literal(text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _digits_text(way: MethodResult) -> str:
    return "-" if way.digits is None else f"{way.digits:.1f}"


def derivation_of(system: System) -> Derivation:
    """Derive a system's whole by its variable, by every method; ExpressionError where it has no value."""
    values = _values(system, system.at, FLOATS)
    slopes = _values(system, _variables(system, Dual, Dual(system.at[system.wrt], 1.0)), DUALS)
    symbolic = _in_symbols(system)
    exact, factors = symbolic.value, symbolic.factors
    chain: dict[str, Any] = _chain(system, values, factors) if len(system.parts) > 1 else {}
    by_chain = [("sum of the paths", chain["sum_of_paths"])] if chain else []
    ways = _ways(exact, slopes[WHOLE].slope, by_chain, system)
    return Derivation(
        expression=system.whole.source,
        definitions={name: part.source for name, part in system.parts.items() if name != WHOLE},
        at=system.at,
        wrt=system.wrt,
        values={name: values[name] for name in system.parts},
        value=values[WHOLE],
        derivative=next(way.value for way in ways if way.value is not None),
        symbolic=symbolic.derivative,
        note=symbolic.note,
        ways=ways,
        **chain,
    )


def digits_in_common(a: float, b: float) -> float:
    """The number of leading decimal digits that two numbers share: -log10 of their relative distance."""
    if a == b:
        return _MOST_DIGITS
    distance = abs(a - b) / max(abs(a), abs(b))
    return max(0.0, min(_MOST_DIGITS, -log10(distance)))


def _values(system: System, given: Mapping[str, N], arithmetic: Arithmetic[N]) -> dict[str, N]:
    """Every variable's and every part's value, each part from those before it."""
    values = dict(given)
    for name, part in system.parts.items():
        values[name] = evaluate(part, values, arithmetic)
    return values


def _variables(system: System, number: Any, moved: N) -> dict[str, N]:
    """The given values as numbers of some kind, the variable's own replaced."""
    return {name: number(value) for name, value in system.at.items()} | {system.wrt: moved}


def _in_symbols(system: System) -> Symbolic:
    try:
        from irisbp.derivations.symbols import in_symbols  # which loads SymPy
    except ImportError:
        return Symbolic(note=f"needs SymPy: {HOW_TO_INSTALL}")
    return in_symbols(system)


def _ways(
    exact: float | None, dual: float, by_chain: Sequence[tuple[str, float]], system: System
) -> list[MethodResult]:
    """Every method's derivative, the most trustworthy first, and its digits in common with that."""
    found: list[tuple[str, float | None]] = [("symbolic", exact)] if exact is not None else []
    found += [("dual numbers", dual), *by_chain]
    found += [("complex step", _complex_step(system)), ("central difference", _central_difference(system))]
    found = [(method, value if value is None or isfinite(value) else None) for method, value in found]
    best = next(value for _, value in found if value is not None)
    first = next(method for method, value in found if value is not None)
    return [
        MethodResult(
            method, value, None if value is None or method == first else digits_in_common(value, best)
        )
        for method, value in found
    ]


def _complex_step(system: System) -> float | None:
    at = system.at[system.wrt]
    step = _COMPLEX_STEP * (max(abs(at), _TINY) if at else 1.0)
    try:
        values = _values(system, _variables(system, complex, complex(at, step)), COMPLEXES)
    except IrisbpError:
        return None
    return values[WHOLE].imag / step


def _central_difference(system: System) -> float | None:
    at = system.at[system.wrt]
    step = _CUBE_ROOT_OF_EPSILON * max(abs(at), 1.0)
    above, below = at + step, at - step
    try:
        values = [_values(system, system.at | {system.wrt: moved}, FLOATS)[WHOLE] for moved in (above, below)]
    except IrisbpError:
        return None
    return (values[0] - values[1]) / (above - below)


def _chain(
    system: System, values: Mapping[str, float], symbolic: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """The partial derivatives, the paths through them, and the sum of their products."""
    partials = [_partial(system, values, name, by, symbolic.get((name, by))) for name, by in system.factors()]
    of: dict[str, list[Partial]] = {}
    for partial in partials:
        of.setdefault(partial.of, []).append(partial)
    count = {system.wrt: 1}
    total = {system.wrt: 1.0}
    for name, factors in of.items():  # in the order of the definitions
        count[name] = sum(count[factor.by] for factor in factors)
        total[name] = sum(factor.value * total[factor.by] for factor in factors)
    listed = [_path(factors) for factors in _walk(of, WHOLE)] if count[WHOLE] <= MOST_PATHS else []
    return {
        "partials": partials[::-1],
        "paths": listed,
        "path_count": count[WHOLE],
        "sum_of_paths": sum(path.product for path in listed) if listed else total[WHOLE],
    }


def _path(factors: list[Partial]) -> ChainPath:
    return ChainPath([factor.name for factor in factors], prod(factor.value for factor in factors))


def _partial(
    system: System, values: Mapping[str, float], name: str, by: str, symbolic: str | None
) -> Partial:
    part = system.parts[name]
    fixed = {other: Dual(values[other], float(other == by)) for other in part.names}
    slope = evaluate(part, fixed, DUALS).slope
    return Partial(name, by, f"d {name}/{'d' if by == system.wrt else 'd '}{by}", slope, symbolic)


def _walk(of: Mapping[str, list[Partial]], name: str) -> Iterator[list[Partial]]:
    """Every path from a part back to the variable, as its factors."""
    for factor in of[name]:
        if factor.by in of:
            for path in _walk(of, factor.by):
                yield [factor, *path]
        else:
            yield [factor]
