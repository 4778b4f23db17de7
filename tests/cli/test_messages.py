"""Messages name the cause, and what is meant, as users read them."""

import json
import os
import shutil
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from irisbp.cli import app
from irisbp.errors import IrisbpError
from tests.conftest import CONFIGS, Irisbp

SMOKE = str(CONFIGS / "smoke.yaml")


def refusal(*arguments: str) -> str:
    """The message of a call that is an error of usage."""
    with pytest.raises(IrisbpError) as caught:
        app([*arguments], prog_name="irisbp", standalone_mode=False)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(*arguments: str) -> None:
    assert not app(["train", SMOKE, "epochs=1", *arguments, "--quiet"], standalone_mode=False)


def test_a_key_of_very_many_words_is_refused_at_once() -> None:
    key = "a." * 50_000 + "b"
    for command in ("train", "sweep"):
        began = process_time()
        assert refusal(command, f"{key}=1").endswith("...: a key of 50001 words; at most 20 can be nested")
        assert process_time() - began < 2.0
    assert ": not KEY=VALUE, since a key has no dashes; " in refusal("train", "a" + "-" * 5000 + "=1")


@pytest.mark.parametrize("value", ["\u0663", "0:\u0661\u0660", "\uff11\uff12", "0:\uff11\uff10"])
def test_numbers_are_written_in_the_digits_0_to_9(value: str) -> None:
    for command in ("train", "sweep"):
        assert f'seed: "{value}" is not a whole number' in refusal(command, f"seed={value}")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--epochs", "5"], "--epochs; a key of the config is given without dashes: epochs=5"),
        (["--seed=3"], "--seed; a key of the config is given without dashes: seed=3"),
        (["--learning-rate", "0.1"], "dashes: learning_rate=0.1"),
        (["--lr", "0.1"], "--lr; a key of the config is given without dashes: learning_rate=0.1"),
        (["--optimizer.momentum=0.3"], "dashes: optimizer.momentum=0.3"),
        (["--momentum", "--quiet"], "dashes: optimizer.momentum=VALUE"),
        (["--quite"], "No such option: --quite (Possible options: --quiet)"),
    ],
)
def test_an_option_that_is_a_key(irisbp: Irisbp, words: list[str], meant: str) -> None:
    done = irisbp("train", SMOKE, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("irisbp: No such option: --")
    assert done.stderr.endswith(f"{meant} (see --help)\n")


def test_an_option_of_a_command_without_keys_is_no_key(irisbp: Irisbp) -> None:
    assert irisbp("runs", "--epochs", "3").stderr == "irisbp: No such option: --epochs (see --help)\n"


@pytest.mark.parametrize("command", ["train", "sweep"])
@pytest.mark.parametrize("config", [[SMOKE], []])
def test_a_key_with_a_dash(here: Path, command: str, config: list[str]) -> None:
    assert refusal(command, *config, "learning-rate=0.1") == (
        "argument learning-rate=0.1: not KEY=VALUE, since a key has no dashes;"
        " did you mean learning_rate=0.1?"
    )


def test_a_config_behind_a_key(here: Path) -> None:
    (here / "a.yaml").touch()
    assert refusal("train", "epochs=2", "a.yaml").endswith("; the config, one at most, comes first")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["optimizer.momentum=0.9", "optimizer=sgd"],
            "argument optimizer=sgd: it would replace optimizer.momentum=0.9, which is given before it",
        ),
        (["epochs=1", "seed=2", "epochs=2"], "argument epochs=2: it would replace epochs=1, "),
        (
            ["optimizer=adam", "optimizer.name=sgd"],
            "argument optimizer.name=sgd: it would replace optimizer=a",
        ),
        (
            ["early_stopping={patience: 2}", "early_stopping.patience=3"],
            "argument early_stopping.patience=3: it would replace early_stopping={patience: 2}",
        ),
    ],
)
def test_an_argument_that_would_replace_another(here: Path, arguments: list[str], message: str) -> None:
    assert refusal("train", SMOKE, *arguments).startswith(message)
    assert refusal("config", "show", SMOKE, *arguments).startswith(message)


