"""The results of a gradient check as tables."""

from rich.console import Console
from rich.table import Table

from irisbp.gradcheck.check import LayerRow, ParameterRow, PointRow, Report
from irisbp.gradcheck.faults import Finding
from irisbp.gradcheck.methods import MethodRow
from irisbp.show.console import print_lines
from irisbp.show.figures import short

_STYLES = {"OK": "", "KINK": "cyan", "WRONG": "bold red", "NOT EXERCISED": "yellow"}


def print_report(console: Console, report: Report, *, only_bad: bool) -> None:
    """Parameters, layers, points, hints and the verdict; with only_bad, what passed is left out."""
    parameters = [row for row in report.parameters if not only_bad or row.verdict != "OK"]
    points = [row for row in report.points if not only_bad or row.verdict == "WRONG"]
    if parameters:
        console.print(_parameter_table(parameters))
        console.print()
    if not only_bad:
        console.print(_layer_table(report.layers))
        console.print()
    if points:
        console.print(_point_table(points))
        console.print()
    for hint in report.hints:
        print_lines(console, f"hint: {hint}", "yellow")
    print_lines(console, _verdict(report), "" if report.passed else "bold red")


def _verdict(report: Report) -> str:
    count = len(report.parameters)
    by_verdict = {
        verdict: sum(row.verdict == verdict for row in report.parameters)
        for verdict in ("WRONG", "NOT EXERCISED")
    }
    losses = sum((row.loss_over or 0.0) > 1.0 for row in report.points)
    if report.passed:
        limit = max(row.detects for row in report.parameters)
        figures = f"a relative error of {limit:.1e} in any of them would have shown"
        return f"PASS: {count} parameters at {len(report.points)} points (seed {report.seed}); {figures}"
    parts = [f"{number} {verdict}" for verdict, number in by_verdict.items() if number]
    parts += [f"the loss WRONG at {losses} points"] if losses else []
    return (
        f"FAIL: {', '.join(parts)} of {count} parameters at {len(report.points)} points (seed {report.seed})"
    )


def _parameter_table(rows: list[ParameterRow]) -> Table:
    table = _table("parameter", "backprop", "reference", "error", "digits", "over", "point", "verdict")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.backprop:.5e}",
            f"{row.reference:.5e}",
            short(row.relative_error),
            f"{row.digits:.1f}",
            short(row.over),
            row.point,
            row.verdict,
            style=_STYLES[row.verdict],
        )
    return table


def _layer_table(rows: list[LayerRow]) -> Table:
    table = _table("layer, as a whole", "error", "digits", "point")
    for row in rows:
        table.add_row(row.name, short(row.relative_error), f"{row.digits:.1f}", row.point)
    return table


def _point_table(rows: list[PointRow]) -> Table:
    table = _table("point", "rows", "worst parameter", "over", "loss over", "verdict")
    for row in rows:
        loss_over = "-" if row.loss_over is None else short(row.loss_over)
        style = _STYLES[row.verdict]
        table.add_row(
            row.name, str(row.rows), row.worst, short(row.over), loss_over, row.verdict, style=style
        )
    return table


def print_findings(console: Console, findings: list[Finding], *, correct: bool) -> None:
    """What became of each planted fault."""
    table = _table("planted fault", "points", "over", "named", "verdict")
    for finding in findings:
        verdict = "caught" if finding.caught else "MISSED"
        style = "" if finding.caught else "bold red"
        table.add_row(
            finding.name,
            str(finding.points),
            short(finding.over),
            _abridged(finding.named),
            verdict,
            style=style,
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
    """The digits of a method beside those of backpropagation."""
    table = _table("point", f"{method}: worst", "median", "backprop: worst", "median ")
    for row in rows:
        figures = (
            row.worst_digits, row.median_digits, row.backprop_worst_digits, row.backprop_median_digits,
        )  # fmt: skip
        table.add_row(row.point, *(f"{figure:.1f}" for figure in figures))
    console.print("correct digits of the gradient (16 is all there are)")
    console.print(table)


def _abridged(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for k, name in enumerate(others, 1):
        # The last column is to the right, so that no line ends in spaces.
        words = name in ("point", "worst parameter", "named") and k < len(others)
        table.add_column(name, justify="left" if words else "right", overflow="fold")
    return table
