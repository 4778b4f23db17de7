"""A figure that is not finite never counts as success or as best.

One feature with mean 0, and weights that begin at 4 and that weight decay halves with every update. With a
gradient of at most 1 and a learning rate of 0.1, they are 2 +- 0.1, 1 +- 0.15 and 0.5 +- 0.175 after the
first updates. A held-out row at 1e308 sd has logits beyond 1.8e308 after epoch 1, and never after later ones.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import irisbp
from tests.conftest import CONFIGS, Irisbp

SMOKE = str(CONFIGS / "smoke.yaml")
# The last update makes parameters of 1e+288, which are finite; their logits are not.
EXPLODING = ("l2=1e33", "batch_size=all", "network.activation=relu", "epochs=5", "data.validation=0.2")
KEYS: dict[str, Any] = {
    "epochs": 6,
    "batch_size": "all",
    "l2": 5.0,
    "initializer": {"name": "constant", "value": 4.0},
    "network": {"hidden": []},
    "data": {"source": "t.csv", "target": "y", "validation_source": "held-out.csv"},
}
# The sd of -1, -1, 1, 1 is sqrt(4 / 3).
FAR = 1e308 * (4 / 3) ** 0.5


@pytest.fixture(autouse=True)
def _tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("x,y\n-1,a\n-1,a\n1,b\n1,b\n")
    Path("held-out.csv").write_text(f"x,y\n-1,a\n1,b\n{FAR!r},b\n")


def _words(*more: str, **changed: Any) -> list[str]:
    """KEYS for the command line, with others in their place."""
    keys = KEYS | changed
    return [f"{key}={json.dumps(value)}" for key, value in keys.items() if key != "data"] + [
        *(f"data.{key}={value}" for key, value in KEYS["data"].items()),
        *more,
    ]


def _not_finite(**keys: Any) -> irisbp.Run:
    """The run of KEYS, which ends with a figure that is not finite."""
    with pytest.raises(irisbp.NotFinite) as raised:
        irisbp.train(KEYS | keys)
    assert raised.value.exit_code == 4
    run: irisbp.Run = raised.value.run
    assert run.status == "not_finite"
    assert str(raised.value).split("\n")[0] == run.manifest.reason
    return run


def test_what_is_not_finite_is_never_the_best() -> None:
    run = irisbp.train(KEYS)
    losses = run.epochs["validation_loss"].to_numpy()
    assert np.isnan(losses[0])
    assert np.isfinite(losses[1:]).all()
    assert run.manifest.best_epoch == losses[1:].argmin() + 2
    assert run.status == "completed"


@pytest.mark.parametrize("engine", ["plain", "compiled"])
def test_side_by_side_it_is_never_the_best_either(engine: str) -> None:
    if engine == "compiled":
        pytest.importorskip("llvmlite")
    stopping = {"patience": 1, "monitor": "training"}
    swept = irisbp.sweep(
        KEYS | {"engine": engine},
        {"early_stopping": [None, stopping, {"patience": 3}], "seed": [1, 2]},
        jobs=1,
    )
    for row in range(6):
        alone = irisbp.train(swept.config(row)).manifest
        assert alone.best_epoch is not None
        found = swept.results.loc[row]
        assert (found["best_epoch"], found["epochs_begun"]) == (alone.best_epoch, alone.epochs)
        assert found["status"] == "completed"


def test_early_stopping_takes_it_for_no_improvement() -> None:
    run = _not_finite(early_stopping={"patience": 1})
    manifest = run.manifest
    assert (manifest.epochs, manifest.stopped_early, manifest.best_epoch, run.which) == (
        1,
        True,
        None,
        "last",
    )
    assert np.isfinite(run.vector).all()
    assert irisbp.train(KEYS | {"early_stopping": {"patience": 2}}).manifest.best_epoch is not None


def test_the_row_and_the_column_are_named() -> None:
    run = _not_finite(epochs=1)
    assert run.manifest.reason == (
        "not finite: the validation loss of the parameters after epoch 1, step 1, is nan:"
        f" row 2 of held-out.csv (counted from 0): column x is {FAR!r}, so far out that its logits overflow"
        " float64"
    )
    assert run.manifest.figures.validation_loss is None
    assert run.manifest.figures.loss is not None


def test_parameters_are_to_blame_where_a_row_is_an_ordinary_one() -> None:
    with pytest.raises(irisbp.NotFinite) as raised:
        irisbp.train(SMOKE, l2=1e33, batch_size="all", epochs=5, network={"activation": "relu"})
    first, *others = str(raised.value).split("\n")
    assert first.startswith(
        "not finite: the loss of the parameters after epoch 5, step 5, is nan: row 0 of iris"
    )
    assert "column" not in first
    assert first.endswith("its logits overflow float64; so do those of 148 more rows")
    assert others[0].startswith("l2 or the learning rate is too large")


def test_a_run_by_the_command_line(irisbp: Irisbp, tmp_path: Path) -> None:
    done = irisbp("train", SMOKE, *EXPLODING, "--run-dir", "x", "--json")
    assert done.returncode == 4
    told = json.loads(done.stdout, parse_constant=pytest.fail)
    assert [told[key] for key in ("status", "loss", "validation_loss", "steps")] == [
        "not_finite",
        None,
        None,
        5,
    ]
    assert "irisbp: not finite: the loss and the validation loss of the parameters after" in done.stderr
    assert (
        "note: the validation loss was not finite in 1 epoch, first in epoch 5; that is never" in done.stderr
    )
    assert f"The best parameters, of epoch {told['best_epoch']}, are kept, too." in done.stderr
    for name in ("parameters.npz", "best_parameters.npz"):
        with np.load(tmp_path / "x" / name) as arrays:
            assert all(np.isfinite(arrays[array]).all() for array in arrays.files)
    assert json.loads((tmp_path / "x" / "manifest.json").read_text())["status"] == "not_finite"
    assert not list(tmp_path.glob("x/checkpoint-*"))


def test_every_command_knows_such_a_run(irisbp: Irisbp, tmp_path: Path) -> None:
    keys = _words("early_stopping={patience: 1}")
    assert irisbp("train", *keys, "--run-dir", "x", "--quiet").returncode == 4
    assert irisbp("train", *_words(), "--run-dir", "y", "--quiet").returncode == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "x").iterdir()}
    listed = json.loads(irisbp("runs", "list", ".", "--json").stdout)["runs"]
    assert {run["name"]: run["status"] for run in listed} == {"x": "not_finite", "y": "completed"}
    assert "not_finite" in irisbp("runs", "list", ".").stdout
    assert "reason" in irisbp("runs", "show", "x").stdout
    for arguments, code, words in (
        (("resume", "x"), 4, "irisbp: not finite: the validation loss"),
        (("train", *keys, "--run-dir", "x", "--resume"), 4, "irisbp: not finite: the validation loss"),
        (("runs", "verify", "x"), 0, "repeats to the byte: 1 steps, and again a figure is not finite"),
        (("runs", "diff", "x", "y"), 1, "not_finite  completed"),
        (("explain", "x"), 0, "step 1, epoch 1"),
        (("gradcheck", "x"), 0, "PASS"),
        (("predict", "x", "held-out.csv"), 2, f"the sample {FAR!r}, b: it lies so far out"),
        (("plot", "x", "--kind", "loss-and-accuracy"), 0, "loss-and-accuracy.png"),
    ):
        done = irisbp(*arguments)
        assert done.returncode == code, done.stderr
        assert words in done.stdout + done.stderr
    assert {name: (tmp_path / "x" / name).read_bytes() for name in before} == before


def test_an_evaluation_names_the_row(irisbp: Irisbp, tmp_path: Path) -> None:
    irisbp("train", *_words(epochs=1), "--run-dir", "x", "--quiet")
    row = f"column x is {FAR!r}, so far out"
    for arguments, code, words in (
        ((), 4, f"irisbp: not finite: the loss is nan: row 2 of held-out.csv (counted from 0): {row}"),
        (("--data", "held-out.csv"), 4, f"row 2 of held-out.csv (counted from 0): {row}"),
        (("--on", "all"), 4, f"row 2 of held-out.csv (counted from 0): {row}"),
        (("--assert", "accuracy>=0"), 4, row),
        (("--assert", "loss>=0"), 3, "not met: loss >= 0 (loss is nan)"),
        (("--assert", "loss>=0"), 3, row),
        (("--on", "training"), 0, "note: at the end of the run: not finite: the validation loss"),
    ):
        done = irisbp("evaluate", "x", *arguments)
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    irisbp("evaluate", "x")
    kept = json.loads((tmp_path / "x" / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert kept["loss"] is None
    assert kept["not_finite"].startswith("not finite: the loss is nan: row 2 of")


def test_in_a_sweep_it_has_diverged(irisbp: Irisbp, tmp_path: Path) -> None:
    """The weights of a start at 0 stay small; from 4, one epoch is too short."""
    swept = _sweep(tmp_path, values=[4.0, 0.0])
    rows = swept.results.set_index("initializer.value")
    assert rows["status"].tolist() == ["diverged", "diverged", "completed", "completed"]
    assert set(rows["reason"].iloc[:2]) == {"the validation loss of the final parameters is not finite"}
    summary = swept.summary
    assert summary["diverged"].tolist() == [2, 0]
    assert summary["rank"].tolist() == [2, 1]
    assert np.isnan(summary["validation_loss_mean"][0])
    assert swept.best == {"initializer.value": 0.0}
    done = irisbp("train", "--from", "s", "--row", "0", "--quiet")
    assert done.returncode == 4
    assert "in the sweep" not in done.stderr
    assert irisbp("sweep", *_words(epochs=1), "seed=1,2", "--fail-fast", "--quiet").returncode == 4


def test_without_a_figure_no_setting_is_the_best(tmp_path: Path) -> None:
    swept = _sweep(tmp_path, values=[4.0, 4.5])
    with pytest.raises(irisbp.RunError, match="every run diverged or failed"):
        _ = swept.best
    assert "best" not in repr(swept)


def _sweep(folder: Path, values: list[float]) -> irisbp.Sweep:
    return irisbp.sweep(
        KEYS | {"epochs": 1}, {"initializer.value": values, "seed": [1, 2]}, directory=folder / "s", jobs=1
    )
