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
    """A value and its derivative by one variable."""

    value: float
    slope: float = 0.0


@dataclass(frozen=True)
class Arithmetic(Generic[N]):
    """The arithmetic of one kind of number: its constructor and its operations.

    lacking is what a number has not got where an operation fails: a value, or a derivative.
    """

    lacking: str
    number: Callable[[float], N]
    parts: Callable[[N], Sequence[float]]
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


def _slope_of_abs(a: float) -> float:
    if a == 0:
        raise Undefined("has no derivative at 0")
    return math.copysign(1.0, a)


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
    "relu": (lambda a: max(a, 0.0), lambda a, f: 1.0 if a > 0 else 0.0),
    "abs": (abs, lambda a, f: _slope_of_abs(a)),
}


def _dual_function(
    value: Callable[[float], float], slope: Callable[[float, float], float]
) -> Callable[[Dual], Dual]:
    def function(a: Dual) -> Dual:
        result = value(a.value)
        # A constant has the slope 0, also where the function has none.
        return Dual(result, slope(a.value, result) * a.slope if a.slope else 0.0)

    return function


def _dual_quotient(a: Dual, b: Dual) -> Dual:
    """(a / b)' = a' / b - a b' / b^2, in just this order, which is R's; b^2 may leave the range."""
    quotient, square = a.value / b.value, b.value * b.value
    in_range = 0 < square < math.inf
    taken = a.value * b.slope / square if in_range else quotient * (b.slope / b.value)
    return Dual(quotient, a.slope / b.value - taken)


def _dual_power(a: Dual, b: Dual) -> Dual:
    """(a^b)' = b a^(b-1) a' + a^b log(a) b'; each part only where it is needed."""
    value, slope = _power(a.value, b.value), 0.0
    if a.slope and b.value:
        slope += b.value * _power(a.value, b.value - 1) * a.slope
    if b.slope and (value or a.value < 0):
        slope += value * math.log(a.value) * b.slope
    return Dual(value, slope)


def _complex_power(base: complex, exponent: complex) -> complex:
    if exponent.imag == 0 and exponent.real.is_integer():
        # By squaring: through the logarithm, a negative base would drown the step in noise.
        whole = _whole_power(base, abs(int(exponent.real)))
        return 1 / whole if exponent.real < 0 else whole
    return cmath.exp(exponent * cmath.log(base)) if base else 0j


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


FLOATS = Arithmetic[float](
    lacking="value",
    number=float,
    parts=lambda a: (a,),
    operations={
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "**": _power,
        **{name: value for name, (value, _) in _FUNCTIONS.items()},
    },
)
DUALS = Arithmetic[Dual](
    lacking="derivative",
    number=Dual,
    parts=lambda a: a,
    operations={
        "+": lambda a, b: Dual(a.value + b.value, a.slope + b.slope),
        "-": lambda a, b: Dual(a.value - b.value, a.slope - b.slope),
        "*": lambda a, b: Dual(a.value * b.value, a.slope * b.value + a.value * b.slope),
        "/": _dual_quotient,
        "**": _dual_power,
        **{name: _dual_function(*both) for name, both in _FUNCTIONS.items()},
    },
)
COMPLEXES = Arithmetic[complex](
    lacking="value",
    number=complex,
    parts=lambda a: (a.real, a.imag),
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
        "softplus": lambda a: cmath.log(1 + cmath.exp(a)) if a.real < 0 else a + cmath.log(1 + cmath.exp(-a)),
        "relu": lambda a: a if a.real > 0 else 0j,
        "abs": lambda a: a if a.real >= 0 else -a,
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
