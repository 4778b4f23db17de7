"""The engines: each runs many steps of training and reports every sample's loss."""

from typing import Protocol

from irisbp.nn.types import Array, Indices


class Engine(Protocol):
    """What the training loop asks of an engine; block is how many samples a run takes at most."""

    block: int

    def run(self, inputs: Array, labels: Indices) -> tuple[list[float], list[int]]:
        """Train on samples in order: inputs (n, inputs), labels (n,), with n up to `block`.

        Each sample's loss and predicted class, before its batch's update; the last batch may be short.
        The first loss that is not finite ends the lists, and its batch changes nothing.
        """
