"""The results of commands: small tables for people."""

from collections.abc import Iterator, Sequence

from rich.console import Console

from irisbp.errors import literal
from irisbp.rundir.manifest import Manifest
from irisbp.runs.evaluate import Evaluation
from irisbp.runs.run import Run
from irisbp.show.console import print_lines
from irisbp.show.figures import loss_text
from irisbp.show.tables import print_table
from irisbp.training.evaluation import Scores

_MOST_NAMED = 5  # classes


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


def class_notes(scores: Scores, row: str, is_weighted: bool) -> Iterator[str]:
    """The classes that a training did not learn, or of which there is one row, in a line each.

    row is what to call a row of the scores. is_weighted is True if classes have weights already.
    """
    never = [figures.name for figures in scores.classes if figures.recall == 0.0]
    single = [figures.name for figures in scores.classes if figures.samples == 1]
    if never:
        hint = "" if is_weighted else "; class_weight=balanced gives rare classes more weight"
        yield f"no {row} of {_classes(never)} is classified as such (recall 0){hint}"
    if single:
        yield f"there is 1 {row} of {_classes(single)}"


def _classes(names: Sequence[str]) -> str:
    listed = ", ".join(map(literal, names[:_MOST_NAMED]))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"class {listed}{more}"


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """The figures of all rows, then a row for each class, then the confusion matrix."""
    scores = evaluation.scores
    of = f"{evaluation.rows} rows of {evaluation.data}, {evaluation.which} parameters"
    print_lines(console, f"samples            {evaluation.samples} ({of})")
    print_lines(console, f"loss               {loss_text(evaluation.loss)}")
    print_lines(console, f"accuracy           {evaluation.accuracy:.4f}")
    print_lines(console, f"balanced accuracy  {evaluation.balanced_accuracy:.4f}")
    print_lines(console, f"macro F1           {evaluation.macro_f1:.4f}")
    names = [figures.name for figures in scores.classes]
    rows = [
        [name, str(figures.samples), *map(_ratio, (figures.precision, figures.recall, figures.f1))]
        for name, figures in zip(names, scores.classes, strict=True)
    ]
    console.print()
    print_table(console, ["class", "samples", "precision", "recall", "F1"], rows, left={0})
    counts = [[name, *map(str, row)] for name, row in zip(names, scores.confusion, strict=True)]
    console.print()
    print_table(console, ["class \\ predicted", *names], counts, left={0})


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
