"""The loss and accuracy of parameters on a dataset."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from irisbp.data.dataset import Dataset
from irisbp.nn.backprop import Backprop
from irisbp.nn.network import Network
from irisbp.nn.numerics.choice import numerics_of
from irisbp.nn.types import Array, Indices

ROWS_AT_ONCE = 4096  # that are classified together


@dataclass(frozen=True)
class ClassFigures:
    """precision is None for a class never predicted, recall for a class that no sample has."""

    name: str
    samples: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Scores:
    """loss is the mean over samples; confusion[i][j] counts samples of class i predicted as j."""

    samples: int
    loss: float
    accuracy: float
    classes: list[ClassFigures]
    confusion: list[list[int]]

    def as_json(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def evaluate(network: Network, parameters: Array, dataset: Dataset, rows: Indices | None = None) -> Scores:
    """Classify samples of the dataset with these parameters: the given rows, or all."""
    chosen = np.arange(len(dataset.labels)) if rows is None else rows
    labels = dataset.labels[chosen]
    losses, predictions = classify(network, parameters, dataset.inputs[chosen], labels)
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
        yield start, Backprop(network, parameters, rows=len(some)).forward(extended)


def _class_figures(names: tuple[str, ...], confusion: Indices) -> list[ClassFigures]:
    figures = []
    for k, name in enumerate(names):
        hits, of_class, as_class = confusion[k, k], confusion[k].sum(), confusion[:, k].sum()
        figures.append(ClassFigures(name, int(of_class), _ratio(hits, as_class), _ratio(hits, of_class)))
    return figures


def _ratio(part: np.int64, whole: np.int64) -> float | None:
    return int(part) / int(whole) if whole else None
