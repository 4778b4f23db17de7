"""The examples: those of configs/, written into new files only."""

from pathlib import Path

import pytest

from irisbp.config.examples import example_names, read_example, write_example
from irisbp.config.load import load_config
from irisbp.errors import ConfigError, StorageError
from tests.conftest import CONFIGS


def test_the_examples_are_those_of_configs() -> None:
    names = example_names()
    assert names == ["article", "glorot-adam", "glorot-adam-long", "smoke", "tuned"]
    assert set(names) == {path.stem for path in CONFIGS.glob("*.yaml")}
    for name in names:
        assert read_example(name) == (CONFIGS / f"{name}.yaml").read_bytes()


def test_the_new_file_is_valid_and_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in example_names():
        assert write_example(name) == Path(f"{name}.yaml")
        assert load_config(tmp_path / f"{name}.yaml") == load_config(CONFIGS / f"{name}.yaml")
    assert write_example("article", tmp_path / "mine") == tmp_path / "mine"
    assert load_config(tmp_path / "mine") == load_config(None)


@pytest.mark.parametrize("there", ["file", "folder", "link", "broken link"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / "mine").write_text("epochs: 7\n")
    path = tmp_path / ("mine" if there == "file" else "article.yaml")
    if there == "folder":
        path.mkdir()
    elif there != "file":
        path.symlink_to(tmp_path / ("mine" if there == "link" else "none"))
    with pytest.raises(ConfigError, match=r"exists and is not overwritten"):
        write_example("article", path)
    assert (tmp_path / "mine").read_text() == "epochs: 7\n"
    assert not (tmp_path / "none").exists()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*none/x\.yaml: No such file or directory"):
        write_example("article", tmp_path / "none" / "x.yaml")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tunde", "; did you mean tuned?"),
        ("Smoke", "; did you mean smoke?"),
        ("smoke.yaml", "; did you mean smoke?"),
        ("", ""),
        ("../README", ""),
        ("\0", ""),
    ],
)
def test_an_unknown_example(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        write_example(name)
    shown = name.replace("\0", "\\x00")
    names = "article, glorot-adam, glorot-adam-long, smoke, tuned"
    assert str(error.value) == f'example "{shown}" is not one of {names}{hint}'
