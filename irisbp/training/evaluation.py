"""The loss and accuracy of parameters on a dataset."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any

import numpy as np

from irisbp.data.dataset import Dataset, rows_of
from irisbp.nn.backprop import Backprop
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.numerics.choice import numerics_of
from irisbp.nn.types import Array, Indices

ROWS_AT_ONCE = 4096  # that are classified together


@dataclass(frozen=True)
class ClassFigures:
    """precision is None for a class never predicted, recall for a class that no sample has.

    f1, their harmonic mean, is 2 hits / (samples + predictions): 0 without a hit, and None for a class that
    no sample has and that is never predicted.
    """

    name: str
    samples: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Scores:
    """loss is the mean over samples; confusion[i][j] counts samples of class i predicted as j.

    loss is the mean cross-entropy in nats, without the weights of classes: scikit-learn's log_loss.
    """

    samples: int
    loss: float
    accuracy: float
    classes: list[ClassFigures]
    confusion: list[list[int]]

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that samples have: scikit-learn's balanced_accuracy_score."""
        return _mean([figures.recall for figures in self.classes])

    @property
    def macro_f1(self) -> float:
        """The mean f1 of the classes that samples have or that are predicted.

        scikit-learn's f1_score(average="macro", zero_division=0).
        """
        return _mean([figures.f1 for figures in self.classes])

    def as_json(self) -> dict[str, Any]:
        """Plain data, for JSON; log_loss repeats loss under the name that scikit-learn has for it."""
        return {
            "samples": self.samples,
            "loss": self.loss,
            "log_loss": self.loss,
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "classes": [asdict(figures) for figures in self.classes],
            "confusion": self.confusion,
        }


def evaluate(network: Network, parameters: Array, dataset: Dataset, rows: Indices | None = None) -> Scores:
    """Classify samples of the dataset with these parameters: the given rows, or all."""
    labels, inputs = dataset.labels, dataset.inputs
    if rows is not None:
        labels, inputs = labels[rows], rows_of(inputs, rows)
    losses, predictions = classify(network, parameters, inputs, labels)
    size = network.classes
    confusion = np.zeros((size, size), dtype=np.int64)
    np.add.at(confusion, (labels, predictions), 1)
    return Scores(
        samples=len(losses),
        loss=numerics_of(network.numerics).mean(losses),
        accuracy=int(np.trace(confusion)) / len(losses),
        classes=_class_figures(dataset.classes, confusion),
        confusion=confusion.tolist(),
    )


def classify(network: Network, parameters: Array, inputs: Array, labels: Indices) -> tuple[Array, Indices]:
    """Each sample's loss (rows,) and predicted class (rows,), for inputs (rows, inputs), labels (rows,)."""
    losses, predictions = [], []
    cross_entropy = numerics_of(network.numerics).cross_entropy
    with np.errstate(all="ignore"):
        for start, logits in _logits(network, parameters, inputs):
            loss, predicted = cross_entropy(logits, labels[start : start + len(logits)])
            losses.append(loss)
            predictions.append(predicted)
    return np.concatenate(losses), np.concatenate(predictions)


def probabilities(network: Network, parameters: Array, inputs: Array) -> Array:
    """Each class's probability (rows, classes), for standardized inputs (rows, inputs)."""
    softmax = numerics_of(network.numerics).softmax
    with np.errstate(all="ignore"):
        return np.concatenate([softmax(logits) for _, logits in _logits(network, parameters, inputs)])


def _logits(network: Network, parameters: Array, inputs: Array) -> Iterator[tuple[int, Array]]:
    """The logits of some thousand rows at a time, each with the number of its first row."""
    for start in range(0, len(inputs), ROWS_AT_ONCE):
        some = inputs[start : start + ROWS_AT_ONCE]
        extended = np.column_stack([some, np.ones(len(some))])
        with fixed_threads(network, len(some)):
            logits = Backprop(network, parameters, rows=len(some)).forward(extended)
        yield start, logits


def _class_figures(names: tuple[str, ...], confusion: Indices) -> list[ClassFigures]:
    figures = []
    for k, name in enumerate(names):
        hits, of_class, as_class = confusion[k, k], confusion[k].sum(), confusion[:, k].sum()
        precision, recall = _ratio(hits, as_class), _ratio(hits, of_class)
        f1 = _ratio(2 * hits, of_class + as_class)
        figures.append(ClassFigures(name, int(of_class), precision, recall, f1))
    return figures


def _mean(values: list[float | None]) -> float:
    """The mean of those that are not None, of which there is one at least."""
    known = [value for value in values if value is not None]
    return fsum(known) / len(known)


def _ratio(part: np.int64, whole: np.int64) -> float | None:
    return int(part) / int(whole) if whole else None
