"""The results of a gradient check as tables."""

from collections.abc import Sequence
from math import isfinite

from rich.console import Console
from rich.text import Text

from irisbp.gradients.faults import Finding
from irisbp.gradients.methods import MethodRow
from irisbp.gradients.report import GradientReport, LayerRow, ParameterRow, PathRow, PointRow
from irisbp.show.console import print_lines
from irisbp.show.figures import counted, short
from irisbp.show.tables import fitted_table

_STYLES = {"OK": "", "KINK": "cyan", "WRONG": "bold red", "NOT EXERCISED": "yellow"}


def print_report(console: Console, report: GradientReport, *, only_bad: bool) -> None:
    """Print parameters, layers, points, paths, hints and the verdict; only_bad leaves out what passed."""
    parameters = [row for row in report.parameters if not only_bad or row.verdict != "OK"]
    points = [row for row in report.points if not only_bad or row.verdict == "WRONG"]
    paths = [row for row in report.paths if not only_bad or row.verdict == "WRONG"]
    if parameters:
        console.print(_parameter_table(parameters, console.width))
        console.print()
    if not only_bad:
        console.print(_layer_table(report.layers, console.width))
        console.print()
    if points:
        console.print(_point_table(points, console.width))
        console.print()
    if paths:
        console.print(_path_table(paths, console.width))
        console.print()
    for hint in report.hints:
        print_lines(console, f"hint: {hint}", style="yellow")
    print_lines(console, _verdict(report), style="" if report.passed else "bold red")


def _verdict(report: GradientReport) -> str:
    at = f"{counted(len(report.parameters), 'parameter')} at {counted(len(report.points), 'point')}"
    at += f" on {counted(len(report.paths), 'code path')}" if len(report.paths) > 1 else ""
    if report.passed:
        limits = ((report.detects, "a sample's"), (report.detects_in_batches, "a batch's"))
        found = [f"{limit:.1e} in {whose}" for limit, whose in limits if isfinite(limit)]
        shows = f"; a relative error of {' or '.join(found)} gradient would be detected" if found else ""
        return f"PASS: {at} (seed {report.seed}){shows}"
    losses = sum((row.loss_over or 0.0) > 1.0 for row in report.points)
    parts = [f"{n} {verdict}" for verdict in ("WRONG", "NOT EXERCISED") if (n := report.count(verdict))]
    parts += [f"the loss WRONG at {counted(losses, 'point')}"] if losses else []
    return f"FAIL: {', '.join(parts)}; {at} (seed {report.seed})"


def _parameter_table(rows: list[ParameterRow], width: int) -> Text:
    columns = {
        "parameter": [row.name for row in rows],
        "backprop": [f"{row.backprop:.5e}" for row in rows],
        "reference": [f"{row.reference:.5e}" for row in rows],
        "error": [short(row.relative_error) for row in rows],
        "digits": [f"{row.digits:.1f}" for row in rows],
        "over": [short(row.over) for row in rows],
        "point": [row.point for row in rows],
        "verdict": [row.verdict for row in rows],
    }
    order = ("parameter", "verdict", "over", "point", "digits", "error", "backprop", "reference")
    styles = [_STYLES[row.verdict] for row in rows]
    return fitted_table(
        columns, width=width, by_importance=order, words=("point",), names=("parameter",), styles=styles
    )


def _layer_table(rows: list[LayerRow], width: int) -> Text:
    columns = {
        "layer, as a whole": [row.name for row in rows],
        "error": [short(row.relative_error) for row in rows],
        "digits": [f"{row.digits:.1f}" for row in rows],
        "point": [row.point for row in rows],
    }
    return fitted_table(
        columns, width=width, by_importance=list(columns), words=("layer, as a whole", "point")
    )


def _point_table(rows: list[PointRow], width: int) -> Text:
    columns = {
        "point": [row.name for row in rows],
        "rows": [str(row.rows) for row in rows],
        **_worst_columns(rows),
    }
    order = ("point", "verdict", "over", "loss over", "worst parameter", "rows")
    styles = [_STYLES[row.verdict] for row in rows]
    return fitted_table(
        columns, width=width, by_importance=order, words=("point", "worst parameter"), styles=styles
    )


def _path_table(rows: list[PathRow], width: int) -> Text:
    columns = {
        "code path": [row.name for row in rows],
        "points": [str(row.points) for row in rows],
        "rows, at most": [str(row.most_rows) for row in rows],
        **_worst_columns(rows),
    }
    order = ("code path", "verdict", "over", "loss over", "rows, at most", "points", "worst parameter")
    styles = [_STYLES[row.verdict] for row in rows]
    return fitted_table(
        columns, width=width, by_importance=order, words=("code path", "worst parameter"), styles=styles
    )


def _worst_columns(rows: Sequence[PointRow | PathRow]) -> dict[str, list[str]]:
    return {
        "worst parameter": [row.worst for row in rows],
        "over": [short(row.over) for row in rows],
        "loss over": ["-" if row.loss_over is None else short(row.loss_over) for row in rows],
        "verdict": [row.verdict for row in rows],
    }


def print_findings(console: Console, findings: list[Finding], *, correct: bool) -> None:
    """Print for each planted fault whether it was caught, and the verdict."""
    columns = {
        "planted fault": [finding.name for finding in findings],
        "points": [str(finding.points) for finding in findings],
        "over": [short(finding.over) for finding in findings],
        "named": [_abridged(finding.named) for finding in findings],
        "verdict": ["caught" if finding.caught else "MISSED" for finding in findings],
    }
    table = fitted_table(
        columns,
        width=console.width,
        by_importance=("planted fault", "verdict", "named", "over", "points"),
        words=("planted fault", "named"),
        styles=["" if finding.caught else "bold red" for finding in findings],
    )
    console.print(table)
    console.print()
    missed = sum(not finding.caught for finding in findings)
    clean = "passes" if correct else "IS REJECTED"
    verdict = f"FAIL: {missed} of {len(findings)} missed" if missed else f"PASS: all {len(findings)} caught"
    if not correct and not missed:
        verdict = "FAIL"
    print_lines(console, f"{verdict}; without a fault the copy {clean}")


def print_comparison(console: Console, method: str, rows: list[MethodRow]) -> None:
    """Print the digits of a method beside those of backpropagation."""
    columns = {
        "point": [row.point for row in rows],
        f"{method}: worst": [f"{row.worst_digits:.1f}" for row in rows],
        "median": [f"{row.median_digits:.1f}" for row in rows],
        "backprop: worst": [f"{row.backprop_worst_digits:.1f}" for row in rows],
        "median ": [f"{row.backprop_median_digits:.1f}" for row in rows],
    }
    print_lines(console, "correct digits of the gradient (at most 16)")
    console.print(fitted_table(columns, width=console.width, by_importance=list(columns), words=("point",)))


def _abridged(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
