"""`irisbp train` as its users run it: real processes, real files, real pipes."""

import csv
import fcntl
import hashlib
import json
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from irisbp.config.schema import CHOICES
from tests.conftest import CONFIGS, Irisbp, without_root_powers
from tests.reference import numbers

SMOKE = str(CONFIGS / "smoke.yaml")
REPEATED = ("config.yaml", "steps.csv", "epochs.csv", "parameters.npz")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_articles_run_and_its_directory(irisbp: Irisbp, tmp_path: Path) -> None:
    done = irisbp("train", str(CONFIGS / "article.yaml"))
    assert done.returncode == 0
    assert re.fullmatch(
        r"run       runs/article-001\nstatus    completed\nloss      0\.04\d+\naccuracy  0\.97\d+\n"
        r"steps     7500\ntime      \d+\.\d\d s\n",
        done.stdout,
    )
    assert len(done.stderr.splitlines()) == 50
    run = tmp_path / "runs" / "article-001"
    assert sorted(p.name for p in run.iterdir()) == sorted([*REPEATED, "manifest.json"])
    rows = _rows(run / "steps.csv")
    losses = [float(row["loss"]) for row in rows]
    np.testing.assert_allclose(losses, numbers("article-seed0/losses.txt"), rtol=0, atol=1e-12)
    assert rows[0] == {
        "step": "1", "epoch": "1", "sample": "141", "label": "virginica", "predicted": "virginica",
        "loss": rows[0]["loss"],
    }  # fmt: skip
    epochs = _rows(run / "epochs.csv")
    assert list(epochs[0]) == [
        "epoch", "learning_rate", "epoch_loss", "epoch_accuracy", "validation_loss", "validation_accuracy",
    ]  # fmt: skip
    last = [row for row in rows if row["epoch"] == "50"]
    assert float(epochs[-1]["epoch_loss"]) == pytest.approx(
        np.mean([float(row["loss"]) for row in last]), rel=1e-15
    )
    assert float(epochs[-1]["epoch_accuracy"]) == np.mean([row["label"] == row["predicted"] for row in last])
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "completed"
    assert manifest["classes"] == ["virginica", "versicolor", "setosa"]
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((run / name).read_bytes()).hexdigest() == digest
    with np.load(run / "parameters.npz") as arrays:
        assert arrays["hidden_1.weight"].shape == (4, 3)
        final = np.concatenate([arrays["hidden_1.weight"].T, arrays["hidden_1.bias"][:, None]], axis=1)
        expected = numbers("article-seed0/final_parameters.txt")[:15]
        np.testing.assert_allclose(final.ravel(), expected, rtol=0, atol=1e-11)
        assert arrays["standardizer.mean"] == pytest.approx([5.843333333, 3.057333333, 3.758, 1.199333333])


def test_without_a_config_it_is_the_articles_run(irisbp: Irisbp, tmp_path: Path) -> None:
    irisbp("train", "--quiet")
    irisbp("train", str(CONFIGS / "article.yaml"), "--quiet")
    _assert_equal_runs(tmp_path / "runs" / "article-001", tmp_path / "runs" / "article-002")


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["rng=r", "data.shuffle=every_epoch", "optimizer=adam"],
        ["data.shuffle=every_epoch", "network.hidden=[5,4]"],
        ["record=epochs", "data.shuffle=never", "initializer={name: glorot_uniform, bias: zeros}"],
    ],
)
def test_a_run_repeats_to_the_byte(irisbp: Irisbp, tmp_path: Path, overrides: list[str]) -> None:
    assert irisbp("train", SMOKE, "--quiet", *overrides).returncode == 0
    # Another working directory, hash seed and locale; the config is the run's own.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    own = str(tmp_path / "runs" / "smoke-001" / "config.yaml")
    assert irisbp("train", own, "--quiet", cwd=elsewhere, env=environment).returncode == 0
    _assert_equal_runs(tmp_path / "runs" / "smoke-001", elsewhere / "runs" / "smoke-001")


def _assert_equal_runs(left: Path, right: Path) -> None:
    names = {p.name for p in left.iterdir()} - {"manifest.json"}
    assert names == {p.name for p in right.iterdir()} - {"manifest.json"}
    for name in names:
        assert (left / name).read_bytes() == (right / name).read_bytes()


def test_record_epochs_leaves_the_steps_out(irisbp: Irisbp, tmp_path: Path) -> None:
    irisbp("train", SMOKE, "record=epochs", "--run-dir", "here")
    assert not (tmp_path / "here" / "steps.csv").exists()
    assert len((tmp_path / "here" / "epochs.csv").read_text().splitlines()) == 6


