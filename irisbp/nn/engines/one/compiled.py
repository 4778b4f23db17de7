"""The compiled loop for one run: the plain loop's steps as machine code, about a hundred times as fast.

Small networks gain, because the plain loop spends nearly all of their time on calls. Large ones do not: there
its matrix products are faster than these loops. `is_faster` decides between the two.
"""

import numpy as np

from irisbp.nn.backprop import Objective
from irisbp.nn.codegen.structure import (
    corrections_of,
    count_steps,
    memory_names,
    options_of,
    structure_of,
)
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Optimizer
from irisbp.nn.types import Array, Indices

_BLOCK = 4096  # samples; a few milliseconds at most
# Measured against the plain loop; beyond these, its matrix products win.
_MOST_PARAMETERS, _MOST_PRODUCTS = 10_000, 60_000
_MOST_LAYERS = 8  # each adds code that has to be compiled


def is_faster(network: Network, batch_size: int) -> bool:
    """Return whether the compiled loop is faster than the plain one for a network and a batch size."""
    count = network.parameter_count
    is_small = count <= _MOST_PARAMETERS and count * batch_size <= _MOST_PRODUCTS
    return is_small and len(network.layers) <= _MOST_LAYERS


class CompiledLoop:
    """Trains like `PlainLoop`, to rounding: it changes the same vector and the same optimizer's memory.

    llvmlite has to be installed. The optimizer is one of `irisbp.nn.optimizers`.
    """

    def __init__(
        self,
        network: Network,
        parameters: Array,
        optimizer: Optimizer,
        batch_size: int = 1,
        objective: Objective | None = None,
    ) -> None:
        from irisbp.nn.codegen.objects import function  # needs llvmlite

        objective = objective or Objective()
        structure = structure_of(network, optimizer, batch_size, objective, lanes=1)
        self._function, self._optimizer, self._batch_size = function(structure), optimizer, batch_size
        self.block = max(batch_size, _BLOCK // batch_size * batch_size)
        self._kept = [optimizer.state[name] for name in memory_names(structure)]
        self._memory = np.zeros((3, structure.parameter_count))
        self._plan = np.array([1, 0, batch_size, 0])
        self._rate = np.zeros(1)
        self._options = np.array(options_of(optimizer, objective))
        self._results = np.zeros(1 + 2 * self.block)
        self._parameters = parameters
        fixed = self._plan, self._rate, self._options, parameters, self._memory, self._results
        self._addresses = [_address(array) for array in fixed]

    def run(self, inputs: Array, labels: Indices) -> tuple[list[float], list[int]]:
        """Train on up to `block` samples in order: inputs (n, inputs), labels (n,); see `engines.Engine`."""
        losses, predictions = self.advance(inputs, labels)
        return losses.tolist(), predictions.astype(np.int64).tolist()

    def advance(self, inputs: Array, labels: Indices) -> tuple[Array, Array]:
        """Like `run`, but returns arrays: views that the next call overwrites."""
        count, steps = len(labels), -(-len(labels) // self._batch_size)
        self._plan[1] = count
        self._rate[0] = self._optimizer.learning_rate
        for place, array in zip(self._memory, self._kept, strict=False):
            place[...] = array
        corrections, products = corrections_of(self._optimizer, steps)
        inputs, labels = np.ascontiguousarray(inputs), np.ascontiguousarray(labels)
        plan, rate, options, parameters, memory, results = self._addresses
        # With one lane, the code reads no table of rows.
        self._function(
            plan, None, _address(labels), _address(inputs), rate, options, _address(corrections),
            parameters, memory, results,
        )  # fmt: skip
        for place, array in zip(self._memory, self._kept, strict=False):
            array[...] = place
        end = int(self._results[0])
        count_steps(self._optimizer, (end - 1) // self._batch_size if end else steps, products)
        taken = self._results[1 : 1 + 2 * (end or count)]
        return taken[::2], taken[1::2]


def _address(array: Array | Indices) -> int:
    return int(array.__array_interface__["data"][0])
