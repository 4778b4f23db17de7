"""The results of commands: small tables for people."""

from rich.console import Console

from irisbp.rundir.manifest import Manifest
from irisbp.runs.evaluate import Evaluation
from irisbp.runs.run import Run
from irisbp.show.console import print_lines
from irisbp.show.figures import loss_text
from irisbp.show.tables import print_table


def print_run_result(console: Console, run: Run) -> None:
    """Print a run's directory and result; its loss and accuracy are over the training rows."""
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
    names = [figures.name for figures in scores.classes]
    rows = [
        [name, str(figures.samples), _ratio(figures.precision), _ratio(figures.recall)]
        for name, figures in zip(names, scores.classes, strict=True)
    ]
    console.print()
    print_table(console, ["class", "samples", "precision", "recall"], rows, left={0})
    counts = [[name, *map(str, row)] for name, row in zip(names, scores.confusion, strict=True)]
    console.print()
    print_table(console, ["class \\ predicted", *names], counts, left={0})


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