def test_values_that_would_replace_others(here: Path) -> None:
    told = refusal("sweep", SMOKE, "optimizer.momentum=0,0.9", "optimizer=sgd", "seed=0:2")
    assert told.startswith("argument optimizer=sgd: it would replace optimizer.momentum=0,0.9, ")


def test_options_of_a_choice_that_is_given_before_are_combined(irisbp: Irisbp) -> None:
    shown = irisbp("config", "show", "optimizer=adam", "optimizer.beta1=0.8", "optimizer.beta2=0.9").stdout
    assert "optimizer: {name: adam, beta1: 0.8, beta2: 0.9, " in shown


@pytest.mark.parametrize(
    "argument", ["learning_rate=0.1,0.2", "seed=0:3", "optimizer=sgd,adam", "l2=0:1:0.1"]
)
def test_several_values_are_for_a_sweep(here: Path, argument: str) -> None:
    assert refusal("train", SMOKE, argument).endswith("; irisbp sweep takes several values")


def test_a_wrong_value_of_a_file_does_not_point_at_sweep(here: Path) -> None:
    (here / "c.yaml").write_text("learning_rate: 0.1,0.2\n")
    assert "sweep" not in refusal("train", "c.yaml")


def test_ranges_of_fractions(irisbp: Irisbp, tmp_path: Path) -> None:
    """Without their end, as the ranges of whole numbers; three tenths are 0.3, not 0.30000000000000004."""
    done = irisbp("sweep", SMOKE, "epochs=1", "learning_rate=0.1:0.5:0.1", "l2=1e-3,0.5:0.2:-0.15", "--json")
    assert (done.returncode, json.loads(done.stdout)["runs"]) == (0, 12)
    folder = next((tmp_path / "runs").iterdir())
    rows = [line.split(",") for line in (folder / "results.csv").read_text().splitlines()]
    columns = [rows[0].index(key) for key in ("learning_rate", "l2")]
    found = [tuple(row[k] for k in columns) for row in rows[1:]]
    assert found == [(a, b) for a in ("0.1", "0.2", "0.3", "0.4") for b in ("1e-3", "0.5", "0.35")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("0.5:0.1:0.1", "0.5:0.1 is an empty range: a range does not include its end"),
        ("0.1:0.5", "a range of fractions needs a step, such as 0.1:0.5:0.1"),
        ("0.1:0.5:0.0", "the range's step must not be 0"),
        ("0:1:1e-9", "1000000000 values; a sweep has at most 1000000 runs"),
    ],
)
def test_ranges_of_fractions_that_are_wrong(here: Path, values: str, message: str) -> None:
    assert refusal("sweep", SMOKE, f"learning_rate={values}") == f"argument learning_rate={values}: {message}"


@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        (["seed=0:3", "l2=0,0.1"], "seed is 0:2 there and 0:3 here"),
        (["seed=0:2", "l2=0,0.1", "epochs=2"], "the configs differ in epochs"),
        (["seed=0:2"], "l2 varies there, but not here"),
        (["seed=0:2", "l2=0,0.1", "optimizer=sgd,adam"], "optimizer varies here, but not there"),
        (
            ["l2=0,0.1", "seed=0:2"],
            "the same keys are given in another order, or the same values in other words",
        ),
    ],
)
def test_a_sweep_of_another_grid_says_what_differs(
    swept: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], difference: str
) -> None:
    monkeypatch.chdir(swept)
    epochs = [] if "epochs=2" in arguments else ["epochs=1"]
    told = refusal("sweep", SMOKE, *arguments, *epochs, "--name", "s", "--resume")
    assert told == f"runs/s is another sweep: {difference}"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("swept")
    before = Path.cwd()
    os.chdir(place)
    app(["sweep", SMOKE, "epochs=1", "seed=0:2", "l2=0,0.1", "--name", "s", "--quiet"], standalone_mode=False)
    os.chdir(before)
    return place


