"""Runs and sweeps of versions without the key `threads`."""

from functools import partial
from pathlib import Path

import pytest

import irisbp
from irisbp.config.load import LATER_KEYS, load_config, to_yaml
from irisbp.config.schema import Config
from irisbp.errors import RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.runs.listing import read_entry
from irisbp.sweeps.grid import grid
from tests.conftest import CONFIGS
from tests.making import after_records, make_run

WIDE = ("epochs=2", "network.hidden=[300,200]", "batch_size=64", "record=epochs")


def _earlier(config: Config) -> str:
    assert to_yaml(config).count("\nthreads:") == 1
    return "".join(line for line in to_yaml(config).splitlines(True) if not line.startswith("threads:"))


@pytest.fixture
def _writing_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("irisbp.rundir.writer.to_yaml", _earlier)
    monkeypatch.setattr("irisbp.sweeps.directory.writer.to_yaml", partial(grid.to_yaml, but=LATER_KEYS))


@pytest.mark.usefixtures("_writing_as_before")
def test_a_small_run_repeats_and_is_resumed_as_any_other(tmp_path: Path) -> None:
    run = make_run(tmp_path / "x", "epochs=2", stop=after_records(2))
    assert (run.status, run.config.threads) == ("interrupted", 1)
    with OpenDirectory(tmp_path / "x") as directory:
        assert read_entry(directory).problem is None
    assert irisbp.resume(tmp_path / "x").status == "completed"
    verification = irisbp.verify(tmp_path / "x")
    assert verification.equal
    assert verification.versions == {}


@pytest.mark.usefixtures("_writing_as_before")
def test_of_a_large_one_it_is_said_that_its_threads_are_not_known(tmp_path: Path) -> None:
    make_run(tmp_path / "x", *WIDE, "threads=2")  # with the numbers of two threads, and without the key
    verification = irisbp.verify(tmp_path / "x")
    assert not verification.equal
    assert next(check.name for check in verification.checks if check.difference) == "epochs.csv"
    assert verification.versions == {"BLAS": ("with any number of threads", "with 1")}
    make_run(tmp_path / "y", *WIDE, stop=after_records(2))
    with pytest.warns(UserWarning, match="the run began before `threads` was a key"):
        irisbp.resume(tmp_path / "y")


def test_a_config_that_lacks_anything_else_is_not_accepted(tmp_path: Path) -> None:
    make_run(tmp_path / "x", "epochs=2", stop=after_records(2))
    path = tmp_path / "x" / "config.yaml"
    path.write_text(_earlier(load_config(path)).replace("numerics: native\n", ""))
    with pytest.raises(RunError, match="has changed since the run began"):
        irisbp.resume(tmp_path / "x")


@pytest.mark.usefixtures("_writing_as_before")
def test_a_sweep_is_opened_and_resumed(tmp_path: Path) -> None:
    sweep = irisbp.sweep(CONFIGS / "smoke.yaml", {"seed": [1, 2]}, directory=tmp_path / "s", jobs=1)
    assert "threads" not in (tmp_path / "s" / "sweep.yaml").read_text()
    assert irisbp.open_sweep(tmp_path / "s").results.equals(sweep.results)
    assert irisbp.resume_sweep(tmp_path / "s").status == "completed"
