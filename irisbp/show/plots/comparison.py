"""Several runs in one picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from irisbp.config.schema import Config
from irisbp.errors import IrisbpError
from irisbp.runs.curves import epoch_curves
from irisbp.runs.run import Run
from irisbp.show.plots.names import texts
from irisbp.show.plots.style import Picture, legend, line_style, panels, whole_numbers

MOST_RUNS = 24
_LARGEST = 1e100
_MOST_OF_A_PART = 60  # characters
_LINE = 78  # characters, of a legend as wide as the figure
# If these differ, a default is named, too.
_MAIN: Any = {
    "seed": True,
    "learning_rate": True,
    "epochs": True,
    "initializer": {"name"},
    "optimizer": {"name"},
}


def comparison(runs: Sequence[Run]) -> Picture:
    """Loss and accuracy over epochs, a line per run: of the held-out samples if every run has some."""
    if len(runs) > MOST_RUNS:
        raise IrisbpError(f"{len(runs)} runs: one picture shows at most {MOST_RUNS}")
    curves = [epoch_curves(run) for run in runs]
    held_out = all(len(run.dataset.held_out_rows) for run in runs)
    prefix, what = ("validation_", "validation ") if held_out else ("epoch_", "epoch ")
    names = labels(runs)
    lines = sum(name.count("\n") + 1 for name in names)
    figure, rows = panels(2, 1, 5.4 + 0.18 * lines, sharex=True, height_ratios=[1.5, 1])
    loss, accuracy = rows[0][0], rows[1][0]
    drawn = [_draw(loss, k, epochs, f"{prefix}loss") for k, epochs in enumerate(curves)]
    for k, epochs in enumerate(curves):
        _draw(accuracy, k, epochs, f"{prefix}accuracy")
    _name_the_axes(loss, accuracy, what, max((e["epoch"][-1] for e in curves if len(e["epoch"])), default=1))
    entries = list(zip(drawn, names, strict=True))
    legend(figure, entries, loc="outside lower left", ncols=1, handlelength=4)
    figure.align_ylabels([loss, accuracy])
    return figure


def _draw(axes: Axes, k: int, epochs: dict[str, Any], column: str) -> Any:
    values = np.where(np.abs(epochs[column]) < _LARGEST, epochs[column], np.nan)
    marks: dict[str, Any] = {"markersize": 4, "markevery": (0.013 * (k % 8), 0.12) if len(values) > 12 else 1}
    (line,) = axes.plot(epochs["epoch"], values, **line_style(k), **marks)
    return line


def _name_the_axes(loss: Axes, accuracy: Axes, what: str, last: float) -> None:
    loss.set_yscale("log")
    loss.set_ylabel(f"{what}loss (nats)")
    accuracy.set_ylabel(f"{what}accuracy")
    accuracy.set_ylim(top=1.02)
    accuracy.set_xlabel("epoch")
    if last > 1:
        whole_numbers(accuracy.xaxis)


def labels(runs: Sequence[Run]) -> list[str]:
    """Each run's name, then the config keys in which they differ, if they are not the defaults."""
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.path) for run in runs]
    configs = [_flat(run.config) for run in runs]
    keys = dict.fromkeys(key for config in configs for key in config)
    differing = [key for key in keys if len({repr(config.get(key)) for config in configs}) > 1]
    told = [texts([_setting(key, config) for config in configs], _MOST_OF_A_PART) for key in differing]
    ends = ["" if run.status == "completed" else run.status for run in runs]
    parts = zip(texts(names, _MOST_OF_A_PART), ends, *told, strict=True)
    return [_in_lines([part for part in of_one if part]) for of_one in parts]


def _in_lines(parts: Sequence[str]) -> str:
    """All parts in lines of limited length, at most three."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) > _LINE:
            lines.append("")
        lines[-1] += f"  {part}" if lines[-1] else part
    return "\n".join(lines if len(lines) <= 3 else [*lines[:2], f"{lines[2]}  \u2026"])


def _flat(config: Config) -> dict[str, Any]:
    """The main keys and all that are not defaults, dotted; a choice's own name goes by the choice's key."""
    main: dict[str, Any] = config.model_dump(include=_MAIN)
    flat: dict[str, Any] = {}
    for key, value in (main | config.model_dump(exclude_defaults=True)).items():
        if isinstance(value, dict):
            flat |= {key if part == "name" else f"{key}.{part}": inner for part, inner in value.items()}
        else:
            flat[key] = value
    return flat


def _setting(key: str, config: dict[str, Any]) -> str:
    return f"{key}={_shown(config[key])}" if key in config else ""


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{','.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
