"""A note on a sweep that will take minutes, if another engine would be faster."""

from irisbp.cli.hints import LONG, is_plain, print_note
from irisbp.config.schema import Config
from irisbp.sweeps.plan import SweepPlan
from irisbp.sweeps.trainers.compiled import is_compiled
from irisbp.training.setup import prepare


def suggest_engine_for_sweep(sweep: SweepPlan, jobs: int) -> None:
    """Print a note if the sweep will take minutes and the compiled engine would be faster."""
    seconds = sweep.seconds / jobs
    if seconds > LONG and all(_gains(sweep.grid.config(rows[0])) for rows in sweep.rows.groups):
        print_note(seconds)


def _gains(config: Config) -> bool:
    """Return whether the compiled engine would train these runs side by side."""
    if not is_plain(config):
        return False
    training = prepare(config)
    compiled = config.model_copy(update={"engine": "compiled"})
    return is_compiled(compiled, training.network, training.batch_size)
