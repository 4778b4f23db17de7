"""`irisbp plot` and `train --plot` as processes: where pictures go, and what goes wrong."""

import json
import os
from pathlib import Path

import pytest

from irisbp.cli.plot import Format, PictureKind
from irisbp.runs.layout import PICTURE_FORMATS, PICTURES
from tests.conftest import CONFIGS, Irisbp, without_root_powers

SMOKE = str(CONFIGS / "smoke.yaml")
PNG, SVG = b"\x89PNG", b"<?xml"


@pytest.fixture
def run(irisbp: Irisbp, tmp_path: Path) -> Path:
    assert irisbp("train", SMOKE, "--name", "x").returncode == 0
    return tmp_path / "runs" / "x"


def test_its_choices_are_the_names_of_files() -> None:
    assert tuple(PictureKind) == PICTURES
    assert tuple(Format) == PICTURE_FORMATS


def test_all_pictures_of_a_run(irisbp: Irisbp, run: Path) -> None:
    done = irisbp("plot", "runs/x")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"runs/x/plots/{kind}.png" for kind in PICTURES]
    assert {p.name for p in (run / "plots").iterdir()} == {f"{kind}.png" for kind in PICTURES}
    assert all(p.read_bytes().startswith(PNG) for p in (run / "plots").iterdir())
    assert irisbp("evaluate", "runs/x").returncode == 0


def test_some_pictures_elsewhere(irisbp: Irisbp, run: Path, tmp_path: Path) -> None:
    kinds = ("--kind", "confusion", "--kind", "regions", "--format", "svg", "--output", "a/b")
    for backend in ("nonsense", "module://no.such.module"):  # the second replaces the first
        done = irisbp("plot", "runs/x", *kinds, env=os.environ | {"MPLBACKEND": backend})
        assert done.stderr == ""
        assert done.stdout == "a/b/confusion.svg\na/b/regions.svg\n"
    assert (tmp_path / "a" / "b" / "regions.svg").read_bytes().startswith(SVG)
    assert not (run / "plots").exists()


