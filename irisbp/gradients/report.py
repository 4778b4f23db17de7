"""The result of a gradient check: a verdict for every parameter, layer and point, and hints at the cause."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from typing import Any

import numpy as np

from irisbp.annotations import DataFrame
from irisbp.data.frames import frame_of
from irisbp.gradients.digits import digits, relative_error
from irisbp.gradients.hints import find_hints
from irisbp.gradients.judge import GradientFunction, Judgement, Target, by_path, detection_limits, judge
from irisbp.gradients.points import SEED
from irisbp.html import html_pairs, html_table
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array

_MOST_ROWS = 40  # of a table in a notebook


@dataclass(frozen=True)
class ParameterRow:
    """One parameter at its worst point: digits is how many of them agree, over its error in tolerances.

    detects is the smallest relative error that some point would have shown; verdict is OK, WRONG or
    NOT EXERCISED.
    """

    name: str
    backprop: float
    reference: float
    relative_error: float
    digits: float
    over: float
    detects: float
    point: str
    verdict: str


@dataclass(frozen=True)
class LayerRow:
    """A layer's weights or biases as a whole: the largest norm-wise relative error over the points."""

    name: str
    relative_error: float
    digits: float
    point: str


@dataclass(frozen=True)
class PointRow:
    """A point: its worst entry and its loss in tolerances; verdict is OK, KINK or WRONG."""

    name: str
    rows: int
    worst: str
    over: float
    loss_over: float | None
    verdict: str


@dataclass(frozen=True, repr=False)
class GradientReport:
    """The result of a check; passed only if every parameter is right and exercised, and every loss right.

    A relative error of detects in any one entry would have shown at a single sample, one of
    detects_in_batches at a batch (inf: not in all entries). seed drew the points.
    """

    passed: bool
    seed: int
    detects: float
    detects_in_batches: float
    parameters: list[ParameterRow]
    layers: list[LayerRow]
    points: list[PointRow]
    hints: list[str] = field(default_factory=list)

    @property
    def table(self) -> DataFrame:
        """A row for each parameter, at its worst point: the fields of ParameterRow."""
        return _frame(ParameterRow, self.parameters)

    @property
    def layers_table(self) -> DataFrame:
        """A row for each layer's weights or biases: the fields of LayerRow."""
        return _frame(LayerRow, self.layers)

    @property
    def points_table(self) -> DataFrame:
        """A row for each point: the fields of PointRow; loss_over is nan where there is no loss."""
        return _frame(PointRow, self.points).astype({"loss_over": "float64"})

    def count(self, verdict: str) -> int:
        """The number of parameters with this verdict."""
        return sum(row.verdict == verdict for row in self.parameters)

    def as_json(self, *, only_bad: bool = False) -> dict[str, Any]:
        """Plain data: what `irisbp gradcheck --json` prints, where a number that is not finite is null.

        only_bad leaves out the layers, and the parameters and points that passed.
        """
        found = asdict(self)
        if only_bad:
            found["parameters"] = [row for row in found["parameters"] if row["verdict"] != "OK"]
            found["points"] = [row for row in found["points"] if row["verdict"] == "WRONG"]
            found["layers"] = []
        return found

    def __repr__(self) -> str:
        points = "1 point" if len(self.points) == 1 else f"{len(self.points)} points"
        of = f"{len(self.parameters)} parameters at {points}"
        bad = [f"{n} {verdict}" for verdict in ("WRONG", "NOT EXERCISED") if (n := self.count(verdict))]
        return f"<GradientReport {self._verdict}: {', '.join([of, *bad])}>"

    def _repr_html_(self) -> str:
        pairs: dict[str, object] = {
            "parameters": len(self.parameters),
            "WRONG": self.count("WRONG"),
            "NOT EXERCISED": self.count("NOT EXERCISED"),
            "points": f"{len(self.points)} (seed {self.seed})",
        }
        pairs |= {f"hint {k}": hint for k, hint in enumerate(self.hints, 1)}
        header = ("parameter", "backprop", "reference", "relative error", "point", "verdict")
        rows = [
            (
                row.name,
                repr(row.backprop),
                repr(row.reference),
                f"{row.relative_error:.1e}",
                row.point,
                row.verdict,
            )
            for row in self._rows_shown()
        ]
        return html_pairs(f"Gradient check: {self._verdict}", pairs) + html_table(header, rows)

    @property
    def _verdict(self) -> str:
        return "PASS" if self.passed else "FAIL"

    def _rows_shown(self) -> list[ParameterRow]:
        """All rows or, of many, the worst."""
        if len(self.parameters) <= _MOST_ROWS:
            return self.parameters
        return sorted(self.parameters, key=lambda row: (row.verdict == "OK", -row.over))[:_MOST_ROWS]


