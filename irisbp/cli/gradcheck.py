"""`irisbp gradcheck`: check backpropagation's gradient, parameter by parameter."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

import irisbp
from irisbp.cli.arguments import Data, Json
from irisbp.cli.deferred import new_app
from irisbp.cli.flags import CommandWithKeys
from irisbp.cli.output import print_json
from irisbp.cli.subject import subject_of
from irisbp.config.schema import Config
from irisbp.errors import CheckFailed, IrisbpError
from irisbp.gradients.check import make_targets
from irisbp.gradients.faults import SelfTest
from irisbp.gradients.methods import compare
from irisbp.runs.gradcheck import case_of
from irisbp.runs.run import Run
from irisbp.show.console import make_console
from irisbp.show.gradcheck import print_comparison, print_findings, print_report


class Method(StrEnum):
    """Other ways to a gradient, shown beside backpropagation."""

    CENTRAL = "central"
    COMPLEX_STEP = "complex-step"


app = new_app()


@app.command(cls=CommandWithKeys)
def gradcheck(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG|RUN] [KEY=VALUE]...",
            help="A YAML config (default: the article's), or a run: its trained parameters are checked too.",
        ),
    ] = None,
    only_bad: Annotated[bool, typer.Option("--only-bad", help="Leave out what passed.")] = False,
    point: Annotated[str | None, typer.Option(metavar="NAME", help="Check at this point only.")] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Plant faults, and check that they are caught."),
    ] = False,
    method: Annotated[
        Method | None, typer.Option(help="Compare the correct digits of another method.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check the gradient against derivatives with 50 digits; exit code 3 if one entry is wrong.

    The tolerance of each entry is the bound of its rounding error, and nothing more.
    """
    if self_test and (method or point):
        raise IrisbpError("--self-test cannot be combined with --method or --point")
    if only_bad and (self_test or method):
        raise IrisbpError("--only-bad cannot be combined with --self-test or --method")
    subject = subject_of(arguments or [], data)
    if self_test:
        _run_self_test(subject, as_json)
    elif method:
        _compare(method.value, subject, point, as_json)
    else:
        _check(subject, point, only_bad, as_json)


def _check(subject: Run | Config, point: str | None, only_bad: bool, as_json: bool) -> None:
    report = irisbp.gradcheck(subject, point=point)
    if as_json:
        print_json(report.as_json(only_bad=only_bad))
    else:
        print_report(make_console(), report, only_bad=only_bad)
    if not report.passed:
        raise CheckFailed("the gradient check failed")


def _run_self_test(subject: Run | Config, as_json: bool) -> None:
    case = case_of(subject)
    test = SelfTest(case.network, case.inputs, case.labels, loops=case.loops)
    correct, findings = test.correct(), list(test.findings())
    if as_json:
        print_json({"correct": correct, "faults": [asdict(finding) for finding in findings]})
    else:
        print_findings(make_console(), findings, correct=correct)
    if not correct or not all(finding.caught for finding in findings):
        raise CheckFailed("the self-test failed")


def _compare(method: str, subject: Run | Config, point: str | None, as_json: bool) -> None:
    case = case_of(subject)
    samples = (case.network, case.inputs, case.labels, case.objective)
    targets = make_targets(*samples, trained=case.trained, only_point=point)
    rows = compare(method, case.network, case.objective, targets)
    if as_json:
        print_json({"method": method, "points": [asdict(row) for row in rows]})
    else:
        print_comparison(make_console(), method, rows)