def test_json_is_one_object(irisbp: Irisbp) -> None:
    done = irisbp("train", SMOKE, "--json", "--name", "x")
    result = json.loads(done.stdout)
    assert result["run"] == "runs/x"
    assert result["status"] == "completed"
    assert (result["steps"], result["epochs"]) == (750, 5)
    assert result["accuracy"] > 0.9
    assert 0.0 < result["seconds"] < 60.0
    assert done.stdout.count("\n") == 1


def test_stream_prints_every_loss(irisbp: Irisbp, tmp_path: Path) -> None:
    done = irisbp("train", SMOKE, "--stream", "--quiet", "--name", "x")
    lines = done.stdout.splitlines()
    rows = _rows(tmp_path / "runs" / "x" / "steps.csv")
    assert len(rows) == 750
    for line, row in zip(lines, rows, strict=False):
        parts = re.fullmatch(r"step (\d+)  epoch (\d+)  sample (\d+)  (\w+) -> (\w+)  loss (\S+)", line)
        assert parts is not None
        assert list(parts.groups()[:5]) == list(row.values())[:5]
        assert float(parts[6]) == pytest.approx(float(row["loss"]), rel=1e-9)
    assert done.stderr == ""
    both = irisbp("train", SMOKE, "--stream", "--json")
    assert both.returncode == 2
    assert both.stderr == "irisbp: --stream and --json: both print to stdout; give one of them\n"


def test_divergence_is_told_and_kept(irisbp: Irisbp, tmp_path: Path) -> None:
    done = irisbp("train", "learning_rate=1e308", "network.hidden=[]", "--json", "--name", "x")
    assert done.returncode == 4
    result = json.loads(done.stdout, parse_constant=pytest.fail)
    assert result["loss"] is None
    found = re.search(r"diverged: the loss is \w+ at epoch 1, step (\d+), sample (\d+)\n", done.stderr)
    assert found is not None
    assert result["status"] == "diverged"
    assert result["steps"] == int(found[1]) - 1
    run = tmp_path / "runs" / "x"
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "diverged"
    assert f"step {found[1]}, sample {found[2]}" in manifest["reason"]
    last = (run / "steps.csv").read_text().splitlines()[-1].split(",")
    assert (last[0], last[2]) == (found[1], found[2])
    with np.load(run / "parameters.npz") as arrays:
        assert all(np.isfinite(arrays[name]).all() for name in arrays.files)
    assert "note: the run did not complete" in irisbp("evaluate", "runs/x").stderr


# Where a run may lie.


def test_an_existing_directory_is_never_written_into(irisbp: Irisbp, tmp_path: Path) -> None:
    for made in ("runs/x", "y"):
        (tmp_path / made).mkdir(parents=True)
    for options in (["--name", "x"], ["--run-dir", "y"]):
        done = irisbp("train", SMOKE, *options)
        assert done.returncode == 2
        assert "exists; choose another place, or overwrite or resume it" in done.stderr
    assert not list((tmp_path / "y").iterdir())


def test_overwrite_replaces_a_run_and_nothing_else(irisbp: Irisbp, tmp_path: Path) -> None:
    irisbp("train", SMOKE, "--name", "x")
    irisbp("evaluate", "runs/x")
    done = irisbp("train", SMOKE, "--name", "x", "--overwrite", "seed=2", "record=epochs")
    assert done.returncode == 0
    run = tmp_path / "runs" / "x"
    assert sorted(p.name for p in run.iterdir()) == [
        "config.yaml", "epochs.csv", "manifest.json", "parameters.npz",
    ]  # fmt: skip
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    assert irisbp("train", SMOKE, "--name", "x", "--overwrite", "seed=-1").returncode == 2
    (run / "notes.txt").write_text("mine")
    done = irisbp("train", SMOKE, "--name", "x", "--overwrite")
    assert done.returncode == 2
    assert "holds notes.txt, which irisbp did not write there; nothing was removed" in done.stderr
    assert {p.name: p.read_bytes() for p in run.iterdir()} == before | {"notes.txt": b"mine"}


