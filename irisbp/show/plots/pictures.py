"""Pictures of a run, and of several: as figures, and as the bytes of files."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from matplotlib.figure import Figure

from irisbp.errors import IrisbpError
from irisbp.runs.layout import PICTURES
from irisbp.runs.retrace import History, retrace
from irisbp.runs.run import Run
from irisbp.show.plots.comparison import comparison
from irisbp.show.plots.confusion import confusion
from irisbp.show.plots.distributions import distributions
from irisbp.show.plots.learning import loss_and_accuracy
from irisbp.show.plots.paths import parameter_paths
from irisbp.show.plots.plane import Over
from irisbp.show.plots.probabilities import probabilities_over_time
from irisbp.show.plots.regions import regions
from irisbp.show.plots.style import Picture, as_bytes, drawn, report_once

# What a picture is drawn from: the run's files alone, or also the run trained again.
_FROM_FILES: "dict[str, Callable[[Run], Picture | None]]" = {
    "loss-and-accuracy": loss_and_accuracy,
    "confusion": confusion,
}
_FROM_HISTORY: "dict[str, Callable[[Run, History], Picture]]" = {
    "probabilities": probabilities_over_time,
    "distributions": distributions,
    "paths": parameter_paths,
}


def plot(
    run: Run,
    kind: str = "loss-and-accuracy",
    *,
    features: Sequence[str] | None = None,
    components: Sequence[int] | None = None,
) -> Figure:
    """A picture of a run as a matplotlib Figure, which belongs to no window.

    kind is one of loss-and-accuracy, confusion, probabilities, regions, distributions, paths; for those over
    time the run is trained once more. Regions are drawn over two features, or over two principal components,
    counted from 1: by default over the first two, and over the features where there are at most two.
    IrisbpError for another kind, feature or component, or where the run recorded none of it.
    """
    if kind not in PICTURES:
        raise IrisbpError(f"plot: {kind} is not a picture; give one of {', '.join(PICTURES)}")
    over = Over(features, components)
    over.check(run, [kind])
    notes: list[str] = []
    figure = Pictures(run, notes.append, over).draw(kind)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if figure is None:
        raise IrisbpError(notes[-1])
    return figure


class Pictures:
    """Draws the pictures of a run; report is called with notes for the user, with each of them once."""

    def __init__(self, run: Run, report: Callable[[str], None], over: Over) -> None:
        self._run, self._report, self._over = run, report, over
        self._told: list[str] = []

    def draw(self, kind: str) -> Picture | None:
        """One picture, None if the run recorded none of it."""
        history = self._history if kind in _FROM_HISTORY else None
        picture = drawn(lambda: self._drawn(kind, history))
        notes = [f"no picture of {kind}: the run did not record it"] if picture is None else picture.notes
        report_once(notes, self._told, self._report)
        return picture

    def _drawn(self, kind: str, history: History | None) -> Picture | None:
        if history is not None:
            return _FROM_HISTORY[kind](self._run, history)
        return regions(self._run, self._over) if kind == "regions" else _FROM_FILES[kind](self._run)

    @cached_property
    def _history(self) -> History:
        """The run trained again, once for all pictures that need it."""
        history = retrace(self._run)
        if not history.repeats:
            self._report("the run does not repeat: pictures over time show it as it was trained again")
        return history


def draw_run(
    run: Run,
    kinds: Sequence[str],
    picture_format: str,
    report: Callable[[str], None],
    over: Over = Over(),  # noqa: B008
) -> Iterator[tuple[str, bytes]]:
    """Each picture's file name and content; report is called with notes for the user.

    over says what regions are drawn over.
    """
    pictures = Pictures(run, report, over)
    for kind in [kind for kind in PICTURES if kind in kinds]:
        picture = pictures.draw(kind)
        if picture is not None:
            yield f"{kind}.{picture_format}", as_bytes(picture, picture_format)


def draw_comparison(runs: Sequence[Run], picture_format: str, report: Callable[[str], None]) -> bytes:
    """One picture of several runs; report is called with notes for the user."""
    picture = drawn(lambda: comparison(runs))
    report_once(picture.notes, [], report)
    return as_bytes(picture, picture_format)
