"""`irisbp plot`: pictures of a run, of several runs together, or of a sweep."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from irisbp.cli.arguments import whole_number
from irisbp.cli.deferred import new_app
from irisbp.cli.pictures import print_note, write_into
from irisbp.errors import IrisbpError, literal
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.place import first_free
from irisbp.rundir.storage import Directory
from irisbp.runs.layout import PLOTS
from irisbp.runs.open import open_run, run_in
from irisbp.runs.run import Run
from irisbp.show.plots.pictures import draw_comparison, draw_run
from irisbp.show.plots.plane import Over
from irisbp.show.plots.sweep import draw_sweep
from irisbp.sweeps.directory.place import GRID
from irisbp.sweeps.sweep import Sweep, sweep_in


class Format(StrEnum):
    """The kinds of files that pictures come in."""

    PNG = "png"
    SVG = "svg"


class PictureKind(StrEnum):
    """The pictures of one run."""

    LOSS_AND_ACCURACY = "loss-and-accuracy"
    CONFUSION = "confusion"
    PROBABILITIES = "probabilities"
    REGIONS = "regions"
    DISTRIBUTIONS = "distributions"
    PATHS = "paths"


app = new_app()


@app.command()
def plot(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="Run directories, or a sweep.", show_default=False)
    ],
    picture_format: Annotated[Format, typer.Option("--format", help="The files' format.")] = Format.PNG,
    kinds: Annotated[
        list[PictureKind] | None,
        typer.Option("--kind", help="Draw only this picture of one run. Repeatable."),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Draw the regions over these two features."),
    ] = None,
    components: Annotated[
        str | None,
        typer.Option(
            metavar="I,J", help="Draw the regions over these two principal components, from 1 (default: 1,2)."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The directory to write into; by default RUN/plots, and runs/comparison-001 or the next"
            " free number for several runs.",
        ),
    ] = None,
) -> None:
    """Draw a run: loss, confusion, probabilities, regions, distributions, parameters. Several: compare them.

    Of a sweep: loss curves of its best settings and, where two keys vary, a heat map.
    Pictures of the same name are replaced. Those over time train the run once more, in memory.
    """
    options = {"--kind": kinds or None, "--features": features, "--components": components}
    of_one_run = next((name for name, value in options.items() if value is not None), None)
    if len(runs) > 1:
        if of_one_run:
            raise IrisbpError(f"{of_one_run} needs a single run; several runs are drawn as one comparison")
        _compare(runs, picture_format, output)
        return
    loaded = _loaded(runs[0])
    if isinstance(loaded, Run):
        over = Over(
            None if features is None else _names(features),
            None if components is None else _numbers(components),
        )
        _draw(runs[0], loaded, picture_format, [kind.value for kind in kinds or PictureKind], over, output)
    elif of_one_run:
        raise IrisbpError(f"{of_one_run} is for a run; a sweep has its own pictures")
    else:
        _draw_sweep(runs[0], loaded, picture_format, output)


def _loaded(path: Path) -> Run | Sweep:
    with OpenDirectory(path) as directory:
        return sweep_in(directory) if directory.has(GRID) else run_in(directory)


def _names(features: str) -> list[str]:
    """The names in a line of CSV: one with a comma stands in double quotes."""
    return next(csv.reader([features], skipinitialspace=True), [])


def _numbers(components: str) -> list[int]:
    try:
        return [whole_number(one.strip()) for one in components.split(",")]
    except typer.BadParameter:
        raise IrisbpError(f"--components {components}: give two whole numbers, such as 1,2") from None


def _draw(
    run: Path, loaded: Run, picture_format: Format, kinds: list[str], over: Over, output: Path | None
) -> None:
    over.check(loaded, kinds)
    pictures = draw_run(loaded, kinds, picture_format.value, print_note, over)
    with _written_into(run, output) as plots:
        written = write_into(plots, pictures)
    for name in written:
        print(literal(str((output or run / PLOTS) / name)))


def _draw_sweep(path: Path, loaded: Sweep, picture_format: Format, output: Path | None) -> None:
    pictures = draw_sweep(loaded, picture_format.value, print_note)
    with _written_into(path, output) as plots:
        for name, content in pictures:
            plots.write(name, content)
            print(literal(str((output or path / PLOTS) / name)))


def _compare(runs: list[Path], picture_format: Format, output: Path | None) -> None:
    content = draw_comparison([open_run(run) for run in runs], picture_format.value, print_note)
    name = f"comparison.{picture_format.value}"
    with first_free("comparison") if output is None else _opened(output) as directory:
        directory.write(name, content)
        print(literal(str((output or directory.path) / name)))


@contextmanager
def _written_into(path: Path, output: Path | None) -> Iterator[Directory]:
    """The directory for the pictures of a run or a sweep: its own folder, if no other is given."""
    if output is not None:
        with _opened(output) as plots:
            yield plots
    else:
        with Directory.behind(path) as directory, directory.folder(PLOTS) as plots:
            yield plots


def _opened(path: Path) -> Directory:
    """A directory to write into: made, if there is none."""
    try:
        return Directory.create(path)
    except FileExistsError:
        return Directory.behind(path)
