"""A trained network with all that new samples need: its features, their standardizer, its classes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from irisbp.data.dataset import Standardizer
from irisbp.data.encoding import Encoder
from irisbp.data.options import Unknown, Wanted
from irisbp.errors import DataError
from irisbp.nn.network import Network
from irisbp.nn.types import Array
from irisbp.training.evaluation import probabilities


@dataclass(frozen=True)
class Model:
    """Parameters (parameters,) of a network, the columns it takes in its inputs' order, and its classes.

    Output node k stands for classes[k]. encoder makes the features of a table's columns; wanted is how the
    run's own table was read, and unknown what becomes of categories that it does not have.
    """

    network: Network
    parameters: Array
    standardizer: Standardizer
    features: tuple[str, ...]
    classes: tuple[str, ...]
    encoder: Encoder
    wanted: Wanted
    unknown: Unknown = "error"

    def probabilities(self, values: Array, name_of: Callable[[int], str] = "row {}".format) -> Array:
        """The probability of each class (rows, classes), for values as measured (rows, features).

        DataError, with what name_of calls the row, for one that lies too far out for float64.
        """
        found = probabilities(self.network, self.parameters, self.standardizer.apply(values))
        beyond = ~np.isfinite(found).all(axis=1)
        if beyond.any():
            name = name_of(int(beyond.argmax()))
            raise DataError(f"the sample {name}: it lies so far out that its logits overflow float64")
        return found
