"""A training that is ready to run, with its recorder: in memory, or in a directory.

The recorder takes every record first, then the listeners; an error of theirs ends the run in good order.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import irisbp
from irisbp.errors import Diverged, Interrupted, in_shell
from irisbp.rundir.manifest import Figures, Manifest, Status
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.evaluate import final_figures
from irisbp.runs.interrupts import Interrupts, noticing_interrupts
from irisbp.runs.record import MemoryRecorder, RecordedFiles, RunRecord
from irisbp.runs.run import Run, model_of
from irisbp.training.listeners import Listener, as_listener
from irisbp.training.loop import train
from irisbp.training.state import Record, Training

AnyListener = Listener | Callable[[Record], object]
ShouldStop = Callable[[], object]


class Recorder(Protocol):
    """Takes the records of a training, and its end."""

    def take(self, record: Record) -> None:
        """Keep one record."""

    def close(self, status: Status) -> None:
        """Keep all of the records, however the run ended."""

    def finish(self, status: Status, reason: str | None, figures: Figures) -> Manifest:
        """Keep the end of the closed run; returns its manifest."""


def finish(recorder: Recorder, training: Training, status: Status, reason: str | None = None) -> Manifest:
    """End a run: its records are kept before its figures are computed, which takes time."""
    recorder.close(status)
    return recorder.finish(status, reason, final_figures(training))


@dataclass(frozen=True)
class TrainingSession:
    """A training that is about to start or to be resumed; start makes its recorder.

    notes are messages for the user, before it runs.
    """

    training: Training
    start: Callable[[], Recorder]
    path: Path | None = None
    notes: list[str] = field(default_factory=list)

    def begun(self) -> "TrainingSession":
        """The session with its recorder made, for which the files of a resumed run are read."""
        recorder = self.start()
        return replace(self, start=lambda: recorder)

    def run(self, listeners: Iterable[AnyListener] = (), should_stop: ShouldStop | None = None) -> Run:
        """Train to the end, or until should_stop, which is asked after every record, is true.

        Then the run is interrupted; a text that should_stop returns is the reason.
        Diverged, with the run attached, where it diverges. What a listener raises is raised once the run has
        ended, interrupted.
        """
        recorder = self.start()
        ending = _train(self.training, recorder, [as_listener(each) for each in listeners], should_stop)
        manifest = finish(recorder, self.training, ending.status, ending.reason)
        run = self._run_of(manifest, recorder)
        if isinstance(ending.error, Diverged):
            ending.error.run = run
        if ending.error is not None:
            raise ending.error
        return run

    def _run_of(self, manifest: Manifest, recorder: Recorder) -> Run:
        record: RunRecord
        if isinstance(recorder, MemoryRecorder):
            record = recorder
        else:
            assert self.path is not None
            record = RecordedFiles(self.path, manifest)
        model = model_of(self.training, manifest.which)
        return Run(self.training.config, manifest, model, manifest.which, record, self.path, self.training)


def in_memory(training: Training) -> TrainingSession:
    """A session that keeps everything in memory."""
    return TrainingSession(training, lambda: MemoryRecorder(training))


def in_directory(directory: Directory, training: Training) -> TrainingSession:
    """A session that records a new run in an empty directory."""
    return TrainingSession(training, lambda: RunWriter(directory, training), directory.path)


@dataclass(frozen=True)
class _Ending:
    """The end of a training: its status, the reason, and the error to raise."""

    status: Status
    reason: str | None = None
    error: Exception | None = None


def _train(
    training: Training, recorder: Recorder, listeners: list[Listener], should_stop: ShouldStop | None
) -> _Ending:
    try:
        for record in train(training):
            recorder.take(record)
            ending = _listen(record, listeners) or _stopped(training, should_stop)
            if ending is not None:
                return ending
    except Diverged as error:
        return _Ending("diverged", error.reason, error)
    finally:
        failure = _close(listeners)
    return failure or _Ending("completed")


def _listen(record: Record, listeners: list[Listener]) -> _Ending | None:
    """Pass a record on; returns the run's end if a listener fails."""
    try:
        for listener in listeners:
            listener.take(record)
    except Exception as error:
        return _failed(error)
    return None


def _close(listeners: list[Listener]) -> _Ending | None:
    """Close all listeners; returns the run's end if one fails."""
    ending = None
    for listener in listeners:
        try:
            listener.close()
        except Exception as error:
            ending = ending or _failed(error)
    return ending


def _failed(error: Exception) -> _Ending:
    if isinstance(error, BrokenPipeError):
        return _Ending("interrupted", "the reader of its output went away", error)
    return _Ending("interrupted", f"a listener failed: {type(error).__name__}: {error}", error)


def _stopped(training: Training, should_stop: ShouldStop | None) -> _Ending | None:
    """The end that should_stop asks for, if it does; a run that diverges ends by itself."""
    answer = should_stop() if should_stop is not None and training.failure is None else None
    if not answer:
        return None
    return _Ending("interrupted", answer if isinstance(answer, str) else "stopped by should_stop")


@dataclass(frozen=True)
class Asked:
    """The wishes of a caller in Python: listeners, when to stop, and a progress bar."""

    listeners: Iterable[AnyListener] = ()
    should_stop: ShouldStop | None = None
    progress: bool = False

    def run(self, session: TrainingSession) -> Run:
        """Run a session; Interrupted after a Ctrl-C, with the run attached, which ended in good order."""
        for note in session.notes:
            warnings.warn(note, stacklevel=3)
        listeners = [*self.listeners]
        if self.progress:
            listeners.append(irisbp.progress_bar(session.training))
        with noticing_interrupts() as interrupts:
            run = session.run(listeners, self._until(interrupts))
        if interrupts.came:
            raise Interrupted(*_stopped_at(run), result=run)
        return run

    def _until(self, interrupts: Interrupts) -> ShouldStop:
        asked = self.should_stop
        return interrupts if asked is None else lambda: interrupts() or asked()


def _stopped_at(run: Run) -> list[str]:
    """The message after a Ctrl-C."""
    lines = [f"stopped after step {run.manifest.steps}; the run holds everything up to here"]
    return lines if run.path is None else [*lines, f"irisbp resume {in_shell(run.path)} resumes it"]
