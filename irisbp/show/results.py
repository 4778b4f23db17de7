"""The results of commands: small tables for people."""

from rich.console import Console
from rich.table import Table

from irisbp.evaluation import Evaluation
from irisbp.show.console import loss_text, plain, print_lines


def print_training_result(
    console: Console, *, run: str, status: str, steps: int, seconds: float, evaluation: Evaluation
) -> None:
    """Where the run lies, and what came of it: loss and accuracy are the final parameters'."""
    rows = {
        "run": run,
        "status": status,
        "loss": loss_text(evaluation.loss),
        "accuracy": f"{evaluation.accuracy:.4f}",
        "steps": str(steps),
        "time": f"{seconds:.2f} s",
    }
    for name, value in rows.items():
        print_lines(console, f"{name:<10}{value}")


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Loss and accuracy, then a row per class, then who was taken for whom."""
    console.print(f"samples   {evaluation.samples}")
    console.print(f"loss      {loss_text(evaluation.loss)}")
    console.print(f"accuracy  {evaluation.accuracy:.4f}")
    console.print()
    classes = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    classes.add_column("class", overflow="fold")
    for name in ("samples", "precision", "recall"):
        classes.add_column(name, justify="right", overflow="fold")
    for figures in evaluation.classes:
        ratios = _ratio(figures.precision), _ratio(figures.recall)
        classes.add_row(plain(figures.name), str(figures.samples), *ratios)
    console.print(classes)
    console.print()
    console.print(_confusion_table(evaluation))


def _confusion_table(evaluation: Evaluation) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("class \\ predicted", overflow="fold")
    for figures in evaluation.classes:
        table.add_column(plain(figures.name), justify="right", overflow="fold")
    for figures, row in zip(evaluation.classes, evaluation.confusion, strict=True):
        table.add_row(plain(figures.name), *map(str, row))
    return table


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
