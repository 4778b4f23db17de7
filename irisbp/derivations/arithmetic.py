"""Three arithmetics for the same expression: float64, dual numbers and complex numbers.

A dual number carries a value and its slope, the derivative by one variable. Every operation is defined on
both, so that the derivative is computed along with the value, without an expression for it
(forward mode: Griewank & Walther, "Evaluating Derivatives", 2008, chapter 3). The complex step (Squire &
Trapp, 1998) uses the imaginary part in nearly the same way.
"""

import cmath
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from irisbp.derivations.expressions import NEGATION, Expression, Kind, Step

LARGEST_EXPONENT = 1000

N = TypeVar("N")


class Undefined(ArithmeticError):
    """An operation has no value, or no derivative, at these operands."""


class Dual(NamedTuple):
    """A value and its derivative by one variable; moves is False of a constant: its slope is 0.

    At a kink the slope is that of the side to which the variable moves: seed the variable with 1 for the
    derivative from the right, and with -1 for minus the derivative from the left.
    """

    value: float
    slope: float = 0.0
    moves: bool = True


@dataclass(frozen=True)
class Arithmetic(Generic[N]):
    """The arithmetic of one kind of number: its constructor and its operations.

    lacking is what a number has not got where an operation fails: a value, or a derivative. parts are the
    floats that a number is made of, and each replaces every one of them by a function of it.
    """

    lacking: str
    number: Callable[[float], N]
    parts: Callable[[N], Sequence[float]]
    each: Callable[[N, Callable[[float], float]], N]
    operations: Mapping[str, Callable[..., N]]

    def apply(self, operation: str, operands: Sequence[N]) -> N:
        """The result of an operation; Undefined or OverflowError where there is none."""
        try:
            result = self.operations[operation](*operands)
        except (ValueError, ZeroDivisionError):  # the math library's words for "not defined"
            raise Undefined(f"has no {self.lacking} here") from None
        if not all(map(math.isfinite, self.parts(result))):
            raise OverflowError
        return result


def evaluate(expression: Expression, values: Mapping[str, N], arithmetic: Arithmetic[N]) -> N:
    """The expression's value where its names have these values; ExpressionError where it has none."""
    stack: list[N] = []
    for step in expression.steps:
        if step.kind is Kind.NUMBER:
            stack.append(arithmetic.number(float(step.text)))
        elif step.kind is Kind.NAME:
            stack.append(values[step.text])
        else:
            operands = stack[-step.operands :]
            del stack[-step.operands :]
            stack.append(_applied(expression, step, operands, arithmetic))
    return stack.pop()


def evaluate_all(
    parts: Mapping[str, Expression], given: Mapping[str, N], arithmetic: Arithmetic[N]
) -> dict[str, N]:
    """The given values and every part's, each part from those before it."""
    values = dict(given)
    for name, part in parts.items():
        values[name] = evaluate(part, values, arithmetic)
    return values


def _applied(expression: Expression, step: Step, operands: list[N], arithmetic: Arithmetic[N]) -> N:
    try:
        return arithmetic.apply(step.text, operands)
    except Undefined as error:
        problem = "division by zero" if step.text == "/" else f"{_shown(step)} {error}"
    except OverflowError:
        problem = f"{_shown(step)} leaves the range of float64 here"
    raise expression.error(step.place, problem)


def _shown(step: Step) -> str:
    return "-" if step.text == NEGATION else step.text


def sigmoid(a: float) -> float:
    """1 / (1 + e^-a), for any a."""
    if a >= 0:
        return 1 / (1 + math.exp(-a))
    power = math.exp(a)
    return power / (1 + power)


