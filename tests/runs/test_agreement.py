"""A run or a sweep whose files contradict each other, though each has the sha256 that the manifest says."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import irisbp
from irisbp.errors import RunError
from irisbp.runs.verify import verify
from tests.conftest import Irisbp
from tests.making import entry_of, make_run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 3 epochs of 150 rows, and a sweep of two of 1 epoch."""
    folder = tmp_path_factory.mktemp("whole")
    make_run(folder / "run", "epochs=3")
    irisbp.sweep({"epochs": 1}, {"seed": [0, 1]}, directory=folder / "sweep")
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole / "run", tmp_path / "run")
    return tmp_path / "run"


def _say(run: Path, **entries: Any) -> None:
    """Put entries into the manifest; text is put in as it is."""
    manifest = json.loads((run / "manifest.json").read_bytes()) | entries
    (run / "manifest.json").write_text(json.dumps(manifest))


def _configure(run: Path, was: str, now: str) -> None:
    """Change the config, and its sha256 in the manifest."""
    content = (run / "config.yaml").read_bytes().replace(was.encode(), now.encode())
    (run / "config.yaml").write_bytes(content)
    files = json.loads((run / "manifest.json").read_bytes())["files"]
    _say(run, files=files | {"config.yaml": hashlib.sha256(content).hexdigest()})


COMMANDS: dict[str, Callable[[Path], object]] = {
    "open": irisbp.open_run,
    "verify": verify,
    "resume": irisbp.resume,
    "evaluate": irisbp.evaluate,
    "explain": lambda run: irisbp.explain(run, step=3),
    "gradcheck": irisbp.gradcheck,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_config_that_would_train_on_is_refused_at_once(run: Path, command: str) -> None:
    _configure(run, "epochs: 3", "epochs: 1000000000")
    with pytest.raises(RunError) as caught:
        COMMANDS[command](run)
    assert str(caught.value) == (
        f"{run} contradicts itself: config.yaml has 1000000000 epochs, manifest.json 3 epochs (completed);"
        " one of the two is not the run's"
    )
    entry = entry_of(run)
    assert (entry.status, entry.problem) == ("damaged", str(caught.value))


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"epochs": 4}, r"config\.yaml has 3 epochs, manifest\.json 4 epochs \(completed\)"),
        ({"steps": 451}, r"has batches of 1: 450 steps in 3 epochs, manifest\.json 451 steps"),
        ({"steps": 449}, r"manifest\.json 449 steps"),
        ({"status": "interrupted", "steps": 451}, r"manifest\.json 451 steps"),
        ({"stopped_early": True}, r"has no early_stopping, manifest\.json an early stop"),
        ({"best_epoch": 4}, r"has 3 epochs, manifest\.json a best epoch 4 of 3"),
    ],
    ids=str,
)
def test_a_manifest_that_the_config_rules_out(run: Path, entries: dict[str, Any], told: str) -> None:
    _say(run, **entries)
    with pytest.raises(RunError, match=told):
        irisbp.open_run(run)


def test_records_too_short_for_the_epochs(run: Path) -> None:
    _configure(run, "epochs: 3", "epochs: 1000000000")
    _say(run, epochs=10**9, steps=150 * 10**9)
    with pytest.raises(RunError, match=r"epochs\.csv has \d+ bytes, manifest\.json 1000000000 epochs"):
        verify(run)


def test_an_interrupted_run_may_have_fewer_epochs(run: Path) -> None:
    _say(run, status="interrupted", epochs=2, steps=200)
    assert irisbp.open_run(run).status == "interrupted"


_NUMBERS = ("1" + "0" * 400, "1" + "0" * 5000, "1e999", "-1", "NaN", '"3"', "[" * 100_000, "null", "1.5")


@pytest.mark.parametrize("number", _NUMBERS, ids=[number[:9] for number in _NUMBERS])
@pytest.mark.parametrize("key", ["epochs", "steps", "seconds"])
def test_a_number_that_no_run_has(run: Path, key: str, number: str) -> None:
    if (key, number) == ("seconds", "1.5"):
        number = "-0.5"
    _say(run, **{key: "HERE"})
    path = run / "manifest.json"
    path.write_text(path.read_text().replace('"HERE"', number))
    with pytest.raises(RunError, match=r"manifest\.json is damaged: ") as caught:
        irisbp.open_run(run)
    assert len(str(caught.value)) < 300
    assert entry_of(run).status == "damaged"


def test_a_manifest_of_many_values_is_not_parsed(run: Path) -> None:
    (run / "manifest.json").write_text('{"classes": [' + "1," * 5_000_000 + "1]}")
    with pytest.raises(RunError, match="it holds more than 4194304 values"):
        irisbp.open_run(run)


def test_a_line_without_end_is_not_read(run: Path) -> None:
    content = (run / "epochs.csv").read_bytes()[:30] + b"x" * (1 << 20)
    (run / "epochs.csv").write_bytes(content)
    files = json.loads((run / "manifest.json").read_bytes())["files"]
    _say(run, files=files | {"epochs.csv": hashlib.sha256(content).hexdigest()})
    with pytest.raises(RunError, match=r"epochs\.csv (has more than 1000 bytes|: a line has)"):
        irisbp.open_run(run).plot("loss-and-accuracy")


def test_the_command_line_says_it_in_a_line(irisbp: Irisbp, run: Path) -> None:
    _configure(run, "epochs: 3", "epochs: 1000000000")
    done = irisbp("plot", str(run), timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"irisbp: {run} contradicts itself: config.yaml has 1000000000 epochs")
    assert len(done.stderr.splitlines()) == 1


# A sweep.


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"runs": 3}, r"sweep\.yaml has 2 runs in 1 settings, manifest\.json 3 in 1"),
        ({"settings": 2}, r"sweep\.yaml has 2 runs in 1 settings, manifest\.json 2 in 2"),
        ({"diverged": 1}, r"curves\.npz has 0 runs that diverged and 0 that failed, manifest\.json 1 and 0"),
        ({"runs": 10**400}, "is damaged: runs: 1000"),
        ({"seconds": -1.0}, r"is damaged: seconds: -1\.0 is not valid"),
    ],
    ids=["runs", "settings", "diverged", "a large number", "a time"],
)
def test_a_sweep_that_contradicts_itself(
    whole: Path, tmp_path: Path, entries: dict[str, Any], told: str
) -> None:
    sweep = tmp_path / "sweep"
    shutil.copytree(whole / "sweep", sweep)
    irisbp.open_sweep(sweep)
    _say(sweep, **entries)
    for read in (irisbp.open_sweep, irisbp.resume_sweep):
        with pytest.raises(RunError, match=told):
            read(sweep)


@pytest.mark.parametrize("name", ["sweep.yaml", "curves.npz", "manifest.json", "results.csv"])
def test_a_file_that_no_sweep_has_is_not_read(whole: Path, tmp_path: Path, name: str) -> None:
    """8 GiB without a content: a table is made again, the others are refused before they are read."""
    sweep = tmp_path / "sweep"
    shutil.copytree(whole / "sweep", sweep)
    was = (sweep / name).read_bytes()
    with (sweep / name).open("wb") as file:
        file.truncate(8 << 30)
    if name == "results.csv":
        with pytest.warns(UserWarning, match="it was written again"):
            irisbp.resume_sweep(sweep)
        assert (sweep / name).read_bytes() == was
        return
    for read in (irisbp.open_sweep, irisbp.resume_sweep):
        with pytest.raises(RunError, match=f"{name} has more than "):
            read(sweep)
