"""Pictures of runs, as bytes: what each shows is in its own file, how they look in style."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from irisbp.rundir.place import PICTURES
from irisbp.rundir.reader import Run, load_run
from irisbp.runs.retrace import History, retrace
from irisbp.show.plots.comparison import comparison
from irisbp.show.plots.confusion import confusion
from irisbp.show.plots.distributions import distributions
from irisbp.show.plots.learning import loss_and_accuracy
from irisbp.show.plots.paths import parameter_paths
from irisbp.show.plots.probabilities import probabilities_over_time
from irisbp.show.plots.regions import regions
from irisbp.show.plots.style import as_bytes, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def draw_run(
    run: Run, kinds: Sequence[str], picture_format: str, tell: Callable[[str], None]
) -> Iterator[tuple[str, bytes]]:
    """Each picture's file name and content; tell is called with what there is to note."""
    history: History | None = None
    for kind in [kind for kind in PICTURES if kind in kinds]:
        if kind in _FROM_HISTORY and history is None:
            last = run if run.which == "last" else load_run(run.path, "last")
            history = retrace(run, last.parameters)
            if not history.repeats:
                tell("trained again, the run ends elsewhere; pictures over time show this second training")
        with house_style():
            figure = _FROM_HISTORY[kind](run, history) if history and kind in _FROM_HISTORY else None
            figure = _FROM_FILES[kind](run) if kind in _FROM_FILES else figure
            if figure is None:
                tell(f"no picture of {kind}: the run recorded none of it")
            else:
                yield f"{kind}.{picture_format}", as_bytes(figure, picture_format)


def draw_comparison(runs: Sequence[Run], picture_format: str) -> bytes:
    """One picture of several runs."""
    with house_style():
        return as_bytes(comparison(runs), picture_format)