def test_overwrite_takes_no_config_of_yours_for_a_run(irisbp: Irisbp, tmp_path: Path) -> None:
    mine = tmp_path / "exp"
    mine.mkdir()
    text = "# my notes\n" + Path(SMOKE).read_text()
    (mine / "config.yaml").write_text(text)
    done = irisbp("train", "exp/config.yaml", "--run-dir", "exp", "--overwrite")
    assert done.returncode == 2
    assert "exp holds config.yaml, which irisbp did not write there; nothing was removed" in done.stderr
    assert {p.name: p.read_text() for p in mine.iterdir()} == {"config.yaml": text}
    # A run that was killed early has nothing but its config, and is replaced.
    (mine / "config.yaml").write_text(irisbp("config", "show", SMOKE).stdout)
    assert irisbp("train", SMOKE, "--run-dir", "exp", "--overwrite").returncode == 0


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", "", ".", "..", "-x", "a\nb", "x ", "x" * 101])
def test_names_that_are_none(irisbp: Irisbp, tmp_path: Path, name: str) -> None:
    done = irisbp("train", SMOKE, f"--name={name}")
    assert done.returncode == 2
    assert "not a valid name" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = irisbp("train", SMOKE, "--run-dir", "file/x")
    assert done.returncode in (2, 74)
    assert len(done.stderr.splitlines()) == 1
    (tmp_path / "locked").mkdir(mode=0o555)
    done = irisbp("train", SMOKE, "--run-dir", "locked/x", preexec_fn=without_root_powers)
    assert (done.returncode, done.stderr) == (74, "irisbp: cannot make locked/x: Permission denied\n")


def test_a_full_disk(irisbp: Irisbp, tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk that is full after 20 KB."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = irisbp("train", SMOKE, "--quiet", "epochs=20", "--name", "x", preexec_fn=limit)
    assert (done.returncode, done.stdout) == (74, "")
    assert done.stderr == "irisbp: cannot write runs/x/steps.csv: File too large\n"
    assert not (tmp_path / "runs" / "x" / "manifest.json").exists()
    assert "is an unfinished run" in irisbp("evaluate", "runs/x").stderr
    assert irisbp("train", SMOKE, "--quiet", "--name", "x", "--overwrite").returncode == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small file system")
def test_a_really_full_disk(irisbp: Irisbp, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)]).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        # Room for 30 bytes a row, which is all that is asked for before it starts, but not for 45.
        done = irisbp("train", SMOKE, "--quiet", "epochs=13", "--run-dir", "small/x")
        assert (done.returncode, done.stdout) == (74, "")
        assert re.fullmatch(r"irisbp: cannot write small/x/\S+: No space left on device\n", done.stderr)
        assert not (small / "x" / "manifest.json").exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_one_process_per_run(irisbp: Irisbp, tmp_path: Path) -> None:
    first = _start(tmp_path, "epochs=100000", "--quiet", "--name", "x")
    try:
        _wait_for(tmp_path / "runs" / "x" / "steps.csv")
        done = irisbp("train", SMOKE, "--name", "x", "--overwrite")
        assert (done.returncode, done.stderr) == (75, "irisbp: runs/x is in use by another process\n")
    finally:
        first.kill()
        first.communicate()
    assert irisbp("train", SMOKE, "--name", "x", "--overwrite").returncode == 0


# Configs that are none.


