"""What of a run's checkpoints is kept, and what of one taken up is shown."""

import json
from pathlib import Path

import numpy as np
import pytest

import irisbp
from irisbp.cli.running import Shown, resume_in
from irisbp.config.load import load_config
from irisbp.rundir.arrays import pack, unpack
from irisbp.rundir.checkpoint import checkpoint_names
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.resume import open_interrupted
from irisbp.runs.session import finish
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Epoch, Training

SHORT = load_config(None, ["epochs=2", "checkpoint_every.epochs=1"])


def _interrupted(path: Path) -> None:
    """A run that stops after its first epoch, at step 150."""
    training = prepare(SHORT)
    with Directory.create(path) as directory:
        writer = RunWriter(directory, training)
        for record in train(training):
            writer.take(record)
            if isinstance(record, Epoch):
                finish(writer, training, "interrupted", "stopped by a signal")
                return


def test_a_checkpoint_outlasts_damaged_ones_of_later_steps(tmp_path: Path) -> None:
    run = tmp_path / "x"
    _interrupted(run)
    for step in (301, 302):
        (run / f"checkpoint-{step:012d}.npz").touch()
    with Directory(run) as directory:
        resumption = open_interrupted(directory)
        writer = resumption.writer()
        for record in train(resumption.training):
            writer.take(record)
            if not isinstance(record, Epoch):
                break
        finish(writer, resumption.training, "interrupted", "stopped by a signal")
        assert "checkpoint-000000000300.npz" in checkpoint_names(directory)
        assert open_interrupted(directory).training.progress.step == 300


def test_a_run_taken_up_holds_no_parameters_of_the_moment_it_was_interrupted(tmp_path: Path) -> None:
    _interrupted(tmp_path / "x")
    with Directory(tmp_path / "x") as directory:
        assert "parameters.npz" in directory.names()
        open_interrupted(directory).writer()
        assert not {"parameters.npz", "manifest.json"} & set(directory.names())


def test_a_checkpoint_has_nothing_done_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _interrupted(tmp_path / "x")
    newest = tmp_path / "x" / "checkpoint-000000000150.npz"
    arrays = unpack(newest, newest.read_bytes())
    about = json.loads(arrays["about"].tobytes())
    about["versions"]["numpy"] = "1.0\x1b]0;mine\x07"
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    newest.write_bytes(pack(arrays))
    with Directory(tmp_path / "x") as directory:
        resume_in(directory, Shown(quiet=True, as_json=True))
    assert "began with numpy 1.0\\x1b]0;mine\\x07; with" in capsys.readouterr().err


def test_what_a_run_recorded_is_kept_before_its_figures_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many rows that takes time, in which a second signal may come, or a kill."""

    def killed(training: Training) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("irisbp.runs.session.final_figures", killed)
        with pytest.raises(KeyboardInterrupt):
            irisbp.train(epochs=4, directory=tmp_path / "x", should_stop=lambda: True)
    names = {path.name for path in (tmp_path / "x").iterdir()}
    assert "parameters.npz" in names
    assert "manifest.json" not in names
    with Directory(tmp_path / "x") as directory:
        assert open_interrupted(directory).training.progress.step == 150  # a block is an epoch of iris
    assert irisbp.resume(tmp_path / "x").status == "completed"
    irisbp.train(epochs=4, directory=tmp_path / "y")
    assert _files(tmp_path / "x") == _files(tmp_path / "y")


def _files(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.iterdir() if path.name != "manifest.json"}


@pytest.mark.parametrize("records", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("batch", ["batch_size=1", "batch_size=7"])
def test_a_long_epoch_goes_on_within(tmp_path: Path, records: int, batch: str) -> None:
    # 700 rows are blocks of 256, 256 and 188 samples (252, 252 and 196 in batches), and then the epoch's row.
    rows = [f"{k * 17 % 101},{k * 5 % 13},c{k % 4}" for k in range(700)]
    (tmp_path / "t.csv").write_text("\n".join(["x,y,class", *rows]))
    table = (f"data.source={tmp_path}/t.csv", "data.target=class", "data.shuffle=every_epoch")
    config = load_config(None, ["epochs=2", "checkpoint_every.steps=1", "optimizer=adam", batch, *table])
    for name in ("whole", "parts"):
        training = prepare(config)
        with Directory.create(tmp_path / name) as directory:
            writer = RunWriter(directory, training)
            for number, record in enumerate(train(training), 1):
                writer.take(record)
                if name == "parts" and number == records:
                    finish(writer, training, "interrupted", "stopped by a signal")
                    break
            else:
                finish(writer, training, "completed")
    with Directory(tmp_path / "parts") as directory:
        resumption = open_interrupted(directory)
        assert (resumption.training.progress.samples > 0) == (records % 4 != 0)
        writer = resumption.writer()
        for record in train(resumption.training):
            writer.take(record)
        finish(writer, resumption.training, "completed")
    assert _files(tmp_path / "parts") == _files(tmp_path / "whole")
