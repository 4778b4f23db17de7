"""The results of commands: small tables for people."""

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from irisbp.errors import literal
from irisbp.rundir.manifest import Manifest
from irisbp.runs.evaluate import Evaluation
from irisbp.runs.run import Run
from irisbp.show.console import plain, print_lines
from irisbp.show.figures import loss_text


def print_run_result(console: Console, run: Run) -> None:
    """Where a run lies, and what came of it; its loss and accuracy are over the training rows."""
    manifest = run.manifest
    status: str = manifest.status
    if manifest.stopped_early:
        status += f", stopped early after epoch {manifest.epochs}"
    rows = {"run": str(run.path), "status": status, **_figure_rows(manifest)}
    if manifest.which == "best":
        rows["parameters"] = f"best, of epoch {manifest.best_epoch}"
    rows |= {"steps": str(manifest.steps), "time": f"{manifest.seconds:.2f} s"}
    width = max(map(len, rows)) + 2
    for name, value in rows.items():
        print_lines(console, f"{name:<{width}}{value}")


def _figure_rows(manifest: Manifest) -> dict[str, str]:
    rows = dict[str, str]()
    for name, value in manifest.figures.model_dump().items():
        if not name.startswith("validation") or manifest.data.validation:
            rows[name.replace("_", " ")] = _figure_text(name, value)
    return rows


def _figure_text(name: str, value: float | None) -> str:
    if value is None:
        return "not finite"
    return f"{value:.4f}" if name.endswith("accuracy") else loss_text(value)


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Loss and accuracy, then a row for each class, then the confusion matrix."""
    scores = evaluation.scores
    of = f"{evaluation.rows} rows of {evaluation.data}, {evaluation.which} parameters"
    print_lines(console, f"samples   {evaluation.samples} ({of})")
    print_lines(console, f"loss      {loss_text(evaluation.loss)}")
    print_lines(console, f"accuracy  {evaluation.accuracy:.4f}")
    names = [literal(figures.name) for figures in scores.classes]
    rows = [
        [name, str(figures.samples), _ratio(figures.precision), _ratio(figures.recall)]
        for name, figures in zip(names, scores.classes, strict=True)
    ]
    _print_matrix(console, ["class", "samples", "precision", "recall"], rows)
    counts = [[name, *map(str, row)] for name, row in zip(names, scores.confusion, strict=True)]
    _print_matrix(console, ["class \\ predicted", *names], counts)


def _print_matrix(console: Console, header: list[str], rows: list[list[str]]) -> None:
    """A table, or, where it is wider than the terminal, a line for each of its cells."""
    console.print()
    widths = [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) <= console.width:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for k, name in enumerate(header):
            table.add_column(plain(name), justify="right" if k else "left", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
        return
    for row in rows:
        print_lines(console, f"{header[0]} {row[0]}")
        for name, cell in zip(header[1:], row[1:], strict=True):
            print_lines(console, f"  {name} {cell}")


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