def test_config_files_that_are_none(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "junk.yaml").write_bytes(os.urandom(64) + b"\xff\x00")
    (tmp_path / "secret.yaml").write_text("seed: 0\n")
    (tmp_path / "secret.yaml").chmod(0)
    os.mkfifo(tmp_path / "fifo.yaml")
    for name, exit_code, message in [
        ("junk.yaml", 2, "junk.yaml:"),
        ("secret.yaml", 74, "cannot read secret.yaml: Permission denied"),
        ("fifo.yaml", 2, "not a regular file"),
        (".", 2, "is a directory"),
        ("missing.yaml", 2, "missing.yaml: no such file"),
        ("x" * 300, 74, "File name too long"),
    ]:
        done = irisbp("train", name, preexec_fn=without_root_powers)
        assert (done.returncode, done.stdout) == (exit_code, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert not CONTROL.search(done.stderr)
        assert not (tmp_path / "runs").exists()


def test_every_problem_reaches_the_user(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("seed: -1\nlr: 1\nepochs: 0\nnetwork: {hidden: [0]}\noptimizer: 3\n")
    done = irisbp("train", "bad.yaml")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "irisbp: bad.yaml:1:7: seed: -1 is not a whole number from 0 to 2147483647 (with rng: r)",
        "bad.yaml:3:9: epochs: 0 is not a whole number from 1 to 1000000000",
        f"bad.yaml:5:12: optimizer: 3 is not one of {', '.join(CHOICES['optimizer'])}, or a mapping of its"
        " name and options",
        "bad.yaml:4:20: network.hidden[0]: 0 is not allowed in a list of up to 100 layer widths, such as [3]"
        " or [8, 4], each a whole number from 1 to 1000000",
        "bad.yaml:2:1: unknown key lr; did you mean learning_rate?",
    ]


def test_a_network_that_is_too_large_is_refused_at_once(irisbp: Irisbp, tmp_path: Path) -> None:
    began = time.monotonic()
    done = irisbp("train", "network.hidden=[1000000, 1000000]")
    assert done.returncode == 2
    assert "network.hidden: 1000009000003 parameters, 8000.1 GB for each copy of them" in done.stderr
    assert time.monotonic() - began < 10
    assert not list(tmp_path.iterdir())


# Signals and pipes.


def _start(cwd: Path, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "irisbp", "train", SMOKE, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, **(pipes | options))


def _wait_for(path: Path) -> None:
    limit = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size > 10_000):
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_in_good_order(
    irisbp: Irisbp, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    process = _start(tmp_path, "epochs=1000000", "--quiet", "--name", "x")
    _wait_for(tmp_path / "runs" / "x" / "steps.csv")
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == exit_code
    assert errors == (
        "irisbp: stopped; the run holds everything up to here\nirisbp resume runs/x resumes it\n"
    )
    assert "status    interrupted" in output
    manifest = json.loads((tmp_path / "runs" / "x" / "manifest.json").read_text())
    assert manifest["status"] == "interrupted"
    last = (tmp_path / "runs" / "x" / "steps.csv").read_text().splitlines()[-1]
    assert int(last.split(",")[0]) == manifest["steps"]
    assert irisbp("evaluate", "runs/x").returncode == 0


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    process = _start(tmp_path, "--stream", "--quiet", "epochs=2000", "--name", "x")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("step 1 ")
    process.stdout.close()
    assert process.wait(timeout=30) == 141
    assert process.stderr is not None
    assert process.stderr.read() == (
        "irisbp: the reader of the output went away; the run holds everything up to here\n"
        "irisbp resume runs/x resumes it\n"
    )
    process.stderr.close()
    manifest = json.loads((tmp_path / "runs" / "x" / "manifest.json").read_text())
    assert manifest["status"] == "interrupted"


def test_a_stream_into_head_prints_whole_lines_only(tmp_path: Path) -> None:
    """head prints what it has read, up to the middle of a line; so nothing may come in between."""
    errors, theirs = pty.openpty()
    process = _start(tmp_path, "--stream", "epochs=2000", "--name", "x", stderr=theirs)
    os.close(theirs)
    assert process.stdout is not None
    for _ in range(2000):  # some 13 epochs
        assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=30) == 141
    told = os.read(errors, 65536).decode()
    os.close(errors)
    assert told.splitlines() == [
        "irisbp: the reader of the output went away; the run holds everything up to here",
        "irisbp resume runs/x resumes it",
    ]


@pytest.mark.parametrize(
    "arguments", [["train"], ["config", "show"], ["--help"], ["evaluate", "runs/x", "--json"]]
)
def test_a_pipe_that_is_closed_from_the_start(irisbp: Irisbp, tmp_path: Path, arguments: list[str]) -> None:
    irisbp("train", SMOKE, "--name", "x", "--quiet")
    reader, writer = os.pipe()
    os.close(reader)
    done = irisbp(*arguments, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 141
    assert "Exception" not in done.stderr
    assert "Error" not in done.stderr


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed_from_the_start(tmp_path: Path, redirection: str) -> None:
    command = f"exec {sys.executable} -m irisbp train {SMOKE} --name x {redirection}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert (tmp_path / "runs" / "x" / "steps.csv").read_text().startswith("step,epoch")


@pytest.mark.parametrize(
    ("redirection", "exit_code", "message"),
    [("2>/dev/full", 0, ""), (">/dev/full", 74, "irisbp: cannot write to stdout: No space left on device\n")],
)
def test_streams_that_are_full(tmp_path: Path, redirection: str, exit_code: int, message: str) -> None:
    command = f"exec {sys.executable} -m irisbp train {SMOKE} --name x {redirection}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == exit_code
    assert done.stderr.endswith(message)
    assert "Exception" not in done.stderr
    assert (tmp_path / "runs" / "x" / "manifest.json").exists()
    command = f"exec {sys.executable} -m irisbp train nowhere.yaml {redirection}"
    assert subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True).returncode == 2


