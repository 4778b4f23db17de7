"""`engine: compiled` from the command line: the plain engine's numbers, and all that a run is good for."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from irisbp.cli.hints import suggest_engine
from irisbp.cli.sweep_hints import suggest_engine_for_sweep
from irisbp.config.load import load_config
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.plan import plan_sweep
from irisbp.training.loop import make_engine
from irisbp.training.setup import prepare
from tests.conftest import Irisbp

_WITHOUT = """
import sys
sys.modules["llvmlite"] = None
from irisbp.__main__ import main
main()
"""

_BROKEN = """
import sys
sys.path.insert(0, ".")
from irisbp.__main__ import main
main()
"""


@pytest.fixture
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _losses(path: Path) -> list[float]:
    with (path / "steps.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.usefixtures("_cache")
def test_a_compiled_run_is_a_run_like_others(irisbp: Irisbp, tmp_path: Path) -> None:
    pytest.importorskip("llvmlite")
    common = ("train", "optimizer=nadam", "epochs=10", "learning_rate=0.02", "batch_size=4", "--quiet")
    for engine in ("plain", "compiled"):
        done = irisbp(*common, f"engine={engine}", "--run-dir", engine)
        assert done.returncode == 0, done.stderr
    assert _losses(tmp_path / "compiled") == pytest.approx(_losses(tmp_path / "plain"), rel=1e-12, abs=1e-12)
    assert irisbp("runs", "verify", "compiled", "--quiet").returncode == 0
    assert irisbp("explain", "compiled", "--step", "50").returncode == 0
    assert list((tmp_path / "cache" / "irisbp").iterdir())


@pytest.mark.usefixtures("_cache")
def test_a_compiled_run_diverges(irisbp: Irisbp) -> None:
    # Not at the plain one's step: where numbers are near the largest, the order of a sum decides.
    pytest.importorskip("llvmlite")
    done = irisbp("train", "learning_rate=1e308", "network.hidden=[]", "--quiet", "engine=compiled")
    assert done.returncode == 4
    assert done.stderr.startswith("irisbp: diverged: the loss is ")
    assert irisbp("runs", "verify", "runs/article-001", "--quiet").returncode == 0


def test_without_what_compiles_the_error_says_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WITHOUT, "train", "engine=compiled"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "irisbp: engine: compiled needs llvmlite: pip install 'irisbp[fast]'\n"
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_cannot_be_loaded_is_none(tmp_path: Path) -> None:
    (tmp_path / "llvmlite").mkdir()
    (tmp_path / "llvmlite" / "__init__.py").touch()
    (tmp_path / "llvmlite" / "binding.py").write_text("raise OSError('no shared object')")
    command = [sys.executable, "-c", _BROKEN, "train", "engine=compiled", "--run-dir", "x"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "irisbp: engine: compiled needs llvmlite: pip install 'irisbp[fast]'\n"
    assert not (tmp_path / "x").exists()


def test_a_large_network_stays_with_the_plain_loop() -> None:
    pytest.importorskip("llvmlite")
    large = load_config(None, ["engine=compiled", "network.hidden=[256,256]"])
    assert isinstance(make_engine(prepare(large)), PlainLoop)
    assert isinstance(make_engine(prepare(load_config(None))), PlainLoop)


def test_a_long_plain_run_is_told_of_the_compiled_engine(capsys: pytest.CaptureFixture[str]) -> None:
    for overrides, told in (
        (["epochs=1000000"], "note: about 18 min or more; engine=compiled gives the same results"),
        (["epochs=10000"], ""),
        (["epochs=1000000", "network.hidden=[256,256]"], ""),
    ):
        suggest_engine(prepare(load_config(None, overrides)))
        said = capsys.readouterr().err
        assert said.startswith(told)
        assert bool(said) == bool(told)


@pytest.mark.parametrize(
    ("arguments", "jobs", "told"),
    [
        # 150 samples of 500 runs, 3e-7 s each
        (
            ["epochs=100000"],
            1,
            "note: about 38 min or more; engine=compiled gives the same results about 5 times",
        ),
        (["epochs=100000"], 2, "note: about 19 min or more; "),
        (["epochs=100000", "optimizer=sgd,adam"], 2, "note: about 38 min or more; "),
        (["epochs=1000"], 1, ""),
        (["epochs=100000", "engine=compiled"], 1, ""),
        (["epochs=100000", "engine=plain,compiled"], 1, ""),
        (["epochs=100000", "numerics=portable"], 1, ""),
        (["epochs=100000", "network.hidden=[256,256]"], 1, ""),
        (["epochs=100000", "data.validation=0.2"], 1, ""),
    ],
)
def test_a_long_plain_sweep_is_told_of_the_compiled_engine(
    capsys: pytest.CaptureFixture[str], arguments: list[str], jobs: int, told: str
) -> None:
    suggest_engine_for_sweep(plan_sweep(make_grid(None, ["seed=0:500", *arguments])), jobs)
    said = capsys.readouterr().err
    assert said.startswith(told)
    assert bool(said) == bool(told)
