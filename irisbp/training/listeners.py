"""Listeners of a training: a display, a recorder, or a user's function."""

from collections.abc import Callable
from typing import Protocol

from irisbp.training.state import Record


class Listener(Protocol):
    """Takes the training loop's records."""

    def take(self, record: Record) -> None:
        """Take one record as it happens."""

    def close(self) -> None:
        """No more records will come."""


class _Function:
    """A function that is called with every record."""

    def __init__(self, function: Callable[[Record], object]) -> None:
        self._function = function

    def take(self, record: Record) -> None:
        self._function(record)

    def close(self) -> None:
        pass


def as_listener(listener: Listener | Callable[[Record], object]) -> Listener:
    """The listener itself, or one that calls a function with every record."""
    return _Function(listener) if callable(listener) else listener
