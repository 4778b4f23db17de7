"""`irisbp evaluate`: classify a run's data with its parameters."""

import json
import operator
import re
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Json
from irisbp.errors import CheckFailed, IrisbpError

_COMPARISONS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
_ASSERTION = re.compile(
    r"\s*(accuracy|loss)\s*(>=|<=|==|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", readable=False)],
    assertions: Annotated[
        list[str] | None,
        typer.Option(
            "--assert",
            metavar="CONDITION",
            help="Such as 'accuracy>=0.95' or 'loss<0.1'; exit code 3 if it is not met. Repeatable.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Classify the run's data again: loss, accuracy, precision, recall, confusion.

    Writes evaluation.json into the run.
    """
    from irisbp.evaluation import evaluate as evaluate_parameters
    from irisbp.rundir.reader import load_run

    conditions = [_parse(text) for text in assertions or []]
    loaded = load_run(run)
    evaluation = evaluate_parameters(loaded.network, loaded.parameters, loaded.dataset)
    content = json.dumps(evaluation.as_json(), ensure_ascii=False)
    # First kept, then shown: a reader that goes away loses nothing.
    failure = _keep(run, content)
    if as_json:
        print(content)
    else:
        from irisbp.show.console import make_console, print_lines
        from irisbp.show.results import print_evaluation

        if loaded.manifest.status != "completed":
            print_lines(make_console(stderr=True), f"note: the run {_end(loaded.manifest.reason)}")
        print_evaluation(make_console(), evaluation)
    unmet = _unmet(conditions, {"accuracy": evaluation.accuracy, "loss": evaluation.loss})
    if failure:
        failure.add(*unmet)
        raise failure
    if unmet:
        raise CheckFailed(*unmet)


def _keep(run: Path, content: str) -> IrisbpError | None:
    """Write the evaluation into the run; what prevented it, if anything did."""
    from irisbp.rundir.storage import Directory

    try:
        with Directory(run.resolve()) as directory:
            directory.write("evaluation.json", content.encode() + b"\n")
    except IrisbpError as error:
        return error
    return None


def _end(reason: str | None) -> str:
    return f"did not complete ({reason}); these are the parameters it had then"


def _parse(text: str) -> tuple[str, str, float]:
    match = _ASSERTION.fullmatch(text)
    if match is None:
        raise IrisbpError(
            f"--assert {text}: not a condition; it is accuracy or loss, one of >= <= > < ==, and a number"
        )
    return match[1], match[2], float(match[3])


def _unmet(conditions: list[tuple[str, str, float]], figures: dict[str, float]) -> list[str]:
    return [
        f"not met: {name} {comparison} {bound:g} ({name} is {figures[name]:.17g})"
        for name, comparison, bound in conditions
        if not _COMPARISONS[comparison](figures[name], bound)
    ]
