"""Expressions in SymPy: built step by step from a parsed one, differentiated, and evaluated exactly enough.

SymPy never sees the user's text. Powers of numbers, which it would write out to their last digit, are kept
within bounds. This file loads SymPy, which may be missing: it is imported only where it is used.
"""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from math import inf, nan
from typing import Any

import mpmath
import sympy

from irisbp.derivations.arithmetic import LARGEST_EXPONENT
from irisbp.derivations.expressions import FUNCTIONS, NEGATION, Expression, Kind
from irisbp.derivations.symbolic import Symbolic
from irisbp.derivations.system import WHOLE, System

MOST_SECONDS = 2
MOST_SYMBOLIC = 500  # operations, with every name replaced by its definition
_MOST_BITS = 4096  # of a number in a symbolic expression
_DIGITS = (50, 100, 200, 400)  # tried in turn, until two agree
_AGREEMENT = 1e-25


class TooLarge(Exception):
    """An expression that would grow out of bounds."""


class TooSlow(Exception):
    """SymPy ran out of time."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooSlow when the time is over: SymPy's own checks of an expression may never end.

    This takes POSIX timers and the main thread; elsewhere, or if a timer runs already, there is no limit.
    """
    if not _can_use_timer():
        yield
        return

    def interrupt(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)  # again, should the first be caught by somebody
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _can_use_timer() -> bool:
    if not hasattr(signal, "setitimer"):  # Windows and Pyodide have none
        return False
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and not signal.getitimer(signal.ITIMER_REAL)[0]


def in_symbols(system: System) -> Symbolic:
    """Differentiate the whole and every factor of the chain, within MOST_SECONDS."""
    found = Symbolic()
    try:
        with at_most(MOST_SECONDS):
            for name, by in system.factors():
                _add_factor(found, system.parts[name], name, by)
            _add_whole(found, system)
    except TooSlow:
        found.note = f"left out: it takes more than {MOST_SECONDS} seconds"
    return found


def _add_factor(found: Symbolic, part: Expression, name: str, by: str) -> None:
    try:
        expression = build(part, {used: symbol(used) for used in part.names})
    except TooLarge:
        return
    found.factors[name, by] = str(derivative(expression, by))


def _add_whole(found: Symbolic, system: System) -> None:
    """Add the derivative of the whole with all definitions put in."""
    operations = system.operations()
    if operations > MOST_SYMBOLIC:
        found.note = f"left out: {operations:,} operations; it is done for {MOST_SYMBOLIC} at most"
        return
    known = {name: symbol(name) for name in system.at}
    try:
        for name, part in system.parts.items():
            known[name] = build(part, known)
    except TooLarge:
        found.note = "left out: its powers of numbers are too large"
        return
    slope = derivative(known[WHOLE], system.wrt)
    value = value_at(slope, system.at)
    found.derivative, found.value = str(slope), value


def symbol(name: str) -> Any:
    """The symbol for a name."""
    return sympy.Symbol(name)


def build(expression: Expression, names: Mapping[str, Any]) -> Any:
    """The expression in SymPy; names says which SymPy expression replaces each name."""
    stack: list[Any] = []
    for step in expression.steps:
        if step.kind is Kind.NUMBER:
            stack.append(_number(step.text))
        elif step.kind is Kind.NAME:
            stack.append(names[step.text])
        else:
            operands = stack[-step.operands :]
            del stack[-step.operands :]
            stack.append(_apply(step.text, operands))
    return stack.pop()


def derivative(expression: Any, name: str) -> Any:
    """The derivative by the symbol of that name."""
    return expression.diff(symbol(name))


def value_at(expression: Any, values: Mapping[str, float]) -> float:
    """The value at these float64 numbers, rounded once, at the end; nan where there is none."""
    last: Any = None
    for digits in _DIGITS:
        with mpmath.workdps(digits):
            try:
                result = mpmath.re(_evaluate(expression, values))
            except (ZeroDivisionError, ValueError):
                return nan
            if last is not None and abs(result - last) <= _AGREEMENT * abs(result):
                break
            last = result
    try:
        return float(result)
    except OverflowError:
        return inf


