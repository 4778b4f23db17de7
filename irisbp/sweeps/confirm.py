"""Trains the best two settings of a sweep again, on seeds that took no part in choosing them.

The best of many settings owes a part of its distance to luck. Fresh seeds did not choose it, so their mean
difference is one that selection did not touch, and its interval is that of a single pair.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from irisbp.errors import ConfigError, Interrupted, RunError
from irisbp.rundir.manifest import finite, versions
from irisbp.sweeps.directory.confirmation import Confirmation, ConfirmedDifference, ConfirmedSetting
from irisbp.sweeps.directory.reader import check_tables
from irisbp.sweeps.grid.grid import FOLD, SEED, Grid
from irisbp.sweeps.grid.values import Axis, axis_of, parse_axis
from irisbp.sweeps.plan import plan_sweep
from irisbp.sweeps.results.columns import Results
from irisbp.sweeps.results.differences import paired_difference
from irisbp.sweeps.results.spread import Spread
from irisbp.sweeps.results.statistics import Setting, Summary, shared_rows
from irisbp.sweeps.results.tables import difference_as_json
from irisbp.sweeps.session import SweepInMemory, SweepSession, Workers
from irisbp.sweeps.sweep import Sweep

_MOST_NAMED = 3  # seeds in a message

Train = Callable[[SweepSession], Sweep]
"""Runs a session; what it returns is interrupted if it was stopped."""


def parse_seeds(argument: str) -> Axis:
    """The seeds of seed=1000:1100; ConfigError for another key."""
    axis = parse_axis(argument)
    if axis.key != SEED:
        raise ConfigError(f"confirm: {axis.key} is not the seed; give fresh seeds, such as seed=1000:1100")
    return axis


def seeds_of(values: Iterable[int]) -> Axis:
    """The seeds that Python gives; ConfigError if they are none."""
    return axis_of(SEED, values)


def check_seeds(grid: Grid, seeds: Axis) -> None:
    """ConfigError if the grid has one setting only, or has used one of the seeds itself."""
    if len(grid) == grid.repeats:
        raise ConfigError("confirm: the sweep has one setting; there is no other one to compare it with")
    own = next((axis for axis in grid.axes if axis.key == SEED), None)
    used = {grid.config(0).seed} if own is None else {own[k].value for k in range(len(own))}
    again = [str(seeds[k].value) for k in range(len(seeds)) if seeds[k].value in used]
    if again:
        named = ", ".join(again[:_MOST_NAMED]) + (", ..." if len(again) > _MOST_NAMED else "")
        raise ConfigError(
            f"confirm: the sweep has used {len(again)} of these seeds ({named}); give fresh ones"
        )


def confirm_with(swept: Sweep, seeds: Axis, workers: Workers, run: Train) -> Confirmation:
    """Train the best two settings on these seeds, each by run(session), and compare them.

    ConfigError for seeds that cannot be used, DataError if a table has changed, RunError if fewer than two
    settings have figures; Interrupted if run was stopped.
    """
    check_seeds(swept.grid, seeds)
    summary, manifest = swept.statistics, swept.manifest
    assert manifest is not None  # a sweep without one has no statistics
    chosen = [setting for setting in summary.ranked if setting.spreads[summary.figure].n][:2]
    if len(chosen) < 2:
        raise RunError("confirm: fewer than two settings of the sweep have figures")
    grids = [_grid_of(swept.grid, setting.number, seeds) for setting in chosen]
    for grid in grids:
        check_tables(swept.name, manifest, grid.config(0).data)
    results = [_trained(grid, workers, run) for grid in grids]
    return _compared(manifest.configs, summary, seeds, list(zip(chosen, grids, results, strict=True)))


def _grid_of(grid: Grid, number: int, seeds: Axis) -> Grid:
    """One setting's runs, with other seeds."""
    chosen = grid.chosen(number * grid.repeats)
    axes = [
        axis if axis.key == FOLD else Axis(axis.key, ((axis[chosen.get(axis.key, 0)],),), axis.is_sound)
        for axis in grid.axes
        if axis.key != SEED
    ]
    return replace(grid, axes=(*axes, seeds))


def _trained(grid: Grid, workers: Workers, run: Train) -> Results:
    plan = plan_sweep(grid)
    found = run(SweepSession(plan, SweepInMemory(plan), workers=workers))
    if found.manifest is None:
        raise Interrupted("stopped; the sweep is finished, and nothing is kept of its confirmation")
    return found.outcomes


def _compared(
    configs: str, summary: Summary, seeds: Axis, trained: list[tuple[Setting, Grid, Results]]
) -> Confirmation:
    name = summary.figure
    shared = max(shared_rows(grid, name) for _, grid, _ in trained)
    best, second = (results.figure(name) for _, _, results in trained)
    difference = difference_as_json(paired_difference(second, best, shared=shared), "pairwise")
    return Confirmation(
        configs=configs,
        figure=name,
        seeds=seeds.text,
        settings=[_confirmed(summary, setting, results) for setting, _, results in trained],
        difference=ConfirmedDifference.model_validate({key: finite(x) for key, x in difference.items()}),
        test_rows_per_training_row=shared,
        versions=versions(),
    )


def _confirmed(summary: Summary, setting: Setting, results: Results) -> ConfirmedSetting:
    figures = results.figure(summary.figure)
    spread = Spread.of(figures)
    return ConfirmedSetting(
        setting=setting.number,
        rank=setting.rank,
        values=dict(zip(summary.keys, setting.values, strict=True)),
        diverged=int(results.diverged.sum()),
        failed=int(results.failed.sum()),
        mean=finite(spread.mean),
        sd=finite(spread.sd),
        figures=[finite(value) for value in figures.tolist()],
    )
