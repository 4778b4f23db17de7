"""Trains a run in its directory and tells about it: what `irisbp train` and `irisbp resume` share."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irisbp.cli.output import print_json
from irisbp.cli.stopping import StopRequest
from irisbp.errors import Diverged, IrisbpError, ReaderGone, in_shell, literal

if TYPE_CHECKING:
    from irisbp.config.schema import Config
    from irisbp.data.dataset import Dataset
    from irisbp.nn.network import Network
    from irisbp.nn.types import Array
    from irisbp.rundir.manifest import Manifest, Status
    from irisbp.rundir.storage import Directory
    from irisbp.rundir.writer import RunWriter
    from irisbp.show.progress import Listener
    from irisbp.training.evaluation import Evaluation
    from irisbp.training.state import Training

    _Figures = tuple[Evaluation | None, Evaluation | None]


@dataclass(frozen=True)
class Telling:
    """What the user wants to see of a run."""

    stream: bool
    quiet: bool
    as_json: bool
    plot: bool

    def __post_init__(self) -> None:
        if self.stream and self.as_json:
            raise IrisbpError("--stream and --json: both want stdout; give one of them")


def run_in(
    directory: "Directory", training: "Training", start: "Callable[[], RunWriter]", telling: Telling
) -> None:
    """Train to the end, recording with the writer that start makes, and print the result."""
    with StopRequest() as stop:
        writer = start()
        listeners = _listeners(training, str(directory.path), telling)
        status, reason, failure = _train(training, writer, listeners, stop)
        manifest = writer.finish(status, reason)
    best = training.best
    parameters = best.parameters if best and manifest.which == "best" else training.parameters
    figures = _figures(training.network, parameters, training.dataset)
    _print_result(directory.path, manifest, figures, telling)
    if telling.plot and manifest.status != "interrupted":
        _draw(directory)
    if isinstance(failure, Stopped):
        failure.add(f"irisbp resume {in_shell(directory.path)} goes on from here")
    if failure is not None:
        raise failure


def resume_in(directory: "Directory", telling: Telling, wanted: "Config | None" = None) -> None:
    """Go on with the run in a directory, or tell that it is finished."""
    from irisbp.runs.resume import finished_manifest, open_interrupted

    manifest = finished_manifest(directory, wanted)
    if manifest is not None:
        _tell_of_finished(directory, manifest, telling)
        return
    resumption = open_interrupted(directory, wanted)
    for problem in resumption.passed_over:
        print(f"note: an older checkpoint serves: {problem}", file=sys.stderr)
    for name, (was, now) in resumption.other_versions.items():
        note = f"note: the run began with {name} {literal(was)}; with {now} its bits may differ"
        print(note, file=sys.stderr)
    if not telling.quiet:
        progress = resumption.training.progress
        print(f"resuming {literal(str(directory.path))} after step {progress.step}", file=sys.stderr)
    run_in(directory, resumption.training, resumption.writer, telling)


def _draw(directory: "Directory") -> None:
    """All pictures of the run; it is complete without them, so that nothing that goes wrong here matters."""
    from irisbp.cli.plot import Picture, draw_into
    from irisbp.rundir.place import PLOTS
    from irisbp.rundir.reader import load_run

    try:
        with directory.folder(PLOTS) as plots:
            draw_into(plots, load_run(directory.path), "png", list(Picture))
    except Exception as error:
        reason = literal(str(error) or type(error).__name__)
        print(f"note: the run is complete, but not drawn: {reason}", file=sys.stderr)


def _tell_of_finished(directory: "Directory", manifest: "Manifest", telling: Telling) -> None:
    """A run that has come to its end before: the result once more, and how it ended."""
    from irisbp.rundir.reader import load_run

    if not telling.quiet:
        print(f"{literal(str(directory.path))} is finished: there is nothing to resume", file=sys.stderr)
    run = load_run(directory.path)
    figures: _Figures = None, None
    try:
        figures = _figures(run.network, run.parameters, run.dataset)
    except IrisbpError as error:
        print(f"note: how well it does cannot be told now: {error}", file=sys.stderr)
    _print_result(directory.path, manifest, figures, telling)
    if telling.plot:
        _draw(directory)
    if manifest.status == "diverged":
        failure = IrisbpError(manifest.reason or "diverged")
        failure.exit_code = Diverged.exit_code
        raise failure


class Stopped(IrisbpError):
    """A signal ended the run; its exit code says which."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("stopped; the run holds everything up to here")
        self.exit_code = exit_code


