"""What of a run's checkpoints is kept, and what of one taken up is shown."""

import json
from pathlib import Path

import numpy as np
import pytest

from irisbp.cli.running import Telling, resume_in
from irisbp.config.load import load_config
from irisbp.rundir.arrays import pack, unpack
from irisbp.rundir.checkpoint import checkpoint_names
from irisbp.rundir.resume import take_up
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.training import Epoch, prepare, train

SHORT = load_config(None, ["epochs=2", "checkpoint_every.epochs=1"])


def _interrupted(path: Path) -> None:
    """A run that stops after its first epoch, at step 150."""
    training = prepare(SHORT)
    with Directory.create(path) as directory:
        writer = RunWriter(directory, training)
        for record in train(training):
            writer.take(record)
            if isinstance(record, Epoch):
                writer.finish("interrupted", "stopped by a signal")
                return


def test_a_checkpoint_outlasts_damaged_ones_of_later_steps(tmp_path: Path) -> None:
    run = tmp_path / "x"
    _interrupted(run)
    for step in (301, 302):
        (run / f"checkpoint-{step:012d}.npz").touch()
    with Directory(run) as directory:
        resumption = take_up(directory)
        writer = resumption.writer()
        for record in train(resumption.training):
            writer.take(record)
            if not isinstance(record, Epoch):
                break
        writer.finish("interrupted", "stopped by a signal")
        assert "checkpoint-000000000300.npz" in checkpoint_names(directory)
        assert take_up(directory).training.progress.step == 300


def test_a_run_taken_up_holds_no_parameters_of_the_moment_it_was_interrupted(tmp_path: Path) -> None:
    _interrupted(tmp_path / "x")
    with Directory(tmp_path / "x") as directory:
        assert "parameters.npz" in directory.names()
        take_up(directory).writer()
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
        resume_in(directory, Telling(stream=False, quiet=True, as_json=True, plot=False))
    assert "began with numpy 1.0\\x1b]0;mine\\x07; with" in capsys.readouterr().err
