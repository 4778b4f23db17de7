"""Whether a run is refused where its tables cannot fit."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from irisbp.config.load import load_config
from irisbp.errors import NoRoom
from irisbp.rundir.space import check_space
from irisbp.training.setup import prepare


def _disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))


@pytest.mark.parametrize(
    ("overrides", "free", "told"),
    [
        # 50 epochs of 150 lines of 30 bytes, and a line of epochs.csv for each
        ([], 226_499, "steps.csv would take 226.5 kB or more, and 226.5 kB are free"),
        ([], 999, "steps.csv would take 226.5 kB or more, and 999 bytes are free"),
        (["record=epochs"], 0, "epochs.csv would take 1.5 kB or more, and 0 bytes are free"),
        (["epochs=1000000"], 10**9, "steps.csv would take 4.5 GB or more, and 1.0 GB are free"),
    ],
)
def test_a_disk_that_is_too_small_is_named_with_figures(
    overrides: list[str], free: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _disk(monkeypatch, free)
    place = tmp_path / "runs" / "x"
    with pytest.raises(NoRoom) as caught:
        check_space(prepare(load_config(None, overrides)), place)
    remedy = "; use record: epochs to leave it out" if told.startswith("steps") else ""
    assert (str(caught.value), caught.value.exit_code) == (f"{place}: {told}{remedy}", 74)


@pytest.mark.parametrize("overrides", [[], ["early_stopping.patience=1", "early_stopping.monitor=training"]])
def test_a_run_that_fits_or_may_stop_early_is_let_go(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _disk(monkeypatch, 0 if overrides else 226_500)
    check_space(prepare(load_config(None, overrides)), tmp_path)


def test_a_run_that_is_replaced_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _disk(monkeypatch, 26_500)
    (tmp_path / "steps.csv").write_bytes(bytes(200_000))
    training = prepare(load_config(None))
    check_space(training, tmp_path, replaces=True)
    for place, replaces in ((tmp_path, False), (tmp_path / "none", True)):
        with pytest.raises(NoRoom):
            check_space(training, place, replaces=replaces)
