"""`irisbp runs` as its users run it."""

import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from irisbp.config.load import load_config
from irisbp.runs.compare import diff as diff_runs
from irisbp.runs.listing import list_entries
from irisbp.runs.verify import verify
from irisbp.show.runs import config_words, print_diff, print_list, print_run, print_verification
from tests.conftest import CONFIGS, Irisbp
from tests.making import entry_of, epochs_of, files_of
from tests.runs.test_listing import made

SMOKE = str(CONFIGS / "smoke.yaml")
HELD_OUT = ["data.validation=0.2", "early_stopping={patience: 1, min_delta: 100}"]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A whole run, one that stopped early, one that diverged, an unfinished and a damaged one."""
    place = tmp_path / "runs"
    whole = made(place / "a", "epochs=3")
    made(place / "b", "optimizer=adam", "learning_rate=0.01", *HELD_OUT)
    for name in ("killed", "bad"):
        shutil.copytree(whole, place / name)
    (place / "killed" / "manifest.json").unlink()
    (place / "bad" / "manifest.json").write_text("{}")
    (place / "empty").mkdir()
    return place


def _json(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout, parse_constant=pytest.fail)


# What is printed, where.


def test_the_list(irisbp: Irisbp, runs: Path) -> None:
    done = irisbp("runs")
    assert (done.returncode, done.stderr) == (0, "")
    assert irisbp("runs", "list").stdout == irisbp("runs", "list", "runs").stdout == done.stdout
    header, *rows = done.stdout.splitlines()
    assert re.split("  +", header) == [
        "run", "status", "config", "loss", "accuracy", "validation", "started (UTC)",
    ]  # fmt: skip
    cells = {row.split()[0]: re.split("  +", row) for row in rows if row.startswith("runs/")}
    assert cells["runs/a"][1:3] == ["completed", "sgd 0.1, epochs 3"]
    assert cells["runs/b"][1:3] == [
        "stopped early", "adam 0.01, epochs 5, validation 0.2, patience 1, min_delta 100.0",
    ]  # fmt: skip
    # The figures are those of the parameters that the run names, as train showed them.
    evaluated = [
        _json(irisbp("evaluate", "runs/b", "--on", on, "--json")) for on in ("training", "validation")
    ]
    assert float(cells["runs/b"][3]) == pytest.approx(evaluated[0]["loss"], abs=1e-6)
    loss, accuracy = map(float, cells["runs/b"][5].split())
    assert loss == pytest.approx(evaluated[1]["loss"], abs=1e-6)
    assert accuracy == pytest.approx(evaluated[1]["accuracy"], abs=1e-4)
    assert cells["runs/killed"][1] == "unfinished"
    assert cells["runs/bad"][1] == "damaged"
    assert "damaged: runs/bad/manifest.json is damaged: status: Field required" in rows


def test_the_list_as_json(irisbp: Irisbp, runs: Path) -> None:
    listed = _json(irisbp("runs", "list", "--json"))["runs"]
    by_name = {run["name"]: run for run in listed}
    assert set(by_name) == {"a", "b", "killed", "bad"}
    assert by_name["b"]["config"]["optimizer"]["name"] == "adam"
    assert by_name["b"]["status"] == "stopped early"
    assert 0 < by_name["b"]["validation_loss"] < 2
    assert by_name["a"]["validation_loss"] is None
    assert by_name["a"]["epoch"] == 3


def test_no_runs(irisbp: Irisbp, tmp_path: Path) -> None:
    assert irisbp("runs").stdout == "no runs in runs\n"
    assert _json(irisbp("runs", "list", "--json")) == {"runs": []}
    done = irisbp("runs", "list", "nowhere")
    assert (done.returncode, done.stderr) == (2, "irisbp: nowhere: no such directory\n")


def test_one_run(irisbp: Irisbp, runs: Path) -> None:
    lines = irisbp("runs", "show", "runs/b").stdout.splitlines()
    assert lines[:2] == ["run          runs/b", "status       stopped early"]
    given = lines[lines.index("config") + 1 : lines.index("config, by default") - 1]
    assert [line.split()[0] for line in given] == [
        "seed", "rng", "learning_rate", "epochs", "optimizer.name", "network.hidden",
        "data.validation", "early_stopping.patience", "early_stopping.min_delta",
    ]  # fmt: skip
    assert re.search(r"^steps.csv +\d+  as written$", "\n".join(lines), flags=re.MULTILINE)
    shown = _json(irisbp("runs", "show", "runs/b", "--json"))
    assert shown["manifest"]["stopped_early"] is True
    assert {file["name"]: file["state"] for file in shown["files"]}["steps.csv"] == "as written"
    assert shown["not_default"][0] == "seed"
    for name in ("killed", "bad"):
        assert irisbp("runs", "show", f"runs/{name}").returncode == 0
        assert _json(irisbp("runs", "show", f"runs/{name}", "--json"))["manifest"] is None
    assert irisbp("runs", "show", "runs/empty").returncode == 2


def test_two_runs(irisbp: Irisbp, runs: Path) -> None:
    text = irisbp("runs", "diff", "runs/a", "runs/b").stdout
    assert (
        text.index("optimizer.name")
        < text.index("first differs at epoch 1, step 1")
        < text.index("at the end")
    )
    assert re.search(r"^\d+ of 35 parameters differ, by up to \S+ at \w+\.\w+\[[\d,]+\]$", text, re.MULTILINE)
    found = _json(irisbp("runs", "diff", "runs/a", "runs/b", "--json"))
    assert found["config"]["optimizer.name"] == ["sgd", "adam"]
    assert found["first_difference"]["differ"] is True
    done = irisbp("runs", "diff", "runs/a", "runs/killed")
    assert done.returncode == 0
    assert done.stdout.startswith("the configs are equal\n")
    assert "the losses are equal to the bit: 450 samples" in done.stdout
    assert "the 35 parameters are equal to the bit" in done.stdout
    assert irisbp("runs", "diff", "runs/a", "runs/empty").returncode == 2


def test_losses_that_json_has_no_word_for(irisbp: Irisbp, tmp_path: Path) -> None:
    for name, rate in (("x", "1e308"), ("y", "1e307")):
        irisbp("train", f"learning_rate={rate}", "network.hidden=[]", "--name", name)
    for command in (["list"], ["show", "runs/x"], ["diff", "runs/x", "runs/y"], ["verify", "runs/x"]):
        _json(irisbp("runs", *command, "--json"))


# Files that no run has.


def _with_little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


@pytest.mark.parametrize("kind", ["huge", "pipe", "link"])
@pytest.mark.parametrize("name", ["manifest.json", "config.yaml", "parameters.npz"])
def test_a_file_that_no_run_has_is_refused_at_once(
    irisbp: Irisbp, runs: Path, tmp_path: Path, name: str, kind: str
) -> None:
    """8 GiB without a content, a pipe without a writer, a link out of the run; other runs are listed."""
    file = runs / "a" / name
    file.rename(tmp_path / "aside")
    if kind == "huge":
        with file.open("wb") as made:
            made.truncate(8 << 30)
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(tmp_path / "aside")
    problem = "has more than" if kind == "huge" else "is not a regular file"
    options: dict[str, Any] = {"timeout": 20, "preexec_fn": _with_little_memory}
    listed = {run["name"]: run for run in _json(irisbp("runs", "list", "--json", **options))["runs"]}
    assert {key: run["status"] for key, run in listed.items() if key != "a"} == {
        "b": "stopped early",
        "killed": "unfinished",
        "bad": "damaged",
    }
    if name != "parameters.npz":  # which a list does not read
        assert listed["a"]["status"] == "damaged"
        assert listed["a"]["problem"].startswith(f"runs/a/{name} {problem}")
    assert irisbp("runs", "show", "runs/a", **options).returncode == 0
    for command in ("evaluate", "plot", "explain", "resume", "gradcheck", "runs verify --quiet"):
        done = irisbp(*command.split(), "runs/a", **options)
        assert (done.returncode, done.stdout) == (2, ""), command
        assert f"{name} " in done.stderr
        assert len(done.stderr.splitlines()) == 1


# Repeating a run.


def test_a_run_is_repeated(irisbp: Irisbp, runs: Path) -> None:
    done = irisbp("runs", "verify", "runs/a")
    assert done.returncode == 0
    assert done.stdout.endswith("\nthe run repeats to the byte: 450 steps\n")
    assert len(done.stderr.splitlines()) == 3
    assert irisbp("runs", "verify", "runs/a", "--quiet").stderr == ""
    assert _json(irisbp("runs", "verify", "runs/b", "--json", "--quiet"))["equal"] is True


def test_a_run_that_does_not_repeat(irisbp: Irisbp, runs: Path) -> None:
    steps = runs / "a" / "steps.csv"
    lines = steps.read_text().splitlines()
    lines[99] += "1"
    steps.write_text("\n".join(lines) + "\n")
    done = irisbp("runs", "verify", "runs/a", "--quiet")
    assert done.returncode == 3
    assert done.stderr == "irisbp: runs/a does not repeat: steps.csv differs first, at line 100\n"
    assert f"steps.csv, line 100, the run: {lines[99]}\n" in done.stdout
    assert "note: steps.csv is not the file that the run wrote: its sha256 differs\n" in done.stdout
    result = _json(irisbp("runs", "verify", "runs/a", "--quiet", "--json"))
    assert (result["equal"], result["first"]) == (False, "steps.csv")


def test_other_versions_may_be_why(irisbp: Irisbp, runs: Path) -> None:
    manifest = runs / "a" / "manifest.json"
    manifest.write_text(re.sub('"numpy": "[^"]*"', '"numpy": "1.0.0"', manifest.read_text()))
    done = irisbp("runs", "verify", "runs/a", "--quiet")
    assert done.returncode == 0
    assert "note: the run was made by numpy 1.0.0; this is " in done.stdout
    (runs / "a" / "epochs.csv").write_text("")
    done = irisbp("runs", "verify", "runs/a", "--quiet")
    assert done.returncode == 2
    assert "epochs.csv differs first, at line 1; different versions may be the cause" in done.stderr


def test_runs_that_cannot_be_repeated(irisbp: Irisbp, runs: Path) -> None:
    for name in ("killed", "bad", "empty", "nowhere"):
        done = irisbp("runs", "verify", f"runs/{name}")
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1


def test_a_run_that_was_stopped_is_repeated_as_far_as_it_went(irisbp: Irisbp, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "irisbp", "train", SMOKE, "epochs=1000000", "--name", "x", "--quiet"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        steps = tmp_path / "runs" / "x" / "steps.csv"
        for _ in range(600):
            if steps.exists() and steps.stat().st_size > 100_000:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    done = irisbp("runs", "verify", "runs/x", "--quiet")
    assert done.returncode == 0
    assert re.search(r"note: the run was interrupted after step \d+; it was compared up to", done.stdout)


def test_a_signal_ends_the_repetition_and_leaves_nothing(irisbp: Irisbp, tmp_path: Path) -> None:
    irisbp("train", SMOKE, "epochs=2000", "--name", "x", "--quiet")
    places = tmp_path / "places"
    places.mkdir()
    command = [sys.executable, "-m", "irisbp", "runs", "verify", "runs/x"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"TMPDIR": str(places)}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the first epoch's line
        assert list(places.iterdir())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.endswith("irisbp: stopped; nothing was compared\n")
    assert not list(places.iterdir())


# Pipes, terminals, and text from outside.

COMMANDS = (["list"], ["show", "runs/b"], ["diff", "runs/a", "runs/b"], ["verify", "runs/a", "--quiet"])


@pytest.mark.parametrize("command", COMMANDS)
def test_pipes_get_plain_lines(irisbp: Irisbp, runs: Path, command: list[str]) -> None:
    text = irisbp("runs", *command).stdout
    assert text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert all(line == line.rstrip() for line in text.split("\n"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_goes_away(irisbp: Irisbp, runs: Path, command: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = irisbp("runs", *command, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def _printed(runs: Path, width: int) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=None, markup=False, emoji=False
    )
    print_list(console, list_entries(runs), "runs")
    for run in (runs / "b", runs / "killed"):
        print_run(console, entry_of(run), epochs_of(run, 5), files_of(run))
    print_diff(console, diff_runs(runs / "a", runs / "b"))
    print_verification(console, verify(runs / "a"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100, 200])
def test_no_number_is_cut_at_any_width(runs: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.parent)  # short paths, which a terminal need not break
    text = _printed(Path("runs"), width)
    for line in text.split("\n"):
        assert line == line.rstrip()
        assert len(line) <= width or " " not in line.strip()
        # What is wider than the terminal has no number in it that could be cut.
        assert len(line) <= width or not re.fullmatch(r"[-+.\de]+", line.strip())
    wide = _printed(Path("runs"), 10_000)
    numbers = set(re.findall(r"(?<![\w.])\d+\.\d{4,6}(?![\w.])", wide))
    assert numbers
    assert all(re.search(rf"(?<![\w.]){re.escape(number)}(?![\w.])", text) for number in numbers)


@pytest.mark.parametrize("width", [20, 40])
def test_a_long_loss_is_shortened_or_moved_and_never_cut(
    runs: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.chdir(runs.parent)
    steps = Path("runs/killed/steps.csv")
    lines = steps.read_text().splitlines()
    lines[9] = lines[9].rpartition(",")[0] + ",1.2345678901234567e-05"
    for run in ("killed", "a"):
        Path(f"runs/{run}/steps.csv").write_text("\n".join(lines) + "\n")
    made(Path("runs/c"), "epochs=3")
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    print_diff(console, diff_runs(Path("runs/c"), Path("runs/killed")))
    print_verification(console, verify(Path("runs/a")))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    whole = "1.2345678901234567e-05" if width > 22 else "1.23456789012346e-05"
    assert whole in text
    assert "1.2345678901234567e-05" in text  # the file's line as it is
    longest = max(width, len("1.2345678901234567e-05"))
    assert all(len(line) <= longest for line in text.split("\n"))


def test_where_the_list_is_too_wide_the_config_goes_below(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    print_list(console, list_entries(Path("runs")), "runs")
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0].split() == ["run", "status", "loss", "accuracy", "validation", "started"]
    where = next(k for k, line in enumerate(lines) if line.startswith("runs/a "))
    assert re.fullmatch(r"runs/a +completed +0\.\d+ +0\.\d+ +- +\d{4}-\d\d-\d\d", lines[where])
    assert lines[where + 1] == "  sgd 0.1, epochs 3"


def test_text_from_outside_is_shown_literally(irisbp: Irisbp, tmp_path: Path) -> None:
    classes = ["[bold]a", "\u202eb", "c\x1b[31m"]
    rows = [f"{k + 0.5},{classes[k % 3]}" for k in range(12)]
    (tmp_path / "t.csv").write_text("x\x9b,kind\n" + "\n".join(rows) + "\n")
    own = ["data.source=t.csv", "data.target=kind"]
    place = "r\x1b[31m\u202e[red]"
    assert irisbp("train", SMOKE, *own, "--run-dir", f"{place}/a", "--quiet").returncode == 0
    assert irisbp("train", SMOKE, *own, "seed=2", "--run-dir", f"{place}/b", "--quiet").returncode == 0
    steps = tmp_path / place / "b" / "steps.csv"
    steps.write_text(steps.read_text().replace("[bold]", "\x1b]0;x\x07"))
    a, b = f"{place}/a", f"{place}/b"
    for command in (["list", place], ["show", a], ["diff", a, b], ["verify", b, "--quiet"]):
        done = irisbp("runs", *command)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", done.stdout + done.stderr)
        assert "r\\x1b[31m\\u202e[red]" in done.stdout + done.stderr
    assert "[bold]a" in irisbp("runs", "show", a).stdout


# A config in a word.


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([[]], ["sgd 0.1, hidden 4, seed 1"]),
        ([["seed=1"], ["seed=2"]], ["seed 1", "seed 2"]),
        ([[], ["batch_size=8"]], ["sgd 0.1, hidden 4, seed 1", "batch_size 8"]),
        ([["optimizer=adam", "learning_rate=1e-3"], []], ["adam 0.001", "sgd 0.1"]),
        ([["network.hidden=[]"], ["network.hidden=[8,4]", "seed=7"]],
         ["hidden none, seed 1", "hidden 8-4, seed 7"]),
        ([["initializer=zeros"], ["schedule=cosine"]], ["zeros", "normal, cosine"]),
    ],
)  # fmt: skip
def test_a_config_in_a_word(overrides: list[list[str]], words: list[str]) -> None:
    assert config_words([load_config(Path(SMOKE), some) for some in overrides]) == words
    assert config_words([None]) == ["-"]
