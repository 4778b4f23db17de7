"""SIGINT and SIGTERM: the first asks the run to stop at its next record, a second ends it at once."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

_SHOW_CURSOR = "\x1b[?25h"


class Interrupted(BaseException):
    """A signal came while it was to be noticed at once."""


class StopRequest:
    """A context manager; `exit_code` is 130 or 143 once a signal has come, None before."""

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self._is_urgent = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, for what would keep us waiting, the first signal raises Interrupted wherever we are."""
        self._is_urgent = True
        try:
            if self.exit_code is not None:
                raise Interrupted
            yield
        finally:
            self._is_urgent = False

    def __enter__(self) -> "StopRequest":
        self._before = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.exit_code is not None:
            if sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR.encode())  # the live view had hidden it
            os._exit(128 + number)
        self.exit_code = 128 + number
        if self._is_urgent:
            self._is_urgent = False
            raise Interrupted
