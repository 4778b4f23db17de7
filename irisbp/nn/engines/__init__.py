"""The engines: each runs many steps of training and reports every sample's loss.

`one` trains one run, `many` trains runs side by side; both have a plain engine, in NumPy, and a compiled one,
machine code that `nn.codegen` writes. `one.plain` is the reference for the others.
"""

from typing import Protocol

from irisbp.nn.types import Array, Indices


class Engine(Protocol):
    """The interface of the engines for one run; block is the largest number of samples that `run` takes."""

    block: int

    def run(self, inputs: Array, labels: Indices) -> tuple[list[float], list[int]]:
        """Train on samples in order: inputs (n, inputs), labels (n,), with n up to `block`.

        Returns each sample's loss and predicted class before its batch's update; the last batch may be
        short. The first loss that is not finite ends the lists, and its batch changes nothing.
        """
