"""Ctrl-C in Python: the first asks a run to end in good order, the second ends it at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType


class StoppedAtOnce(BaseException):
    """Ends a wait: raised by a signal, or by a consumer that wants no more results."""


AtOnce = Callable[[], AbstractContextManager[None]]
"""A context for a wait: inside it, the first signal raises StoppedAtOnce."""


class Interrupts:
    """Notes that a Ctrl-C has come."""

    def __init__(self) -> None:
        self.came = False
        self._is_urgent = False

    def __call__(self) -> str:
        """The reason to stop; empty if there is none."""
        return "stopped by Ctrl-C" if self.came else ""

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handle a Ctrl-C: the second raises KeyboardInterrupt."""
        if self.came:
            raise KeyboardInterrupt
        self.came = True
        if self._is_urgent:
            self._is_urgent = False
            raise StoppedAtOnce

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, the first Ctrl-C raises StoppedAtOnce at once; on entry, if it came before."""
        self._is_urgent = True
        try:
            if self.came:
                raise StoppedAtOnce
            yield
        finally:
            self._is_urgent = False


@contextmanager
def noticing_interrupts() -> Iterator[Interrupts]:
    """While inside, the first Ctrl-C is only noted; the second raises KeyboardInterrupt, as usual.

    Where other code handles Ctrl-C, or in another thread than the main one, nothing is changed.
    """
    interrupts = Interrupts()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupts
        return
    before = signal.signal(signal.SIGINT, interrupts.note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
