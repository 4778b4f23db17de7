"""A comparison of a row of a sweep with the same run trained again, in full."""

from math import isclose, isnan, nan

from irisbp.rundir.manifest import Figures, versions
from irisbp.runs.run import Run
from irisbp.sweeps.results.columns import FIGURES, Results

_CLOSE = 1e-12


def difference(results: Results, row: int, run: Run, trained_with: dict[str, str]) -> str:
    """A sentence on how a run differs from the row that it repeats, and why; "" if it does not.

    trained_with are the versions that the sweep was trained with.
    """
    figures, status = run.manifest.figures, str(results.statuses[row])
    ended = "diverged" if run.status == "not_finite" else run.status  # as a sweep counts it
    is_same = status == ended and all(
        _is_close(results.columns[name][row], _figure(figures, name)) for name in FIGURES
    )
    if is_same:
        return ""
    theirs = _described(status, results.columns["loss"][row])
    ours = _described(run.status, _figure(figures, "loss"))
    return f"in the sweep, row {row} was {theirs}; this run is {ours}: {_reason(trained_with)}"


def _figure(figures: Figures, name: str) -> float:
    value: float | None = getattr(figures, name)
    return nan if value is None else value


def _is_close(one: float, other: float) -> bool:
    return (isnan(one) and isnan(other)) or isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)


def _described(status: str, loss: float) -> str:
    return f"{status} with the loss {loss:.12g}"


def _reason(trained_with: dict[str, str]) -> str:
    others = [
        f"{name} {trained_with[name]}, not {version}"
        for name, version in versions().items()
        if trained_with.get(name, version) != version
    ]
    if others:
        return f"the sweep was trained with {'; '.join(others)}"
    return (
        "runs side by side round otherwise than a run by itself, and this training amplifies the last digit"
        " (engine=compiled is the same both ways)"
    )
