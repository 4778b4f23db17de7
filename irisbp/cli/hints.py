"""A note on a training that will take minutes, if another engine would be faster."""

import sys

from irisbp.config.schema import Config
from irisbp.nn.codegen.structure import HOW_TO_INSTALL, available
from irisbp.nn.engines.one.compiled import is_faster
from irisbp.training.state import Training

PLAIN_UPDATE, SPEEDUP = 7e-6, 5  # seconds of the plain engine; what the other gains, alone or side by side
LONG = 60.0  # seconds


def suggest_engine(training: Training) -> None:
    """Print a note if the plain engine will take minutes and the compiled one would be faster."""
    seconds = training.steps * PLAIN_UPDATE
    if seconds > LONG and is_plain(training.config) and is_faster(training.network, training.batch_size):
        print_note(seconds)


def is_plain(config: Config) -> bool:
    """Return whether the plain engine is used where the compiled one could be."""
    return config.engine == "plain" and config.numerics == "native"


def print_note(seconds: float) -> None:
    """Print the time it will take, and the faster engine."""
    install = "" if available() else f" ({HOW_TO_INSTALL})"
    print(
        f"note: about {seconds / 60:.0f} min or more; engine=compiled gives the same results"
        f" about {SPEEDUP} times as fast{install}",
        file=sys.stderr,
    )
