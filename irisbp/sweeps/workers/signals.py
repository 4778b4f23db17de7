"""Signals that worker processes are not to hear: they inherit the mask of the process that starts them.

A Ctrl-C reaches every process of a terminal, but it is for the one that started the others to end them.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from irisbp.errors import ConfigError


def has_signals() -> bool:
    """True where processes can be started without hearing signals: on POSIX systems."""
    return hasattr(signal, "pthread_sigmask")


def check_signals() -> None:
    """ConfigError where processes cannot be used."""
    if not has_signals():
        raise ConfigError("a sweep in several processes needs a POSIX system: give one job here")


@contextmanager
def blocked(signals: set[signal.Signals], *trackers: Any) -> Iterator[None]:
    """Block signals while processes are started.

    trackers are multiprocessing's resource trackers: one that starts in between would unblock the signals.
    """
    check_signals()
    for tracker in trackers:
        tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
