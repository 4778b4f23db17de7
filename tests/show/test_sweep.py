"""What a sweep shows: pictures that tell the truth of losses beyond them, and progress in plain lines."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from irisbp.show.plots.style import house_style
from irisbp.show.plots.sweep import heat_map, loss_curves
from irisbp.show.sweep import Pace, PaceLines
from irisbp.sweeps.directory.manifest import SweepManifest
from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.results.columns import Results, points
from irisbp.sweeps.sweep import Sweep
from irisbp.sweeps.trainers.outcome import Outcome


def _outcome(loss: float) -> Outcome:
    return Outcome(
        status="diverged" if np.isnan(loss) else "completed",
        reason=None,
        epochs=2,
        steps=2,
        stopped_early=False,
        best_epoch=None,
        which="last",
        loss=loss,
        accuracy=0.5,
        lowest_epoch_loss=loss,
        validation_loss=None,
        validation_accuracy=None,
        curve=np.array([1.0 if loss == 3 else loss, 1e13 if loss == 3 else loss]),
        validation_curve=None,
    )


def _drawn(draw: Any, losses: list[float], *others: str) -> Figure:
    """A picture of the sweep of so many learning rates, with a run of this loss each."""
    rates = ",".join(str(1 + k) for k in range(len(losses)))
    grid = make_grid(None, [f"learning_rate={rates}", "epochs=2", *others])
    results = Results.empty(len(grid), points([2], len(grid)))
    for row in range(len(grid)):
        results.put(row, _outcome(losses[row * len(losses) // len(grid)]))
    sweep = Sweep(grid, results, range(len(grid)), SweepManifest.model_construct(), Path("x"))
    with house_style():
        figure: Figure = draw(sweep)
        figure.draw_without_rendering()
    return figure


def _cells(figure: Figure) -> list[tuple[str, str, str]]:
    """The colour, the text and the text's colour of each cell of a heat map's first column."""
    image: Any = figure.axes[0].images[0]
    colours = image.cmap(image.norm(image.get_array()[:, 0]))
    texts: Any = figure.axes[0].texts[::2]
    return [(to_hex(c), t.get_text(), t.get_color()) for c, t in zip(colours, texts, strict=True)]


YELLOW, PURPLE = "#fde725", "#440154"  # the ends of viridis


def test_losses_beyond_a_heat_map_have_the_colour_of_its_end() -> None:
    figure = _drawn(heat_map, [0.0, 0.1, 0.4, 1e150, 1e300], "l2=0,0.1")
    assert _cells(figure) == [
        (YELLOW, "0", "black"),
        (YELLOW, "0.1", "black"),
        (PURPLE, "0.4", "white"),
        (PURPLE, "1e+150", "white"),
        (PURPLE, "1e+300", "white"),
    ]
    assert figure.get_suptitle() == "x: one run each"


@pytest.mark.parametrize(
    ("losses", "colours"), [([0.3, 1e150], [YELLOW, PURPLE]), ([1e150] * 2, [PURPLE] * 2)]
)
def test_one_loss_or_none_within_a_heat_map(losses: list[float], colours: list[str]) -> None:
    assert [cell[0] for cell in _cells(_drawn(heat_map, losses, "l2=0,0.1"))] == colours


def test_a_heat_map_says_what_grey_means() -> None:
    figure = _drawn(heat_map, [0.1, np.nan], "l2=0,0.1")
    assert figure.get_suptitle() == "x: one run each, runs without figures left out (grey: none has any)"
    assert figure.axes[0].texts[2].get_text() == "-"
    values: Any = figure.axes[0].images[0].get_array()
    assert np.ma.getmaskarray(values)[:, 0].tolist() == [False, True]


def test_a_large_heat_map_points_beyond_its_colours() -> None:
    figure = _drawn(heat_map, [1.0 + k for k in range(11)] + [1e150], "l2=0,0.1")
    bars = [axes._colorbar.extend for axes in figure.axes if hasattr(axes, "_colorbar")]
    assert bars == ["max", "neither"]


def test_curves_that_cannot_be_drawn_say_so() -> None:
    figure = _drawn(loss_curves, [0.5, 3, 0.0, 1e150])
    assert [entry.get_text() for entry in figure.legends[0].get_texts()] == [
        "learning_rate=3  (0.000000), not drawn: 0 or beyond 1e12",
        "learning_rate=1  (0.500000)",
        "learning_rate=2  (3.000000), in part 0 or beyond 1e12",
        "learning_rate=4  (1.00e+150), not drawn: 0 or beyond 1e12",
    ]


def test_no_curve_can_be_drawn() -> None:
    figure = _drawn(loss_curves, [1e150, 1e300], "seed=0:2")
    assert all("not drawn" in entry.get_text() for entry in figure.legends[0].get_texts())


def _lines(parts: int, seconds_per_epoch: float) -> tuple[list[str], list[float]]:
    """What is printed, and when, of 4 runs of 100 epochs in so many parts, trained one after the other."""
    now, times, stream = 1000.0, list[float](), io.StringIO()
    lines = PaceLines(stream, Pace(4, 400, 0, 0, lambda: now))
    for _ in range(parts):
        for _ in range(400 // parts):
            now += seconds_per_epoch
            lines.settle(1)
            times += [now - 1000] * (stream.getvalue().count("\n") - len(times))
        lines.part(4 // parts)
        times += [now - 1000] * (stream.getvalue().count("\n") - len(times))
    return stream.getvalue().splitlines(), times


def test_a_long_part_is_told_of_on_its_way() -> None:
    lines, times = _lines(1, 0.25)
    assert times == [10, 40, 70, 100, 100]
    assert lines == [
        "runs 0/4  90 s left",
        "runs 0/4  60 s left",
        "runs 0/4  30 s left",
        "runs 0/4",
        "runs 4/4  0.04/s",
    ]


def test_short_parts_are_told_of_when_they_are_done() -> None:
    lines, times = _lines(4, 0.0625)
    assert times == [6.25, 12.5, 18.75, 25]
    assert lines[0] == "runs 1/4  0.16/s  19 s left"
