"""`irisbp predict`: the class of new samples, and how probable each class is."""

import csv
import io
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.data.cells import quoted, row
from irisbp.errors import literal
from irisbp.rundir.storage import write_new_file
from irisbp.runs.open import open_run
from irisbp.runs.predict import Predictions, predict_sample, predict_table

app = new_app()


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", readable=False)],
    samples: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE | FEATURE=VALUE...",
            help="A CSV file with the features as columns, or one sample, feature by feature.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A new file to write the table into.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Classify samples; prints CSV: the columns given, the class predicted, each class's probability.

    Columns that are not features are copied.
    """
    model = open_run(run).model
    is_table = len(samples) == 1 and ("=" not in samples[0] or Path(samples[0]).exists())
    found = predict_table(model, Path(samples[0])) if is_table else predict_sample(model, samples)
    header, predictions = found
    if as_json:
        print_json({"samples": [sample for some in predictions for sample in some.as_json()]})
        return
    lines = _lines(header, predictions)
    if output is not None:
        write_new_file(output, (line.encode() for line in lines))
        return
    if sys.stdout.isatty():  # a file or a pipe gets the table's characters as they are
        lines = map(_to_look_at, lines)
    sys.stdout.writelines(lines)


def _lines(header: list[str], predictions: Iterator[Predictions]) -> Iterator[str]:
    """The lines of the CSV; an error in the first rows is raised before anything is written."""
    first = next(predictions, None)
    yield row(header)
    for some in chain(() if first is None else (first,), predictions):
        yield some.csv()


def _to_look_at(lines: str) -> str:
    """CSV for a terminal: control characters in its cells are escaped."""
    rows = csv.reader(io.StringIO(lines, newline=""))
    return "".join([f"{','.join(quoted(literal(cell)) for cell in row)}\n" for row in rows])
