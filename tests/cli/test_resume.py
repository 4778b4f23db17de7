"""`irisbp resume` as its users run it: real processes that are killed, and what they leave."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from shutil import copytree

import pytest

from irisbp.rundir.arrays import unpack
from tests.conftest import CONFIGS, Irisbp

SMOKE = str(CONFIGS / "smoke.yaml")
LONG = [SMOKE, "epochs=1000", "checkpoint_every=50", "data.shuffle=every_epoch", "data.validation=0.2"]
CLOCK = ("started", "finished", "seconds")


def _content(run: Path) -> dict[str, object]:
    """Every file's bytes; of the manifest, what is no clock time."""
    files: dict[str, object] = {path.name: path.read_bytes() for path in run.iterdir()}
    manifest = json.loads((run / "manifest.json").read_text())
    return files | {"manifest.json": {key: manifest[key] for key in manifest if key not in CLOCK}}


def _start(cwd: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "irisbp", *arguments]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _checkpoints(run: Path) -> list[Path]:
    return sorted(run.glob("checkpoint-*.npz"))


def _wait_for_checkpoints(run: Path) -> None:
    limit = time.monotonic() + 30
    while len(_checkpoints(run)) < 2 or _checkpoints(run)[0].name == "checkpoint-000000000000.npz":
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed on its way, with two checkpoints."""
    folder = tmp_path_factory.mktemp("killed")
    process = _start(folder, "train", *LONG, "--run-dir", "x", "--quiet")
    _wait_for_checkpoints(folder / "x")
    process.kill()
    process.communicate()
    return folder / "x"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    process = _start(folder, "train", *LONG, "--run-dir", "x", "--quiet")
    assert process.wait(timeout=120) == 0
    process.communicate()
    return folder / "x"


def test_a_killed_run_goes_on_as_if_nothing_had_been(
    irisbp: Irisbp, tmp_path: Path, killed: Path, whole: Path
) -> None:
    copytree(killed, tmp_path / "x")
    refused = irisbp("evaluate", "x")
    assert refused.returncode == 2
    assert refused.stderr.endswith("it has no manifest.json; irisbp resume x resumes it\n")
    # Stopped once more on its way, by a signal, and told how to go on.
    process = _start(tmp_path, "resume", "x", "--quiet")
    before = _checkpoints(tmp_path / "x")
    while _checkpoints(tmp_path / "x") == before:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert errors.endswith("irisbp resume x resumes it\n")
    assert "interrupted" in output
    assert irisbp("evaluate", "x").returncode == 0
    done = irisbp("resume", "x")
    assert done.returncode == 0
    assert done.stderr.startswith("resuming x after step ")
    assert _content(tmp_path / "x") == _content(whole)


def test_a_finished_run_says_so(irisbp: Irisbp, tmp_path: Path, whole: Path) -> None:
    copytree(whole, tmp_path / "x")
    (tmp_path / "x" / "checkpoint-000000000007.npz").touch()
    (tmp_path / "x" / ".manifest.json.tmp").touch()
    done = irisbp("resume", "x", "--json")
    assert done.returncode == 0
    assert done.stderr == "x is finished: there is nothing to resume\n"
    assert json.loads(done.stdout)["status"] == "completed"
    assert _content(tmp_path / "x") == _content(whole)


@pytest.mark.parametrize("damage", ["emptied", "cut", "pipe"])
def test_a_manifest_that_cannot_be_read_is_none_where_there_are_checkpoints(
    damage: str, irisbp: Irisbp, tmp_path: Path, killed: Path, whole: Path
) -> None:
    copytree(killed, tmp_path / "x")
    process = _start(tmp_path, "resume", "x", "--quiet")
    before = _checkpoints(tmp_path / "x")
    while _checkpoints(tmp_path / "x") == before:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
    manifest = tmp_path / "x" / "manifest.json"
    content = manifest.read_bytes()
    manifest.unlink()
    if damage == "pipe":
        os.mkfifo(manifest)
    else:
        manifest.write_bytes(content[:100] if damage == "cut" else b"")
    done = irisbp("resume", "x", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert _content(tmp_path / "x") == _content(whole)


def test_a_finished_run_is_known_by_its_files(irisbp: Irisbp, tmp_path: Path, whole: Path) -> None:
    copytree(whole, tmp_path / "x")
    steps = tmp_path / "x" / "steps.csv"
    steps.write_bytes(steps.read_bytes()[:-1])
    (tmp_path / "x" / "parameters.npz").unlink()
    done = irisbp("resume", "x")
    told = "x is finished, but files have changed: steps.csv (changed), parameters.npz (missing)"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"irisbp: {told}\n")


def test_pictures_of_a_run_on_its_way_do_not_outlast_it(
    irisbp: Irisbp, tmp_path: Path, killed: Path, whole: Path
) -> None:
    copytree(killed, tmp_path / "x")
    (tmp_path / "x" / "plots").mkdir()
    for name in ("confusion.png", "mine.txt"):
        (tmp_path / "x" / "plots" / name).write_text(name)
    assert irisbp("resume", "x", "--quiet").returncode == 0
    assert [path.name for path in (tmp_path / "x" / "plots").iterdir()] == ["mine.txt"]
    (tmp_path / "x" / "plots" / "mine.txt").unlink()
    (tmp_path / "x" / "plots").rmdir()
    assert _content(tmp_path / "x") == _content(whole)


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_stands_in_the_place_of_pictures_is_left_alone(
    kind: str, irisbp: Irisbp, tmp_path: Path, killed: Path
) -> None:
    copytree(killed, tmp_path / "x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "confusion.png").write_text("mine")
    plots = tmp_path / "x" / "plots"
    if kind == "link":
        plots.symlink_to(tmp_path / "mine")
    else:
        plots.write_text("mine")
    done = irisbp("resume", "x", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert plots.is_symlink() == (kind == "link")
    assert (plots / "confusion.png" if kind == "link" else plots).read_text() == "mine"


def test_a_link_is_not_followed(irisbp: Irisbp, tmp_path: Path, killed: Path) -> None:
    (tmp_path / "x").symlink_to(killed)
    done = irisbp("resume", "x")
    assert (done.returncode, done.stderr) == (2, "irisbp: x is a link, which is not followed\n")


@pytest.mark.parametrize("name", ["-r", "a b", "it's", "new\nline", "\x1b[31m"])
def test_the_command_to_go_on_works_as_printed(name: str, tmp_path: Path) -> None:
    process = _start(tmp_path, "train", *LONG, f"--run-dir={name}", "--quiet")
    _wait_for_checkpoints(tmp_path / name)
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=60)[1].splitlines()[-1].removesuffix(" resumes it")
    command = told.replace("irisbp resume", f"{sys.executable} -m irisbp resume --quiet", 1)
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_finished_run_whose_table_is_gone_is_finished_all_the_same(irisbp: Irisbp, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("x,class\n1,a\n2,b\n3,a\n")
    arguments = (SMOKE, "data.source=t.csv", "data.target=class", "--run-dir", "x", "--quiet")
    assert irisbp("train", *arguments).returncode == 0
    table.unlink()
    done = irisbp("resume", "x", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    recorded = json.loads((tmp_path / "x" / "manifest.json").read_text())["figures"]["loss"]
    assert (told["status"], told["loss"]) == ("completed", recorded)


def test_a_diverged_run_has_diverged(irisbp: Irisbp, tmp_path: Path) -> None:
    arguments = (SMOKE, "learning_rate=1e308", "l2=10", "--run-dir", "x", "--quiet")
    assert irisbp("train", *arguments).returncode == 4
    assert _checkpoints(tmp_path / "x")
    before = _content(tmp_path / "x")
    done = irisbp("resume", "x", "--quiet")
    assert done.returncode == 4
    assert done.stderr.startswith("irisbp: diverged: ")
    assert _content(tmp_path / "x") == before


def test_the_older_checkpoint_serves_where_the_newest_is_damaged(
    irisbp: Irisbp, tmp_path: Path, killed: Path, whole: Path
) -> None:
    copytree(killed, tmp_path / "x")
    newest = _checkpoints(tmp_path / "x")[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    done = irisbp("resume", "x", "--quiet")
    assert done.returncode == 0
    assert done.stderr.startswith(f"note: an older checkpoint is used: x/{newest.name} is damaged: ")
    assert _content(tmp_path / "x") == _content(whole)


def test_what_cannot_be_resumed_is_refused_with_every_reason(
    irisbp: Irisbp, tmp_path: Path, killed: Path
) -> None:
    copytree(killed, tmp_path / "x")
    older = _checkpoints(tmp_path / "x")[0]
    older.write_bytes(b"")
    steps = tmp_path / "x" / "steps.csv"
    steps.write_bytes(steps.read_bytes()[:100])
    before = {path.name: path.read_bytes() for path in (tmp_path / "x").iterdir()}
    done = irisbp("resume", "x")
    assert done.returncode == 2
    first, of_newest, of_older = done.stderr.splitlines()
    assert first == "irisbp: x cannot be resumed; train it again with overwrite:"
    assert "x/steps.csv: its first" in of_newest
    assert f"x/{older.name} is damaged" in of_older
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "x").iterdir()}


def test_another_config_in_its_place_is_refused(irisbp: Irisbp, tmp_path: Path, killed: Path) -> None:
    copytree(killed, tmp_path / "x")
    config = tmp_path / "x" / "config.yaml"
    config.write_text(config.read_text().replace("learning_rate: 0", "learning_rate: 1"))
    done = irisbp("resume", "x")
    assert done.returncode == 2
    assert "x/config.yaml has changed since the run began" in done.stderr
    config.write_text(config.read_text() + "# mine\n")
    assert "x/config.yaml has changed since the run began" in irisbp("resume", "x").stderr
    config.unlink()
    done = irisbp("resume", "x")
    assert done.returncode == 2
    assert "x holds no config.yaml: there is nothing to resume" in done.stderr


def test_train_resume_begins_goes_on_and_is_done(
    irisbp: Irisbp, tmp_path: Path, killed: Path, whole: Path
) -> None:
    arguments = ("train", *LONG, "--run-dir", "x", "--resume", "--quiet")
    process = _start(tmp_path, *arguments)
    _wait_for_checkpoints(tmp_path / "x")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    other = irisbp(*arguments, "seed=5", "batch_size=3")
    assert other.returncode == 2
    assert "x is a run of another config, which differs in seed, batch_size" in other.stderr
    for _ in range(2):  # it goes on, and then there is nothing left to do
        assert irisbp(*arguments).returncode == 0
        assert _content(tmp_path / "x") == _content(whole)
    other = irisbp(*arguments, "seed=5")
    assert other.returncode == 2
    assert "x is a run of another config, which differs in seed" in other.stderr
    for wrong in (["--resume"], ["--resume", "--overwrite", "--run-dir", "x"]):
        assert irisbp("train", SMOKE, *wrong).returncode == 2


def test_before_the_first_checkpoint_it_begins_anew(irisbp: Irisbp, tmp_path: Path, whole: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "config.yaml").write_bytes((whole / "config.yaml").read_bytes())
    (tmp_path / "x" / "steps.csv").write_text("step,ep")
    (tmp_path / "x" / ".checkpoint-000000000000.npz.tmp").write_text("PK")
    assert irisbp("resume", "x", "--quiet").returncode == 0
    assert _content(tmp_path / "x") == _content(whole)


def test_places_without_a_run(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for place, message in {
        "nowhere": "nowhere is not a run: no such directory",
        "file": "file is not a run: it is a file",
        "empty": "empty holds no config.yaml: there is nothing to resume",
    }.items():
        done = irisbp("resume", place)
        assert done.returncode == 2
        assert done.stderr.startswith(f"irisbp: {message}")
    assert not list((tmp_path / "empty").iterdir())


def test_a_checkpoint_is_an_ordinary_npz_and_says_what_it_is_of(killed: Path) -> None:
    newest = _checkpoints(killed)[-1]
    arrays = unpack(newest, newest.read_bytes())
    about = json.loads(arrays["about"].tobytes())
    assert about["config"] == hashlib.sha256((killed / "config.yaml").read_bytes()).hexdigest()
    assert set(arrays) >= {"parameters", "loss", "best.parameters", "best.loss"}
    for name, (length, digest) in about["files"].items():
        assert hashlib.sha256((killed / name).read_bytes()[:length]).hexdigest() == digest
    assert about["epoch"] % 50 == 1
    assert about["step"] == (about["epoch"] - 1) * 120
