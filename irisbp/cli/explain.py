"""`irisbp explain`: where a gradient comes from, with the numbers of a run."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irisbp.cli.arguments import Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.errors import ConfigError, IrisbpError

if TYPE_CHECKING:
    from irisbp.explanations.worked import Worked
    from irisbp.runs.rewind import Place


app = new_app()


@app.command()
def explain(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG|RUN] [KEY=VALUE]...",
            help="A YAML config (default: the article's) with overrides, or a run's directory.",
        ),
    ] = None,
    step: Annotated[
        int | None, typer.Option(metavar="S", help="This step, counted from 1 (default).")
    ] = None,
    epoch: Annotated[
        int | None, typer.Option(metavar="E", help="The step of this epoch that takes --sample.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
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
            "--growth", help="Count the operations of the whole graph's derivative and the chain's."
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
    """Work one update with every number, or one gradient as the sum over its paths to the loss.

    The numbers are those of the run: it is trained again up to the step, which repeats it to the bit.
    """
    if as_json and markdown:
        raise IrisbpError("--json and --markdown: one of them")
    if growth:
        if arguments or markdown or any(x is not None for x in (step, epoch, sample, parameter)):
            raise IrisbpError(
                "--growth is about networks of many sizes; it goes with --json and --output only"
            )
        _grow(as_json, output)
        return
    if output is not None:
        raise IrisbpError("--output is for the picture of --growth")
    worked = _worked(arguments or [], _place(step, epoch, sample), sample, parameter)
    if parameter is None:
        _show_update(worked, as_json, markdown)
    else:
        _show_gradient(worked, parameter, as_json, markdown)


def _place(step: int | None, epoch: int | None, sample: int | None) -> "Place":
    """Step 1, unless something else is said."""
    from irisbp.runs.rewind import Place

    if step is not None and epoch is not None:
        raise IrisbpError("--step and --epoch: one of them; --epoch goes with --sample")
    if epoch is not None and sample is None:
        raise IrisbpError("--epoch needs --sample, the row of the table whose step is meant")
    if step is not None:
        return Place(step=step)
    return Place(step=1) if sample is None else Place(epoch=1 if epoch is None else epoch, sample=sample)


def _worked(arguments: list[str], place: "Place", sample: int | None, parameter: str | None) -> "Worked":
    """The step of a config or a run, done once more."""
    from irisbp.config.load import load_config, split_arguments
    from irisbp.explanations.naming import find_parameter
    from irisbp.explanations.worked import work
    from irisbp.runs.open import open_run
    from irisbp.runs.rewind import check_recorded, state_before, state_before_in_run
    from irisbp.training.setup import prepare

    path, overrides = split_arguments(arguments)
    run = None
    if path is not None and Path(path).is_dir():
        if overrides:
            raise ConfigError(f"argument {overrides[0]}: a run is explained as it is")
        run = open_run(path)
    training = prepare(run.config if run else load_config(path, overrides))
    if parameter is not None:
        find_parameter(training.network, parameter)  # a wrong name is told before anything is trained
    before = state_before_in_run(run, training, place) if run else state_before(training, place)
    worked = work(before, sample)
    if run is None:
        return worked
    return replace(worked, recorded=check_recorded(run, worked.step, worked.losses))


def _show_update(worked: "Worked", as_json: bool, markdown: bool) -> None:
    if as_json:
        from irisbp.explanations.data import update_data

        print_json(update_data(worked))
        return
    from irisbp.show.console import make_console, print_lines

    if markdown:
        from irisbp.show.lesson import update_notes

        print_lines(make_console(), *update_notes(worked))
    else:
        from irisbp.show.explain import print_update

        print_update(make_console(), worked)


def _show_gradient(worked: "Worked", name: str, as_json: bool, markdown: bool) -> None:
    from irisbp.explanations.naming import find_parameter
    from irisbp.explanations.paths import chain_of
    from irisbp.explanations.ways import ways_to
    from irisbp.show.console import make_console, print_lines

    parameter = find_parameter(worked.network, name)
    chain, ways = chain_of(parameter, worked.old, worked.of_sample), ways_to(parameter, worked)
    if as_json:
        from irisbp.explanations.data import gradient_data

        print_json(gradient_data(worked, chain, ways))
    elif markdown:
        from irisbp.show.lesson import gradient_notes

        print_lines(make_console(), *gradient_notes(worked, chain, ways))
    else:
        from irisbp.show.explain import print_gradient

        print_gradient(make_console(), worked, chain, ways)


def _grow(as_json: bool, output: Path | None) -> None:
    from irisbp.derivations.growth import measure

    rows = measure()
    if output is not None:
        from irisbp.rundir.storage import write_new_file
        from irisbp.show.plots.growth import draw_growth

        ending = output.suffix.lower().removeprefix(".")
        if ending not in ("png", "svg"):
            raise IrisbpError(f"--output {output}: a picture is a .png or an .svg file")
        write_new_file(output, [draw_growth(rows, ending)])
    if as_json:
        print_json({"rows": [asdict(row) for row in rows]})
    else:
        from irisbp.show.console import make_console
        from irisbp.show.derive import print_growth

        print_growth(make_console(), rows)
