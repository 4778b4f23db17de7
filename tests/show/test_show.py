"""What people see, on consoles of any size."""

import io
import re

import pytest
from rich.console import Console

from irisbp.errors import IrisbpError, literal
from irisbp.runs.evaluate import Evaluation
from irisbp.show.console import print_lines
from irisbp.show.figures import loss_text
from irisbp.show.live import LiveView
from irisbp.show.progress import EpochLines, SampleLines
from irisbp.show.results import print_evaluation
from irisbp.show.tables import fitted_table
from irisbp.training.evaluation import ClassFigures, Scores
from irisbp.training.state import Block, Epoch

HOSTILE = "[bold]a\x1b[31m\u202eb\r\n[/]"


def _console(width: int, height: int = 25) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(
        file=stream, width=width, height=height, force_terminal=True, color_system=None, markup=False
    ), stream


def _block(step: int) -> Block:
    return Block(1, step, [3, 4], [0, 1], [0, 0], [0.5, 1e-7])


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [5, 10, 25])
def test_the_live_view_fits_its_terminal(width: int, height: int) -> None:
    console, stream = _console(width, height)
    view = LiveView(console, "runs/x  4-3-3", 3, range(900), (HOSTILE, "b"))
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
    view = LiveView(console, "runs/x", 2, range(4), ("setosa", "virginica"))
    view.take(_block(1))
    view.take(Epoch(1, 2, 0.1, 0.25, 0.5))
    view.close()
    text = stream.getvalue()
    assert "epoch 1/2" in text
    assert re.search(r"2 +4 +1\.00e-07 +virginica +setosa", text)
    assert re.search(r"1 +0\.250000 +0\.5000", text)


@pytest.mark.parametrize("width", [20, 30, 40, 60, 100])
def test_the_live_view_shows_whole_numbers_or_none(width: int) -> None:
    console, _ = _console(width)
    view = LiveView(console, "runs/x", 9, range(900_000_000), ("setosa", "virginica"))
    view.take(Block(1, 123_456_788, [3, 4], [0, 1], [0, 0], [0.5, 1e-7]))
    view.take(Epoch(1, 123_456_789, 0.1, 0.25, 0.5))
    view.close()
    console.file = last = io.StringIO()
    console.print(view.view())
    numbers = re.findall(r"[\d.,]*\d\u2026", last.getvalue().split("\n", 3)[-1])
    assert numbers == []
    assert "1.00e-07" in last.getvalue()
    assert ("123456789" in last.getvalue()) == (width >= 60)


def test_the_live_view_tells_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("irisbp.show.live.time.monotonic", lambda: now[0])
    console, stream = _console(100)
    view = LiveView(console, "runs/x", 2, range(400), ("a", "b"))
    now[0] += 30.0
    view.take(Block(1, 99, [3, 4], [0, 1], [0, 0], [0.5, 0.25]))
    assert "3 steps/s  0:01:30 left" in stream.getvalue()
    view.close()


def test_the_live_view_draws_ten_times_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("irisbp.show.live.time.monotonic", lambda: now[0])
    console, _ = _console(100)
    view = LiveView(console, "runs/x", 2, range(4000), ("a", "b"))
    drawn: list[float] = []

    def draw() -> str:
        drawn.append(now[0])
        return ""

    monkeypatch.setattr(view, "view", draw)
    for k in range(1000):  # a second
        now[0] = k / 1000
        view.take(_block(2 * k + 1))
    assert 5 <= len(drawn) <= 11
    view.close()


def test_the_window_of_samples_moves() -> None:
    console, _ = _console(100)
    view = LiveView(console, "runs/x", 2, range(150), ("a", "b"))
    block = Block(1, 1, list(range(150)), [0] * 150, [0] * 150, [0.5] * 150)
    shown = set()
    for _ in range(10):
        view._next_frame = 0.0
        view.take(block)
        console.file = frame = io.StringIO()
        console.print(view.view())
        shown |= set(re.findall(r"^ *(\d+) ", frame.getvalue(), flags=re.MULTILINE))
    assert len(shown) > 40
    view.close()
    console.file = frame = io.StringIO()
    console.print(view.view())
    assert re.findall(r"^ *(\d+) ", frame.getvalue(), flags=re.MULTILINE)[-1] == "150"


def test_the_curve_of_a_long_run_keeps_its_shape() -> None:
    from irisbp.show.live import _Curve

    curve = _Curve()
    for epoch in range(100_000):
        curve.add(1.0 if epoch < 50_000 else 0.25)
    drawn = curve.draw(40)
    assert len(drawn) == 40
    assert drawn == "\u2588" * 20 + "\u2582" * 20


@pytest.mark.parametrize(("epochs", "lines"), [(1, 1), (50, 50), (51, 27), (100, 51), (10_000, 51)])
def test_epoch_lines_are_thinned(epochs: int, lines: int) -> None:
    stream = io.StringIO()
    listener = EpochLines(stream, epochs)
    for epoch in range(1, epochs + 1):
        listener.take(Epoch(epoch, epoch, 0.1, 0.5, 0.9))
    printed = stream.getvalue().splitlines()
    assert len(printed) == lines
    assert printed[0] == f"epoch 1/{epochs}  epoch loss 0.500000  epoch accuracy 0.9000"
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
    figures = [ClassFigures(HOSTILE, 2, None, 0.0, 0.0), ClassFigures("b", 1, 1 / 3, 1.0, 0.5)]
    print_evaluation(
        console, Evaluation("last", "iris", "all", Scores(3, 0.25, 1 / 3, figures, [[0, 2], [0, 1]]))
    )
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]a" in text.replace("\n", "")
    assert "0.3333" in text
    if width == 80:
        assert all(len(line) <= width for line in text.split("\n"))
        assert re.search(r"class +samples +precision +recall +F1", text)


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


def test_what_is_shown_as_nothing_is_escaped() -> None:
    assert literal("v\ufe0f\u3164\u034f\U000e0100") == "v\\ufe0f\\u3164\\u034f\\U000e0100"


def test_accents_do_not_pile_up() -> None:
    assert literal("Vie\u0323\u0302t") == "Vie\u0323\u0302t"
    assert literal("z" + "\u0301" * 6 + "a\u0301") == "z" + "\u0301" * 4 + "\\u0301" * 2 + "a\u0301"


def test_wide_characters_are_not_cut_where_there_is_room() -> None:
    console, stream = _console(30)
    name = "\u5bbd\u5bbd\u5bbd\u5bbd"  # 8 columns
    console.print(fitted_table({"class": [name], "n": ["1"]}, width=30, by_importance=["n", "class"]))
    assert name in stream.getvalue()


def test_a_line_end_from_outside_makes_no_line() -> None:
    console, stream = _console(40)
    print_lines(console, "a\nirisbp: b", "c")
    assert stream.getvalue() == "a\\nirisbp: b\nc\n"
