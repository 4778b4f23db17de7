"""The case of a gradient check: a network, samples for it, an objective, and perhaps trained parameters."""

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from irisbp.errors import IrisbpError
from irisbp.gradients.paths import Loops
from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices


@dataclass(frozen=True)
class Case:
    """A network with inputs (rows, inputs), labels (rows,) and an objective, and the loops that train it.

    trained are the parameters of a run, at which gradients are compared, too.
    """

    network: Network
    inputs: Array
    labels: Indices
    objective: Objective
    loops: Loops
    trained: Array | None = None

    def replaced(
        self,
        network: Network | None,
        inputs: Array | None,
        labels: Indices | None,
        objective: Objective | None,
    ) -> "Case":
        """The case with a user's own in place of what it has; IrisbpError says what does not fit."""
        network, objective = network or self.network, objective or self.objective
        inputs = np.asarray(self.inputs if inputs is None else inputs, dtype=np.float64)
        labels = np.asarray(self.labels if labels is None else labels)
        _check_choices(network, objective)
        _check_samples(network, inputs, labels)
        batch_size = min(self.loops.batch_size, len(labels))
        loops = replace(self.loops, batch_size=batch_size, samples=len(labels))
        return Case(network, inputs, labels.astype(np.int64), objective, loops)


def _check_choices(network: Network, objective: Objective) -> None:
    if network.activation not in ACTIVATIONS:
        raise IrisbpError(f"network: {network.activation} is not one of {', '.join(ACTIVATIONS)}")
    if not (isfinite(objective.l2) and objective.l2 >= 0.0):
        raise IrisbpError(f"objective: l2 is {objective.l2}; it must be a finite number from 0")
    weights = objective.class_weight
    if weights is not None and not (len(weights) == network.classes and all(map(_is_positive, weights))):
        raise IrisbpError(
            f"objective: class_weight is {weights}; it must have a finite number above 0"
            f" for each of {network.classes} classes"
        )


def _is_positive(weight: float) -> bool:
    return isfinite(weight) and weight > 0.0


def _check_samples(network: Network, inputs: Array, labels: Indices) -> None:
    if inputs.ndim != 2 or labels.shape != (len(inputs),) or labels.dtype.kind not in "iu":
        raise IrisbpError("inputs must be an array (rows, inputs), labels an array of whole numbers (rows,)")
    if not np.isfinite(inputs).all():
        raise IrisbpError("inputs: all numbers must be finite")
    found = sorted(set(labels.tolist()))
    if inputs.shape[1] != network.inputs or found != list(range(network.classes)):
        raise IrisbpError(
            f"the samples do not fit the network: {inputs.shape[1]} inputs and labels"
            f" {found}, but {network.inputs} inputs and {network.classes} classes"
        )