def test_several_runs_are_compared(irisbp: Irisbp, run: Path, tmp_path: Path) -> None:
    irisbp("train", SMOKE, "seed=2", "--name", "y")
    for number in (1, 2):
        done = irisbp("plot", "runs/x", "runs/y")
        assert done.stdout == f"runs/comparison-00{number}/comparison.png\n"
    assert (tmp_path / "runs/comparison-002/comparison.png").read_bytes().startswith(PNG)
    done = irisbp("plot", "runs/x", "runs/y", "--output", "here", "--format", "svg")
    assert done.stdout == "here/comparison.svg\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs/none"], "runs/none is not a run: no such directory"),
        (["runs"], "runs is not a run: it has no manifest.json"),
        (["runs/x", "runs"], "runs is not a run: it has no manifest.json"),
        (["runs/x", "runs/x", "--kind", "paths"], "--kind needs a single run"),
        (["runs/x", "--kind", "losses"], "'losses' is not one of"),
        (["runs/x", "--format", "pdf"], "'pdf' is not one of"),
        (["runs/x", "--output", "runs/x/config.yaml"], "runs/x/config.yaml is not a directory"),
        ([], "Missing argument 'RUN'"),
    ],
)
def test_what_cannot_be_drawn(
    irisbp: Irisbp, run: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = irisbp("plot", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (run / "plots").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs"]


def test_regions_over_features_of_choice(irisbp: Irisbp, tmp_path: Path) -> None:
    neume = "\U0001cf50"  # of Znamenny notation, which hardly any font has
    rows = [f"{k % 7},{k * k % 11},{k % 5},{('a', neume)[k % 2]}" for k in range(20)]
    (tmp_path / "t.csv").write_text("\n".join(['a,"b,c",d,class', *rows]), encoding="utf-8")
    trained = irisbp("train", "data.source=t.csv", "data.target=class", "epochs=1", "--name", "x")
    assert trained.returncode == 0, trained.stderr
    done = irisbp("plot", "runs/x", "--kind", "regions", "--features", 'd,"b,c"')
    assert (done.returncode, done.stdout) == (0, "runs/x/plots/regions.png\n")
    assert done.stderr == (
        f"note: no installed font has {neume}: pictures show an escape, such as \\U0001cf50, for each\n"
    )
    done = irisbp("plot", "runs/x", "--features", "a,dd")
    assert done.stderr == "irisbp: features: the network takes no feature dd; did you mean d?\n"
    done = irisbp("plot", "runs/x", "--components", "1,b")
    assert done.stderr == "irisbp: --components 1,b: give two whole numbers, such as 1,2\n"
    done = irisbp("plot", "runs/x", "runs/x", "--components", "1,2")
    assert "--components needs a single run" in done.stderr


def test_links_are_not_followed(irisbp: Irisbp, run: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (run / "plots").symlink_to(tmp_path / "outside")
    done = irisbp("plot", "runs/x", "--kind", "confusion")
    assert (done.returncode, done.stdout) == (2, "")
    assert "plots is a link, which is not followed" in done.stderr
    assert not list((tmp_path / "outside").iterdir())


def test_a_link_in_a_circle_and_a_pipe_are_refused(irisbp: Irisbp, run: Path, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    done = irisbp("plot", "runs/x", "--kind", "confusion", "--output", "circle")
    assert done.returncode == 2
    assert done.stderr == f"irisbp: {tmp_path / 'circle'} is a link, which is not followed\n"
    (run / "steps.csv").unlink()
    os.mkfifo(run / "steps.csv")
    done = irisbp("plot", "runs/x", "--kind", "loss-and-accuracy")
    assert (done.returncode, done.stderr) == (2, "irisbp: runs/x/steps.csv is not a regular file\n")


def test_a_place_that_cannot_be_written(irisbp: Irisbp, run: Path) -> None:
    run.chmod(0o555)
    done = irisbp("plot", "runs/x", preexec_fn=without_root_powers)
    assert (done.returncode, done.stdout) == (74, "")
    assert done.stderr.endswith("/runs/x/plots: Permission denied\n")


def test_train_draws_at_the_end(irisbp: Irisbp, tmp_path: Path) -> None:
    foreign = os.environ | {"MPLBACKEND": "module://matplotlib_inline.nothing"}
    done = irisbp("train", SMOKE, "--name", "x", "--quiet", "--json", "--plot", env=foreign)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["run"] == "runs/x"
    plots = tmp_path / "runs" / "x" / "plots"
    before = {p.name: p.read_bytes() for p in plots.iterdir()}
    assert set(before) == {f"{kind}.png" for kind in PICTURES}
    irisbp("plot", "runs/x")
    assert {p.name: p.read_bytes() for p in plots.iterdir()} == before


def test_a_diverged_run_is_drawn_too(irisbp: Irisbp, tmp_path: Path) -> None:
    done = irisbp("train", "learning_rate=1e308", "network.hidden=[]", "--name", "x", "--quiet", "--plot")
    assert done.returncode == 4
    assert "note" not in done.stderr
    assert len(list((tmp_path / "runs" / "x" / "plots").iterdir())) == len(PICTURES)


def test_a_failure_to_draw_fails_no_run(irisbp: Irisbp, tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('broken \\x1b[31m')\n")
    done = irisbp(
        "train", SMOKE, "--name", "x", "--quiet", "--plot", env=os.environ | {"PYTHONPATH": str(tmp_path)}
    )
    assert done.returncode == 0
    assert done.stderr == "note: the run is complete, but its pictures could not be drawn: broken \\x1b[31m\n"
    assert irisbp("evaluate", "runs/x").returncode == 0


def test_overwrite_removes_pictures_and_nothing_else(irisbp: Irisbp, run: Path) -> None:
    irisbp("plot", "runs/x", "--kind", "confusion")
    (run / "plots" / "mine.png").write_bytes(b"mine")
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    done = irisbp("train", SMOKE, "--name", "x", "--overwrite")
    assert done.returncode == 2
    assert "plots holds mine.png, which irisbp did not write there; nothing was removed" in done.stderr
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before
    (run / "plots" / "mine.png").unlink()
    assert irisbp("train", SMOKE, "--name", "x", "--overwrite").returncode == 0
    assert not (run / "plots").exists()


def test_overwrite_follows_no_link_to_pictures(irisbp: Irisbp, run: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "confusion.png").write_bytes(b"mine")
    (run / "plots").symlink_to(tmp_path / "outside")
    done = irisbp("train", SMOKE, "--name", "x", "--overwrite")
    assert done.returncode == 2
    assert "x holds plots, which irisbp did not write there; nothing was removed" in done.stderr
    assert (tmp_path / "outside" / "confusion.png").read_bytes() == b"mine"
    assert (run / "manifest.json").exists()
