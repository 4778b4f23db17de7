"""`irisbp predict`: the class of new samples, and how probable each class is."""

import csv
import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.deferred import new_app
from irisbp.errors import literal

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
        Path | None, typer.Option(metavar="FILE", help="Where to write; a file that exists is an error.")
    ] = None,
) -> None:
    """Classify samples; prints CSV: the columns given, the class predicted, each class's probability.

    Columns that are no features are carried through.
    """
    from irisbp.rundir.reader import load_run
    from irisbp.rundir.storage import write_new_file
    from irisbp.runs.predict import predict_sample, predict_table

    loaded = load_run(run)
    is_table = len(samples) == 1 and ("=" not in samples[0] or Path(samples[0]).exists())
    lines = predict_table(loaded, Path(samples[0])) if is_table else predict_sample(loaded, samples)
    if output is not None:
        write_new_file(output, (line.encode() for line in lines))
        return
    if sys.stdout.isatty():  # a file or a pipe gets the table's own characters
        lines = map(_to_look_at, lines)
    first = next(lines)  # what is wrong with the table as a whole shows before anything is written
    sys.stdout.write(first)
    sys.stdout.writelines(lines)


def _to_look_at(lines: str) -> str:
    """CSV with nothing in its cells that a terminal would act upon."""
    from irisbp.data.cells import quoted

    rows = csv.reader(io.StringIO(lines, newline=""))
    return "".join([f"{','.join(quoted(literal(cell)) for cell in row)}\n" for row in rows])
