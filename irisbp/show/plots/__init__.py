"""Pictures of runs, as bytes: each kind has its own file, and style has their common look."""

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
from irisbp.show.plots.probabilities import probabilities_over_time
from irisbp.show.plots.regions import regions
from irisbp.show.plots.style import as_bytes, house_style

# What a picture is drawn from: the run's files alone, or also the run trained again.
_FROM_FILES: "dict[str, Callable[[Run], Figure | None]]" = {
    "loss-and-accuracy": loss_and_accuracy,
    "confusion": confusion,
    "regions": regions,
}
_FROM_HISTORY: "dict[str, Callable[[Run, History], Figure]]" = {
    "probabilities": probabilities_over_time,
    "distributions": distributions,
    "paths": parameter_paths,
}


def plot(run: Run, kind: str = "loss-and-accuracy") -> Figure:
    """A picture of a run as a matplotlib Figure, which belongs to no window.

    kind is one of loss-and-accuracy, confusion, probabilities, regions, distributions, paths; for those over
    time the run is trained once more. IrisbpError for another kind, or where the run recorded none of it.
    """
    if kind not in PICTURES:
        raise IrisbpError(f"plot: {kind} is not a picture; give one of {', '.join(PICTURES)}")
    notes: list[str] = []
    figure = Pictures(run, notes.append).draw(kind)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if figure is None:
        raise IrisbpError(notes[-1])
    return figure


class Pictures:
    """Draws the pictures of a run; report is called with notes for the user."""

    def __init__(self, run: Run, report: Callable[[str], None]) -> None:
        self._run, self._report = run, report

    def draw(self, kind: str) -> Figure | None:
        """One picture, None if the run recorded none of it."""
        history = self._history if kind in _FROM_HISTORY else None
        with house_style():
            figure = _FROM_HISTORY[kind](self._run, history) if history else _FROM_FILES[kind](self._run)
        if figure is None:
            self._report(f"no picture of {kind}: the run did not record it")
        return figure

    @cached_property
    def _history(self) -> History:
        """The run trained again, once for all pictures that need it."""
        history = retrace(self._run)
        if not history.repeats:
            self._report("the run does not repeat: pictures over time show it as it was trained again")
        return history


def draw_run(
    run: Run, kinds: Sequence[str], picture_format: str, report: Callable[[str], None]
) -> Iterator[tuple[str, bytes]]:
    """Each picture's file name and content; report is called with notes for the user."""
    pictures = Pictures(run, report)
    for kind in [kind for kind in PICTURES if kind in kinds]:
        figure = pictures.draw(kind)
        if figure is not None:
            with house_style():
                yield f"{kind}.{picture_format}", as_bytes(figure, picture_format)


def draw_comparison(runs: Sequence[Run], picture_format: str) -> bytes:
    """One picture of several runs."""
    with house_style():
        return as_bytes(comparison(runs), picture_format)