def softplus(a: float) -> float:
    """log(1 + e^a), for any a."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a)))


def _power(base: float, exponent: float) -> float:
    if base < 0 and not exponent.is_integer():
        raise Undefined("of a negative number has no value unless the exponent is whole")
    return float(base**exponent)


# Each function's value and slope, the slope from the argument a and the value f.
_FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float, float], float]]] = {
    NEGATION: (lambda a: -a, lambda a, f: -1.0),
    "exp": (math.exp, lambda a, f: f),
    "log": (math.log, lambda a, f: 1 / a),
    "sqrt": (math.sqrt, lambda a, f: 0.5 / f),
    "sin": (math.sin, lambda a, f: math.cos(a)),
    "cos": (math.cos, lambda a, f: -math.sin(a)),
    "tan": (math.tan, lambda a, f: 1 + f * f),
    "atan": (math.atan, lambda a, f: 1 / (1 + a * a)),
    "sinh": (math.sinh, lambda a, f: math.cosh(a)),
    "cosh": (math.cosh, lambda a, f: math.sinh(a)),
    # sech(a)^2 from e^-2|a|: 1 - f^2 loses its digits where tanh is flat.
    "tanh": (math.tanh, lambda a, f: 4 * (p := math.exp(-2 * abs(a))) / (1 + p) ** 2),
    "sigmoid": (sigmoid, lambda a, f: sigmoid(a) * sigmoid(-a)),
    "softplus": (softplus, lambda a, f: sigmoid(a)),
}
# The functions with a kink at 0: straight lines to either side of it.
_KINKED: dict[str, Callable[[float], float]] = {"relu": lambda a: max(a, 0.0), "abs": abs}


def _dual_function(
    value: Callable[[float], float], slope: Callable[[float, float], float]
) -> Callable[[Dual], Dual]:
    def function(a: Dual) -> Dual:
        result = value(a.value)
        # A constant has the slope 0, also where the function has none.
        taken = _product(lambda: slope(a.value, result), a.slope) if a.moves else 0.0
        return Dual(result, taken, a.moves)

    return function


def _product(slope: Callable[[], float], inner: float) -> float:
    """One factor of the chain rule; an infinite one makes no derivative, also where the other is 0."""
    try:
        return slope() * inner
    except ZeroDivisionError:
        times_0 = "" if inner else ", and infinity times 0 is no number"
        raise Undefined(f"has no derivative here: its slope is infinite{times_0}") from None


def _dual_kinked(function: Callable[[float], float]) -> Callable[[Dual], Dual]:
    def kinked(a: Dual) -> Dual:
        # Straight to either side: at 0, the slope to the side of a is f(a), and elsewhere f(1) or -f(-1).
        slope = function(math.copysign(1.0, a.value)) * math.copysign(1.0, a.value) * a.slope
        return Dual(function(a.value), slope if a.value else function(a.slope), a.moves)

    return kinked


def _dual_quotient(a: Dual, b: Dual) -> Dual:
    """(a / b)' = a' / b - a b' / b^2, in just this order, which is R's; b^2 may leave the range."""
    quotient, square = a.value / b.value, b.value * b.value
    in_range = 0 < square < math.inf
    taken = a.value * b.slope / square if in_range else quotient * (b.slope / b.value)
    return Dual(quotient, a.slope / b.value - taken, a.moves or b.moves)


def _dual_power(a: Dual, b: Dual) -> Dual:
    """(a^b)' = b a^(b-1) a' + a^b log(a) b'; each part only where it is needed."""
    value, slope = _power(a.value, b.value), 0.0
    if a.moves and b.value:
        slope += _product(lambda: b.value * _power(a.value, b.value - 1), a.slope)
    if b.moves and (value or a.value < 0):
        slope += value * math.log(a.value) * b.slope
    return Dual(value, slope, a.moves or b.moves)


def _complex_power(base: complex, exponent: complex) -> complex:
    if exponent.imag == 0 and exponent.real.is_integer():
        # By squaring: through the logarithm, a negative base would drown the step in noise.
        whole = _whole_power(base, abs(int(exponent.real)))
        return 1 / whole if exponent.real < 0 else whole
    if not base:
        return 0j
    size, angle = cmath.polar(base)  # e^(b log a) would lose as many digits as b log a has before the point
    turn = exponent.imag * math.log(size) + exponent.real * angle
    return cmath.rect(size**exponent.real * math.exp(-exponent.imag * angle), turn)


