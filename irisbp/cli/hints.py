"""What would take less time: a note to who is about to wait for minutes."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irisbp.config.schema import Config
    from irisbp.sweeps.plan import SweepPlan
    from irisbp.training.state import Training

PLAIN_UPDATE, SPEEDUP = 7e-6, 5  # seconds of the plain engine; what the other gains, alone or side by side
LONG = 60.0  # seconds


def suggest_engine(training: "Training") -> None:
    """Say so if the plain engine will take minutes that the compiled one would save."""
    from irisbp.nn.engines.one.compiled import is_faster

    seconds = training.steps * PLAIN_UPDATE
    if seconds > LONG and _is_plain(training.config) and is_faster(training.network, training.batch_size):
        _print_note(seconds)


def suggest_engine_for_sweep(sweep: "SweepPlan", jobs: int) -> None:
    """Say so if so many processes will take minutes for a sweep that the compiled engine would save."""
    seconds = sweep.seconds / jobs
    if seconds > LONG and all(_gains(sweep.grid.config(rows[0])) for rows in sweep.rows.groups):
        _print_note(seconds)


def _gains(config: "Config") -> bool:
    """Whether the compiled engine would train side by side what the plain one is to train."""
    from irisbp.sweeps.trainers.compiled import is_compiled
    from irisbp.training.setup import prepare

    if not _is_plain(config):
        return False
    training = prepare(config)
    compiled = config.model_copy(update={"engine": "compiled"})
    return is_compiled(compiled, training.network, training.batch_size)


def _is_plain(config: "Config") -> bool:
    return config.engine == "plain" and config.numerics == "native"


def _print_note(seconds: float) -> None:
    from irisbp.nn.codegen.structure import HOW_TO_INSTALL, available

    install = "" if available() else f" ({HOW_TO_INSTALL})"
    print(
        f"note: about {seconds / 60:.0f} min or more; engine=compiled computes the same"
        f" some {SPEEDUP} times as fast{install}",
        file=sys.stderr,
    )
