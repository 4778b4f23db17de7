"""The weight of each class in the objective, from the config's class_weight and the rows to train on.

Classes that are rare in a table would otherwise count for little in what is minimized, and may never be
predicted.
"""

from difflib import get_close_matches

import numpy as np

from irisbp.config.schema import Config
from irisbp.config.yaml import abridged
from irisbp.data.dataset import Dataset
from irisbp.data.problems import short
from irisbp.errors import ConfigError
from irisbp.nn.types import Indices

_MOST_LISTED = 10  # classes


def class_weights(config: Config, dataset: Dataset) -> tuple[float, ...] | None:
    """The weight of each class, in the order of the output nodes; None without class_weight.

    A class that a mapping does not name has the weight 1.
    """
    given = config.class_weight
    if given == "none":
        return None
    if given == "balanced":
        return balanced_weights(dataset.labels[dataset.train_rows], len(dataset.classes))
    assert isinstance(given, dict)
    return tuple(given.get(name, 1.0) for name in dataset.classes)


def balanced_weights(labels: Indices, classes: int) -> tuple[float, ...]:
    """The weights n / (k n_c) of the classes, for labels (n,), n_c of class c, and k classes that occur.

    So every class has the same sum of weights, and the mean weight of a sample is 1: scikit-learn's
    compute_class_weight. A class that does not occur has the weight 1.
    """
    counts = np.bincount(labels, minlength=classes).tolist()
    occurring = sum(count > 0 for count in counts)
    return tuple(len(labels) / (occurring * count) if count else 1.0 for count in counts)


def check_class_weight(config: Config, classes: tuple[str, ...]) -> None:
    """ConfigError for a weight of a class that there is not."""
    if not isinstance(config.class_weight, dict):
        return
    unknown = [name for name in config.class_weight if name not in classes]
    if not unknown:
        return
    close = get_close_matches(abridged(unknown[0]), classes, 1)
    hint = f"; did you mean {short(close[0])}?" if close else ""
    listed = ", ".join(map(short, classes[:_MOST_LISTED])) + (", ..." if len(classes) > _MOST_LISTED else "")
    raise ConfigError(f"class_weight: {abridged(unknown[0])} is not a class{hint} (classes: {listed})")
