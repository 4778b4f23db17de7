"""`irisbp explain`: one update or one gradient of a run, number by number."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import Json, whole_number
from irisbp.cli.deferred import new_app
from irisbp.cli.flags import CommandWithKeys
from irisbp.cli.output import print_json
from irisbp.cli.subject import subject_of
from irisbp.derivations.growth import measure
from irisbp.errors import IrisbpError
from irisbp.explanations.explain import ask
from irisbp.explanations.gradient import ExplainedGradient
from irisbp.explanations.naming import find_parameter
from irisbp.explanations.update import ExplainedUpdate
from irisbp.rundir.storage import write_new_file
from irisbp.show.console import make_console, print_lines
from irisbp.show.derive import print_growth
from irisbp.show.explain import print_gradient, print_update
from irisbp.show.lesson import gradient_notes, update_notes

app = new_app()


@app.command(cls=CommandWithKeys)
def explain(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG|RUN] [KEY=VALUE]...",
            help="A YAML config (default: the article's) with overrides, or a run's directory.",
        ),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(parser=whole_number, metavar="S", help="This step, counted from 1 (default)."),
    ] = None,
    epoch: Annotated[
        int | None,
        typer.Option(
            parser=whole_number, metavar="E", help="With --sample: the step of this epoch that uses it."
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            parser=whole_number,
            metavar="N",
            help="A row of the table, from 0: of the first epoch, of --epoch, or of --step's batch.",
        ),
    ] = None,
    parameter: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="One gradient, such as hidden_1.weight[0,2] or the article's x1a3."
        ),
    ] = None,
    growth: Annotated[
        bool,
        typer.Option(
            "--growth", help="Compare the operations of the written-out derivative and of the chain."
        ),
    ] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --growth: a new PNG or SVG file to draw it in.")
    ] = None,
    as_json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print notes for a lesson, with equations in LaTeX.")
    ] = False,
) -> None:
    """Explain one update with every number, or one gradient as the sum over its paths to the loss.

    The numbers are those of the run: it is trained again up to the step, which repeats it to the bit.
    """
    if as_json and markdown:
        raise IrisbpError("--json and --markdown: give one of them")
    if growth:
        if arguments or markdown or any(x is not None for x in (step, epoch, sample, parameter)):
            raise IrisbpError(
                "--growth compares networks of many sizes; give only --json and --output with it"
            )
        _grow(as_json, output)
        return
    if output is not None:
        raise IrisbpError("--output needs --growth, whose picture it writes")
    question = ask(subject_of(arguments or []), step, epoch, sample, {})
    if parameter is None:
        _show_update(question.answer(), as_json, markdown)
    else:
        find_parameter(question.training.network, parameter)  # a wrong name is reported before training
        _show_gradient(question.answer().gradient(parameter), as_json, markdown)


def _show_update(update: ExplainedUpdate, as_json: bool, markdown: bool) -> None:
    if as_json:
        print_json(update.as_json())
    elif markdown:
        print_lines(make_console(), *update_notes(update.worked))
    else:
        print_update(make_console(), update.worked)


def _show_gradient(gradient: ExplainedGradient, as_json: bool, markdown: bool) -> None:
    if as_json:
        print_json(gradient.as_json())
    elif markdown:
        print_lines(make_console(), *gradient_notes(gradient))
    else:
        print_gradient(make_console(), gradient)


def _grow(as_json: bool, output: Path | None) -> None:
    rows = measure()
    if output is not None:
        from irisbp.show.plots.growth import draw_growth  # loads Matplotlib

        ending = output.suffix.lower().removeprefix(".")
        if ending not in ("png", "svg"):
            raise IrisbpError(f"--output {output}: give a .png or .svg file")
        write_new_file(output, [draw_growth(rows, ending)])
    if as_json:
        print_json({"rows": [asdict(row) for row in rows]})
    else:
        print_growth(make_console(), rows)
