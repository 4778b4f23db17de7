"""What lies in a directory of runs: runs in every state, and things that are none."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from irisbp.config.load import load_config
from irisbp.config.settings import KeyValue, settings, varying_keys
from irisbp.errors import RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.reader import read_rows
from irisbp.runs.listing import list_entries
from tests.conftest import CONFIGS
from tests.making import entry_of, epochs_of, files_of, make_run

SMOKE = CONFIGS / "smoke.yaml"


def made(path: Path, *overrides: str) -> Path:
    """A completed run of the smoke config."""
    make_run(path, *overrides, config=SMOKE)
    return path


def _statuses(folder: Path) -> dict[str, str]:
    return {entry.name: entry.status for entry in list_entries(folder)}


def test_every_state_is_told_and_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    whole = made(tmp_path / "whole", "epochs=2")
    held_out = ["data.validation=0.2", "early_stopping={patience: 1, min_delta: 100}"]
    made(tmp_path / "early", *held_out)
    for name in ("unfinished", "cut", "edited", "lost"):
        shutil.copytree(whole, tmp_path / "sweep" / name)
    (tmp_path / "sweep" / "unfinished" / "manifest.json").unlink()
    manifest = tmp_path / "sweep" / "cut" / "manifest.json"
    manifest.write_text(manifest.read_text()[:-20])
    config = tmp_path / "sweep" / "edited" / "config.yaml"
    config.write_text(config.read_text() + "# mine\n")
    (tmp_path / "sweep" / "lost" / "steps.csv").unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("hello: world\n")
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to(tmp_path)
    shutil.copytree(whole, tmp_path / ".hidden" / "x")
    assert _statuses(tmp_path) == {
        "whole": "completed",
        "early": "stopped early",
        "unfinished": "unfinished",
        "cut": "damaged",
        "edited": "damaged",
        "lost": "damaged",
    }
    problems = {entry.name: entry.problem or "" for entry in list_entries(tmp_path)}
    assert "manifest.json is damaged" in problems["cut"]
    assert "config.yaml is not the file that the run wrote" in problems["edited"]
    assert problems["lost"].endswith("steps.csv is missing")
    assert problems["whole"] == ""


def test_nothing_in_a_directory_makes_it_crash(tmp_path: Path) -> None:
    """Two of the three names, each as nothing, as text, as bytes, as a pipe and as a broken link."""
    for k, name in enumerate(("config.yaml", "epochs.csv", "manifest.json")):
        for kind in range(5):
            run = tmp_path / f"{k}{kind}"
            run.mkdir()
            for other in {"config.yaml", "epochs.csv", "manifest.json"} - {name}:
                _put(run / other, kind)
    assert set(_statuses(tmp_path).values()) == {"damaged"}
    assert len(_statuses(tmp_path)) == 15
    for entry in list_entries(tmp_path):
        files_of(entry.path)


def _put(path: Path, kind: int) -> None:
    if kind == 3:
        os.mkfifo(path)
    elif kind == 4:
        path.symlink_to("nowhere")
    else:
        path.write_bytes([b"", b"a,b\n1,2\n", b"\xff\x00{[\n\n"][kind])


def test_a_manifest_names_files_of_its_own_run_only(tmp_path: Path) -> None:
    """A file elsewhere is not even digested, though its sha256 is given: that would tell what it holds."""
    run = made(tmp_path / "run", "epochs=1")
    (tmp_path / "secret").write_text("123456789")
    digest = hashlib.sha256(b"123456789").hexdigest()
    (run / "link").symlink_to("../secret")
    text = (run / "manifest.json").read_text()
    for name in ("../secret", str(tmp_path / "secret"), "link"):
        given = text.replace('"files": {', f'"files": {{"{name}": "{digest}",', 1)
        (run / "manifest.json").write_text(given)
        assert {file.name: file.state for file in files_of(run)}[name] == "changed"
    problem = entry_of(run).problem
    assert problem is None  # a link is something
    (run / "manifest.json").write_text(text.replace('"files": {', f'"files": {{"../secret": "{digest}",', 1))
    assert (entry_of(run).problem or "").endswith("../secret is not the name of a file in it")


def test_the_newest_stands_last(tmp_path: Path) -> None:
    for name, year in (("b", "2021"), ("a", "2023"), ("c", "2022")):
        run = made(tmp_path / name, "epochs=1")
        text = (run / "manifest.json").read_text()
        started = entry_of(run).manifest.started  # type: ignore[union-attr]
        (run / "manifest.json").write_text(text.replace(started, f"{year}{started[4:]}"))
    assert list(_statuses(tmp_path)) == ["b", "c", "a"]
    os.utime(tmp_path / "a" / "config.yaml", (0, 0))
    (tmp_path / "a" / "manifest.json").unlink()  # then its first file tells when it began
    assert list(_statuses(tmp_path)) == ["a", "b", "c"]


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such directory"):
        list_entries(tmp_path / "nowhere")
    with pytest.raises(RunError, match="is not a run: no such directory"):
        entry_of(tmp_path / "nowhere")
    with pytest.raises(RunError, match="is not a run: it has fewer than two of config"):
        entry_of(tmp_path)


def test_the_last_epochs_are_read_from_the_end(tmp_path: Path) -> None:
    header = "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n"
    rows = [f"{k},0.1,{1 / k!r},0.5,," for k in range(1, 5001)]
    (tmp_path / "epochs.csv").write_text(header + "\n".join(rows) + "\n")
    assert [epoch.epoch for epoch in epochs_of(tmp_path, 3)] == [4998, 4999, 5000]
    assert epochs_of(tmp_path, 1)[0] == (5000, 0.1, 1 / 5000, 0.5, None, None)
    # A row that was never finished, as a kill leaves it, is none.
    (tmp_path / "epochs.csv").write_text(header + rows[0] + "\n" + "2,0.1,0.5,0.5,0.25,0.7")
    assert [epoch.epoch for epoch in epochs_of(tmp_path, 3)] == [1]
    (tmp_path / "epochs.csv").write_text(header)
    assert epochs_of(tmp_path, 3) == []
    # The piece that is read begins inside a row, whose rest must not pass for one.
    row = "1" * 300 + ",0.1,0.5,0.5,0.25,0.7\n"
    (tmp_path / "epochs.csv").write_text(header + row * 100)
    assert {epoch.epoch for epoch in epochs_of(tmp_path, 3)} == {int("1" * 300)}


def test_files_are_held_against_the_manifest(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "epochs=1")
    (run / "plots").mkdir()
    (run / "plots" / "loss.svg").write_text("<svg/>")
    content = bytearray((run / "parameters.npz").read_bytes())
    content[200] ^= 1
    (run / "parameters.npz").write_bytes(content)
    (run / "epochs.csv").unlink()
    files = {file.name: (file.size, file.state) for file in files_of(run)}
    assert files["parameters.npz"] == (len(content), "changed")
    assert files["steps.csv"] == ((run / "steps.csv").stat().st_size, "as written")
    assert files["epochs.csv"] == (None, "missing")
    assert files["plots/loss.svg"] == (6, "not recorded")


def test_settings_know_what_was_given() -> None:
    chosen = settings(load_config(SMOKE, ["optimizer={name: adam, beta1: 0.8}"]))
    assert chosen["optimizer.beta1"] == KeyValue(0.8, is_default=False)
    assert chosen["optimizer.beta2"] == KeyValue(0.999, is_default=True)
    assert chosen["network.hidden"] == KeyValue([4], is_default=False)
    assert chosen["network.activation"] == KeyValue("sigmoid", is_default=True)
    assert chosen["schedule.name"] == KeyValue("constant", is_default=True)
    assert chosen["early_stopping"] == KeyValue(None, is_default=True)
    assert not chosen["seed"].is_default


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        ([[], []], []),
        ([["seed=3"], []], ["seed"]),
        ([["seed=3"], ["seed=4"], ["network.hidden=[4,4]"]], ["seed", "network.hidden"]),
        ([["optimizer.momentum=0.5"], []], ["optimizer.momentum"]),
        ([["data.validation=0.2"], ["early_stopping={patience: 2, monitor: training}"]],
         ["data.validation", "early_stopping", "early_stopping.patience", "early_stopping.min_delta",
          "early_stopping.restore_best", "early_stopping.monitor"]),
    ],
)  # fmt: skip
def test_keys_that_vary(overrides: Sequence[Sequence[str]], keys: list[str]) -> None:
    assert set(varying_keys([load_config(SMOKE, some) for some in overrides])) == set(keys)


def test_rows_are_read_one_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b'a,b\n1,"x\ny"\n2,\xff\n3,never fin')
    with OpenDirectory(tmp_path) as directory, directory.open("x.csv") as file:
        assert list(read_rows(file)) == [["1", "x\ny"], ["2", "\\xff"]]
