"""The entry point of `irisbp` and `python -m irisbp`.

A signal that comes before the command has begun, or while it reads, ends the process at once and quietly:
the handlers are set before the first slow import. Python calls a handler only between the main thread's own
instructions, not while one call in C reads a file or sorts a column. So arrivals are also written into a
pipe, which a thread reads.
"""

import _thread
import gc
import os
import signal
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)


def _watch() -> None:
    """Start the thread that ends the process at a signal; StopRequest takes its pipe's place for a while."""
    arrivals, arrived = os.pipe()
    os.set_blocking(arrived, False)
    signal.set_wakeup_fd(arrived, warn_on_full_buffer=False)
    _thread.start_new_thread(_wait, (arrivals,))


def _wait(arrivals: int) -> None:
    while number := os.read(arrivals, 1):
        if number[0] in _SIGNALS:
            os._exit(128 + number[0])


def main() -> NoReturn:
    """Run the command line."""
    for number in _SIGNALS:
        signal.signal(number, _stop)
    _watch()
    # Garbage collection during the imports would take a tenth of a short run's time.
    gc.set_threshold(200_000)
    # Nor is there a plugin for it: pydantic would open the metadata of every package that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    from irisbp.cli import run

    try:
        run()
    finally:
        # The exit code is decided: a signal during Python's shutdown must not change it.
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
