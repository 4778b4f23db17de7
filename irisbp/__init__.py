"""irisbp: a small backpropagation network, trained sample by sample, that shows every number.

The names below are loaded from their rooms when they are first used.
"""

from importlib import import_module

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers take it for true; to load typing for it would double the time

if TYPE_CHECKING:  # the same as _ROOMS, for editors and type checkers
    from irisbp.config.load import load_config as load_config
    from irisbp.config.schema import Config as Config
    from irisbp.derivations.derivation import Derivation as Derivation
    from irisbp.derivations.derive import derive as derive
    from irisbp.errors import Busy as Busy
    from irisbp.errors import CheckFailed as CheckFailed
    from irisbp.errors import ConfigError as ConfigError
    from irisbp.errors import DataError as DataError
    from irisbp.errors import Diverged as Diverged
    from irisbp.errors import Interrupted as Interrupted
    from irisbp.errors import IrisbpError as IrisbpError
    from irisbp.errors import NoRoom as NoRoom
    from irisbp.errors import RunError as RunError
    from irisbp.errors import StorageError as StorageError
    from irisbp.explanations.explain import explain as explain
    from irisbp.explanations.gradient import ExplainedGradient as ExplainedGradient
    from irisbp.explanations.update import ExplainedUpdate as ExplainedUpdate
    from irisbp.gradients.report import GradientReport as GradientReport
    from irisbp.nn.backprop import Objective as Objective
    from irisbp.nn.network import Network as Network
    from irisbp.runs.compare import diff as diff
    from irisbp.runs.evaluate import Evaluation as Evaluation
    from irisbp.runs.gradcheck import gradcheck as gradcheck
    from irisbp.runs.listing import list_runs as list_runs
    from irisbp.runs.open import evaluate as evaluate
    from irisbp.runs.open import open_run as open_run
    from irisbp.runs.open import predict as predict
    from irisbp.runs.resume import resume as resume
    from irisbp.runs.run import Run as Run
    from irisbp.runs.train import train as train
    from irisbp.runs.verify import verify as verify
    from irisbp.show.bar import progress_bar as progress_bar
    from irisbp.show.bar import sweep_bar as sweep_bar
    from irisbp.show.plots import plot as plot
    from irisbp.show.plots.sweep import plot_sweep as plot_sweep
    from irisbp.sweeps.run import resume_sweep as resume_sweep
    from irisbp.sweeps.run import sweep as sweep
    from irisbp.sweeps.sweep import Sweep as Sweep
    from irisbp.sweeps.sweep import open_sweep as open_sweep

_ROOMS = {
    "config.load": ("load_config",),
    "config.schema": ("Config",),
    "derivations.derivation": ("Derivation",),
    "derivations.derive": ("derive",),
    "errors": (
        "Busy", "CheckFailed", "ConfigError", "DataError", "Diverged", "Interrupted", "IrisbpError", "NoRoom",
        "RunError", "StorageError",
    ),
    "explanations.explain": ("explain",),
    "explanations.gradient": ("ExplainedGradient",),
    "explanations.update": ("ExplainedUpdate",),
    "gradients.report": ("GradientReport",),
    "nn.backprop": ("Objective",),
    "nn.network": ("Network",),
    "runs.compare": ("diff",),
    "runs.evaluate": ("Evaluation",),
    "runs.gradcheck": ("gradcheck",),
    "runs.listing": ("list_runs",),
    "runs.open": ("evaluate", "open_run", "predict"),
    "runs.resume": ("resume",),
    "runs.run": ("Run",),
    "runs.train": ("train",),
    "runs.verify": ("verify",),
    "show.bar": ("progress_bar", "sweep_bar"),
    "show.plots": ("plot",),
    "show.plots.sweep": ("plot_sweep",),
    "sweeps.run": ("resume_sweep", "sweep"),
    "sweeps.sweep": ("Sweep", "open_sweep"),
}  # fmt: skip
_HOMES = {name: f"irisbp.{room}" for room, names in _ROOMS.items() for name in names}

__all__ = sorted(_HOMES)


if not TYPE_CHECKING:

    def __getattr__(name):
        """Load a public name from its room."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'irisbp' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(home), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
