"""How well parameters classify a dataset."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from irisbp.data.dataset import Dataset, one_hot
from irisbp.nn.backprop import Backprop
from irisbp.nn.losses import cross_entropy
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class ClassFigures:
    """precision is None for a class never predicted, recall for a class that no sample has."""

    name: str
    samples: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Evaluation:
    """loss is the mean over samples; confusion[i][j] counts samples of class i predicted as j."""

    samples: int
    loss: float
    accuracy: float
    classes: list[ClassFigures]
    confusion: list[list[int]]

    def as_json(self) -> dict[str, Any]:
        """Plain data; a loss that is not finite is null, since JSON has no word for it."""
        data = asdict(self)
        data["loss"] = self.loss if np.isfinite(self.loss) else None
        return data


def evaluate(network: Network, parameters: Array, dataset: Dataset) -> Evaluation:
    """Classify every sample of the dataset with these parameters."""
    losses, predictions = classify(network, parameters, dataset)
    size = network.classes
    hits = one_hot(dataset.labels, size).T @ one_hot(predictions, size)  # (classes, classes)
    confusion = hits.astype(np.int64)
    return Evaluation(
        samples=len(losses),
        loss=float(losses.mean()),
        accuracy=int(np.trace(confusion)) / len(losses),
        classes=_class_figures(dataset.classes, confusion),
        confusion=confusion.tolist(),
    )


def classify(network: Network, parameters: Array, dataset: Dataset) -> tuple[Array, Indices]:
    """Every sample's loss (rows,) and predicted class (rows,), some thousand rows at a time."""
    losses, predictions = [], []
    for start in range(0, len(dataset.labels), _ROWS_AT_ONCE):
        inputs = dataset.inputs[start : start + _ROWS_AT_ONCE]
        labels = dataset.labels[start : start + _ROWS_AT_ONCE]
        extended = np.column_stack([inputs, np.ones(len(inputs))])
        with np.errstate(all="ignore"):
            logits = Backprop(network, parameters, rows=len(inputs)).forward(extended)
            loss, predicted = cross_entropy(logits, labels)
        losses.append(loss)
        predictions.append(predicted)
    return np.concatenate(losses), np.concatenate(predictions)


def _class_figures(names: tuple[str, ...], confusion: Indices) -> list[ClassFigures]:
    figures = []
    for k, name in enumerate(names):
        hits, of_class, as_class = confusion[k, k], confusion[k].sum(), confusion[:, k].sum()
        figures.append(ClassFigures(name, int(of_class), _ratio(hits, as_class), _ratio(hits, of_class)))
    return figures


def _ratio(part: np.int64, whole: np.int64) -> float | None:
    return int(part) / int(whole) if whole else None
