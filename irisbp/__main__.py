"""`irisbp` and `python -m irisbp` start here.

A signal that comes before anything has begun ends the process at once and quietly: the handlers are set
before the first import that takes time.
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
    # To look for garbage among all that is imported would take a tenth of a short run.
    gc.set_threshold(50_000)
    from irisbp.cli import run

    try:
        run()
    finally:
        # The exit code stands: a signal that comes while Python takes itself down no longer counts.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
