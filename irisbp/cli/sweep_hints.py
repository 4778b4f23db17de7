"""A note to those whose sweep would take minutes, if another engine would save them."""

from irisbp.cli.hints import LONG, is_plain, print_note
from irisbp.config.schema import Config
from irisbp.sweeps.plan import SweepPlan
from irisbp.sweeps.trainers.compiled import is_compiled
from irisbp.training.setup import prepare


def suggest_engine_for_sweep(sweep: SweepPlan, jobs: int) -> None:
    """Print a note if so many processes take minutes for a sweep that the compiled engine would save."""
    seconds = sweep.seconds / jobs
    if seconds > LONG and all(_gains(sweep.grid.config(rows[0])) for rows in sweep.rows.groups):
        print_note(seconds)


def _gains(config: Config) -> bool:
    """Whether the compiled engine would train side by side what the plain one is to train."""
    if not is_plain(config):
        return False
    training = prepare(config)
    compiled = config.model_copy(update={"engine": "compiled"})
    return is_compiled(compiled, training.network, training.batch_size)
