"""`irisbp evaluate`: classify a run's data with its parameters."""

import operator
import re
import sys
from enum import StrEnum
from math import isinf
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import json_text
from irisbp.cli.table_keys import with_table_keys
from irisbp.config.schema import Config
from irisbp.config.yaml import abridged
from irisbp.errors import CheckFailed, IrisbpError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.storage import Directory
from irisbp.runs.listing import changed_files
from irisbp.runs.open import run_in
from irisbp.runs.run import Run
from irisbp.show.console import make_console, print_lines
from irisbp.show.reading import print_readings
from irisbp.show.results import class_notes, print_evaluation

_COMPARISONS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
_ROWS = {"training": "training row", "validation": "held-out row", "all": "row"}
_FIGURES = ("accuracy", "loss", "balanced_accuracy", "macro_f1")
_ASSERTION = re.compile(
    rf"\s*({'|'.join(_FIGURES)})\s*(>=|<=|==|>|<)\s*"
    r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*",
    re.ASCII,
)


class Which(StrEnum):
    """The parameters after the last epoch, or those with the smallest monitored loss."""

    LAST = "last"
    BEST = "best"


class RowsOption(StrEnum):
    """Rows of the run's own table."""

    TRAINING = "training"
    VALIDATION = "validation"
    ALL = "all"


app = new_app()


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", readable=False)],
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Keys of data, for a --data TABLE of another dialect."),
    ] = None,
    assertions: Annotated[
        list[str] | None,
        typer.Option(
            "--assert",
            metavar="CONDITION",
            help="Such as 'accuracy>=0.95' or 'loss<0.1'; exit code 3 if it is not met. Repeatable.",
        ),
    ] = None,
    which: Annotated[
        Which | None, typer.Option(help="The parameters to use; by default those that the run names.")
    ] = None,
    on: Annotated[
        RowsOption | None, typer.Option(help="The rows to use; by default those held out, if there are any.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="TABLE", help="A CSV file to use in place of the run's own data.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Classify the run's data again: loss, accuracy, balanced accuracy, F1, precision, recall, confusion.

    Writes evaluation.json into the run.
    """
    conditions = [_parse(text) for text in assertions or []]
    with OpenDirectory(run) as directory:
        opened = run_in(directory, which.value if which else None)
        notes = list(changed_files(directory, opened.manifest))
    for note in notes:
        print_lines(make_console(stderr=True), f"note: {note}")
    evaluation = opened.evaluate(on.value if on else None, data=data, keys=_with_keys(opened, keys, data))
    print_readings(make_console(stderr=True), evaluation.readings, notes_only=as_json)
    content = json_text(evaluation.as_json())
    # First written, then shown: the file is there even if the reader of stdout is gone.
    failure = _keep(run, content)
    if as_json:
        print(content)
    else:
        if opened.status != "completed":
            print_lines(make_console(stderr=True), f"note: the run {_end(opened.manifest.reason)}")
        print_evaluation(make_console(), evaluation)
    for note in class_notes(evaluation.scores, _ROWS[evaluation.rows], opened.config.class_weight != "none"):
        print(f"note: {note}", file=sys.stderr)
    unmet = _unmet(conditions, {name: getattr(evaluation, name) for name in _FIGURES})
    if failure:
        failure.add(*unmet)
        raise failure
    if unmet:
        raise CheckFailed(*unmet)


def _with_keys(run: Run, keys: list[str] | None, data: Path | None) -> Config | None:
    """The run's config with the keys for another table, None without any."""
    if keys and data is None:
        raise IrisbpError(f"{keys[0]}: keys are for the table that --data names")
    return with_table_keys(run.config, keys) if keys else None


def _keep(run: Path, content: str) -> IrisbpError | None:
    """Write the evaluation into the run; returns the error if that fails."""
    try:
        with Directory.behind(run) as directory:
            directory.write("evaluation.json", content.encode() + b"\n")
    except IrisbpError as error:
        return error
    return None


def _end(reason: str | None) -> str:
    return f"did not complete ({reason}); its parameters at that point are used"


def _parse(text: str) -> tuple[str, str, float]:
    match = _ASSERTION.fullmatch(text)
    if match is None:
        raise IrisbpError(
            f"--assert {abridged(text)}: not a condition; it is one of {', '.join(_FIGURES)},"
            " then one of >= <= > < ==, and a number in the digits 0 to 9"
        )
    bound = float(match[3])
    if isinf(bound):  # any figure would be less
        raise IrisbpError(f"--assert {abridged(text)}: {abridged(match[3])} is beyond the range of float64")
    return match[1], match[2], bound


def _unmet(conditions: list[tuple[str, str, float]], figures: dict[str, float]) -> list[str]:
    return [
        f"not met: {name} {comparison} {bound:g} ({name} is {figures[name]:.17g})"
        for name, comparison, bound in conditions
        if not _COMPARISONS[comparison](figures[name], bound)
    ]
