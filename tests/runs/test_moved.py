"""A project that has been moved, a run that has left it, and runs that name a file of ours as their table."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

import irisbp
from irisbp.config.place import anchored_path, recorded_path
from irisbp.data.recorded import ends_in, open_if, sha256_of, why_not
from irisbp.errors import ConfigError, DataError, RunError
from tests.conftest import Irisbp

TABLE = "u,v,kind\n" + "".join(f"{k % 7}.5,{k * k % 11},{'ab'[k % 3 > 0]}\n" for k in range(30))
KEYS = {"epochs": 2, "learning_rate": 0.05, "record": "epochs"}
SECRET = "TOKEN=one,TOKEN=two\nTOKEN,TOKEN\nTOKEN,x\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `a` with a table and a run on it, in which one is."""
    folder = tmp_path / "a"
    (folder / "data").mkdir(parents=True)
    monkeypatch.chdir(folder)
    Path("data/t.csv").write_text(TABLE)
    Path("data/v.csv").write_text(TABLE.replace("0.5", "1.5"))
    data = {"source": "data/t.csv", "target": "kind", "validation": 0.2}
    irisbp.train(None, data=data, directory="runs/x", **KEYS)
    return folder


def _move(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    moved = project.parent / "b"
    project.rename(moved)
    monkeypatch.chdir(moved)
    return moved


# /p/a/runs/x is two folders below /p/a, where data/t.csv is.
@pytest.mark.parametrize(
    ("path", "folder", "recorded"),
    [
        ("/p/a/data/t.csv", "/p/a/runs/x", "../../data/t.csv"),
        ("/p/a/runs/x/table.csv", "/p/a/runs/x", "table.csv"),
        ("/p/a/runs/x/../y.csv", "/p/a/runs/x", "../y.csv"),
        ("/data/t.csv", "/p/a/runs/x", "/data/t.csv"),
        ("-", "/p/a", "-"),
    ],
)
def test_a_path_is_recorded_relative_to_the_run(path: str, folder: str, recorded: str) -> None:
    assert recorded_path(path, Path(folder)) == recorded
    assert anchored_path(recorded, Path(folder)) == (path if path == "-" else os.path.normpath(path))


def test_ends_of_a_path_are_looked_for_the_longest_first() -> None:
    assert list(ends_in("../../data/t.csv", [Path("/p/q/r")])) == [
        "/p/data/t.csv",
        "/p/q/data/t.csv",
        "/p/q/r/data/t.csv",
        "/p/q/r/t.csv",
    ]
    assert list(ends_in(r"C:\data\t.csv", [Path("/p")]))[-2:] == ["/p/data/t.csv", "/p/t.csv"]
    assert len(list(ends_in("../" * 1000 + "t.csv", [Path("/p")]))) == 16


def test_the_config_is_the_same_in_every_directory(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "data", tmp_path / "deep" / "er" / "data")
    data = {"source": str(tmp_path / "deep/er/data/t.csv"), "target": "kind", "validation": 0.2}
    irisbp.train(None, data=data, directory=tmp_path / "deep/er/runs/x", **KEYS)
    one, other = (path.read_bytes() for path in sorted(tmp_path.rglob("runs/x/config.yaml")))
    assert one == other
    assert b"source: ../../data/t.csv" in one


def test_everything_works_after_a_move(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = irisbp.evaluate("runs/x")
    moved = _move(project, monkeypatch)
    for place in (moved, moved.parent, moved / "runs"):
        monkeypatch.chdir(place)
        run = irisbp.open_run(moved / "runs/x")
        assert run.evaluate().scores.as_json() == before.scores.as_json()
        assert run.evaluate().data == str(moved / "data/t.csv")
        assert irisbp.verify(moved / "runs/x").equal
        assert irisbp.gradcheck(run, point="class-0").passed
        assert irisbp.explain(run, step=1).step == 1


def test_a_run_that_has_left_its_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.rename(tmp_path / "b")
    (tmp_path / "b/runs/x").rename(tmp_path / "x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"no such file; it is a table of x: --data FILE"):
        irisbp.evaluate("x")
    loss = irisbp.evaluate("x", "validation", data="b/data/t.csv").loss
    monkeypatch.chdir(tmp_path / "b")
    assert irisbp.evaluate("../x").loss == loss
    monkeypatch.chdir(tmp_path / "b" / "data")
    assert irisbp.evaluate("../../x").loss == loss
    renamed = Path("t.csv").rename("renamed.csv")
    for verb, options in (
        (irisbp.verify, {}),
        (irisbp.gradcheck, {"point": "class-0"}),
        (irisbp.explain, {}),
    ):
        with pytest.raises(RunError, match="--data"):
            verb("../../x", **options)
        assert verb("../../x", data=renamed, **options)
    with pytest.raises(RunError, match=r"v.csv is not a table of ../../x: its sha256 differs"):
        irisbp.open_run("../../x", data="v.csv").evaluate()
    with pytest.raises(RunError, match=r"none.csv is not a table of ../../x: no such file"):
        irisbp.open_run("../../x", data="none.csv").evaluate()


def test_a_table_that_has_changed(project: Path) -> None:
    Path("data/t.csv").write_text(TABLE.replace("10", "11"))
    with pytest.raises(
        RunError, match=r"t.csv has changed since runs/x was trained on it: its sha256 differs; --data"
    ):
        irisbp.evaluate("runs/x")
    Path("t.csv").write_text(TABLE)  # the same table, where one is
    assert irisbp.evaluate("runs/x").samples == 6


def test_a_table_behind_a_link_and_a_run_behind_one(project: Path, tmp_path: Path) -> None:
    Path("data/t.csv").rename(tmp_path / "big.csv")
    Path("data/t.csv").symlink_to(tmp_path / "big.csv")
    Path("runs").rename(tmp_path / "scratch")
    Path("runs").symlink_to(tmp_path / "scratch")
    assert irisbp.evaluate("runs/x").samples == 6


def test_both_tables_are_found(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"source": "data/t.csv", "target": "kind", "validation_source": "data/v.csv"}
    irisbp.train(None, data=data, directory="runs/y", **KEYS)
    assert "validation_source: ../../data/v.csv" in Path("runs/y/config.yaml").read_text()
    moved = _move(project, monkeypatch)
    assert irisbp.evaluate("runs/y").samples == 30
    for name in ("t", "v"):
        Path(f"data/{name}.csv").rename(moved.parent / f"{name}-moved.csv")
    with pytest.raises(RunError, match=r"v.csv: no such file; it is a table of runs/y"):
        irisbp.open_run("runs/y", data="../t-moved.csv").evaluate()
    both = [Path("../v-moved.csv"), Path("../t-moved.csv")]
    assert irisbp.open_run("runs/y", data=both).evaluate().samples == 30


def test_a_run_with_an_absolute_path_still_works(project: Path) -> None:
    config = Path("runs/x/config.yaml")
    was = config.read_bytes()
    config.write_bytes(was.replace(b"../../data", f"{project}/data".encode()))
    manifest = Path("runs/x/manifest.json")
    digests = [sha256(content).hexdigest() for content in (was, config.read_bytes())]
    manifest.write_text(manifest.read_text().replace(*digests))
    assert irisbp.evaluate("runs/x").samples == 6
    assert irisbp.verify("runs/x").equal


def _interrupted(**more: object) -> None:
    data = {"source": "data/t.csv", "target": "kind"}
    steps = iter(range(10))
    irisbp.train(None, data=data, directory="runs/z", should_stop=lambda: next(steps) > 2, epochs=6, **more)


def test_a_moved_run_is_resumed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _interrupted()
    whole = irisbp.train(None, data={"source": "data/t.csv", "target": "kind"}, epochs=6)
    moved = _move(project, monkeypatch)
    shutil.copytree("runs/z", "runs/again")
    assert irisbp.resume("runs/z").status == "completed"
    assert irisbp.open_run("runs/z").steps.equals(whole.steps)
    Path("data/t.csv").rename(moved.parent / "else.csv")
    with pytest.raises(RunError, match="--data"):
        irisbp.resume("runs/again")
    assert irisbp.resume("runs/again", data="../else.csv").steps.equals(whole.steps)
    assert Path("runs/again/config.yaml").read_bytes() == Path("runs/z/config.yaml").read_bytes()


def test_a_run_is_resumed_by_a_config_that_names_its_table_elsewhere(project: Path) -> None:
    _interrupted()
    Path("data/t.csv").rename("here.csv")
    data = {"source": "here.csv", "target": "kind"}
    assert irisbp.train(None, data=data, directory="runs/z", resume=True, epochs=6).status == "completed"
    other = {"source": "data/v.csv", "target": "kind"}
    with pytest.raises(RunError, match=r"another config, which differs in data\.source"):
        irisbp.train(None, data=other, directory="runs/z", resume=True, epochs=6)


def _stranger(path: Path, source: str, digest: str | None) -> None:
    """Make a run name this file as its table, as someone could who sends it."""
    config, manifest = path / "config.yaml", path / "manifest.json"
    was = sha256(config.read_bytes()).hexdigest()
    config.write_text(config.read_text().replace("../../data/t.csv", source))
    text = manifest.read_text().replace(was, sha256(config.read_bytes()).hexdigest())
    table = sha256(TABLE.encode()).hexdigest()
    manifest.write_text(text if digest is None else text.replace(table, digest))


@pytest.mark.parametrize("digest", [None, sha256(b"").hexdigest(), ""])
@pytest.mark.parametrize("source", ["../../../secret", "/proc/self/environ", "/dev/zero", "."])
def test_nothing_of_a_file_that_a_stranger_names_is_shown(
    project: Path, irisbp: Irisbp, source: str, digest: str | None
) -> None:
    (project.parent / "secret").write_text(SECRET)
    Path("data/t.csv").unlink()
    _stranger(project / "runs" / "x", source, digest)
    for command in ("evaluate", "explain", "runs verify"):
        done = irisbp(*command.split(), "runs/x", cwd=project, env=os.environ | {"HIDDEN": "TOKEN"})
        assert (done.returncode, done.stdout) == (2, "")
        assert "TOKEN" not in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_run_without_a_sha256_is_trained_on_no_file_unasked(project: Path) -> None:
    _interrupted()
    for path in Path("runs/z").glob("[!c]*"):
        path.unlink()
    for path in Path("runs/z").glob("checkpoint-*"):
        path.unlink()
    with pytest.raises(
        RunError, match=r"runs/z has no sha256 of its table, .*: nothing shows that .*--data FILE"
    ):
        irisbp.resume("runs/z")
    assert irisbp.resume("runs/z", data="data/t.csv").status == "completed"


def test_only_a_regular_file_that_is_as_long_as_it_says_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"abc")
    digest = sha256(b"abc").hexdigest()
    file = open_if(str(path), digest)
    assert file is not None
    assert file.read() == b"abc"
    file.close()
    assert open_if(str(path), sha256(b"ab").hexdigest()) is None
    with open("/proc/self/environ", "rb") as environ:
        assert sha256_of(environ) is None
    with open(path, "wb") as sparse:
        sparse.truncate(2**32 + 1)
    assert open_if(str(path), None) is None
    assert why_not(str(path)) == "it has more than 4294967296 bytes"
    os.mkfifo(tmp_path / "pipe")
    assert open_if(str(tmp_path / "pipe"), None) is None
    assert why_not(str(tmp_path / "pipe")) == "it is not a regular file"


def test_data_is_for_a_run(project: Path, irisbp: Irisbp) -> None:
    for command in ("explain", "gradcheck", "train", "sweep seed=0:2"):
        done = irisbp(*command.split(), "--data", "data/t.csv", cwd=project)
        assert done.returncode == 2
        assert "data.source=FILE" in done.stderr


def _sweep(**options: object) -> None:
    data = {"source": "data/t.csv", "target": "kind"}
    values = {"data.source": ["data/t.csv", "data/v.csv"], "seed": range(2)}
    irisbp.sweep(None, values, data=data, directory="runs/s", epochs=2, **options)


def test_a_moved_sweep(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _sweep()
    text = Path("runs/s/sweep.yaml").read_text()
    assert "/a/" not in text
    assert f"tables: {{../../data/t.csv: {sha256(TABLE.encode()).hexdigest()}, ../../data/v.csv: " in text
    loss = irisbp.open_sweep("runs/s").results.loss
    moved = _move(project, monkeypatch)
    Path("runs/s/results.csv").unlink()
    with pytest.warns(UserWarning, match="results.csv was missing"):
        irisbp.resume_sweep("runs/s")
    Path("runs/s").rename(moved.parent / "s")
    swept = irisbp.open_sweep("../s")
    assert swept.run(3).manifest.figures.loss == pytest.approx(loss[3], rel=1e-12)
    Path("data/v.csv").rename("w.csv")
    with pytest.raises(DataError, match=r"v\.csv: no such file; it is a table of ../s: --data"):
        swept.config(3)
    assert swept.config(3, data="w.csv").data.source == str(moved / "w.csv")


def test_a_moved_sweep_is_resumed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _sweep()
    expected = Path("runs/s/results.csv").read_bytes(), Path("runs/s/sweep.yaml").read_bytes()
    for path in Path("runs/s").glob("[!s]*"):
        path.unlink()
    Path("runs/s/summary.csv").unlink()
    moved = _move(project, monkeypatch)
    shutil.copytree("runs/s", "runs/t")
    irisbp.resume_sweep("runs/s")
    assert (Path("runs/s/results.csv").read_bytes(), Path("runs/s/sweep.yaml").read_bytes()) == expected
    for name in ("t", "v"):
        Path(f"data/{name}.csv").rename(moved.parent / f"{name}-moved.csv")
    with pytest.raises(RunError, match="--data"):
        irisbp.resume_sweep("runs/t")
    irisbp.resume_sweep("runs/t", data=["../t-moved.csv", "../v-moved.csv"])
    assert Path("runs/t/results.csv").read_bytes() == expected[0]


def test_a_key_is_no_file_of_a_run(project: Path) -> None:
    with pytest.raises(ConfigError, match="keys are for a config"):
        irisbp.explain("runs/x", data={"source": "t.csv"})
