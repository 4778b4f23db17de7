"""exp and log1p of numbers in compiled code, and the activations with their slopes, to about an ulp.

The C library's functions take one number at a time. These take one in each lane, by the textbook method: the
argument is reduced by a multiple of log 2, Taylor's series is summed for the rest, and the exponent is added.
"""

from collections.abc import Callable, Sequence
from math import factorial

from irisbp.nn.activations import LEAK
from irisbp.nn.codegen.code import Number

_SHIFT = 1.5 * 2.0**52  # added to a small number, it leaves the nearest whole number in the last bits
_LOG2_E = 1.4426950408889634
# log 2 in two parts; the first ends in 21 zeros, so that multiples of it are exact.
_HIGH, _LOW = 0.6931471803691238, 1.9082149292705877e-10
_ROOT_2 = 1.4142135623730951
_LEAST = -746.0  # e^x is 0 from here down


def _series(x: Number, coefficients: Sequence[float]) -> Number:
    """c0 + c1 x + c2 x^2 + ..., by Estrin's scheme: in pairs, which do not wait for each other."""
    code = x.code
    terms: list[Number | float] = list(coefficients)
    while len(terms) > 1:
        pairs = zip(terms[::2], terms[1::2], strict=False)
        joined: list[Number | float] = [code.fma(x, above, below) for below, above in pairs]
        terms = joined + terms[len(joined) * 2 :]
        x = x * x
    return code.number(terms[0])


def _reduced(x: Number) -> tuple[Number, Number]:
    """The k and e^r - 1 of x = k log 2 + r, where |r| is at most log(2) / 2, for x from -746 to 0."""
    code = x.code
    k = code.fma(x, _LOG2_E, _SHIFT) - _SHIFT
    r = code.fma(k, -_LOW, code.fma(k, -_HIGH, x))
    return k, code.fma(r * r, _series(r, [1.0 / factorial(n) for n in range(2, 14)]), r)


def _power_of_two(k: Number) -> tuple[Number, Number]:
    """2^k as two factors, since it may be below the smallest normal number."""
    code = k.code
    half = code.fma(k, 0.5, _SHIFT)
    rest = k - (half - _SHIFT)
    return code.power_of_two(half), code.power_of_two(rest + _SHIFT)


def exp(x: Number) -> Number:
    """e^x for x up to 0."""
    code = x.code
    k, less_one = _reduced(code.where_greater(_LEAST, x, _LEAST, x))
    first, second = _power_of_two(k)
    return code.fma(less_one, first, first) * second


def log1p(x: Number, one_and_x: Number, inverse: Number) -> Number:
    """log(1 + x) for x from 0, given the rounded 1 + x and its approximate inverse."""
    code = x.code
    whole = one_and_x - 1.0
    lost = (1.0 - (one_and_x - whole)) + (x - whole)  # the rounding error of 1 + x
    k, f = code.exponent(one_and_x), code.fraction(one_and_x)
    k = code.where_greater(f, _ROOT_2, k + 1.0, k)
    f = code.where_greater(f, _ROOT_2, f * 0.5, f) - 1.0
    # log(1 + f) = 2 artanh(t), with the leading terms arranged to lose no digits.
    t = f / (f + 2.0)
    square, half = t * t, f * f * 0.5
    series = square * _series(square, [2.0 / n for n in range(3, 22, 2)])
    rest = t * (half + series) + (k * _LOW + lost * inverse)
    return k * _HIGH - ((half - rest) - f)


def sigmoid(a: Number) -> tuple[Number, Number]:
    """f(a) = 1 / (1 + e^-a), f'(a) = f(a) f(-a)."""
    power, one_and_power = _exp_of_negative(a)
    large = 1.0 / one_and_power
    small = power * large
    return a.code.where_greater(0.0, a, small, large), small * large


def _exp_of_negative(a: Number) -> tuple[Number, Number]:
    """e^-|a| and 1 + e^-|a|, both from the same parts, so that neither waits for the other."""
    code = a.code
    x = 0.0 - code.absolute(a)
    k, less_one = _reduced(code.where_greater(_LEAST, x, _LEAST, x))
    first, second = _power_of_two(k)
    scale = first * second
    power, one_and_power = code.fma(less_one, scale, scale), code.fma(less_one, scale, scale + 1.0)
    return power, one_and_power


def tanh(a: Number) -> tuple[Number, Number]:
    """f(a) = +-(1 - e) / (1 + e), f'(a) = 4 e / (1 + e)^2 with e = e^(-2 |a|); 1 - e loses no digits."""
    code = a.code
    x = code.absolute(a) * -2.0
    k, less_one = _reduced(code.where_greater(_LEAST, x, _LEAST, x))
    first, second = _power_of_two(k)
    scale = first * second
    change = code.fma(scale, less_one, scale - 1.0)  # e - 1
    inverse = 1.0 / (change + 2.0)
    value = (0.0 - change) * inverse
    slope = (less_one + 1.0) * scale * 4.0 * inverse * inverse
    return code.where_greater(0.0, a, 0.0 - value, value), slope


def relu(a: Number) -> tuple[Number, Number]:
    """f(a) = max(a, 0), f'(a) = 0 at the kink."""
    code = a.code
    return code.where_greater(0.0, a, 0.0, a), code.where_greater(a, 0.0, 1.0, 0.0)


def leaky_relu(a: Number) -> tuple[Number, Number]:
    """f(a) = a right of 0 and 0.01 a elsewhere."""
    code = a.code
    return code.where_greater(0.0, a, a * LEAK, a), code.where_greater(a, 0.0, 1.0, LEAK)


def softplus(a: Number) -> tuple[Number, Number]:
    """f(a) = log(1 + e^a), f'(a) = 1 / (1 + e^-a)."""
    code = a.code
    power, one_and_power = _exp_of_negative(a)
    large = 1.0 / one_and_power
    value = log1p(power, power + 1.0, large)
    return code.where_greater(a, 0.0, value + a, value), code.where_greater(0.0, a, power * large, large)


def identity(a: Number) -> tuple[Number, Number]:
    """f(a) = a, f'(a) = 1."""
    return a, a.code.number(1.0)


ACTIVATIONS: dict[str, Callable[[Number], tuple[Number, Number]]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "softplus": softplus,
    "identity": identity,
}
"""Each gives f(a) and f'(a), as those of `irisbp.nn.activations` do."""
