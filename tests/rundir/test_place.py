"""Where a run may lie, and whose files may be replaced."""

import fcntl
import os
from pathlib import Path

import pytest

from irisbp.config.load import load_config, to_yaml
from irisbp.errors import Busy, RunError
from irisbp.runs.layout import open_begun_run, open_new_run


def _overwrite(path: Path) -> None:
    open_new_run(None, directory=path, name=None, overwrite=True).close()


def test_overwrite_judges_the_directory_that_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, run = tmp_path / "x", tmp_path / "run"
    for path, text in ((mine, "seed: 0\n"), (run, to_yaml(load_config(None)))):
        path.mkdir()
        (path / "config.yaml").write_text(text)

    def swap(fd: int, how: int) -> None:
        mine.rename(tmp_path / "aside")
        run.rename(mine)

    monkeypatch.setattr(fcntl, "flock", swap)
    with pytest.raises(RunError, match=r"config\.yaml, which irisbp did not write there"):
        _overwrite(mine)
    assert (tmp_path / "aside" / "config.yaml").read_text() == "seed: 0\n"


@pytest.mark.parametrize("trap", ["pipe", "link", "directory"])
def test_overwrite_neither_waits_for_a_pipe_nor_follows_a_link(tmp_path: Path, trap: str) -> None:
    run, config = tmp_path / "run", tmp_path / "run" / "config.yaml"
    run.mkdir()
    (tmp_path / "mine.yaml").write_text(to_yaml(load_config(None)))
    if trap == "pipe":
        os.mkfifo(config)
    elif trap == "link":
        config.symlink_to(tmp_path / "mine.yaml")
    else:
        config.mkdir()
    with pytest.raises(RunError, match=r"config\.yaml, which irisbp did not write there"):
        _overwrite(run)
    assert os.path.lexists(config)


def test_overwrite_replaces_a_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(to_yaml(load_config(None)))
    _overwrite(tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_run_is_not_begun_on_files_of_somebody_else(tmp_path: Path) -> None:
    mine = tmp_path / "steps.csv"
    mine.write_text("monday,9000\n")
    with pytest.raises(RunError, match=r"holds steps\.csv, which irisbp did not write there"):
        open_new_run(None, directory=tmp_path, name=None, overwrite=False, unbegun=True)
    assert mine.read_text() == "monday,9000\n"
    mine.rename(tmp_path / ".config.yaml.tmp")  # what a kill leaves before there is a config.yaml
    assert open_begun_run(directory=tmp_path, name=None) is None
    with open_new_run(None, directory=tmp_path, name=None, overwrite=False, unbegun=True) as held:
        assert held.names() == []
    (tmp_path / "config.yaml").touch()
    with pytest.raises(Busy, match="another process has just begun a run there"):
        open_new_run(None, directory=tmp_path, name=None, overwrite=False, unbegun=True)
