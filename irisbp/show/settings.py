"""The settings of a finished sweep, compared: a table, and below it the methods by which it was made."""

from collections.abc import Sequence
from math import isnan, nan
from pathlib import Path

from rich.console import Console

from irisbp.errors import literal
from irisbp.show.console import print_lines
from irisbp.show.figures import counted, in_one_notation
from irisbp.show.tables import print_columns, say
from irisbp.sweeps.directory.confirmation import Confirmation
from irisbp.sweeps.results import chances
from irisbp.sweeps.results.differences import LEVEL, Intervals
from irisbp.sweeps.results.statistics import Setting, Summary
from irisbp.sweeps.results.view import View
from irisbp.sweeps.sweep import Sweep

_PERCENT = f"{100 * LEVEL:.0f} %"


def print_sweep(console: Console, swept: Sweep, view: View | None = None) -> None:
    """Print a finished sweep's directory and its settings, each with its distance from the best."""
    view, path = view or View(), swept.path or Path(swept.name)
    manifest, summary = swept.manifest, swept.statistics
    assert manifest is not None
    count = len(summary.settings)
    grid = f"{counted(count, 'setting')}, {repeats_text(summary)}{' each' if count > 1 else ''}"
    pairs = {
        "sweep": str(path),
        "runs": f"{manifest.runs}: {grid}",
        "diverged": str(manifest.diverged),
        **({"failed": f"{manifest.failed}: {_first_failure(swept)}"} if manifest.failed else {}),
        "time": f"{manifest.seconds:.2f} s",
    }
    for name, value in pairs.items():
        print_lines(console, f"{name:<10}{literal(value)}")
    console.print()
    shown = view.settings(summary)
    print_columns(console, _columns(summary, shown, view.intervals), left=summary.keys)
    if count > len(shown):
        hidden = counted(count - len(shown), "more setting")
        print_lines(console, f"... and {hidden}: --all shows them, and so does {path / 'summary.csv'}")
    for line in _notes(summary, view.intervals):
        say(console, line)
    if swept.confirmation is not None:
        console.print()
        _print_confirmation(console, swept.confirmation)


def _print_confirmation(console: Console, found: Confirmation) -> None:
    """Print the best two settings on fresh seeds, and what they differ by."""
    settings, apart = found.settings, found.difference
    say(console, f"confirmation on fresh seeds ({found.seeds}), which took no part in choosing these two:")
    runs = [len(s.figures) for s in settings]
    columns = {"rank": [str(s.rank) for s in settings]}
    columns |= {key: [s.values[key] for s in settings] for key in settings[0].values}
    columns["runs"] = [f"{n - s.diverged - s.failed} of {n}" for n, s in zip(runs, settings, strict=True)]
    columns[found.figure.replace("_", " ")] = in_one_notation([_number(s.mean) for s in settings])
    columns["sd"] = in_one_notation([_number(s.sd) for s in settings])
    mean, low, high = in_one_notation([*map(_number, (apart.mean, apart.low, apart.high))], by_largest=True)
    columns["mean difference"] = ["-", mean]
    columns[f"interval ({_PERCENT})"] = ["-", "-" if low == "-" else f"{low} to {high}"]
    columns["win-tie-loss"] = ["-", f"{apart.wins}-{apart.ties}-{apart.losses}"]
    columns["effect"] = ["-", *_parts([_number(apart.effect)], 2)]
    print_columns(console, columns, left=[*settings[0].values])


def _number(value: float | None) -> float:
    return nan if value is None else value


def _first_failure(swept: Sweep) -> str:
    row = int(swept.outcomes.failed.argmax())
    return f"row {row}: {swept.outcomes.reasons.get(row, '')}"


def repeats_text(summary: Summary) -> str:
    """The repeats of each setting, such as `3 seeds x 5 folds`."""
    seeds, folds = counted(summary.seeds, "seed"), counted(summary.folds, "fold")
    if summary.folds == 1:
        return seeds
    return folds if summary.seeds == 1 else f"{seeds} x {folds}"


