"""The table of a sweep's settings: whole at any width, a notation for each column, the rest counted."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from irisbp.errors import ConfigError
from irisbp.show.figures import in_one_notation
from irisbp.show.settings import print_sweep
from irisbp.show.tables import print_columns
from irisbp.sweeps.directory.manifest import SweepManifest
from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.results.columns import Results, points
from irisbp.sweeps.results.view import View
from irisbp.sweeps.sweep import Sweep

RATES = "0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1,1.1,1.2"


def _swept(*arguments: str, seed: int = 0) -> Sweep:
    """A sweep with losses that were drawn, lower with each setting, and accuracies that rise with them."""
    grid = make_grid(None, ["epochs=2", *arguments])
    results, draws = Results.empty(len(grid), points([2], len(grid))), np.random.default_rng(seed)
    settings = np.arange(len(grid)) // grid.repeats
    results.columns["loss"][:] = 2 - 0.05 * settings + 0.1 * draws.random(len(grid))
    results.columns["accuracy"][:] = 0.9 - 0.01 * settings
    manifest = SweepManifest.model_construct(runs=len(grid), diverged=0, failed=0, seconds=1.0)
    return Sweep(grid, results, range(len(grid)), manifest, Path("runs/x"))


def _printed(swept: Sweep, view: View | None = None, width: int = 10_000) -> list[str]:
    stream = io.StringIO()
    print_sweep(Console(file=stream, width=width, markup=False, highlight=False), swept, view)
    return stream.getvalue().splitlines()


def _cells(lines: list[str]) -> list[str]:
    """The cells of the table behind the empty line, in which no cell has two spaces beside each other."""
    table = lines[lines.index("") + 1 :]
    end = next(k for k, line in enumerate(table) if line.startswith("above the best:"))
    return [cell for line in table[:end] for cell in re.split(r" {2,}", line.strip()) if cell]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 200])
def test_every_cell_is_shown_at_every_width(width: int) -> None:
    swept = _swept("seed=0:5", "learning_rate=0.1,0.2,0.3", "optimizer=sgd,{name: sgd, momentum: 0.9}")
    whole, narrow = _cells(_printed(swept)), _printed(swept, width=width)
    assert all(len(line) <= width for line in narrow[narrow.index("") :])
    shown = " ".join(narrow)
    for cell in whole:
        assert cell in shown or all(word in shown for word in cell.split())


def test_columns_that_do_not_fit_continue_below_behind_the_rank() -> None:
    lines = _printed(_swept("seed=0:5", "learning_rate=0.1,0.2,0.3"), width=60)
    heads = [line.split() for line in lines if line.startswith("rank")]
    assert [head[:2] for head in heads] == [["rank", "learning_rate"], ["rank", "above"]]
    ranks = [line.split()[0] for line in lines if re.match(r" +\d ", line)]
    assert ranks == ["1", "2", "3"] * 2


def test_a_column_that_is_wider_than_the_terminal_has_a_line_for_each_cell() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=24, markup=False, highlight=False)
    print_columns(
        console, {"rank": ["1", "2"], "optimizer": ["sgd", "a name that is too long"], "sd": ["3", "4"]}
    )
    assert stream.getvalue().splitlines() == [
        "rank 1",
        "  optimizer sgd",
        "  sd 3",
        "rank 2",
        "  optimizer a name that",
        "  is too long",
        "  sd 4",
    ]


def test_what_is_not_shown_is_counted() -> None:
    swept = _swept("seed=0:5", f"learning_rate={RATES}")
    assert _printed(swept)[16] == "... and 2 more settings: --all shows them, and so does runs/x/summary.csv"
    assert _printed(swept, View(top=11))[17].startswith("... and 1 more setting: ")
    everything = _printed(swept, View(top=None))
    assert [line.split()[0] for line in everything[6:18]] == [str(k + 1) for k in range(12)]
    assert not any(line.startswith("...") for line in everything)


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("rank", "1.2", "0.1"),
        ("setting", "0.1", "1.2"),
        ("learning_rate", "0.1", "1.2"),  # in the order of the values as they were given, not of their texts
        ("loss", "1.2", "0.1"),
        ("accuracy", "0.1", "1.2"),
        ("chance_of_best", "1.2", "0.1"),
        ("effect", "1.1", "1.2"),  # the best one has no effect
        ("validation_loss", "1.2", "0.1"),  # which no run has, so that the rank decides
    ],
)
def test_settings_are_sorted_by_a_key(sort: str, first: str, last: str) -> None:
    swept = _swept("seed=0:5", f"learning_rate={RATES}")
    # Differences from the best, 1.2, are 0.05, 0.1, 0.15, ... on average, each with the spread of one seed.
    by_seed = np.tile([0.001, 0, 0, 0, 0], 11)
    swept.outcomes.columns["loss"][:] = 2 - 0.05 * (np.arange(60) // 5) + np.append(by_seed, [0.0] * 5)
    shown = View(sort=sort, top=None).settings(swept.statistics)
    assert (shown[0].values[0], shown[-1].values[0]) == (first, last)


def test_a_column_that_is_not_there_cannot_sort() -> None:
    message = (
        r"^sort: lr is not a column to sort by; use one of learning_rate, rank, setting, loss, accuracy, "
    )
    with pytest.raises(ConfigError, match=message):
        View(sort="lr").check(("learning_rate",))
    View(sort="learning_rate").check(("learning_rate",))


def test_a_column_has_one_notation() -> None:
    assert in_one_notation([-0.158, 0.337032]) == ["-0.158000", "0.337032"]
    assert in_one_notation([1e-9, 0.337032, np.nan, 0.0]) == ["1.000e-09", "3.370e-01", "-", "0.000e+00"]
    assert in_one_notation([1e-9, 0.337032], by_largest=True) == ["0.000000", "0.337032"]
    assert in_one_notation([0.5, 1e6]) == ["5.000e-01", "1.000e+06"]
    assert in_one_notation([0.5, np.inf]) == ["0.500000", "inf"]
    assert in_one_notation([]) == []


def test_intervals_of_a_table_have_one_notation() -> None:
    lines = _printed(_swept("seed=0:5", "learning_rate=0.1,0.2,0.3,0.4"))
    found = [re.findall(r"(\S+) to (\S+)", line) for line in lines if " to " in line]
    numbers = [number for pairs in found for pair in pairs for number in pair]
    assert len(numbers) == 6
    assert all(re.fullmatch(r"-?\d+\.\d{6}", number) for number in numbers)


def test_the_methods_are_below_the_table() -> None:
    swept = _swept("seed=0:5", "learning_rate=0.1,0.2,0.3,0.4")
    told = "above the best: 95 % intervals of the mean difference, for "
    assert _printed(swept)[-3].startswith(f"{told}all 6 pairs at once (Student's t, Bonferroni); ")
    alone = _printed(swept, View("pairwise"))
    assert alone[-3].startswith(f"{told}each pair alone (Student's t); ")
    assert alone[-1] == "chance: of being the best, by a bootstrap (10000 resamples, seed 0)"
    counts = [re.search(r"(\d) of 3 differ$", lines[-3]) for lines in (_printed(swept), alone)]
    differ = [
        sum(s.difference.differs(kind) for s in swept.statistics.ranked[1:])
        for kind in ("simultaneous", "pairwise")
    ]
    assert [int(count[1]) for count in counts if count] == differ


def test_a_run_for_each_setting_has_no_intervals_and_no_methods() -> None:
    lines = _printed(_swept("learning_rate=0.1,0.2"))
    assert lines[5].split()[-5:] == ["above", "the", "best", "(95", "%)"]
    assert len(lines) == 8
    assert re.fullmatch(r"\d\.\d{6}", lines[7].split()[-1])
