"""`irisbp predict`: the class of new samples, and how probable each class is."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from irisbp.errors import IrisbpError, StorageError


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
    from irisbp.prediction import predict_sample, predict_table
    from irisbp.rundir.reader import load_run

    loaded = load_run(run)
    if len(samples) == 1 and "=" not in Path(samples[0]).name:
        lines = predict_table(loaded, Path(samples[0]))
    else:
        lines = predict_sample(loaded, samples)
    first = next(lines)  # what is wrong with the table as a whole shows before anything is written
    if output is None:
        sys.stdout.write(first)
        sys.stdout.writelines(lines)
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(first)
            file.writelines(lines)
    except FileExistsError:
        raise IrisbpError(f"--output {output}: exists; choose another file") from None
    except IrisbpError:
        output.unlink(missing_ok=True)  # half a result is none
        raise
    except OSError as error:
        raise StorageError("write", output, error) from None
