"""What people see, on consoles of any size."""

import io
import re

import pytest
from rich.console import Console

from irisbp.errors import IrisbpError, literal
from irisbp.evaluation import ClassFigures, Evaluation
from irisbp.show.console import loss_text
from irisbp.show.live import LiveView
from irisbp.show.progress import EpochLines, SampleLines
from irisbp.show.results import print_evaluation
from irisbp.training import Epoch, Samples

HOSTILE = "[bold]a\x1b[31m\u202eb\r\n[/]"


def _console(width: int, height: int = 25) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(
        file=stream, width=width, height=height, force_terminal=True, color_system=None, markup=False
    ), stream


def _block(step: int) -> Samples:
    return Samples(1, step, [3, 4], [0, 1], [0, 0], [0.5, 1e-7])


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [5, 10, 25])
def test_the_live_view_fits_its_terminal(width: int, height: int) -> None:
    console, stream = _console(width, height)
    view = LiveView(console, "runs/x  4-3-3", 3, 900, (HOSTILE, "b"))
    for k in range(3):
        view.take(_block(300 * k + 1))
        view.take(Epoch(k + 1, 300 * (k + 1), 0.1, 0.5 / (k + 1), 0.9))
    view.close()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "\n")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert all(len(line) <= width for line in text.split("\n"))
    last = stream.getvalue().split("\x1b[2K")[-1]
    assert last.count("\n") < height + 1


def test_the_live_view_shows_pace_losses_and_classes() -> None:
    console, stream = _console(100)
    view = LiveView(console, "runs/x", 2, 4, ("setosa", "virginica"))
    view.take(_block(1))
    view.take(Epoch(1, 2, 0.1, 0.25, 0.5))
    view.close()
    text = stream.getvalue()
    assert "epoch 1/2" in text
    assert re.search(r"2 +4 +1\.00e-07 +virginica +setosa", text)
    assert re.search(r"1 +0\.250000 +0\.5000", text)


@pytest.mark.parametrize(("epochs", "lines"), [(1, 1), (50, 50), (51, 27), (100, 51), (10_000, 51)])
def test_epoch_lines_are_thinned(epochs: int, lines: int) -> None:
    stream = io.StringIO()
    listener = EpochLines(stream, epochs)
    for epoch in range(1, epochs + 1):
        listener.take(Epoch(epoch, epoch, 0.1, 0.5, 0.9))
    printed = stream.getvalue().splitlines()
    assert len(printed) == lines
    assert printed[0] == f"epoch 1/{epochs}  loss 0.500000  accuracy 0.9000"
    assert printed[-1].startswith(f"epoch {epochs}/{epochs}  ")


def test_sample_lines() -> None:
    stream = io.StringIO()
    SampleLines(stream, ("setosa", HOSTILE)).take(_block(7))
    assert stream.getvalue() == (
        "step 7  epoch 1  sample 3  setosa -> setosa  loss 0.5\n"
        "step 8  epoch 1  sample 4  [bold]a\\x1b[31m\\u202eb\\r\\n[/] -> setosa  loss 1e-07\n"
    )


@pytest.mark.parametrize("width", [20, 80])
def test_an_evaluation_shows_classes_literally(width: int) -> None:
    console, stream = _console(width)
    figures = [ClassFigures(HOSTILE, 2, None, 0.0), ClassFigures("b", 1, 1 / 3, 1.0)]
    print_evaluation(console, Evaluation(3, 0.25, 1 / 3, figures, [[0, 2], [0, 1]]))
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]a" in text.replace("\n", "")
    assert all(len(line) <= width for line in text.split("\n"))


def test_losses_of_any_size() -> None:
    assert [loss_text(x) for x in (0.0, 0.5, 1e-9, 1e300)] == [
        "0.000000",
        "0.500000",
        "1.00e-09",
        "1.00e+300",
    ]


def test_messages_are_literal() -> None:
    assert literal("plain \u00e4\u00df\u4e2d") == "plain \u00e4\u00df\u4e2d"
    assert literal("\x1b\x9b\u202e\u2066\u200b\n\ud800") == "\\x1b\\x9b\\u202e\\u2066\\u200b\\n\\ud800"
    assert str(IrisbpError("one\x07", "two\n")) == "one\\x07\ntwo\\n"
