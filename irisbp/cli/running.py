"""Runs a training and shows it: what `irisbp train` and `irisbp resume` share."""

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass

from irisbp.cli.output import print_json
from irisbp.cli.pictures import draw_all
from irisbp.cli.stopping import StopRequest
from irisbp.config.schema import Config
from irisbp.errors import Diverged, IrisbpError, ReaderGone, in_shell, literal
from irisbp.rundir.storage import Directory
from irisbp.runs.open import run_in
from irisbp.runs.resume import checked_end, finished_manifest, open_interrupted
from irisbp.runs.run import Run
from irisbp.runs.session import TrainingSession
from irisbp.show.console import make_console
from irisbp.show.progress import Dispensable, EpochLines, SampleLines
from irisbp.show.results import class_notes, print_run_result
from irisbp.training.listeners import Listener
from irisbp.training.state import Training


@dataclass(frozen=True)
class Shown:
    """The output that the user asked for."""

    stream: bool = False
    quiet: bool = False
    as_json: bool = False
    plot: bool = False

    def __post_init__(self) -> None:
        if self.stream and self.as_json:
            raise IrisbpError("--stream and --json: both print to stdout; give one of them")


def run_shown(
    directory: Directory,
    session: TrainingSession,
    shown: Shown,
    note_on: Callable[[Run], str] = lambda run: "",
) -> None:
    """Train to the end, or to the first signal; print the result, and the note on a run that has ended."""
    session = session.begun()  # before signals only ask to stop: a resumed run's files are read here
    with StopRequest() as stop:
        listeners = _listeners(session.training, str(directory.path), shown)
        try:
            run = session.run(listeners, lambda: stop.exit_code and "stopped by a signal")
        except Diverged as error:
            _show_end(directory, error.run, shown)
            _print_changes(directory, error.run)
            _print_note(note_on(error.run))
            raise
        except BrokenPipeError:
            raise ReaderGone(*_interrupted("the reader of the output went away", directory)) from None
    _show_end(directory, run, shown)
    _print_changes(directory, run)
    scores = session.training.scores
    if run.status == "completed" and scores is not None and not shown.quiet:
        for note in class_notes(scores, "training row", session.training.config.class_weight != "none"):
            print(f"note: {note}", file=sys.stderr)
    if run.status != "interrupted":
        _print_note(note_on(run))
    else:
        raise _Stopped(stop.exit_code or 130, directory)


def _print_changes(directory: Directory, run: Run) -> None:
    """Print what others did to the run's directory while it was trained."""
    _print_note(directory.moved())
    if directory.sha256("config.yaml") != run.manifest.files["config.yaml"]:
        _print_note(
            "config.yaml was changed meanwhile: the run is that of the config it began with,"
            " and cannot be used until the file is as it was"
        )


def _print_note(note: str) -> None:
    if note:
        print(f"note: {literal(note)}", file=sys.stderr)


class _Stopped(IrisbpError):
    """A signal ended the run; its exit code says which."""

    def __init__(self, exit_code: int, directory: Directory) -> None:
        super().__init__(*_interrupted("stopped", directory))
        self.exit_code = exit_code


def _interrupted(why: str, directory: Directory) -> tuple[str, str]:
    """The lines of a message about a run that was interrupted."""
    how_to_resume = f"irisbp resume {in_shell(directory.path)} resumes it"
    return f"{why}; the run holds everything up to here", how_to_resume


def resume_in(directory: Directory, shown: Shown, wanted: Config | None = None) -> None:
    """Resume the run in a directory, or report that it is finished."""
    if finished_manifest(directory, wanted) is not None:
        _report_finished(directory, shown)
        return
    session = open_interrupted(directory, wanted).session()
    for note in session.notes:
        print(f"note: {note}", file=sys.stderr)
    if not shown.quiet:
        step = session.training.progress.step
        print(f"resuming {literal(str(directory.path))} after step {step}", file=sys.stderr)
    run_shown(directory, session, shown)


def _report_finished(directory: Directory, shown: Shown) -> None:
    """Print the result of a finished run again, and how it ended."""
    if not shown.quiet:
        print(f"{literal(str(directory.path))} is finished: there is nothing to resume", file=sys.stderr)
    run = run_in(directory)
    _show_end(directory, run, shown)
    checked_end(run)


def _show_end(directory: Directory, run: Run, shown: Shown) -> None:
    """Print the result, and draw the run if asked for and if it is finished."""
    if shown.as_json:
        print_json(run.as_json())
    else:
        print_run_result(make_console(), run)
    if shown.plot and run.status != "interrupted":
        draw_all(directory, run)


def _listeners(training: Training, run: str, shown: Shown) -> list[Listener]:
    """The listeners that show the progress: none, lines, or the live view."""
    config, classes = training.config, training.dataset.classes
    listeners: list[Listener] = [SampleLines(sys.stdout, classes)] if shown.stream else []
    if shown.quiet or (shown.stream and _ends_on_the_same_screen()):
        return listeners
    if shown.stream or not can_be_redrawn():
        return [*listeners, Dispensable(EpochLines(sys.stderr, config.epochs))]
    from irisbp.show.live import LiveView  # loaded for terminals only, since Rich is heavy

    shape = "-".join(map(str, (training.network.inputs, *config.network.hidden, len(classes))))
    title = f"{run}  {shape}  {config.optimizer.name} {config.learning_rate:g}  seed {config.seed}"
    steps = range(training.progress.step, training.steps)
    return [Dispensable(LiveView(make_console(stderr=True), title, config.epochs, steps, classes))]


def _ends_on_the_same_screen() -> bool:
    """Return whether lines on stderr might come into the middle of those that a pipe's reader prints."""
    return sys.stderr.isatty() and stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)


def can_be_redrawn() -> bool:
    """Return whether stderr is a terminal that a live view can be drawn on."""
    dumb = os.environ.get("TERM", "") in ("dumb", "unknown", "")
    return sys.stderr.isatty() and not dumb and not os.environ.get("CI")
