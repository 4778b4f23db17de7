"""Blocks signals in worker processes: they inherit the mask of the process that starts them.

A Ctrl-C reaches every process of a terminal, but the process that started the others ends them.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from irisbp.errors import ConfigError


def has_signals() -> bool:
    """Return whether processes can be started with signals blocked: on POSIX systems."""
    return hasattr(signal, "pthread_sigmask")


def check_signals() -> None:
    """ConfigError if processes cannot be used."""
    if not has_signals():
        raise ConfigError("a sweep in several processes needs a POSIX system: use one job")


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
