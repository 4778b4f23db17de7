"""`irisbp gradcheck`: whether backpropagation's gradient is right, parameter by parameter."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from irisbp.cli.arguments import Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.errors import CheckFailed, ConfigError, IrisbpError

if TYPE_CHECKING:
    from irisbp.nn.backprop import Objective
    from irisbp.nn.network import Network
    from irisbp.nn.types import Array, Indices


class Method(StrEnum):
    """Other ways to a gradient, shown beside backpropagation."""

    CENTRAL = "central"
    COMPLEX_STEP = "complex-step"


app = new_app()


@app.command()
def gradcheck(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG|RUN] [KEY=VALUE]...",
            help="A YAML config (default: the article's), or a run, to check its trained parameters too.",
        ),
    ] = None,
    only_bad: Annotated[bool, typer.Option("--only-bad", help="Leave out what passed.")] = False,
    point: Annotated[str | None, typer.Option(metavar="NAME", help="Check at this point only.")] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Plant faults in a copy, and see that they are caught.")
    ] = False,
    method: Annotated[Method | None, typer.Option(help="Show how many digits another method gets.")] = None,
    as_json: Json = False,
) -> None:
    """Check the gradient against derivatives with 50 digits; exit code 3 if one entry is wrong.

    The tolerance of each entry is what rounding can do to it, and nothing more.
    """
    if self_test and (method or point):
        raise IrisbpError("--self-test goes with neither --method nor --point")
    if only_bad and (self_test or method or as_json):
        raise IrisbpError("--only-bad is for the tables of the check itself")
    subject = _subject(arguments or [])
    if self_test:
        _run_self_test(subject, as_json)
    elif method:
        _compare(method.value, subject, point, as_json)
    else:
        _check(subject, point, only_bad, as_json)


class _Subject(NamedTuple):
    """What is checked: a network on samples with an objective, and perhaps at trained parameters."""

    network: "Network"
    inputs: "Array"
    labels: "Indices"
    objective: "Objective"
    trained: "Array | None"


def _subject(arguments: list[str]) -> _Subject:
    """From a config or a run."""
    from irisbp.config.load import load_config, split_arguments
    from irisbp.runs.open import open_run
    from irisbp.training.setup import objective_of, prepare

    path, overrides = split_arguments(arguments)
    if path is not None and Path(path).is_dir():
        if overrides:
            raise ConfigError(f"argument {overrides[0]}: a run is checked as it is; a config takes overrides")
        run = open_run(path)
        data, objective = run.dataset, objective_of(run.config)
        return _Subject(run.network, data.inputs, data.labels, objective, run.vector)
    training = prepare(load_config(path, overrides))
    data, objective = training.dataset, objective_of(training.config)
    return _Subject(training.network, data.inputs, data.labels, objective, None)


def _check(subject: _Subject, point: str | None, only_bad: bool, as_json: bool) -> None:
    from irisbp.gradients.check import run_check
    from irisbp.gradients.judge import own_gradient

    network, inputs, labels, objective, trained = subject
    report = run_check(own_gradient, network, inputs, labels, objective, trained=trained, only_point=point)
    if as_json:
        print_json(asdict(report))
    else:
        from irisbp.show.console import make_console
        from irisbp.show.gradcheck import print_report

        print_report(make_console(), report, only_bad=only_bad)
    if not report.passed:
        raise CheckFailed("the gradient check failed")


def _run_self_test(subject: _Subject, as_json: bool) -> None:
    from irisbp.gradients.faults import SelfTest

    test = SelfTest(subject.network, subject.inputs, subject.labels)
    correct, findings = test.correct(), list(test.findings())
    if as_json:
        print_json({"correct": correct, "faults": [asdict(finding) for finding in findings]})
    else:
        from irisbp.show.console import make_console
        from irisbp.show.gradcheck import print_findings

        print_findings(make_console(), findings, correct=correct)
    if not correct or not all(finding.caught for finding in findings):
        raise CheckFailed("the self-test failed")


def _compare(method: str, subject: _Subject, point: str | None, as_json: bool) -> None:
    from irisbp.gradients.check import make_targets
    from irisbp.gradients.methods import compare

    network, inputs, labels, objective, trained = subject
    targets = make_targets(network, inputs, labels, objective, trained=trained, only_point=point)
    rows = compare(method, network, objective, targets)
    if as_json:
        print_json({"method": method, "points": [asdict(row) for row in rows]})
    else:
        from irisbp.show.console import make_console
        from irisbp.show.gradcheck import print_comparison

        print_comparison(make_console(), method, rows)
