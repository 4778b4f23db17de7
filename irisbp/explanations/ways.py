"""The same derivative by other ways: summed over the paths, in symbols for the whole graph, in numbers."""

from dataclasses import dataclass
from math import prod

import numpy as np

from irisbp.derivations.symbolic import HOW_TO_INSTALL
from irisbp.explanations.naming import Parameter
from irisbp.explanations.paths import Chain
from irisbp.explanations.worked import Worked
from irisbp.gradients.digits import digits, relative_error
from irisbp.gradients.methods import central_differences, complex_step
from irisbp.nn.backprop import Objective

MOST_LEAVES = 2000  # of the graph written out as one expression
_MOST_LAYERS = 12


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
        from irisbp.explanations.whole_graph import symbolic_derivative  # which loads SymPy
    except ImportError:
        return Way(name, None, None, HOW_TO_INSTALL)
    value = symbolic_derivative(parameter, worked.old, worked.of_sample, worked.label)
    return Way(name, value, common_digits(value, own))
