"""What recording a run and watching it live add to it: 500 epochs, on a terminal that is really there."""

import os
import pty
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from irisbp.config.load import load_config
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.session import finish
from irisbp.show.live import LiveView
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Record, Training
from tests.benchmarks.turns import Row, least

EPOCHS = 500
Take = Callable[[Record], None]


def rows(folder: Path, rounds: int) -> list[Row]:
    """The whole recording with the live view, and each alone, beside the bare loop."""
    ways = {
        "the loop": _bare,
        "live view": _watched,
        "files": lambda: _recorded(folder, watch=False),
        "files and view": lambda: _recorded(folder, watch=True),
    }
    seconds = least(ways, rounds)
    bare = {"the loop": seconds.pop("the loop")}
    return [
        Row(
            f"{EPOCHS} epochs, {what}",
            took,
            bare,
            unit="s",
            wanted=[("the loop", 1.15)] if what == "files and view" else (),
        )
        for what, took in seconds.items()
    ]


def _bare() -> None:
    for _ in train(_training()):
        pass


def _watched() -> None:
    training = _training()
    with _view(training) as show:
        for record in train(training):
            show(record)


def _recorded(folder: Path, *, watch: bool) -> None:
    training = _training()
    with tempfile.TemporaryDirectory(dir=folder) as name, Directory(Path(name)) as directory:
        writer = RunWriter(directory, training)
        if watch:
            with _view(training) as show:
                for record in train(training):
                    writer.take(record)
                    show(record)
        else:
            for record in train(training):
                writer.take(record)
        finish(writer, training, "completed")


def _training() -> Training:
    return prepare(load_config(None, [f"epochs={EPOCHS}"]))


@contextmanager
def _view(training: Training) -> Iterator[Take]:
    """The live view on a pseudoterminal that another process reads."""
    ours, theirs = pty.openpty()
    reader = subprocess.Popen(["cat"], stdin=ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(ours)
    with open(theirs, "w", encoding="utf-8") as terminal:
        console = Console(file=terminal, width=80, height=24, markup=False, emoji=False, highlight=False)
        classes = training.dataset.classes
        view = LiveView(console, "run", training.config.epochs, range(training.steps), classes)
        yield view.take
        view.close()
    reader.wait()
