"""Ctrl-C in Python: the first asks a run to end in good order, the second ends it at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Whether a Ctrl-C has come."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self) -> str:
        """The reason to stop, empty as long as there is none."""
        return "stopped by Ctrl-C" if self.came else ""


@contextmanager
def noticing_interrupts() -> Iterator[Interrupts]:
    """While inside, the first Ctrl-C is only noted; the second raises KeyboardInterrupt, as ever.

    Where somebody else handles Ctrl-C, or in another thread than the main one, nothing is changed.
    """
    interrupts = Interrupts()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupts
        return

    def note(number: int, frame: FrameType | None) -> None:
        if interrupts.came:
            raise KeyboardInterrupt
        interrupts.came = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
