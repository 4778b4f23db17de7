"""The derivative of an expression in several ways, and as a chain along the definitions it is made of.

A definition is a part with a name. The partial derivative of a part by another part, all else held fixed,
is one factor of the chain; the factors along a path from the whole back to the variable are multiplied, and
the products of all paths are added. The same derivative comes from the whole expression, its definitions put
in: in symbols, in dual numbers, by a complex step and by a central difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any

from irisbp.derivations.arithmetic import FLOATS, evaluate_all
from irisbp.derivations.methods import MethodResult, disagreement, results_of, totals_of
from irisbp.derivations.slopes import slope_of
from irisbp.derivations.symbolic import HOW_TO_INSTALL, Symbolic
from irisbp.derivations.system import WHOLE, System
from irisbp.errors import literal
from irisbp.html import html_pairs, html_table

MOST_PATHS = 20  # that are listed
_SHOWN = 80  # characters of the values that a repr shows


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
    disagreement: tuple[str, str] | None  # two methods whose errors do not explain how far they are apart
    partials: list[Partial] = field(default_factory=list)
    paths: list[ChainPath] = field(default_factory=list)
    path_count: int = 0
    sum_of_paths: float | None = None

    @property
    def name(self) -> str:
        """The derivative's name, such as `d expression/dw`."""
        return name_of(WHOLE, self.wrt)

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


def name_of(whole: str, by: str, space: str = "") -> str:
    """A derivative's name, such as `d expression/dw`, or with a space between two parts `d a/d b`."""
    return f"d {whole}/d{space}{by}"


def derivation_of(system: System) -> Derivation:
    """Derive a system's whole by its variable, by every method; ExpressionError where it has no value.

    Kink where the derivative from the left is not that from the right.
    """
    values = evaluate_all(system.parts, system.at, FLOATS)
    slope = slope_of(system.parts, system.at, system.wrt, name_of(WHOLE, system.wrt))
    symbolic = _in_symbols(system)
    chain: dict[str, Any] = _chain(system, values, symbolic.factors) if len(system.parts) > 1 else {}
    ways = results_of(system, symbolic.value, slope, chain.get("sum_of_paths"))
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
        disagreement=disagreement(ways),
        **chain,
    )


def _in_symbols(system: System) -> Symbolic:
    try:
        from irisbp.derivations.symbols import in_symbols  # which loads SymPy
    except ImportError:
        return Symbolic(note=f"needs SymPy: {HOW_TO_INSTALL}")
    return in_symbols(system)


def _chain(
    system: System, values: Mapping[str, float], symbolic: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """The partial derivatives, the paths through them, and the sum of their products."""
    partials = [_partial(system, values, name, by, symbolic.get((name, by))) for name, by in system.factors()]
    of: dict[str, list[Partial]] = {}
    for partial in partials:
        of.setdefault(partial.of, []).append(partial)
    count = {system.wrt: 1}
    for name, factors in of.items():  # in the order of the definitions
        count[name] = sum(count[factor.by] for factor in factors)
    total = totals_of(system.wrt, [(partial.of, partial.by, partial.value) for partial in partials])
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
    derivative = name_of(name, by, "" if by == system.wrt else " ")
    slope = slope_of({name: system.parts[name]}, values, by, derivative)
    return Partial(name, by, derivative, slope, symbolic)


def _walk(of: Mapping[str, list[Partial]], name: str) -> Iterator[list[Partial]]:
    """Every path from a part back to the variable, as its factors."""
    for factor in of[name]:
        if factor.by in of:
            for path in _walk(of, factor.by):
                yield [factor, *path]
        else:
            yield [factor]
