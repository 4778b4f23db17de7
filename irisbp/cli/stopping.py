"""SIGINT and SIGTERM: the first asks the run to stop at its next record, a second ends it at once.

While a thread computes a long matrix product or waits for the disk, Python and the kernel make one signal
of two. So a thread that does nothing else takes them: their arrivals are written into a pipe that it reads.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NoReturn

from irisbp.runs.interrupts import StoppedAtOnce

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"


class StopRequest:
    """A context manager; `exit_code` is 130 or 143 once a signal has come, None before."""

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self._is_urgent = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A context for a wait: inside it, the first signal raises StoppedAtOnce."""
        self._is_urgent = True
        try:
            # Only a signal in this thread can end its wait.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            if self.exit_code is not None:
                raise StoppedAtOnce
            yield
        finally:
            self._is_urgent = False
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def __enter__(self) -> "StopRequest":
        self._arrivals, arrived = os.pipe()
        os.set_blocking(arrived, False)
        self._before = {s: signal.signal(s, self._stop) for s in _SIGNALS}
        self._wakeup_before = signal.set_wakeup_fd(arrived, warn_on_full_buffer=False)
        self._mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask_before)
        os.close(signal.set_wakeup_fd(self._wakeup_before))
        self._watcher.join()
        os.close(self._arrivals)

    def _watch(self) -> None:
        """End at once when a second signal arrives."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        came = 0
        while number := os.read(self._arrivals, 1):
            came += number[0] in _SIGNALS
            if came == 2:
                _end(number[0])

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.exit_code is not None:
            _end(number)
        self.exit_code = 128 + number
        if self._is_urgent:
            self._is_urgent = False
            raise StoppedAtOnce


def _end(number: int) -> NoReturn:
    if sys.stderr.isatty():
        os.write(2, _SHOW_CURSOR.encode())  # the live view had hidden it
    os._exit(128 + number)
