"""The results of commands: small tables for people."""

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from irisbp.errors import literal
from irisbp.rundir.manifest import Manifest
from irisbp.show.console import plain, print_lines
from irisbp.show.figures import loss_text
from irisbp.training.evaluation import Evaluation


def print_training_result(
    console: Console,
    *,
    run: str,
    manifest: Manifest,
    training: Evaluation | None,
    validation: Evaluation | None,
) -> None:
    """Where the run lies, and what came of it: loss and accuracy are the final parameters', if known."""
    status: str = manifest.status
    if manifest.stopped_early:
        status += f", stopped early after epoch {manifest.epochs}"
    rows = {
        "run": run,
        "status": status,
    }
    if training is not None:
        rows |= {"loss": loss_text(training.loss), "accuracy": f"{training.accuracy:.4f}"}
    if validation is not None:
        rows |= {
            "validation loss": loss_text(validation.loss),
            "validation accuracy": f"{validation.accuracy:.4f}",
        }
    if manifest.which == "best":
        rows["parameters"] = f"best, of epoch {manifest.best_epoch}"
    rows |= {"steps": str(manifest.steps), "time": f"{manifest.seconds:.2f} s"}
    width = max(map(len, rows)) + 2
    for name, value in rows.items():
        print_lines(console, f"{name:<{width}}{value}")


def print_evaluation(console: Console, evaluation: Evaluation, of: str = "") -> None:
    """Loss and accuracy, then a row per class, then who was taken for whom.

    of says which samples these are.
    """
    print_lines(console, f"samples   {evaluation.samples}{of}")
    print_lines(console, f"loss      {loss_text(evaluation.loss)}")
    print_lines(console, f"accuracy  {evaluation.accuracy:.4f}")
    names = [literal(figures.name) for figures in evaluation.classes]
    rows = [
        [name, str(figures.samples), _ratio(figures.precision), _ratio(figures.recall)]
        for name, figures in zip(names, evaluation.classes, strict=True)
    ]
    _print_matrix(console, ["class", "samples", "precision", "recall"], rows)
    counts = [[name, *map(str, row)] for name, row in zip(names, evaluation.confusion, strict=True)]
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
