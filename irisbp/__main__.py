"""The entry point of `irisbp` and `python -m irisbp`.

A signal that comes before the command has begun ends the process at once and quietly: the handlers are set
before the first slow import.
"""

import gc
import os
import signal
from types import FrameType
from typing import NoReturn


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)


def main() -> NoReturn:
    """Run the command line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    # Garbage collection during the imports would take a tenth of a short run's time.
    gc.set_threshold(200_000)
    # Nor is there a plugin for it: pydantic would open the metadata of every package that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    from irisbp.cli import run

    try:
        run()
    finally:
        # The exit code is decided: a signal during Python's shutdown must not change it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
