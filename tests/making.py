"""Runs for tests, made in this process by the library."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import irisbp
from irisbp.config.given import Given
from irisbp.config.load import load_config
from irisbp.training.state import Block, Record

Stop = Callable[[Record], bool]


def at_step(step: int) -> Stop:
    """Stop at the record that has this step."""
    return lambda record: isinstance(record, Block) and record.last_step >= step


def after_records(count: int) -> Stop:
    """Stop after so many records."""
    records = iter(range(1, count))
    return lambda record: next(records, None) is None


def make_run(path: Path, *overrides: str, config: Given = None, stop: Stop | None = None) -> irisbp.Run:
    """A run in a directory of its own, as it is read from there, however it ended."""
    stopped: list[bool] = []
    asked: dict[str, Any] = {}
    if stop is not None:
        asked = {
            "listeners": [lambda record: stopped.append(stop(record))],
            "should_stop": lambda: stopped[-1] and "stopped by a signal",
        }
    with contextlib.suppress(irisbp.Diverged):
        irisbp.train(load_config(config, overrides), directory=path, **asked)
    return irisbp.open_run(path)
