"""The same derivative by other ways: summed over the paths, in symbols for the whole graph, in numbers."""

from dataclasses import dataclass
from math import log10, prod
from typing import Any

import numpy as np

from irisbp.derivations.symbols import HOW_TO_INSTALL
from irisbp.explanations.naming import Parameter
from irisbp.explanations.paths import Chain
from irisbp.explanations.worked import Numbers, Worked
from irisbp.gradients.digits import digits, relative_error
from irisbp.gradients.methods import central_differences, complex_step
from irisbp.nn.activations import LEAK
from irisbp.nn.backprop import Objective
from irisbp.nn.types import Array

MOST_LEAVES = 2000  # of the graph written out as one expression
_MOST_LAYERS = 12
_DIGITS, _MOST_DIGITS = 50, 2000


@dataclass(frozen=True)
class Way:
    """A derivative by one way: digits are those in common with backpropagation's.

    Without a value, note says why.
    """

    name: str
    value: float | None
    digits: float | None
    note: str = ""


def ways_to(chain: Chain, worked: Worked) -> list[Way]:
    """The derivative of the chosen sample's own loss by the chain's parameter, by four other ways.

    The first is the sum over the paths of the chain.
    """
    parameter = chain.parameter
    row = slice(worked.chosen, worked.chosen + 1)
    inputs, label = worked.numbers.inputs[row], np.array([worked.label])
    here = (worked.network, worked.old, inputs, label, Objective("sum"))
    own = float(worked.of_sample.gradient_by(parameter))
    numeric = {
        "complex step": complex_step(*here, only=parameter.index)[1],
        "central difference": central_differences(*here, only=parameter.index)[1],
    }
    along = Way("sum over the paths", chain.total, common_digits(chain.total, own))
    ways = [along, _symbolic(parameter, worked, own)]
    for name, gradient in numeric.items():
        value = float(gradient[parameter.index])
        ways.append(Way(name, value, common_digits(value, own)))
    return ways


def common_digits(value: float, own: float) -> float:
    """The number of decimal digits that a value has in common with backpropagation's, 16 at the most."""
    return digits(relative_error(abs(value - own), abs(own)))


def _symbolic(parameter: Parameter, worked: Worked, own: float) -> Way:
    name, network = "symbolic, whole graph", worked.network
    leaves = network.inputs * prod(network.hidden) * network.classes
    if leaves > MOST_LEAVES or len(network.hidden) > _MOST_LAYERS:
        return Way(name, None, None, f"written out as one expression, the graph is too large ({leaves:.0e})")
    try:
        value = symbolic_derivative(parameter, worked.old, worked.of_sample, worked.label)
    except ImportError:
        return Way(name, None, None, HOW_TO_INSTALL)
    return Way(name, value, common_digits(value, own))


def symbolic_derivative(parameter: Parameter, parameters: Array, numbers: Numbers, label: int) -> float:
    """The loss as one expression in all inputs and parameters, differentiated, then evaluated.

    The expression is evaluated with 50 digits, and more where nodes saturate. A rectifier is the piece of
    it on whose side the sample lies. ImportError without SymPy.
    """
    import mpmath
    import sympy

    x = list(sympy.symbols(f"x0:{len(numbers.inputs)}"))
    w = list(sympy.symbols(f"w0:{len(parameters)}"))
    derivative = sympy.diff(_loss(parameter, x, w, numbers, label), w[parameter.index])
    function = sympy.lambdify([*x, *w], derivative, modules="mpmath", cse=True)
    values = [*numbers.inputs.tolist(), *parameters.tolist()]
    with mpmath.workdps(_digits_needed(numbers)):
        return float(function(*map(mpmath.mpf, values)))


def _digits_needed(numbers: Numbers) -> int:
    """1 - tanh(a)^2 loses 2 a log10(e) digits, and a softmax as many as its logits are apart."""
    largest = max(float(np.abs(sums).max()) for sums in (numbers.logits, *(h.sums for h in numbers.hidden)))
    if not largest < _MOST_DIGITS:  # which may be infinite, or no number, where a run is about to diverge
        return _MOST_DIGITS
    return min(_MOST_DIGITS, _DIGITS + int(2.0 * largest * log10(np.e)))


def _loss(parameter: Parameter, x: list[Any], w: list[Any], numbers: Numbers, label: int) -> Any:
    """log(sum of e^logit) - logit of the label, with nothing left out or shared."""
    import sympy

    network, values = parameter.network, x
    for depth, layer in enumerate(network.layers):
        block = np.array(w[layer.offset : layer.offset + layer.size], dtype=object)
        *weights, biases = block.reshape(-1, layer.fan_out).tolist()
        sums = [
            sum((v * row[j] for v, row in zip(values, weights, strict=True)), biases[j])
            for j in range(layer.fan_out)
        ]
        if depth < len(numbers.hidden):
            right = (numbers.hidden[depth].sums > 0.0).tolist()
            values = [_activated(network.activation, a, side) for a, side in zip(sums, right, strict=True)]
    return sympy.log(sum(map(sympy.exp, sums))) - sums[label]


def _activated(activation: str, a: Any, right: bool) -> Any:
    import sympy

    match activation:
        case "sigmoid":
            return 1 / (1 + sympy.exp(-a))
        case "tanh":
            return sympy.tanh(a)
        case "softplus":
            return sympy.log(1 + sympy.exp(a))
        case "relu":
            return a if right else sympy.Integer(0)
        case "leaky_relu":
            return a if right else sympy.Rational(LEAK) * a
        case _:
            return a
