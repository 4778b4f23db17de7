"""Classifies rows of a run's own table, or another table, with the run's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, get_args

from irisbp.annotations import DataFrame
from irisbp.data.dataset import Dataset
from irisbp.data.frames import frame_of
from irisbp.data.problems import source_name
from irisbp.data.understood import Reading
from irisbp.errors import IrisbpError
from irisbp.html import html_pairs, html_table
from irisbp.nn.types import Indices
from irisbp.rundir.manifest import Figures, Which, finite, readings_as_json
from irisbp.training.evaluation import Scores, describe_beyond, evaluate
from irisbp.training.model import Model
from irisbp.training.state import Training
from irisbp.training.stopping import which_parameters

RowsName = Literal["training", "validation", "all"]


@dataclass(frozen=True, repr=False)
class Evaluation:
    """A run's figures on some rows: which parameters were used, and which rows of which table.

    rows is training, validation (those held out) or all. readings are what was understood of the table.
    not_finite is "", or says that the loss is not finite and which row makes it so.
    """

    which: Which
    data: str
    rows: RowsName
    scores: Scores
    readings: Mapping[str, Reading] = field(default_factory=dict)
    not_finite: str = ""

    @property
    def samples(self) -> int:
        """The number of rows that were classified."""
        return self.scores.samples

    @property
    def loss(self) -> float:
        """The mean of the rows' cross-entropies, in nats: scikit-learn's log_loss."""
        return self.scores.loss

    @property
    def accuracy(self) -> float:
        """The share of rows whose class was predicted."""
        return self.scores.accuracy

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that rows have."""
        return self.scores.balanced_accuracy

    @property
    def macro_f1(self) -> float:
        """The mean f1 of the classes that rows have or that are predicted; f1 is 0 without a hit."""
        return self.scores.macro_f1

    @property
    def confusion(self) -> DataFrame:
        """Counts by true class (index) and predicted class (columns)."""
        names = [figures.name for figures in self.scores.classes]
        counts = frame_of(self.scores.confusion, names, index=names)
        return counts.rename_axis(index="class", columns="predicted")

    @property
    def classes(self) -> DataFrame:
        """Samples, precision, recall and f1 of each class (index), nan where one has no value."""
        columns = ("samples", "precision", "recall", "f1")
        figures = self.scores.classes
        cells = {name: [getattr(one, name) for one in figures] for name in columns}
        table = frame_of(cells, index=[one.name for one in figures])
        return table.rename_axis(index="class").astype(dict.fromkeys(columns[1:], "float64"))

    def as_json(self) -> dict[str, Any]:
        """Plain data: what `irisbp evaluate --json` prints."""
        found = {"which": self.which, "data": self.data, "rows": self.rows} | self.scores.as_json()
        told = {"not_finite": self.not_finite} if self.not_finite else {}
        return found | told | readings_as_json(self.readings)

    def __repr__(self) -> str:
        return (
            f"<Evaluation of {self.samples} rows ({self.rows} rows of {self.data}, {self.which} parameters):"
            f" loss {self.loss:.6g}, accuracy {self.accuracy:.4f},"
            f" balanced accuracy {self.balanced_accuracy:.4f}>"
        )

    def _repr_html_(self) -> str:
        title = f"Evaluation: {self.rows} rows of {self.data}, {self.which} parameters"
        pairs = {
            "samples": self.samples,
            "loss": f"{self.loss:.6g}",
            "accuracy": f"{self.accuracy:.4f}",
            "balanced accuracy": f"{self.balanced_accuracy:.4f}",
            "macro F1": f"{self.macro_f1:.4f}",
        }
        names = [figures.name for figures in self.scores.classes]
        counts = [[name, *row] for name, row in zip(names, self.scores.confusion, strict=True)]
        return html_pairs(title, pairs) + html_table(["class \\ predicted", *names], counts)


def evaluate_rows(
    model: Model, dataset: Dataset, which: Which, on: RowsName | None, *, is_own: bool
) -> Evaluation:
    """The evaluation of a model on rows of a dataset, by default on those held out, if there are any.

    is_own says whether the dataset is the run's own, rows of which were trained on.
    """
    name = on or ("validation" if len(dataset.held_out_rows) else "all")
    rows = _chosen_rows(dataset, name, is_own)
    scores = evaluate(model.network, model.parameters, dataset, rows)
    readings = dataset.readings if is_own else dataset.table.readings
    told = _told_not_finite({"loss": scores}, dataset)
    return Evaluation(which, _source(dataset, name), name, scores, readings, told)


def _source(dataset: Dataset, name: RowsName) -> str:
    """The file or the files of some rows."""
    own, *held = [source_name(source) for source, _ in dataset.table.digests]
    return {"training": own, "validation": held[0] if held else own, "all": " and ".join([own, *held])}[name]


def _chosen_rows(dataset: Dataset, name: RowsName, is_own: bool) -> Indices | None:
    if name not in get_args(RowsName):
        raise IrisbpError(f"on: {name} is not one of {', '.join(get_args(RowsName))}")
    if name == "all":
        return None
    if not is_own:
        raise IrisbpError(f"--on {name}: another table is evaluated as a whole")
    if name == "validation" and not len(dataset.held_out_rows):
        raise IrisbpError(f"--on {name}: the run held no rows out")
    return dataset.train_rows if name == "training" else dataset.held_out_rows


def final_figures(training: Training) -> tuple[Figures, str]:
    """The figures of the parameters that a run ends with, over its training and its held-out rows.

    Beside them a sentence on those that are not finite, "" without any. The scores of the training rows are
    kept in the training.
    """
    best, data = training.best, training.dataset
    use_best = best is not None and which_parameters(training.config, True) == "best"
    parameters = best.parameters if best is not None and use_best else training.parameters
    training.scores = evaluate(training.network, parameters, data, data.train_rows)
    found = {"loss": training.scores}
    if len(data.held_out_rows):
        found["validation loss"] = evaluate(training.network, parameters, data, data.held_out_rows)
    figures = dict[str, float | None]()
    for name, scores in found.items():
        prefix = name.removesuffix("loss").replace(" ", "_")
        figures |= {f"{prefix}loss": finite(scores.loss), f"{prefix}accuracy": scores.accuracy}
    place = f"of epoch {best.epoch}" if best is not None and use_best else _end(training)
    told = _told_not_finite(found, data, f" of the parameters {place},")
    return Figures(**figures), told


def _end(training: Training) -> str:
    progress = training.progress
    return f"after epoch {progress.epoch - (progress.samples == 0)}, step {progress.step}"


def _told_not_finite(found: Mapping[str, Scores], dataset: Dataset, of: str = "") -> str:
    """A sentence on losses that are not finite, "" without any; of says whose they are."""
    bad = {name: scores for name, scores in found.items() if not isfinite(scores.loss)}
    if not bad:
        return ""
    first, are = next(iter(bad.values())), "is" if len(bad) == 1 else "are"
    losses = " and the ".join(bad)
    values = " and ".join(dict.fromkeys(str(scores.loss) for scores in bad.values()))
    return f"not finite: the {losses}{of} {are} {values}: {describe_beyond(first, dataset)}"
