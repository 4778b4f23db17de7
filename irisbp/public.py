"""The public names, each with the room that it is loaded from when it is first used.

So `import irisbp` is quick, and a result can offer a verb of a room above it as a method: `run.plot(kind)` is
`irisbp.plot(run, kind)`.
"""

import sys
from importlib import import_module

ROOMS = {
    "config.load": ("load_config",),
    "config.schema": ("Config",),
    "derivations.derivation": ("Derivation",),
    "derivations.derive": ("derive",),
    "errors": (
        "Busy", "CheckFailed", "ConfigError", "DataError", "Diverged", "Interrupted", "IrisbpError", "NoRoom",
        "NotFinite", "RunError", "StorageError",
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
    "show.plots.pictures": ("plot",),
    "show.plots.sweep": ("plot_sweep",),
    "sweeps.run": ("confirm", "resume_sweep", "sweep"),
    "sweeps.sweep": ("Sweep", "open_sweep"),
}  # fmt: skip
HOMES = {name: f"irisbp.{room}" for room, names in ROOMS.items() for name in names}
NAMES = sorted(HOMES)


def load(name: str) -> object:
    """A public name of the package, which remembers it; AttributeError if there is none."""
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'irisbp' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    setattr(sys.modules["irisbp"], name, value)
    return value


def list_names() -> list[str]:
    """Everything that the package has, loaded or not."""
    return sorted({*vars(sys.modules["irisbp"]), *NAMES})