def _frame(kind: type, rows: Sequence[Any]) -> DataFrame:
    return frame_of([asdict(row) for row in rows], list(kind.__annotations__))


def report_on(
    gradient_of: GradientFunction,
    network: Network,
    objective: Objective,
    targets: list[Target],
    seed: int = SEED,
    *,
    whole: bool = True,
) -> GradientReport:
    """Judge a gradient function at prepared targets; whole says that every parameter must be exercised."""
    judgements = []
    for target in targets:
        point = target.point
        result = gradient_of(network, point.parameters, point.inputs, point.labels, objective)
        judgements.append(judge(target, *result))
    names = list(network.parameter_names())
    parameters = _parameter_rows(names, judgements)
    points = [_point_row(names, judgement) for judgement in judgements]
    good = ("OK",) if whole else ("OK", "NOT EXERCISED")
    passed = all(row.verdict in good for row in parameters) and all(row.verdict != "WRONG" for row in points)
    limits = [float(detection_limits(path).max()) if path else inf for path in by_path(targets)]
    hints = [] if passed else find_hints(network, objective, judgements)
    layers = _layer_rows(network, judgements)
    return GradientReport(passed, seed, limits[0], limits[1], parameters, layers, points, hints)


def _parameter_rows(names: list[str], judgements: list[Judgement]) -> list[ParameterRow]:
    over = np.array([judgement.over for judgement in judgements])  # (points, parameters)
    detects = np.array([judgement.detectable for judgement in judgements]).min(axis=0)
    worst = over.argmax(axis=0)
    rows = []
    for k, name in enumerate(names):
        judgement = judgements[worst[k]]
        got, right = judgement.gradient[k].item(), judgement.reference.rounded[k].item()
        error = judgement.errors[k].item()
        relative = relative_error(error, abs(right))
        verdict = "WRONG" if over[worst[k], k] > 1.0 else "OK" if isfinite(detects[k]) else "NOT EXERCISED"
        rows.append(
            ParameterRow(
                name=name,
                backprop=got,
                reference=right,
                relative_error=relative,
                digits=digits(relative),
                over=over[worst[k], k].item(),
                detects=detects[k].item(),
                point=judgement.target.point.name,
                verdict=verdict,
            )
        )
    return rows


def _point_row(names: list[str], judgement: Judgement) -> PointRow:
    worst = int(judgement.over.argmax())
    verdict = "WRONG" if not judgement.passed else "KINK" if judgement.target.at_kink else "OK"
    return PointRow(
        name=judgement.target.point.name,
        rows=len(judgement.target.point.labels),
        worst=names[worst],
        over=judgement.over[worst].item(),
        loss_over=judgement.loss_over,
        verdict=verdict,
    )


def _layer_rows(network: Network, judgements: list[Judgement]) -> list[LayerRow]:
    errors = np.array([judgement.errors for judgement in judgements])  # (points, parameters)
    right = np.array([judgement.reference.rounded for judgement in judgements])
    rows = []
    for name, entries in network.views(np.arange(float(network.parameter_count))).items():
        of_layer = entries.astype(np.int64).ravel()
        pairs = zip(_norms(errors[:, of_layer]), _norms(right[:, of_layer]), strict=True)
        relative = [relative_error(error, size) for error, size in pairs]
        worst = int(np.argmax(relative))
        point = judgements[worst].target.point.name
        rows.append(LayerRow(name, relative[worst], digits(relative[worst]), point))
    return rows


def _norms(values: Array) -> list[float]:
    """The Euclidean norm of each row (points, entries), scaled so that no square overflows or vanishes."""
    largest = np.abs(values).max(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        scaled = np.where(largest > 0.0, values / largest, 0.0)
        norms: list[float] = (largest[:, 0] * np.sqrt((scaled**2).sum(axis=1))).tolist()
    return norms