def _train(
    training: "Training", writer: "RunWriter", listeners: "list[Listener]", stop: StopRequest
) -> "tuple[Status, str | None, IrisbpError | None]":
    """How the training ended, why, and the error to close with if that is not good."""
    from irisbp.training.loop import train

    try:
        try:
            for record in train(training):
                writer.take(record)
                for listener in listeners:
                    listener.take(record)
                if stop.exit_code and training.failure is None:
                    return "interrupted", "stopped by a signal", Stopped(stop.exit_code)
        finally:
            for listener in listeners:
                listener.close()
    except Diverged as error:
        return "diverged", str(error).split("\n")[0], error
    except BrokenPipeError:
        return "interrupted", "the reader of its output went away", ReaderGone()
    return "completed", None, None


def _listeners(training: "Training", run: str, telling: Telling) -> "list[Listener]":
    """Who shows the progress: nobody, lines, or the live view."""
    from irisbp.show.progress import Dispensable, EpochLines, SampleLines

    config, classes = training.config, training.dataset.classes
    listeners: list[Listener] = [SampleLines(sys.stdout, classes)] if telling.stream else []
    if telling.quiet:
        return listeners
    if telling.stream or not can_be_redrawn():
        return [*listeners, Dispensable(EpochLines(sys.stderr, config.epochs))]
    from irisbp.show.console import make_console
    from irisbp.show.live import LiveView

    shape = "-".join(map(str, (training.network.inputs, *config.network.hidden, len(classes))))
    title = f"{run}  {shape}  {config.optimizer.name} {config.learning_rate:g}  seed {config.seed}"
    steps = range(training.progress.step, training.steps)
    view = LiveView(make_console(stderr=True), title, config.epochs, steps, classes)
    return [Dispensable(view)]


def can_be_redrawn() -> bool:
    """Whether stderr is a terminal that a live view can be drawn on."""
    dumb = os.environ.get("TERM", "") in ("dumb", "unknown", "")
    return sys.stderr.isatty() and not dumb and not os.environ.get("CI")


def _figures(network: "Network", parameters: "Array", dataset: "Dataset") -> "_Figures":
    """How the parameters do on what was trained on, and on what was held out, if anything was."""
    from irisbp.training.evaluation import evaluate

    training, held_out = (
        evaluate(network, parameters, dataset, rows) if len(rows) else None
        for rows in (dataset.train_rows, dataset.held_out_rows)
    )
    return training, held_out


def _print_result(path: Path, manifest: "Manifest", result: "_Figures", telling: Telling) -> None:
    figures, held_out = result
    run = str(path)
    if telling.as_json:
        print_json(_as_json(run, manifest, figures, held_out))
        return
    from irisbp.show.console import make_console
    from irisbp.show.results import print_training_result

    print_training_result(make_console(), run=run, manifest=manifest, training=figures, validation=held_out)


def _as_json(
    run: str, manifest: "Manifest", figures: "Evaluation | None", held_out: "Evaluation | None"
) -> dict[str, Any]:
    told = ("status", "reason", "epochs", "steps", "stopped_early", "best_epoch", "which", "seconds")
    kept = manifest.model_dump()
    result = {"run": run} | {key: kept[key] for key in told}
    for prefix, evaluation in (("", figures), ("validation_", held_out)):
        for key in ("loss", "accuracy"):
            result[prefix + key] = evaluation.as_json()[key] if evaluation else None
    return result
