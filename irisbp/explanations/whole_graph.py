"""The loss of the whole network as one expression, differentiated in symbols: nothing is left out or shared.

This file loads SymPy, which may be missing: it is imported only where it is used.
"""

from math import log10
from typing import Any

import mpmath
import numpy as np
import sympy

from irisbp.explanations.naming import Parameter
from irisbp.explanations.worked import Numbers
from irisbp.nn.activations import LEAK
from irisbp.nn.types import Array

_DIGITS, _MOST_DIGITS = 50, 2000


def symbolic_derivative(parameter: Parameter, parameters: Array, numbers: Numbers, label: int) -> float:
    """The loss as one expression in all inputs and parameters, differentiated, then evaluated.

    The expression is evaluated with 50 digits, and more where nodes saturate. A rectifier is the piece of
    it on whose side the sample lies.
    """
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
