"""`irisbp train`: train one run and record it."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from irisbp.cli.arguments import ConfigArguments, Json
from irisbp.cli.output import print_json
from irisbp.cli.stopping import StopRequest
from irisbp.errors import Diverged, IrisbpError, ReaderGone, literal

if TYPE_CHECKING:
    from irisbp.evaluation import Evaluation
    from irisbp.rundir.manifest import Manifest
    from irisbp.rundir.storage import Directory
    from irisbp.rundir.writer import RunWriter
    from irisbp.show.progress import Listener
    from irisbp.training import Training


def train(
    arguments: ConfigArguments = None,
    run_dir: Annotated[Path | None, typer.Option(help="Where the run is to lie.")] = None,
    name: Annotated[str | None, typer.Option(help="The run lies in runs/NAME.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that lies there.")] = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print every sample's loss.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result only.")] = False,
    as_json: Json = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the run at the end, into its plots/.")] = False,
) -> None:
    """Train a network and write everything about it into a run directory.

    Without CONFIG it is the article's run. Exit code 4 means that the run diverged.
    """
    from irisbp.config.load import load_config, split_arguments
    from irisbp.rundir.place import open_new_run
    from irisbp.rundir.writer import RunWriter
    from irisbp.training import prepare

    if stream and as_json:
        raise IrisbpError("--stream and --json: both want stdout; give one of them")
    path, overrides = split_arguments(arguments or [])
    training = prepare(load_config(path, overrides))
    with open_new_run(path, directory=run_dir, name=name, overwrite=overwrite) as directory:
        with StopRequest() as stop:
            writer = RunWriter(directory, training)
            listeners = _listeners(training, str(directory.path), stream, quiet)
            manifest, failure = _train(training, writer, listeners, stop)
        _print_result(str(directory.path), manifest, training, as_json)
        if plot and manifest.status != "interrupted":
            _draw(directory)
    if failure is not None:
        raise failure


def _draw(directory: "Directory") -> None:
    """All pictures of the run; it is complete without them, so that nothing that goes wrong here matters."""
    from irisbp.cli.plot import Kind, draw_into
    from irisbp.rundir.place import PLOTS
    from irisbp.rundir.reader import load_run

    try:
        with directory.folder(PLOTS) as plots:
            draw_into(plots, load_run(directory.path), "png", list(Kind))
    except Exception as error:
        reason = literal(str(error) or type(error).__name__)
        print(f"note: the run is complete, but not drawn: {reason}", file=sys.stderr)


def _train(
    training: "Training", writer: "RunWriter", listeners: "list[Listener]", stop: StopRequest
) -> "tuple[Manifest, IrisbpError | None]":
    """The run to its end, whatever the end is, and the error to close with if it is not a good one."""
    from irisbp.training import train

    try:
        try:
            for record in train(training):
                writer.take(record)
                for listener in listeners:
                    listener.take(record)
                if stop.exit_code:
                    return writer.finish("interrupted", "stopped by a signal"), _stopped(stop.exit_code)
        finally:
            for listener in listeners:
                listener.close()
    except Diverged as error:
        return writer.finish("diverged", str(error).split("\n")[0]), error
    except BrokenPipeError:
        return writer.finish("interrupted", "the reader of its output went away"), ReaderGone()
    return writer.finish("completed"), None


def _stopped(exit_code: int) -> IrisbpError:
    error = IrisbpError("stopped; the run holds everything up to here")
    error.exit_code = exit_code
    return error


def _listeners(training: "Training", run: str, stream: bool, quiet: bool) -> "list[Listener]":
    """Who shows the progress: nobody, lines, or the live view."""
    from irisbp.show.progress import Dispensable, EpochLines, SampleLines

    config, classes = training.config, training.dataset.classes
    listeners: list[Listener] = [SampleLines(sys.stdout, classes)] if stream else []
    if quiet:
        return listeners
    if stream or not _can_be_redrawn():
        return [*listeners, Dispensable(EpochLines(sys.stderr, config.epochs))]
    from irisbp.show.console import make_console
    from irisbp.show.live import LiveView

    shape = "-".join(map(str, (training.network.inputs, *config.network.hidden, len(classes))))
    title = f"{run}  {shape}  {config.optimizer.name} {config.learning_rate:g}  seed {config.seed}"
    view = LiveView(make_console(stderr=True), title, config.epochs, training.steps, classes)
    return [Dispensable(view)]


def _can_be_redrawn() -> bool:
    dumb = os.environ.get("TERM", "") in ("dumb", "unknown", "")
    return sys.stderr.isatty() and not dumb and not os.environ.get("CI")


def _print_result(run: str, manifest: "Manifest", training: "Training", as_json: bool) -> None:
    """The figures of the parameters that the run names: on what it trained on, and on what it held out."""
    from irisbp.evaluation import evaluate

    best, dataset = training.best, training.dataset
    parameters = best.parameters if best and manifest.which == "best" else training.parameters
    figures, held_out = (
        evaluate(training.network, parameters, dataset, rows) if len(rows) else None
        for rows in (dataset.training, dataset.validation)
    )
    assert figures is not None
    if as_json:
        print_json(_as_json(run, manifest, figures, held_out))
        return
    from irisbp.show.console import make_console
    from irisbp.show.results import print_training_result

    print_training_result(make_console(), run=run, manifest=manifest, training=figures, validation=held_out)


def _as_json(
    run: str, manifest: "Manifest", figures: "Evaluation", held_out: "Evaluation | None"
) -> dict[str, Any]:
    told = ("status", "reason", "epochs", "steps", "stopped_early", "best_epoch", "which", "seconds")
    kept = manifest.model_dump()
    result = {"run": run} | {key: kept[key] for key in told}
    for prefix, evaluation in (("", figures), ("validation_", held_out)):
        for key in ("loss", "accuracy"):
            result[prefix + key] = evaluation.as_json()[key] if evaluation else None
    return result
