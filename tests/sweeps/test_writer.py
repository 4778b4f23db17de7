"""Parts on the disk: kept, taken up, refused, and the same files whatever way a sweep was trained."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from irisbp.errors import DataError, RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.storage import Directory
from irisbp.sweeps.directory import writer
from irisbp.sweeps.directory.manifest import Session
from irisbp.sweeps.directory.parts import read_part, write_part
from irisbp.sweeps.directory.reader import load_sweep
from irisbp.sweeps.directory.writer import SweepWriter
from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.plan import Part, SweepPlan, Trainer, plan_sweep
from irisbp.sweeps.trainers.alone import train_alone
from tests.conftest import CONFIGS

FILES = ("sweep.yaml", "results.csv", "summary.csv", "curves.npz")
SESSION = Session("2026-01-01T00:00:00+00:00", 1.5, {"irisbp": "0"})


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> SweepPlan:
    """Twelve runs in parts of three, one of the settings diverging."""
    monkeypatch.setattr("irisbp.sweeps.plan._MOST_ROWS", 3)
    arguments = ["learning_rate=0.1,1e308,0.5", "seed=0:4", "epochs=2", "data.validation=0.2"]
    return plan_sweep(make_grid(CONFIGS / "article.yaml", arguments))


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with Directory.create(tmp_path / "x") as opened:
        yield opened


def _train(sweep: SweepPlan, written: SweepWriter, stop_after: int = 99) -> None:
    train = Trainer(sweep.grid, sweep.epochs)
    missing = [part for part in sweep.parts if not written.done.issuperset(part.rows)]
    for part in missing[:stop_after]:
        written.take(part.rows, train(part))


def test_parts_are_cut_by_the_configs_alone(sweep: SweepPlan) -> None:
    assert [part.rows for part in sweep.parts] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert {part.epochs for part in sweep.parts} == {6}
    grid = make_grid(CONFIGS / "article.yaml", ["seed=0:40", "epochs=1000", "numerics=portable"])
    long = plan_sweep(grid)  # one by one, 1.5 s each
    assert [len(part.rows) for part in long.parts] == [1] * 40
    assert long.seconds == pytest.approx(60)


def test_the_figures_are_those_of_runs_alone(sweep: SweepPlan) -> None:
    results = Trainer(sweep.grid, sweep.epochs)(Part([1, 6, 11], 6))
    for k, row in enumerate((1, 6, 11)):
        alone = train_alone(sweep.grid.config(row))
        for name in ("loss", "accuracy", "validation_loss", "lowest_epoch_loss"):
            expected = getattr(alone, name)
            np.testing.assert_allclose(results.columns[name][k], expected, rtol=1e-12, atol=1e-12)
        assert results.columns["steps"][k] == alone.steps
        assert (results.columns["diverged"][k] == 1) == (alone.status == "diverged")
    assert results.reasons.keys() == {1}


def test_an_interrupted_sweep_ends_as_any_other(
    sweep: SweepPlan, directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_AT_MOST_EVERY", 0.0)
    first = SweepWriter(directory, sweep)
    _train(sweep, first, stop_after=2)  # and then its process ends
    assert [name for name in directory.names() if name.startswith("part")] == [
        "part-000000.npz",
        "part-000003.npz",
    ]
    (directory.path / ".part-000009.npz.tmp").write_bytes(b"half of i")
    second = SweepWriter(directory, sweep)
    assert second.done == {0, 1, 2, 3, 4, 5}
    _train(sweep, second)
    second.finish()
    assert sorted(directory.names()) == sorted([*FILES, "manifest.json"])
    with Directory.create(tmp_path / "y") as other:
        whole = SweepWriter(other, sweep)
        monkeypatch.setattr(writer, "_AT_MOST_EVERY", 60.0)
        _train(sweep, whole)
        whole.finish()
    for name in FILES:
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes()
    with OpenDirectory(tmp_path / "y") as opened:
        found = load_sweep(opened)
    assert found.manifest.diverged == 4
    assert found.results.reasons == whole.results.reasons


def test_files_are_written_once_in_a_while(
    sweep: SweepPlan, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]  # seconds: of a clock that stands still while parts are trained
    monkeypatch.setattr("irisbp.sweeps.directory.writer.time.monotonic", lambda: clock[0])
    written = SweepWriter(directory, sweep)
    _train(sweep, written, stop_after=2)
    clock[0] += 0.99
    _train(sweep, written, stop_after=1)
    assert directory.names() == ["sweep.yaml"]
    clock[0] += 0.02
    last = sweep.parts[3]
    written.take(last.rows, Trainer(sweep.grid, sweep.epochs)(last))
    assert directory.names() == ["part-000000.npz", "sweep.yaml"]
    assert SweepWriter(directory, sweep).done == set(range(12))


def test_what_is_finished_is_written_when_asked_for(
    sweep: SweepPlan, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_AT_MOST_EVERY", 60.0)
    written = SweepWriter(directory, sweep)
    _train(sweep, written, stop_after=3)
    assert directory.names() == ["sweep.yaml"]
    written.commit()
    assert directory.names() == ["part-000000.npz", "sweep.yaml"]
    assert SweepWriter(directory, sweep).done == set(range(9))


def test_a_damaged_part_is_trained_again(sweep: SweepPlan, directory: Directory) -> None:
    written = SweepWriter(directory, sweep)
    _train(sweep, written, stop_after=1)
    written.commit()
    part = directory.path / "part-000000.npz"
    content = bytearray(part.read_bytes())
    content[200] ^= 1
    part.write_bytes(content)
    again = SweepWriter(directory, sweep)
    assert again.done == set()
    assert "is damaged" in again.notes[0]
    assert again.notes[0].endswith("its runs will be trained again")
    assert not part.exists()


def test_a_part_of_another_sweep_is_refused(sweep: SweepPlan, directory: Directory) -> None:
    rows = sweep.parts[0].rows
    results = Trainer(sweep.grid, sweep.epochs)(sweep.parts[0])
    write_part(directory, sweep, rows, results, SESSION)
    assert read_part(directory, "part-000000.npz", sweep)[0] == rows
    assert read_part(directory, "part-000000.npz", sweep)[2] == SESSION
    other = plan_sweep(make_grid(CONFIGS / "article.yaml", ["learning_rate=0.1,0.2", "seed=0:4", "epochs=2"]))
    with pytest.raises(RunError, match="its rows are not those of the grid"):
        read_part(directory, "part-000000.npz", other)
    with pytest.raises(DataError, match=r"the data of .* has changed since it was begun: iris"):
        read_part(directory, "part-000000.npz", replace(sweep, data={"iris": "0"}))
    with pytest.raises(RunError, match="not an array"):
        read_part(directory, "part-000000.npz", replace(sweep, epochs=np.array([1])))


def test_other_versions_are_noted(sweep: SweepPlan, directory: Directory) -> None:
    SweepWriter(directory, sweep)
    results = Trainer(sweep.grid, sweep.epochs)(sweep.parts[0])
    write_part(directory, sweep, sweep.parts[0].rows, results, SESSION)
    again = SweepWriter(directory, sweep)
    assert again.notes[0].startswith("the sweep began with irisbp 0; with ")
    _train(sweep, again)
    manifest, _ = again.finish()
    assert manifest.started == SESSION.started
    assert manifest.seconds > SESSION.seconds
