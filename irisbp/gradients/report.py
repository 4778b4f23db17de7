"""The result of a gradient check: a verdict for every parameter, layer and point, and hints at the cause."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from operator import attrgetter
from typing import Any

import numpy as np

from irisbp.annotations import DataFrame
from irisbp.data.frames import frame_of
from irisbp.gradients.digits import digits, relative_error
from irisbp.gradients.hints import find_hints
from irisbp.gradients.judge import Judgement, Target, by_rows, detection_limits
from irisbp.gradients.paths import CodePath
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
    """A point: its worst entry and its worst loss in tolerances; verdict is OK, KINK or WRONG.

    path is the code whose entry is the worst.
    """

    name: str
    rows: int
    path: str
    worst: str
    over: float
    loss_over: float | None
    verdict: str


@dataclass(frozen=True)
class PathRow:
    """Code that was checked: at how many points, with up to how many rows, and its worst entry and loss.

    verdict is OK or WRONG.
    """

    name: str
    points: int
    most_rows: int
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
    paths: list[PathRow]
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

    @property
    def paths_table(self) -> DataFrame:
        """A row for each path, code that was checked: the fields of PathRow, as in points_table."""
        return _frame(PathRow, self.paths).astype({"loss_over": "float64"})

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
    paths: Sequence[CodePath],
    network: Network,
    objective: Objective,
    targets: list[Target],
    seed: int = SEED,
    *,
    whole: bool = True,
) -> GradientReport:
    """Judge every path at prepared targets; whole says that every parameter must be exercised."""
    judgements = [each for path in paths for each in path.judgements(network, objective, targets)]
    names = list(network.parameter_names())
    parameters = _parameter_rows(names, judgements)
    points = [_point_row(names, of_point) for of_point in _grouped(judgements, _point_name)]
    path_rows = [_path_row(names, of_path) for of_path in _grouped(judgements, attrgetter("path"))]
    good = ("OK",) if whole else ("OK", "NOT EXERCISED")
    passed = all(row.verdict in good for row in parameters) and all(row.verdict != "WRONG" for row in points)
    seen = list({_point_name(judgement): judgement.target for judgement in judgements}.values())
    detects, in_batches = (float(detection_limits(alike).max()) if alike else inf for alike in by_rows(seen))
    hints = [] if passed else find_hints(network, objective, judgements)
    layers = _layer_rows(network, judgements)
    return GradientReport(passed, seed, detects, in_batches, parameters, layers, points, path_rows, hints)


def _point_name(judgement: Judgement) -> str:
    return judgement.target.point.name


def _grouped(judgements: list[Judgement], key: Callable[[Judgement], str]) -> list[list[Judgement]]:
    groups: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        groups.setdefault(key(judgement), []).append(judgement)
    return list(groups.values())


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


def _point_row(names: list[str], judgements: list[Judgement]) -> PointRow:
    worst, target = _worst(judgements), judgements[0].target
    is_right = all(judgement.passed for judgement in judgements)
    return PointRow(
        name=target.point.name,
        rows=len(target.point.labels),
        path=worst.path,
        worst=names[worst.over.argmax()],
        over=float(worst.over.max()),
        loss_over=_worst_loss(judgements),
        verdict="WRONG" if not is_right else "KINK" if target.at_kink else "OK",
    )


def _path_row(names: list[str], judgements: list[Judgement]) -> PathRow:
    worst = _worst(judgements)
    return PathRow(
        name=worst.path,
        points=len({_point_name(judgement) for judgement in judgements}),
        most_rows=max(len(judgement.target.point.labels) for judgement in judgements),
        worst=names[worst.over.argmax()],
        over=float(worst.over.max()),
        loss_over=_worst_loss(judgements),
        verdict="OK" if all(judgement.passed for judgement in judgements) else "WRONG",
    )


def _worst(judgements: list[Judgement]) -> Judgement:
    """The first with the largest error of an entry, in tolerances."""
    return max(judgements, key=lambda judgement: float(judgement.over.max()))


def _worst_loss(judgements: list[Judgement]) -> float | None:
    found = [judgement.loss_over for judgement in judgements if judgement.loss_over is not None]
    return max(found, default=None)


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