def test_too_little_memory(irisbp: Irisbp) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    def train(width: int) -> tuple[int, str]:
        arguments = (f"network.hidden=[{width}, {width}]", "rng=numpy", "epochs=1")
        done = irisbp("train", *arguments, preexec_fn=limit)
        return done.returncode, done.stderr.splitlines()[-1]

    assert train(9000) == (
        2,
        "irisbp: network.hidden: 81081003 parameters and 18003 nodes take about 3.3 GB to train;"
        " there are 2.1 GB",
    )
    # What the process itself takes is not foreseen.
    assert train(7200) == (2, "irisbp: not enough memory: the network is too large for this machine")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.06, 0.12, 0.2])
def test_a_signal_at_the_start_ends_it_quietly(
    tmp_path: Path, number: signal.Signals, exit_code: int, delay: float
) -> None:
    process = _start(tmp_path, "epochs=100000", "--quiet", "--name", "x")
    _wait_until_signals_are_handled(process.pid)
    time.sleep(delay)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == exit_code
    assert errors in ("", "irisbp: stopped; the run holds everything up to here\n")


def _wait_until_signals_are_handled(pid: int) -> None:
    """Python itself handles SIGINT, but not SIGTERM: once that is caught, both are ours."""
    status, limit = Path(f"/proc/{pid}/status"), time.monotonic() + 20
    if not status.exists():
        pytest.skip("there is no /proc that tells which signals a process handles")
    while True:
        caught = re.search(r"SigCgt:\s*(\w+)", status.read_text())
        if caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        assert time.monotonic() < limit
        time.sleep(0.001)


# Terminals.


def _on_a_terminal(cwd: Path, environment: dict[str, str], *arguments: str) -> str:
    """What the run writes to a terminal of 100 columns and 30 rows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    unset = ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    process = _start(
        cwd, *arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=inherited | environment, text=False
    )
    os.close(theirs)
    output = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            output += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(timeout=30) == 0
    return output.decode()


def test_a_terminal_gets_the_live_view(tmp_path: Path) -> None:
    text = _on_a_terminal(tmp_path, {"TERM": "xterm-256color"}, "epochs=300")
    assert "\x1b[?25l" in text
    assert text.count("\x1b[?25h") >= 1  # the cursor is shown again
    assert "epoch 300/300" in text
    assert re.search(r"step +sample +loss", re.sub(r"\x1b\[[0-9;]*m", "", text))
    assert "\x1b[36m" in text or "\x1b[2m" in text


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "xterm", "CI": "true"}])
def test_a_terminal_that_cannot_redraw_gets_lines(tmp_path: Path, environment: dict[str, str]) -> None:
    text = _on_a_terminal(tmp_path, environment)
    assert "epoch 5/5  epoch loss" in text
    assert not CONTROL.search(text.replace("\r\n", "\n"))


def test_no_color_is_honoured(tmp_path: Path) -> None:
    text = _on_a_terminal(tmp_path, {"TERM": "xterm-256color", "NO_COLOR": "1"}, "epochs=100")
    colours = re.findall(r"\x1b\[[0-9;]*m", text)
    assert not [c for c in colours if re.search(r"\b(3[0-9]|4[0-9]|9[0-7]|10[0-7])\b", c)]


def test_pipes_carry_no_control_characters(irisbp: Irisbp) -> None:
    for columns in ("20", "80", "200"):
        done = irisbp("train", SMOKE, env=os.environ | {"COLUMNS": columns})
        assert not CONTROL.search(done.stdout + done.stderr)
        assert "epoch 5/5  epoch loss" in done.stderr


def test_classes_that_were_not_learned_are_noted(irisbp: Irisbp, tmp_path: Path) -> None:
    # Of 40 rows, the 3 of class few lie among the 36 of class many; one has a class of its own, far away.
    rows = [f"{k % 6},{k // 6},many" for k in range(36)]
    rows += ["2.5,2.5,few", "3.5,2.5,few", "2.5,3.5,few", "60,60,\x1b[31mone"]
    (tmp_path / "t.csv").write_text("a,b,kind\n" + "\n".join(rows) + "\n")
    arguments = ("train", "data.source=t.csv", "data.target=kind", "epochs=20")
    notes = [line for line in irisbp(*arguments).stderr.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: no training row of class few is classified as such (recall 0);"
        " class_weight=balanced gives rare classes more weight",
        r"note: there is 1 training row of class \x1b[31mone",
    ]
    assert "note:" not in irisbp(*arguments, "--quiet").stderr
    ignored = irisbp(*arguments, "class_weight={few: 0.01}").stderr
    assert "is classified as such (recall 0)\n" in ignored
    weighted = irisbp(*arguments, "class_weight={few: 30}", "--json")
    assert "class few" not in weighted.stderr
    assert json.loads(weighted.stdout)["status"] == "completed"
