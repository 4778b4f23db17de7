"""Expressions: what is read is what was written, and its derivative is SymPy's and mpmath's."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from irisbp.derivations import symbols
from irisbp.derivations.arithmetic import COMPLEXES, DUALS, FLOATS, Dual, evaluate, refuse_huge_exponents
from irisbp.derivations.derivation import derivation_of
from irisbp.derivations.expressions import FUNCTIONS, MOST_CHARACTERS, MOST_NESTING, parse
from irisbp.derivations.methods import digits_in_common
from irisbp.derivations.system import WHOLE, System
from irisbp.errors import IrisbpError

FUNCTIONS_IN_MPMATH: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "softplus": lambda a: mpmath.log(1 + mpmath.exp(a)),
    "relu": lambda a: max(a, mpmath.mpf(0)),
    "abs": abs,
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}
BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "**": 4}


@dataclass(frozen=True)
class Tree:
    """An expression of the tests' own: the way it is printed and evaluated shares nothing with irisbp."""

    head: str
    arguments: tuple["Tree", ...] = ()

    def text(self, all_brackets: bool) -> str:
        if not self.arguments:
            return self.head
        if self.head in BINDS:
            sides = [
                argument.in_brackets(all_brackets, self._needs(k, argument))
                for k, argument in enumerate(self.arguments)
            ]
            return f"-{sides[0]}" if self.head == "neg" else f"{sides[0]} {self.head}{sides[1]}"
        return f"{self.head}({self.arguments[0].text(all_brackets)})"

    def _needs(self, k: int, argument: "Tree") -> bool:
        """Brackets: for looser operators, and on that side to which the operator does not group."""
        if argument.head not in BINDS:
            return False
        mine, its = BINDS[self.head], BINDS[argument.head]
        if self.head == "**" and k == 1:
            return its < 3  # a power, or a sign, may stand in the exponent as it is
        groups_left = k == 0 and self.head not in ("**", "neg")
        return its < mine or (its == mine and not groups_left and self.head != "neg")

    def in_brackets(self, all_brackets: bool, needed: bool) -> str:
        text = self.text(all_brackets)
        return f"({text})" if needed or (all_brackets and self.arguments) else text

    def value(self, names: dict[str, Any], number: Callable[[str], Any]) -> Any:
        if not self.arguments:
            return names[self.head] if self.head in names else number(self.head)
        operands = [argument.value(names, number) for argument in self.arguments]
        if self.head == "neg":
            return -operands[0]
        if self.head in OPERATORS:
            return OPERATORS[self.head](*operands)
        return FUNCTIONS_IN_MPMATH.get(self.head, getattr(mpmath, self.head, None))(*operands)  # type: ignore[misc]


