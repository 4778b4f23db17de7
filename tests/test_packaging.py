"""A wheel and an sdist hold what they promise, and a wheel works where there is no checkout."""

import os
import shutil
import subprocess
import sys
import tarfile
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

from tests.conftest import CONFIGS

ROOT = CONFIGS.parent
# A folder's documentation, and where a wheel has it.
DOCUMENTATION = {
    "irisbp/README.md": "irisbp/README.md",
    "irisbp/cli/README.md": "irisbp/cli/README.md",
    "configs/README.md": "irisbp/configs/README.md",
    "runs/README.md": "irisbp/documentation/runs/README.md",
    "tests/README.md": "irisbp/documentation/tests/README.md",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, in which each of these folders has a README.md."""
    copy = tmp_path_factory.mktemp("project")
    ignore = shutil.ignore_patterns("__pycache__", "README.md")
    for folder in ("irisbp", "configs", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignore)
    for name in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copy(ROOT / name, copy)
    for name in DOCUMENTATION:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(f"{name}\n")
    shutil.copy(ROOT / "runs" / ".gitignore", copy / "runs")
    return copy


def _build(project: Path, target: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (built,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(project, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(project, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(folder), str(wheel)], check=True, capture_output=True)
    return folder


def _contents(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _metadata(wheel: Path) -> Message:
    (text,) = (content for name, content in _contents(wheel).items() if name.endswith("/METADATA"))
    return Parser().parsestr(text.decode())


def test_a_wheel_holds_the_package_the_examples_and_the_documentation(project: Path, wheel: Path) -> None:
    contents = _contents(wheel)
    expected = {
        path.relative_to(project).as_posix() for path in (project / "irisbp").rglob("*") if path.is_file()
    }
    expected |= {f"irisbp/configs/{path.name}" for path in CONFIGS.glob("*.yaml")}
    expected |= set(DOCUMENTATION.values())
    assert {name for name in contents if ".dist-info/" not in name} == expected
    for path in CONFIGS.glob("*.yaml"):
        assert contents[f"irisbp/configs/{path.name}"] == path.read_bytes()
    for name, place in DOCUMENTATION.items():
        assert contents[place] == f"{name}\n".encode()


def test_a_wheel_of_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert _contents(_build(unpacked, "wheel", tmp_path / "wheel")) == _contents(wheel)


def test_an_sdist_holds_what_tests_need(project: Path, sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in archive.getnames()}
    needed = {path.relative_to(project).as_posix() for path in (project / "tests").rglob("*.*")}
    assert needed | DOCUMENTATION.keys() | {"pyproject.toml", "README.md"} <= names


def test_the_metadata_say_what_it_needs_and_for_whom(wheel: Path) -> None:
    metadata = _metadata(wheel)
    classifiers = metadata.get_all("Classifier") or []
    pythons = [name.rsplit(" ", 1)[1] for name in classifiers if "Python :: 3." in name]
    assert pythons == ["3.11", "3.12", "3.13", "3.14"]
    assert metadata["Requires-Python"] == f">={pythons[0]}"
    assert {"Typing :: Typed", "Intended Audience :: Education"} <= set(classifiers)
    requirements = metadata.get_all("Requires-Dist") or []
    needed = {line.split("<")[0].split(">")[0] for line in requirements if "; extra" not in line}
    assert needed == {"joblib", "matplotlib", "numpy", "pandas", "pydantic", "pyyaml", "rich", "typer"}


def test_an_installed_wheel_starts_a_config(installed: Path, tmp_path: Path) -> None:
    def run(*command: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(installed)}
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert run("-c", "import irisbp; print(irisbp.__file__)") == f"{installed}/irisbp/__init__.py\n"
    assert run("-m", "irisbp", "config", "new", "smoke") == "smoke.yaml\n"
    assert (tmp_path / "smoke.yaml").read_bytes() == (CONFIGS / "smoke.yaml").read_bytes()
    run("-m", "irisbp", "train", "smoke.yaml", "--quiet", "--run-dir", "x")
