"""Takes a user's own backward pass, which names its gradients, as a gradient function of the check."""

from collections.abc import Callable, Mapping

import numpy as np

from irisbp.errors import IrisbpError
from irisbp.gradients.judge import GradientFunction
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

BackwardPass = Callable[[dict[str, Array], Array, Indices], Mapping[str, Array]]
"""A user's own: (parameters by name, inputs (rows, inputs), labels (rows,)) -> gradients by name."""


def adapted(backward: BackwardPass) -> GradientFunction:
    """A user's backward pass with its results in one flat vector; IrisbpError if they do not fit into it."""

    def gradient_of(
        network: Network, parameters: Array, inputs: Array, labels: Indices, objective: Objective
    ) -> tuple[None, Array]:
        with np.errstate(all="ignore"):  # far out, overflow is to be expected
            given = backward(network.views(parameters.copy()), inputs.copy(), labels.copy())
        if not isinstance(given, Mapping) or any(np.iscomplexobj(array) for array in given.values()):
            raise IrisbpError("backward: it must return real arrays by the parameters' names")
        gradient = np.empty_like(parameters)
        for name, view in network.views(gradient).items():
            if name not in given or np.shape(given[name]) != view.shape:
                shape = np.shape(given[name]) if name in given else "nothing"
                raise IrisbpError(f"backward: {name} must be an array of {view.shape}, not {shape}")
            view[...] = given[name]
        return None, gradient

    return gradient_of
