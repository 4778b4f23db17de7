"""The best two settings on fresh seeds: the runs that they are, the figures of SciPy, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import irisbp
from irisbp.sweeps.directory.confirmation import Confirmation
from tests.conftest import CONFIGS

SMOKE = CONFIGS / "smoke.yaml"
VALUES = {"seed": range(3), "optimizer": ["sgd", "adam", {"name": "sgd", "momentum": 0.5}], "epochs": [2]}


@pytest.fixture(scope="module")
def swept() -> irisbp.Sweep:
    return irisbp.sweep(SMOKE, VALUES)


def _check(found: Confirmation, swept: irisbp.Sweep, figure: str, **keys: Any) -> None:
    """The figures are those of the runs alone, and the difference is SciPy's."""
    best = [setting.values for setting in swept.statistics.ranked[:2]]
    assert [tuple(setting.values.values()) for setting in found.settings] == best
    options = [swept.grid.setting(setting.setting) for setting in found.settings]
    alone = [
        [irisbp.train(SMOKE, **option, **keys, epochs=2, seed=seed).as_json()[figure] for seed in (7, 8, 9)]
        for option in options
    ]
    for setting, figures in zip(found.settings, alone, strict=True):
        np.testing.assert_allclose(np.array(setting.figures, float), figures, rtol=1e-12)
        assert setting.mean == pytest.approx(stats.tmean(figures), rel=1e-12)
        assert setting.sd == pytest.approx(stats.tstd(figures), rel=1e-12)
    test = stats.ttest_rel(alone[1], alone[0])
    assert found.difference.mean == pytest.approx(np.subtract(alone[1], alone[0]).mean(), rel=1e-9)
    assert found.difference.effect == pytest.approx(test.statistic / 3**0.5, rel=1e-9)
    wider = (1 + 3 * found.test_rows_per_training_row) ** 0.5
    half = wider * stats.t.ppf(0.975, 2) * stats.tstd(np.subtract(alone[1], alone[0])) / 3**0.5
    low, high = found.difference.low, found.difference.high
    assert low is not None
    assert high is not None
    assert high - low == pytest.approx(2 * half, rel=1e-9)


def test_fresh_seeds_have_the_figures_of_runs_alone(swept: irisbp.Sweep) -> None:
    found = swept.confirm([7, 8, 9])
    assert (found.figure, found.seeds, found.test_rows_per_training_row) == ("loss", "7,8,9", 0)
    _check(found, swept, "loss")
    assert irisbp.confirm(swept, range(7, 10)) == found.model_copy(update={"seeds": "7:10"})


def test_held_out_rows_are_shared_there_too() -> None:
    swept = irisbp.sweep(SMOKE, VALUES, data={"validation": 0.2})
    found = swept.confirm([7, 8, 9])
    assert (found.figure, found.test_rows_per_training_row) == ("validation_loss", 0.25)
    _check(found, swept, "validation_loss", data={"validation": 0.2})


def test_each_fresh_seed_has_all_folds() -> None:
    values = {"seed": [3, 4], "data.fold": range(3), "l2": [0.0, 0.1]}
    found = irisbp.sweep(SMOKE, values, epochs=2, data={"folds": 3}).confirm([5, 6])
    assert (found.difference.pairs, found.test_rows_per_training_row) == (6, 0.5)
    alone = irisbp.train(
        SMOKE, epochs=2, seed=6, l2=float(found.settings[0].values["l2"]), data={"folds": 3, "fold": 1}
    )
    assert found.settings[0].figures[3] == pytest.approx(alone.as_json()["validation_loss"], rel=1e-12)


def test_it_is_kept_in_the_directory(tmp_path: Path) -> None:
    swept = irisbp.sweep(SMOKE, VALUES, directory=tmp_path / "x")
    assert irisbp.open_sweep(tmp_path / "x").confirmation is None
    found = swept.confirm(range(7, 10))
    again = irisbp.open_sweep(tmp_path / "x")
    assert again.confirmation == found
    assert json.loads((tmp_path / "x" / "confirmation.json").read_text()) == found.as_json()
    assert again.as_json()["confirmation"] == found.as_json()
    assert irisbp.resume_sweep(tmp_path / "x").confirmation == found
    replaced = irisbp.sweep(SMOKE, VALUES, directory=tmp_path / "x", overwrite=True)
    assert replaced.path is not None
    assert not (tmp_path / "x" / "confirmation.json").exists()


@pytest.mark.parametrize("seeds", [[2, 7], range(2, 9)])
def test_a_seed_that_chose_the_winner_is_refused(swept: irisbp.Sweep, seeds: "range | list[int]") -> None:
    with pytest.raises(
        irisbp.ConfigError, match=r"^confirm: the sweep has used 1 of these seeds \(2\); give fresh"
    ):
        swept.confirm(seeds)


def test_the_seed_of_the_config_is_used_too() -> None:
    swept = irisbp.sweep(SMOKE, {"l2": [0.0, 0.1]}, epochs=1, seed=5)
    with pytest.raises(irisbp.ConfigError, match=r"has used 1 of these seeds \(5\)"):
        swept.confirm(range(9))


def test_one_setting_has_nothing_to_confirm() -> None:
    swept = irisbp.sweep(SMOKE, {"seed": range(2)}, epochs=1)
    with pytest.raises(irisbp.ConfigError, match=r"^confirm: the sweep has one setting"):
        swept.confirm([7])


def test_settings_without_figures_are_not_confirmed() -> None:
    swept = irisbp.sweep(SMOKE, {"learning_rate": [0.1, 1e308], "seed": range(2)}, epochs=2, l2=10)
    with pytest.raises(
        irisbp.RunError, match=r"^confirm: fewer than two settings of the sweep have figures$"
    ):
        swept.confirm([7])


def test_one_fresh_seed_has_a_difference_and_no_interval(swept: irisbp.Sweep) -> None:
    apart = swept.confirm([7]).difference
    assert apart.pairs == 1
    assert apart.mean is not None
    assert (apart.sd, apart.effect, apart.low, apart.high, apart.differs) == (None, None, None, None, False)


def test_nothing_is_kept_of_one_that_is_stopped(tmp_path: Path) -> None:
    swept = irisbp.sweep(SMOKE, VALUES, directory=tmp_path / "x")
    before = sorted(path.name for path in (tmp_path / "x").iterdir())
    with pytest.raises(irisbp.Interrupted, match=r"^stopped; the sweep is finished, and nothing is kept"):
        swept.confirm([7, 8], should_stop=lambda: True)
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == before


def test_a_damaged_confirmation_is_named(tmp_path: Path) -> None:
    irisbp.sweep(SMOKE, VALUES, directory=tmp_path / "x").confirm([7])
    path = tmp_path / "x" / "confirmation.json"
    whole = json.loads(path.read_text())
    damaged = {
        "{": "is damaged: it is not JSON, or it is cut off",
        json.dumps(whole | {"figure": 3}): "is damaged: figure: 3 is not valid",
        json.dumps(whole | {"configs": "0"}): "is not of this sweep; remove it",
        json.dumps(whole | {"settings": []}): "is not of this sweep; remove it",
    }
    for text, message in damaged.items():
        path.write_text(text)
        with pytest.raises(irisbp.RunError) as error:
            irisbp.open_sweep(tmp_path / "x")
        assert str(error.value).startswith(f"{path} {message}")