def _columns(summary: Summary, shown: Sequence[Setting], intervals: Intervals) -> dict[str, list[str]]:
    columns = {"rank": [str(s.rank) for s in shown]} if len(summary.settings) > 1 else {}
    columns |= {key: [s.values[k] for s in shown] for k, key in enumerate(summary.keys)}
    if any(s.lost for s in summary.settings):  # then the figures are not means over all runs
        columns["runs"] = [f"{s.runs - s.lost} of {s.runs}" for s in shown]
    for name in ("diverged", "failed"):
        if any(getattr(s, name) for s in summary.settings):
            columns[name] = [str(getattr(s, name)) for s in shown]
    for figure in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        if figure.startswith("validation") and not any(s.spreads[figure].n for s in shown):
            continue
        means = [s.spreads[figure].mean for s in shown]
        columns[figure.replace("_", " ")] = (
            in_one_notation(means) if figure.endswith("loss") else _parts(means, 4)
        )
        if figure == summary.figure:
            columns["sd"] = in_one_notation([s.spreads[figure].sd for s in shown])
    return columns | (_distances(shown, intervals) if len(summary.settings) > 1 else {})


def _distances(shown: Sequence[Setting], intervals: Intervals) -> dict[str, list[str]]:
    """The columns that compare settings with the best one."""
    apart = [s.difference for s in shown]
    columns = {f"above the best ({_PERCENT})": _intervals(shown, intervals)}
    if any(d.pairs > 1 for d in apart):
        counts = [f"{d.wins}-{d.ties}-{d.losses}" if d.pairs else "-" for d in apart]
        columns["win-tie-loss"] = _without_best(shown, counts)
        columns["effect"] = _without_best(shown, _parts([d.effect for d in apart], 2))
        columns["chance"] = _parts([s.chance for s in shown], 3)
    return columns


def _intervals(shown: Sequence[Setting], intervals: Intervals) -> list[str]:
    """Each setting's interval; only its mean where it has none."""
    found = [s.difference.interval(intervals) for s in shown]
    means = [s.difference.mean for s in shown]
    numbers = [number for mean, (low, high) in zip(means, found, strict=True) for number in (mean, low, high)]
    texts = in_one_notation(numbers, by_largest=True)
    cells = [
        mean if low == "-" else f"{low} to {high}"
        for mean, low, high in zip(texts[::3], texts[1::3], texts[2::3], strict=True)
    ]
    return _without_best(shown, cells)


def _without_best(shown: Sequence[Setting], cells: Sequence[str]) -> list[str]:
    return ["-" if s.rank == 1 else cell for s, cell in zip(shown, cells, strict=True)]


def _parts(values: Sequence[float], digits: int) -> list[str]:
    return ["-" if isnan(value) else f"{value:.{digits}f}" for value in values]


def _notes(summary: Summary, intervals: Intervals) -> list[str]:
    """Sentences on the methods of the columns that compare settings."""
    others = [s for s in summary.ranked[1:] if not isnan(s.difference.interval(intervals).low)]
    if not others:
        return []
    which = "for each pair alone (Student's t)"
    if intervals == "simultaneous" and summary.comparisons > 1:
        which = f"for all {summary.comparisons} pairs at once (Student's t, Bonferroni)"
    differ = sum(s.difference.differs(intervals) for s in others)
    notes = [
        f"above the best: {_PERCENT} intervals of the mean difference, {which};"
        f" {differ} of {len(others)} differ",
        "win-tie-loss: against the best's run of the same seed and fold; effect: mean difference / its sd",
        f"chance: of being the best, by a bootstrap ({summary.resamples} resamples, seed {chances.SEED})",
    ]
    if summary.shared:
        factor = f"1/n + {summary.shared:.3g}, not 1/n,"
        notes.insert(1, f"the runs share rows: variance {factor} of the sample's (Nadeau & Bengio 2003)")
    return notes