def test_the_nearest_name(here: Path) -> None:
    trained("--name", "article-001")
    shutil.copytree(CONFIGS, here / "configs")
    (here / "flowers.csv").write_text("a,kind\n1,x\n2,y\n")
    for command in (["evaluate"], ["runs", "show"], ["resume"], ["plot"], ["gradcheck"]):
        assert "did you mean runs/article-001?" in refusal(*command, "runs/artcle-001"), command
        assert "did you mean" not in refusal(*command, "runs/nothing-like-it"), command
    assert "did you mean runs/article-001?" in refusal("evaluate", "article-001")
    assert "no such directory; did you mean runs?" in refusal("runs", "list", "run")
    assert "no such file; did you mean configs/smoke.yaml?" in refusal("train", "configs/smok.yaml")
    assert "no such file; did you mean configs/smoke.yaml?" in refusal("train", "smoke.yaml")
    assert f"did you mean {here}/flowers.csv?" in refusal("table", "flower.csv")


def test_a_split_that_leaves_one_row_of_each_class(here: Path) -> None:
    (here / "few.csv").write_text("mass,kind\n1,a\n2,a\n3,b\n4,b\n5,c\n7,c\n")
    table = ["train", "data.source=few.csv", "data.target=kind", "epochs=1", "--quiet"]
    told = refusal(*table, "data.validation=0.5")
    assert told.endswith(
        "few.csv: with data.validation=0.5, one row of each class is left to train on; give a smaller part"
    )
    told = refusal(*table, "data.folds=2", "data.fold=0")
    assert told.endswith("with data.folds=2, one row of each class is left to train on; give more folds")
    assert not app(table, standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (
            ["l2=1000"],
            "l2 or the learning rate is too large: their product, 1000 * 0.1, is more than 2,"
            " so that each update makes the weights larger.",
        ),
        (
            ["optimizer={name: adamw, weight_decay: 1e5}"],
            "optimizer.weight_decay or the learning rate is too large: their product, 100000 * 0.1,"
            " is more than 2, so that each update makes the weights larger.",
        ),
        (
            ["l2=1e200", "optimizer.momentum=0.5"],
            "The learning rate, l2 or the initial parameters may be too large.",
        ),
        (
            ["learning_rate=1e308", "network.hidden=[]"],
            "The learning rate may be too large, or the initial parameters too large.",
        ),
    ],
)
def test_the_cause_of_a_divergence(irisbp: Irisbp, arguments: list[str], cause: str) -> None:
    done = irisbp("train", SMOKE, "epochs=20", *arguments, "--quiet")
    assert done.returncode == 4
    first, *rest = done.stderr.splitlines()
    assert first.startswith("irisbp: diverged: ")
    assert rest == [cause]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"epochs": "x"}, 'epochs: "x" is not valid'),
        ({"status": "done"}, 'status: "done" is not valid'),
        ({"more": 1}, "more is unknown"),
        ({"steps": None}, "steps: null is not valid"),
    ],
)
def test_damage_is_told_in_our_words(here: Path, change: dict[str, Any], told: str) -> None:
    trained("--name", "x")
    file = here / "runs" / "x" / "manifest.json"
    whole = file.read_text()
    file.write_text(json.dumps(json.loads(whole) | change))
    assert refusal("evaluate", "runs/x") == f"runs/x/manifest.json is damaged: {told}"
    del (without := json.loads(whole))["classes"]
    file.write_text(json.dumps(without))
    assert refusal("evaluate", "runs/x") == "runs/x/manifest.json is damaged: classes is missing"
    file.write_text(whole[:50])
    assert refusal("evaluate", "runs/x").endswith("is damaged: it is not JSON, or it is cut off")


def test_a_list_of_runs_names_the_keys_of_checkpoints(irisbp: Irisbp) -> None:
    for name, more in (("a", []), ("b", ["checkpoint_every=7"])):
        irisbp("train", SMOKE, "epochs=9", *more, "--name", name, "--quiet")
    rows = {line.split()[0]: line for line in irisbp("runs").stdout.splitlines()}
    assert "checkpoint_every.epochs 7" in rows["runs/b"]
    irisbp("train", SMOKE, "--name", "c", "--quiet")
    rows = {
        line.split()[0]: line
        for line in irisbp("runs", env=os.environ | {"COLUMNS": "200"}).stdout.splitlines()
    }
    assert "epochs 9, checkpoint_every.epochs 7" in rows["runs/b"]
