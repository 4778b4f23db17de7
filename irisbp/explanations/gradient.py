"""One gradient explained: the sum over its paths to the loss, beside other ways to the same derivative."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from irisbp.annotations import DataFrame
from irisbp.data.frames import frame_of
from irisbp.explanations.data import gradient_data, paths_data
from irisbp.explanations.naming import Parameter, find_parameter
from irisbp.explanations.paths import MOST_PATHS, Chain, Factor, chain_of
from irisbp.explanations.ways import Way, ways_to
from irisbp.explanations.worked import Worked
from irisbp.html import html_pairs, html_table

_MOST_ROWS = 40  # of a table in a notebook


@dataclass(frozen=True, repr=False, eq=False)
class ExplainedGradient:
    """The derivative of one sample's loss by one parameter, in one update.

    chain has the paths and their factors, ways the same derivative by other ways, worked all numbers of the
    update.
    """

    worked: Worked
    chain: Chain
    ways: list[Way]

    @property
    def parameter(self) -> Parameter:
        """The parameter's place in the network."""
        return self.chain.parameter

    @property
    def name(self) -> str:
        """The parameter's name, such as `hidden_1.weight[0,2]`."""
        return self.parameter.name

    @property
    def value(self) -> float:
        """The derivative by backpropagation."""
        return float(self.worked.of_sample.gradient_by(self.parameter))

    @property
    def paths(self) -> DataFrame:
        """A row for each path to the loss: nodes, factors, product; none if there are too many to list."""
        return frame_of(paths_data(self.chain), ("nodes", "factors", "product"))

    @property
    def factors(self) -> DataFrame:
        """A row for each partial derivative d of / d by on some path: of, by, called, value."""
        columns = [field.name for field in fields(Factor)]
        return frame_of([asdict(factor) for factor in self.chain.factors], columns)

    def as_json(self) -> dict[str, Any]:
        """Plain data: what `irisbp explain --parameter NAME --json` prints."""
        return gradient_data(self.worked, self.chain, self.ways)

    def __repr__(self) -> str:
        also = f" ({self.parameter.article_name})" if self.parameter.article_name else ""
        paths = f"{self.chain.count} path{'' if self.chain.count == 1 else 's'}"
        derivative = f"d loss/d {self.name}{also} = {self.value!r}"
        return f"<ExplainedGradient {derivative}: {paths}, step {self.worked.step}>"

    def _repr_html_(self) -> str:
        return self._html_of_place() + self._html_of_paths() + self._html_of_ways()

    def _html_of_place(self) -> str:
        worked, k = self.worked, self.parameter.index
        pairs: dict[str, object] = {
            "step": f"{worked.step} (epoch {worked.epoch}, sample {worked.sample})",
            "class": worked.dataset.classes[worked.label],
            "loss": repr(worked.loss),
            "old": repr(worked.old[k].item()),
            "change": repr(worked.change[k].item()),
            "new": repr(worked.new[k].item()),
        }
        return html_pairs(f"d loss/d {self.name} = {self.value!r}", pairs)

    def _html_of_paths(self) -> str:
        if not self.chain.paths:
            count = f"{self.chain.count} paths, more than {MOST_PATHS}: summed a layer at a time"
            return html_pairs(count, {"sum": repr(self.chain.total)})
        rows = [
            (
                " -> ".join([*path["nodes"], "loss"]),
                " * ".join(f"{x:.6g}" for x in path["factors"]),
                path["product"],
            )
            for path in paths_data(self.chain)[:_MOST_ROWS]
        ]
        left_out = len(self.chain.paths) - len(rows)
        more = [(f"... and {left_out} more", "", "")] if left_out else []
        return html_table(("path", "factors", "product"), [*rows, *more, ("their sum", "", self.chain.total)])

    def _html_of_ways(self) -> str:
        rows = [
            (way.name, way.note or repr(way.value), "" if way.digits is None else f"{way.digits:.1f}")
            for way in self.ways
        ]
        first = ("backpropagation", repr(self.value), "")
        return html_table(("way", "derivative", "digits in common"), [first, *rows])


def explain_gradient(worked: Worked, name: str) -> ExplainedGradient:
    """Explain an update's gradient by the parameter of this name; IrisbpError if there is none."""
    chain = chain_of(find_parameter(worked.network, name), worked.old, worked.of_sample)
    return ExplainedGradient(worked, chain, ways_to(chain, worked))
