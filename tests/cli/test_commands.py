"""`irisbp evaluate`, `irisbp config` and what all commands share."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from irisbp.config.load import load_config
from tests.conftest import CONFIGS, Irisbp, without_root_powers

SMOKE = str(CONFIGS / "smoke.yaml")
EXAMPLES = ["article", "glorot-adam", "glorot-adam-long", "smoke", "tuned"]


@pytest.fixture
def run(irisbp: Irisbp, tmp_path: Path) -> Path:
    assert irisbp("train", SMOKE, "epochs=3", "--name", "x").returncode == 0
    return tmp_path / "runs" / "x"


def test_evaluation_agrees_with_scikit_learn(irisbp: Irisbp, run: Path) -> None:
    done = irisbp("evaluate", str(run), "--json")
    result = json.loads(done.stdout)
    from sklearn.datasets import load_iris

    data = load_iris()
    with np.load(run / "parameters.npz") as p:
        inputs = (data.data - p["standardizer.mean"]) / p["standardizer.sd"]
        hidden = 1 / (1 + np.exp(-(inputs @ p["hidden_1.weight"] + p["hidden_1.bias"])))
        logits = hidden @ p["output.weight"] + p["output.bias"]
    classes = [figures["name"] for figures in result["classes"]]
    truth = [classes.index(data.target_names[k]) for k in data.target]
    predicted = logits.argmax(axis=1)
    np.testing.assert_array_equal(result["confusion"], confusion_matrix(truth, predicted))
    assert [c["precision"] for c in result["classes"]] == pytest.approx(
        precision_score(truth, predicted, average=None)
    )
    assert [c["recall"] for c in result["classes"]] == pytest.approx(
        recall_score(truth, predicted, average=None)
    )
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(150), truth]
    assert result["loss"] == pytest.approx(losses.mean(), rel=1e-12)
    assert result["accuracy"] == pytest.approx(np.mean(predicted == truth))
    assert json.loads((run / "evaluation.json").read_text()) == result


def test_evaluation_says_what_train_said(irisbp: Irisbp) -> None:
    trained = json.loads(irisbp("train", SMOKE, "--json", "--name", "y").stdout)
    evaluated = json.loads(irisbp("evaluate", "runs/y", "--json").stdout)
    assert (evaluated["loss"], evaluated["accuracy"]) == (trained["loss"], trained["accuracy"])


def test_evaluation_for_people(irisbp: Irisbp, run: Path) -> None:
    text = irisbp("evaluate", str(run)).stdout
    lines = text.splitlines()
    assert lines[0] == "samples            150 (all rows of iris, last parameters)"
    names = ["samples", "loss", "accuracy", "balanced accuracy", "macro F1"]
    assert [line[:19].rstrip() for line in lines[:5]] == names
    assert any(line.split() == ["class", "samples", "precision", "recall", "F1"] for line in lines)
    assert lines[-4].split()[:2] == ["class", "\\"]
    assert all(len(line.split()) == 4 for line in lines[-3:])


def test_a_moved_run_evaluates(irisbp: Irisbp, run: Path, tmp_path: Path) -> None:
    before = irisbp("evaluate", str(run), "--json").stdout
    moved = tmp_path / "far" / "away"
    moved.parent.mkdir()
    shutil.move(run, moved)
    assert irisbp("evaluate", "far/away", "--json").stdout == before


@pytest.mark.parametrize(
    ("conditions", "exit_code"),
    [
        (["accuracy>=0.5"], 0),
        (["accuracy >= 0.5", "loss<1e3"], 0),
        (["accuracy>=1.01"], 3),
        (["accuracy<=1", "loss>=1e3"], 3),
        (["balanced_accuracy>=0.3", "macro_f1>=0.1"], 0),
        (["balanced_accuracy>1"], 3),
        (["macro_f1>1"], 3),
        (["accuracy==2"], 3),
    ],
)
def test_assertions(irisbp: Irisbp, run: Path, conditions: list[str], exit_code: int) -> None:
    arguments = [part for condition in conditions for part in ("--assert", condition)]
    done = irisbp("evaluate", str(run), *arguments)
    assert done.returncode == exit_code
    assert ("irisbp: not met: " in done.stderr) == (exit_code == 3)


@pytest.mark.parametrize(
    "condition",
    ["accuracy", "precision>=1", "accuracy=>1", "accuracy>=x", "accuracy>=1_0", "loss<=٣", "loss<=inf"],
)
def test_assertions_that_are_none(irisbp: Irisbp, run: Path, condition: str) -> None:
    done = irisbp("evaluate", str(run), "--assert", condition)
    assert done.returncode == 2
    assert f"--assert {condition}: not a condition" in done.stderr


def test_no_bound_is_infinite(irisbp: Irisbp, run: Path) -> None:
    for condition in ("loss<=1e999", "accuracy>=-1" + "0" * 309):
        done = irisbp("evaluate", str(run), "--assert", condition)
        assert done.returncode == 2, condition
        assert "is beyond the range of float64" in done.stderr


def test_other_files_that_have_changed_are_told(irisbp: Irisbp, run: Path) -> None:
    assert irisbp("evaluate", "runs/x").stderr == ""
    with (run / "steps.csv").open("a") as file:
        file.write("1,2,3\n")
    (run / "epochs.csv").unlink()
    for options in ([], ["--json"]):
        done = irisbp("evaluate", "runs/x", *options)
        assert done.returncode == 0
        assert done.stderr.splitlines() == [
            "note: runs/x/steps.csv is not the file that the run wrote: its sha256 differs",
            "note: runs/x/epochs.csv is not the file that the run wrote: it is missing",
        ]


def test_runs_that_are_none(irisbp: Irisbp, run: Path, tmp_path: Path) -> None:
    def refusal(path: str) -> str:
        done = irisbp("evaluate", path)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    (tmp_path / "empty").mkdir()
    assert "no such directory" in refusal("nowhere")
    (tmp_path / "file.yaml").touch()
    assert "it is a file" in refusal("file.yaml")
    (tmp_path / "odd").mkdir()
    os.mkfifo(tmp_path / "odd" / "manifest.json")
    assert "is not a regular file" in refusal("odd")
    assert "empty is not a run" in refusal("empty")
    parameters = (run / "parameters.npz").read_bytes()
    (run / "parameters.npz").write_bytes(parameters[:-1] + bytes([parameters[-1] ^ 1]))
    assert "is not the file that the run wrote" in refusal("runs/x")
    (run / "parameters.npz").write_bytes(parameters)
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("[4]", "[5]"))
    assert "config.yaml is not the file that the run wrote" in refusal("runs/x")
    (run / "config.yaml").write_text(config)
    manifest = (run / "manifest.json").read_text()
    (run / "manifest.json").write_text(manifest[:-20])
    assert "manifest.json is damaged" in refusal("runs/x")
    (run / "manifest.json").write_text(manifest.replace('"sha256": "', '"sha256": "0'))
    assert "iris has changed since runs/x was trained on it" in refusal("runs/x")
    (run / "manifest.json").write_text(manifest.replace('"setosa"', '"rosa"'))
    assert "its classes differ from those of the data" in refusal("runs/x")
    (run / "manifest.json").write_text(manifest)
    assert irisbp("evaluate", "runs/x").returncode == 0


def test_a_run_that_cannot_be_written_into_is_still_shown(irisbp: Irisbp, run: Path) -> None:
    run.chmod(0o555)
    done = irisbp("evaluate", str(run), preexec_fn=without_root_powers)
    assert done.returncode == 74
    assert "accuracy" in done.stdout
    assert "evaluation.json: Permission denied" in done.stderr
    done = irisbp("evaluate", str(run), "--assert", "accuracy>2", preexec_fn=without_root_powers)
    assert done.returncode == 74
    assert "not met: accuracy > 2" in done.stderr


def test_an_evaluation_is_kept_though_its_reader_goes_away(irisbp: Irisbp, run: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = irisbp("evaluate", str(run), capture_output=False, stdout=writer)
    os.close(writer)
    assert done.returncode == 141
    assert (run / "evaluation.json").exists()


def test_config_show_is_complete_and_reads_back(irisbp: Irisbp, tmp_path: Path) -> None:
    shown = irisbp("config", "show", SMOKE, "optimizer=adam", "seed=7").stdout
    (tmp_path / "shown.yaml").write_text(shown)
    assert load_config(tmp_path / "shown.yaml") == load_config(Path(SMOKE), ["optimizer=adam", "seed=7"])
    assert "epsilon: 1.0e-08" in shown


def test_config_validate(irisbp: Irisbp, tmp_path: Path) -> None:
    done = irisbp("config", "validate", SMOKE)
    assert (done.returncode, done.stdout) == (0, f"{SMOKE}: valid\n")
    (tmp_path / "bad.yaml").write_text("seed: -1\nlr: 3\n")
    done = irisbp("config", "validate", "bad.yaml", "rng=R")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize("name", EXAMPLES)
def test_config_new_writes_an_example(irisbp: Irisbp, tmp_path: Path, name: str) -> None:
    done = irisbp("config", "new", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}.yaml\n", "")
    assert (tmp_path / f"{name}.yaml").read_bytes() == (CONFIGS / f"{name}.yaml").read_bytes()
    assert irisbp("config", "validate", f"{name}.yaml").stdout == f"{name}.yaml: valid\n"


def test_config_new_without_a_name_is_the_article(irisbp: Irisbp, tmp_path: Path) -> None:
    assert irisbp("config", "new", "--output", "my first.yaml").stdout == "my first.yaml\n"
    assert (tmp_path / "my first.yaml").read_bytes() == (CONFIGS / "article.yaml").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["my first.yaml"]
    assert irisbp("config", "new").stdout == "article.yaml\n"


def test_config_new_lists_the_examples(irisbp: Irisbp) -> None:
    text = " ".join(irisbp("config", "new", "--help").stdout.split())
    assert ", ".join(EXAMPLES) in text
    for name, shown, hint in (("tunde", "tunde", "; did you mean tuned?"), ("x\x1b[31m", "x\\x1b[31m", "")):
        done = irisbp("config", "new", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f'irisbp: example "{shown}" is not one of {", ".join(EXAMPLES)}{hint}\n'


def test_config_new_never_overwrites(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "article.yaml").write_text("epochs: 7\n")
    for options in ((), ("smoke", "--output", "article.yaml")):
        done = irisbp("config", "new", *options)
        assert (done.returncode, done.stdout) == (2, "")
        message = "article.yaml exists and is not overwritten; --output names another file"
        assert done.stderr == f"irisbp: {message}\n"
    assert (tmp_path / "article.yaml").read_text() == "epochs: 7\n"


def test_help_of_everything(irisbp: Irisbp) -> None:
    text = irisbp("--help").stdout
    assert irisbp().stdout == text
    for command in ("train", "evaluate", "config"):
        assert command in text
        done = irisbp(command, "--help")
        assert done.returncode == 0
        assert "Usage: irisbp " + command in done.stdout
    assert irisbp("--version").stdout == "0.1.0\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tran"], "No such command 'tran'. Did you mean 'train'?"),
        (["train", "--nmae", "x"], "No such option: --nmae"),
        (["evaluate"], "Missing argument 'RUN'"),
        (["train", "a\x1b[31m\u202e.yaml"], "a\\x1b[31m\\u202e.yaml: no such file"),
        (["train", "se\x1b[31med=3"], "se\\x1b[31med=3: no such file"),
        (["train", "seed=\x9b"], "argument seed=\\x9b: "),
    ],
)
def test_wrong_words(irisbp: Irisbp, arguments: list[str], message: str) -> None:
    done = irisbp(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr


def test_the_command_is_installed() -> None:
    script = Path(sys.executable).parent / "irisbp"
    assert subprocess.run([script, "--version"], capture_output=True, text=True).stdout == "0.1.0\n"


def test_a_message_that_the_terminal_cannot_encode(irisbp: Irisbp) -> None:
    done = irisbp("train", "fl\u00f6wers.yaml", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.stderr == "irisbp: fl\\xf6wers.yaml: no such file\n"


def test_a_signal_after_the_end_changes_no_exit_code() -> None:
    late = "atexit.register(signal.raise_signal, signal.SIGINT)"
    code = f"import atexit, signal, sys; {late}; sys.argv[1:] = ['--version']"
    command = [sys.executable, "-c", f"{code}; from irisbp.__main__ import main; main()"]
    assert subprocess.run(command, capture_output=True).returncode == 0
