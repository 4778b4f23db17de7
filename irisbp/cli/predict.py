"""`irisbp predict`: the class of new samples, and how probable each class is."""

import csv
import io
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.cli.table_keys import is_table_key, with_table_keys
from irisbp.data.cells import quoted, raw_row, row
from irisbp.errors import literal
from irisbp.rundir.storage import write_new_file
from irisbp.runs.open import open_run
from irisbp.runs.predict import Predictions, predict_sample, predict_table


class Missing(StrEnum):
    """The treatment of a row with a missing cell that the run does not fill in."""

    ERROR = "error"
    BLANK = "blank"


app = new_app()


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", readable=False)],
    samples: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE [KEY=VALUE]... | FEATURE=VALUE...",
            help="A table with the features as columns, and keys of data for its dialect; or one sample.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A new file to write the table into.")
    ] = None,
    missing: Annotated[
        Missing,
        typer.Option(help="A row with a missing cell is an error, or its prediction blank."),
    ] = Missing.ERROR,
    raw: Annotated[
        bool, typer.Option("--raw", help="Leave cells as they are that a spreadsheet would compute.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Classify samples; prints CSV: the columns given, the class predicted, each class's probability.

    Columns that are not features are copied.
    """
    opened = open_run(run)
    model, first, keys = opened.model, samples[0], samples[1:]
    is_table = "=" not in first or (Path(first).exists() and all(map(is_table_key, keys)))
    if is_table:
        data = with_table_keys(opened.config, keys).data if keys else None
        header, predictions = predict_table(model, Path(first), data, blank=missing == Missing.BLANK)
    else:
        header, predictions = predict_sample(model, samples)
    if as_json:
        print_json({"samples": [sample for some in predictions for sample in some.as_json()]})
        return
    lines = _lines(header, predictions, raw=raw)
    if output is not None:
        write_new_file(output, (line.encode() for line in lines))
        return
    if sys.stdout.isatty():  # a file or a pipe gets the table's characters as they are
        lines = map(_to_look_at, lines)
    sys.stdout.writelines(lines)


def _lines(header: list[str], predictions: Iterator[Predictions], *, raw: bool) -> Iterator[str]:
    """The lines of the CSV; an error in the first rows is raised before anything is written."""
    first = next(predictions, None)
    yield raw_row(header) if raw else row(header)
    for some in chain(() if first is None else (first,), predictions):
        yield some.csv(raw=raw)


def _to_look_at(lines: str) -> str:
    """CSV for a terminal: control characters in its cells are escaped."""
    rows = csv.reader(io.StringIO(lines, newline=""))
    return "".join([f"{','.join(quoted(literal(cell)) for cell in row)}\n" for row in rows])