def _number(text: str) -> Any:
    """Keep whole numbers and simple fractions as such; others as symbols, so that they stay as written."""
    above, below = float(text).as_integer_ratio()
    if above <= 10**6 and below <= 2**10:
        return sympy.Rational(above, below)
    return symbol(text)


def _apply(operation: str, operands: list[Any]) -> Any:
    if operation == "**" or operation == "exp":
        _check_exponent(operands[-1])
    match operation:
        case "+":
            return operands[0] + operands[1]
        case "-":
            return operands[0] - operands[1]
        case "*":
            result = operands[0] * operands[1]
        case "/":
            result = operands[0] / operands[1]
        case "**":
            result = operands[0] ** operands[1]
        case _ if operation == NEGATION:
            return -operands[0]
        case _ if operation in _own_functions():
            return _own_functions()[operation](operands[0])
        case _:
            result = getattr(sympy, operation)(operands[0])
    _check_numbers(result)
    return result


def _check_exponent(exponent: Any) -> None:
    """Exact powers, and exp(n log(x)), which SymPy makes x**n: of small exponents only."""
    if exponent.is_number or exponent.has(sympy.log):
        for number in exponent.atoms(sympy.Rational):
            if abs(number) > LARGEST_EXPONENT:
                raise TooLarge


def _check_numbers(expression: Any) -> None:
    near = [expression, *expression.args, *(inner for arg in expression.args for inner in arg.args)]
    for number in near:
        if number.is_Rational and max(abs(number.p), number.q).bit_length() > _MOST_BITS:
            raise TooLarge


@cache
def _own_functions() -> dict[str, Any]:
    """Functions that SymPy lacks, or has in another form: each knows its derivative and is not rewritten."""

    def function(name: str, slope: Any) -> Any:
        return type(name, (sympy.Function,), {"fdiff": lambda self, argindex=1: slope(self.args[0])})

    flat = sympy.Integer(0)
    step, sign = function("step", lambda a: flat), function("sign", lambda a: flat)
    sigmoid: Any = function("sigmoid", lambda a: sigmoid(a) * sigmoid(-a))
    return {
        "sigmoid": sigmoid,
        "softplus": function("softplus", sigmoid),
        "relu": function("relu", step),
        "abs": function("abs", sign),
    }


def _evaluate(expression: Any, values: Mapping[str, float]) -> Any:
    """In mpmath's current precision; every subexpression once."""
    known: dict[Any, Any] = {}
    for node in sympy.postorder_traversal(expression):
        if node not in known:
            known[node] = _evaluate_node(node, [known[argument] for argument in node.args], values)
    return known[expression]


def _evaluate_node(node: Any, operands: list[Any], values: Mapping[str, float]) -> Any:
    if node.is_Symbol:
        name = node.name
        return mpmath.mpf(values[name] if name in values else float(name))
    if node.is_Rational:
        return mpmath.mpf(node.p) / node.q
    if node.is_Add:
        return mpmath.fsum(operands)
    if node.is_Mul:
        return mpmath.fprod(operands)
    if node.is_Pow:
        return mpmath.power(*operands)
    return _evaluate_function(type(node).__name__, operands)


def _evaluate_function(name: str, operands: list[Any]) -> Any:
    match name:
        case "Exp1" | "Pi":
            return mpmath.e + 0 if name == "Exp1" else mpmath.pi + 0
        case "sigmoid":
            return 1 / (1 + mpmath.exp(-operands[0]))
        case "softplus":
            return mpmath.log1p(mpmath.exp(operands[0]))
        case "relu":
            return max(operands[0], mpmath.mpf(0))
        case "step" if operands[0]:
            return mpmath.mpf(operands[0] > 0)
        case "abs":
            return abs(operands[0])
        case "sign" if operands[0]:
            return mpmath.sign(operands[0])
        case _ if name in FUNCTIONS:
            return getattr(mpmath, name)(*operands)
        case _:
            raise ValueError(name)  # SymPy's infinities, a slope at a kink, and whatever else has no value
