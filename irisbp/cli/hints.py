"""A note to those who are about to wait for minutes, if another engine would save them."""

import sys

from irisbp.config.schema import Config
from irisbp.nn.codegen.structure import HOW_TO_INSTALL, available
from irisbp.nn.engines.one.compiled import is_faster
from irisbp.training.state import Training

PLAIN_UPDATE, SPEEDUP = 7e-6, 5  # seconds of the plain engine; what the other gains, alone or side by side
LONG = 60.0  # seconds


def suggest_engine(training: Training) -> None:
    """Print a note if the plain engine takes minutes that the compiled one would save."""
    seconds = training.steps * PLAIN_UPDATE
    if seconds > LONG and is_plain(training.config) and is_faster(training.network, training.batch_size):
        print_note(seconds)


def is_plain(config: Config) -> bool:
    """Whether the compiled engine could be used instead."""
    return config.engine == "plain" and config.numerics == "native"


def print_note(seconds: float) -> None:
    """Print how long it will take, and what is faster."""
    install = "" if available() else f" ({HOW_TO_INSTALL})"
    print(
        f"note: about {seconds / 60:.0f} min or more; engine=compiled computes the same"
        f" some {SPEEDUP} times as fast{install}",
        file=sys.stderr,
    )
