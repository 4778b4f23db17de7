"""One update explained, as `irisbp.explain` returns it: its numbers, and each parameter's gradient."""

from dataclasses import dataclass
from typing import Any

from irisbp.annotations import DataFrame
from irisbp.data.frames import frame_of
from irisbp.errors import literal
from irisbp.explanations.data import parameters_data, update_data
from irisbp.explanations.gradient import ExplainedGradient, explain_gradient
from irisbp.explanations.worked import Worked
from irisbp.html import html_pairs, html_table

_MOST_ROWS = 40  # of a table in a notebook
_COLUMNS = ("name", "article_name", "sample_gradient", "gradient", "change", "old", "new")


@dataclass(frozen=True, repr=False, eq=False)
class ExplainedUpdate:
    """One update of the parameters, explained at one sample of its batch.

    worked has every number of it as arrays: inputs, sums, activations, slopes, derivatives.
    """

    worked: Worked

    @property
    def step(self) -> int:
        """The update's number, counted from 1."""
        return self.worked.step

    @property
    def epoch(self) -> int:
        """The epoch that it is in, counted from 1."""
        return self.worked.epoch

    @property
    def sample(self) -> int:
        """The sample that is explained: a row of the table, from 0."""
        return self.worked.sample

    @property
    def batch(self) -> list[int]:
        """All samples of the update."""
        return self.worked.rows

    @property
    def label(self) -> str:
        """The sample's class."""
        return self.worked.dataset.classes[self.worked.label]

    @property
    def predicted(self) -> str:
        """The class that is predicted for the sample before the update."""
        return self.worked.predicted

    @property
    def loss(self) -> float:
        """The sample's loss before the update, in nats, without the weight of its class."""
        return self.worked.loss

    @property
    def parameters(self) -> DataFrame:
        """A row for each parameter: name, article_name, sample_gradient, gradient, change, old, new.

        article_name is None where the article has none; sample_gradient is the derivative of the sample's own
        loss, gradient the one that the optimizer was given; new is old - change.
        """
        return frame_of(parameters_data(self.worked), _COLUMNS)

    def gradient(self, name: str) -> ExplainedGradient:
        """Explain the gradient by one parameter, such as `hidden_1.weight[0,2]` or the article's `x1a3`.

        IrisbpError lists the names that there are.
        """
        return explain_gradient(self.worked, name)

    def as_json(self) -> dict[str, Any]:
        """Plain data: what `irisbp explain --json` prints."""
        return update_data(self.worked)

    def __repr__(self) -> str:
        batch = f" of {len(self.batch)}" if len(self.batch) > 1 else ""
        return (
            f"<ExplainedUpdate step {self.step}, epoch {self.epoch}, sample {self.sample}{batch}:"
            f" {literal(self.label)[:40]}, loss {self.loss:.6g}>"
        )

    def _repr_html_(self) -> str:
        pairs: dict[str, object] = {
            "epoch": self.epoch,
            "sample": self.sample
            if len(self.batch) == 1
            else f"{self.sample} of a batch of {len(self.batch)}",
            "class": self.label,
            "predicted": self.predicted,
            "loss": repr(self.loss),
            **({} if self.worked.objective.class_weight is None else {"class weight": self.worked.weight}),
            "optimizer": f"{self.worked.config.optimizer.name}, learning rate {self.worked.learning_rate!r}",
        }
        rows = [
            (row["name"], *(f"{row[name]:.6g}" for name in _COLUMNS[2:]))
            for row in parameters_data(self.worked)[:_MOST_ROWS]
        ]
        left_out = self.worked.network.parameter_count - len(rows)
        more = [(f"... and {left_out} more", *[""] * 5)] if left_out else []
        header = ("parameter", *(name.replace("_", " ") for name in _COLUMNS[2:]))
        return html_pairs(f"Step {self.step}", pairs) + html_table(header, [*rows, *more])