def _grow(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    exponents = st.sampled_from(["2", "3", "0", "1"]).map(Tree)
    exponents |= exponents.map(lambda exponent: Tree("neg", (exponent,)))
    return st.one_of(
        st.builds(lambda head, a, b: Tree(head, (a, b)), st.sampled_from(["+", "-", "*", "/"]), inner, inner),
        st.builds(lambda a, b: Tree("**", (a, b)), inner, exponents),
        st.builds(lambda a: Tree("neg", (a,)), inner),
        st.builds(lambda head, a: Tree(head, (a,)), st.sampled_from(FUNCTIONS), inner),
    )


LEAVES = st.sampled_from(["w", "x", "y", "1", "2", "0.5", "3.25", "1e-2"]).map(Tree)
TREES = st.recursive(LEAVES, _grow, max_leaves=8)
VALUES = st.fixed_dictionaries({name: st.floats(0.25, 3) for name in ("w", "x", "y")})


def in_high_precision(tree: Tree, at: dict[str, float]) -> Any:
    with mpmath.workdps(60):
        try:
            value = tree.value({name: mpmath.mpf(number) for name, number in at.items()}, mpmath.mpf)
        except (ZeroDivisionError, ValueError, OverflowError):
            value = None
        assume(isinstance(value, mpmath.mpf) and abs(value) < 1e100)
        return value


@settings(max_examples=300)
@given(tree=TREES, at=VALUES, all_brackets=st.booleans())
def test_what_is_printed_is_read_back(tree: Tree, at: dict[str, float], all_brackets: bool) -> None:
    """Both sides of the comparison count in 60 digits, so that nothing but the structure can differ."""
    expected = in_high_precision(tree, at)
    expression = parse(tree.text(all_brackets))
    with mpmath.workdps(60):
        stack: list[Any] = []
        for step in expression.steps:
            if not step.operands:
                stack.append(mpmath.mpf(at.get(step.text, step.text)))
                continue
            operands = stack[-step.operands :]
            del stack[-step.operands :]
            names = {f"a{k}": operand for k, operand in enumerate(operands)}
            stack.append(Tree(step.text, tuple(map(Tree, names))).value(names, mpmath.mpf))
        assert stack == [expected]


@settings(max_examples=200)
@given(tree=TREES, at=VALUES)
def test_derivatives_are_those_of_sympy_and_mpmath(tree: Tree, at: dict[str, float]) -> None:
    text = tree.text(False)
    expression = parse(text)
    value = in_high_precision(tree, at)
    try:
        dual = evaluate(expression, {n: Dual(v, float(n == "w"), n == "w") for n, v in at.items()}, DUALS)
    except IrisbpError:  # outside what float64 and real numbers can do, or at a kink
        assume(False)
    symbolic = symbols.value_at(
        symbols.derivative(symbols.build(expression, {n: symbols.symbol(n) for n in at}), "w"), at
    )
    # What an expression loses to cancellation is no fault of the rules: so much may be lost.
    with mpmath.workdps(60):
        scale = float(1 + abs(value) + abs(symbolic))
        assume(scale < 1e6)
        half = mpmath.mpf(10) ** -25
        moved = [tree.value({**at, "w": at["w"] + sign * half}, mpmath.mpf) for sign in (1, -1)]
        expected = mpmath.re(moved[0] - moved[1]) / (2 * half)
        assume(abs(expected - symbolic) <= 1e-3 * scale or not _has_kink(tree))
    assert symbolic == pytest.approx(float(expected), rel=1e-14, abs=1e-14)
    assert dual.slope == pytest.approx(symbolic, abs=1e-8 * scale)
    assert dual.value == pytest.approx(float(value), abs=1e-8 * scale)


def _has_kink(tree: Tree) -> bool:
    return tree.head in ("relu", "abs") or any(map(_has_kink, tree.arguments))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("at", [-30.0, -1.25, -1e-9, 1e-9, 0.75, 2.0, 30.0])
def test_each_function_to_its_last_digits(name: str, at: float) -> None:
    if name in ("log", "sqrt"):
        at = abs(at)
    with mpmath.workdps(50):
        function = FUNCTIONS_IN_MPMATH.get(name, getattr(mpmath, name, None))
        assert function is not None
        value, slope = float(function(mpmath.mpf(at))), float(mpmath.diff(function, mpmath.mpf(at)))
    expression = parse(f"{name}(x)")
    dual = evaluate(expression, {"x": Dual(at, 1.0)}, DUALS)
    step = 1e-30 * abs(at)
    by_step = evaluate(expression, {"x": complex(at, step)}, COMPLEXES)
    exact = symbols.value_at(
        symbols.derivative(symbols.build(expression, {"x": symbols.symbol("x")}), "x"), {"x": at}
    )
    assert dual.value == pytest.approx(value, rel=1e-15)
    assert evaluate(expression, {"x": at}, FLOATS) == dual.value
    assert dual.slope == pytest.approx(slope, rel=4e-15)
    assert exact == pytest.approx(slope, rel=1e-15)
    # Adding 1 to a complex e^-30 loses digits of softplus; sinh / cosh do so to tanh's slope.
    assert by_step.imag / step == pytest.approx(slope, rel=1e-13, abs=1e-25)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2**2", -4.0),
        ("2**-1", 0.5),
        ("2**3**2", 512.0),
        ("2**-3**2", 2.0**-9),
        ("1-2-3", -4.0),
        ("8/4/2", 1.0),
        ("2*-3", -6.0),
        ("--3", 3.0),
        ("-(1+2)*3", -9.0),
        ("+.5e1 + 5.", 10.0),
        ("relu(-1)+abs(-2)", 2.0),
        ("(-8)**3", -512.0),
        ("exp(log(2)*3)", pytest.approx(8.0)),
        ("1 +\n\t1", 2.0),
    ],
)
def test_precedence(text: str, value: float) -> None:
    assert evaluate(parse(text), {}, FLOATS) == value


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("w.real", 1, ". has no meaning"),
        ("x^2", 1, "a power is written **"),
        ("foo(x)", 0, "no function foo; there are exp, log"),
        ("1+exp", 2, "exp is a function"),
        ("exp(x,y)", 5, "exp takes one argument"),
        ("2x", 1, "an operator is missing"),
        ("(x", 0, "never closed"),
        ("x)", 1, "never opened"),
        ("x,y", 1, "a comma has no meaning"),
        ("x+", 2, "is missing here"),
        ("", 0, "is missing here"),
        ("1e999", 0, "out of the range"),
        ("1e-999", 0, "out of the range"),
        ("9**9**9**9", 4, "an exponent is at most 1000"),
        ("x**-1001", 1, "an exponent is at most 1000"),
        ("х+1", 0, "U+0445"),  # noqa: RUF001 - a Cyrillic letter
        ("x\N{RIGHT-TO-LEFT OVERRIDE}", 1, "U+202E"),
        ("x" * 41, 0, "at most 40 characters"),
    ],
)
def test_a_caret_under_the_place(text: str, place: int, problem: str) -> None:
    with pytest.raises(IrisbpError) as caught:
        refuse_huge_exponents(parse(text))
    first, shown, caret = str(caught.value).split("\n")
    assert first.startswith("expression: ")
    assert problem in first
    assert caret == "  " + " " * place + "^"
    assert shown[2 : 2 + place] == text[:place]