def _whole_power(base: complex, exponent: int) -> complex:
    result = 1 + 0j
    while exponent:
        result = result * base if exponent % 2 else result
        exponent //= 2
        base = base * base if exponent else base
    return result


def _complex_sigmoid(a: complex) -> complex:
    if a.real >= 0:
        return 1 / (1 + cmath.exp(-a))
    power = cmath.exp(a)
    return power / (1 + power)


def _complex_log1p(a: complex) -> complex:
    """log(1 + a), without the digits that 1 + a loses."""
    return complex(0.5 * math.log1p(2 * a.real + abs(a) ** 2), math.atan2(a.imag, 1 + a.real))


def _complex_kinked(function: Callable[[float], float]) -> Callable[[complex], complex]:
    def kinked(a: complex) -> complex:
        if a.real == 0 and a.imag:
            raise Undefined("has no complex step at its kink")
        return function(math.copysign(1.0, a.real)) * math.copysign(1.0, a.real) * a

    return kinked


FLOATS = Arithmetic[float](
    lacking="value",
    number=float,
    parts=lambda a: (a,),
    each=lambda a, function: function(a),
    operations={
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "**": _power,
        **{name: value for name, (value, _) in _FUNCTIONS.items()},
        **_KINKED,
    },
)
DUALS = Arithmetic[Dual](
    lacking="derivative",
    number=lambda a: Dual(a, 0.0, moves=False),
    parts=lambda a: a[:2],
    each=lambda a, function: Dual(function(a.value), function(a.slope), a.moves),
    operations={
        "+": lambda a, b: Dual(a.value + b.value, a.slope + b.slope, a.moves or b.moves),
        "-": lambda a, b: Dual(a.value - b.value, a.slope - b.slope, a.moves or b.moves),
        "*": lambda a, b: Dual(a.value * b.value, a.slope * b.value + a.value * b.slope, a.moves or b.moves),
        "/": _dual_quotient,
        "**": _dual_power,
        **{name: _dual_function(*both) for name, both in _FUNCTIONS.items()},
        **{name: _dual_kinked(function) for name, function in _KINKED.items()},
    },
)
COMPLEXES = Arithmetic[complex](
    lacking="value",
    number=complex,
    parts=lambda a: (a.real, a.imag),
    each=lambda a, function: complex(function(a.real), function(a.imag)),
    operations={
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "**": _complex_power,
        NEGATION: lambda a: -a,
        **{
            name: getattr(cmath, name)
            for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")
        },
        "sigmoid": _complex_sigmoid,
        "softplus": lambda a: (
            _complex_log1p(cmath.exp(a)) if a.real < 0 else a + _complex_log1p(cmath.exp(-a))
        ),
        **{name: _complex_kinked(function) for name, function in _KINKED.items()},
    },
)


def refuse_huge_exponents(expression: Expression) -> None:
    """Refuse a constant exponent beyond LARGEST_EXPONENT, before anything is evaluated."""
    stack: list[float | None] = []  # the values of constant operands
    for step in expression.steps:
        if step.kind is not Kind.OPERATION:
            stack.append(float(step.text) if step.kind is Kind.NUMBER else None)
            continue
        operands = stack[-step.operands :]
        del stack[-step.operands :]
        exponent = operands[-1]
        if step.text == "**" and exponent is not None and abs(exponent) > LARGEST_EXPONENT:
            raise expression.error(step.place, f"an exponent is at most {LARGEST_EXPONENT}")
        stack.append(_constant(expression, step, operands))


def _constant(expression: Expression, step: Step, operands: list[float | None]) -> float | None:
    known = [operand for operand in operands if operand is not None]
    return _applied(expression, step, known, FLOATS) if len(known) == len(operands) else None