def test_long_ones_are_shown_around_the_place() -> None:
    with pytest.raises(IrisbpError) as caught:
        parse("x+" * 200 + "$" + "+x" * 200)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == "$"
    assert len(shown) < 80
    with pytest.raises(IrisbpError, match=f"nested more than {MOST_NESTING} deep"):
        parse("(" * 100 + "x" + ")" * 100)
    with pytest.raises(IrisbpError, match=f"at most {MOST_CHARACTERS}"):
        parse("(" * 10_000)
    parse("(" * (MOST_NESTING - 1) + "x" + ")" * (MOST_NESTING - 1))
    parse("+x" * (MOST_CHARACTERS // 2))


@pytest.mark.parametrize(
    ("text", "at", "problem"),
    [
        ("1/x", 0.0, "division by zero"),
        ("log(x)", -1.0, "log has no value here"),
        ("x**0.5", -1.0, "unless the exponent is whole"),
        ("exp(x)", 1e3, "exp leaves the range"),
        ("x*x", 1e200, "* leaves the range"),
        ("sqrt(x)", 0.0, "sqrt has no derivative here: its slope is infinite"),
        ("abs(x)", 0.0, "KINK of abs: d expression/dx is -1 from the left and 1 from the right"),
    ],
)
def test_what_has_no_value_says_so(text: str, at: float, problem: str) -> None:
    with pytest.raises(IrisbpError) as caught:
        derivation_of(System({WHOLE: parse(text)}, {"x": at}, "x"))
    assert problem in str(caught.value)


@settings(max_examples=150)
@given(tree=TREES, at=st.fixed_dictionaries({name: st.floats(-40, 40) for name in ("w", "x", "y")}))
def test_methods_of_the_same_derivative_agree(tree: Tree, at: dict[str, float]) -> None:
    """Cancellation, kinks nearby and steps that are too long are within the methods' own errors."""
    try:
        derivation = derivation_of(System({WHOLE: parse(f"{tree.text(False)}+w")}, at, "w"))
    except IrisbpError:  # no value, or no derivative
        assume(False)
    assume(not 0 < abs(derivation.derivative) < 1e-290)  # digits that underflow are lost
    assert derivation.disagreement is None, derivation.ways


def test_a_constant_has_the_slope_0_where_its_function_has_none() -> None:
    derivation = derivation_of(System({WHOLE: parse("w*sqrt(x)+abs(x)")}, {"x": 0.0, "w": 2.0}, "w"))
    assert derivation.derivative == 0.0


@settings(max_examples=40)
@given(trees=st.lists(TREES, min_size=2, max_size=4), at=VALUES)
def test_the_chain_is_the_derivative_of_the_whole(trees: list[Tree], at: dict[str, float]) -> None:
    """Each part is used by the next, and w by all: two paths more with every part."""
    parts = {f"p{k}": parse(f"sin({tree.text(False)})*{f'p{k - 1}' if k else 'w'}+w")
             for k, tree in enumerate(trees)}  # fmt: skip
    last = f"p{len(parts) - 1}"
    system = System({**parts, WHOLE: parse(f"{last}*{last}")}, at, "w")
    try:
        derivation = derivation_of(system)
    except IrisbpError:
        assume(False)
    assert derivation.path_count >= 2
    magnitude = sum(abs(path.product) for path in derivation.paths) or abs(derivation.derivative)
    dual = next(way.value for way in derivation.ways if way.method == "dual numbers")
    assert derivation.sum_of_paths == pytest.approx(dual, rel=1e-9, abs=1e-12 * magnitude)


def test_numbers_keep_their_text_in_symbols() -> None:
    expression = symbols.build(parse("0.1*w**1.5 + 123456789.5*w"), {"w": symbols.symbol("w")})
    slope = symbols.derivative(expression, "w")
    assert {str(atom) for atom in slope.atoms(sympy.Symbol)} == {"0.1", "w", "123456789.5"}
    assert symbols.value_at(slope, {"w": 4.0}) == 0.1 * 1.5 * 2 + 123456789.5


@pytest.mark.parametrize(
    "text", ["((2*w)**1000)**1000", "exp(100*100*100*100*log(w*9))", "exp(99999*log(9))*w", "9**(9**5)*w"]
)
def test_powers_of_numbers_are_not_written_out(text: str) -> None:
    with pytest.raises(symbols.TooLarge):
        symbols.build(parse(text), {"w": symbols.symbol("w")})


def test_digits_in_common() -> None:
    assert digits_in_common(2.0, 2.0) == digits_in_common(0.0, 0.0) == 16.0
    assert digits_in_common(1.0, 1.001) == pytest.approx(3.0, abs=0.01)
    assert digits_in_common(1.0, -1.0) == digits_in_common(1e308, -1e308) == 0.0
    assert math.isfinite(digits_in_common(5e-324, 0.0))
