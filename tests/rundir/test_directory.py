"""An open directory: its own files are read and nothing else, each as far as its kind can be long."""

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from irisbp.errors import RunError, StorageError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.reader import open_written, read_written
from irisbp.rundir.storage import Directory

NINE = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"  # printf 123456789 | sha256sum
HUGE = 1 << 33  # bytes


@dataclass
class _Files:
    """A manifest with these digests."""

    files: dict[str, str]

    def most(self, name: str) -> int:
        return 1000


def test_what_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    for name in ("nowhere", "file/below", "circle", "n" * 300, "nul\0"):
        with pytest.raises(RunError, match=f"^{tmp_path}/.* is not a run: no such directory$"):
            OpenDirectory(tmp_path / name)
    with pytest.raises(RunError, match="file is not a sweep: it is a file"):
        OpenDirectory(tmp_path / "file", "sweep")


def test_a_directory_is_read_while_another_process_writes_into_it(tmp_path: Path) -> None:
    with Directory.create(tmp_path / "run") as held, OpenDirectory(tmp_path / "run") as directory:
        held.write("x", b"123")
        assert directory.names() == ["x"]
        assert directory.read("x") == b"123"


def test_its_files_are_those_of_the_directory_that_was_opened(tmp_path: Path) -> None:
    for name in ("run", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
    (tmp_path / "link").symlink_to("run")
    with OpenDirectory(tmp_path / "link") as directory:  # a path may lead there through links
        (tmp_path / "run").rename(tmp_path / "moved")
        (tmp_path / "other").rename(tmp_path / "run")
        assert directory.read("x") == b"run"
        assert directory.sizes() == {"x": 3}


@pytest.mark.parametrize("by_path", [False, True])
def test_only_regular_files_of_its_own_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_path: bool
) -> None:
    """Also on a system that cannot open a file in an open directory, as Windows."""
    if by_path:
        monkeypatch.setattr("irisbp.rundir.directory._OPENS_IN_DIRECTORY", False)
        monkeypatch.setattr("irisbp.rundir.directory._OLD_FILE", 0)
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "outside").write_text("mine")
    (run / "x").write_text("12345")
    (run / "link").symlink_to("x")
    (run / "out").symlink_to(tmp_path / "outside")
    (run / "folder").mkdir()
    (run / "folder" / "y").write_text("12")
    os.mkfifo(run / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        monkeypatch.chdir(run)  # a socket's name may not be long
        made.bind("socket")
    with OpenDirectory(run) as directory:
        assert directory.names() == ["folder", "link", "out", "pipe", "socket", "x"]
        assert directory.sizes()["folder/y"] == 2
        assert directory.read("x") == b"12345"
        for name in ("link", "out", "pipe", "socket", "folder"):
            assert directory.has(name)
            with pytest.raises(RunError, match=f"{name} is not a regular file"):
                directory.open(name)
        with pytest.raises(RunError, match="y is missing"):
            directory.open("y")
        for name in ("../outside", "folder/y", str(tmp_path / "outside"), "..", ".", "", "x\0"):
            with pytest.raises(RunError, match="is not the name of a file in it"):
                directory.read(name)
            with pytest.raises(RunError, match="is not the name of a file in it"):
                directory.has(name)


def test_a_device_is_not_read() -> None:
    with (
        OpenDirectory(Path("/dev")) as directory,
        pytest.raises(RunError, match="zero is not a regular file"),
    ):
        directory.read("zero")


@pytest.mark.parametrize(
    ("name", "most"),
    # runs/README.md: 32 KiB of YAML, 256 MiB of JSON, and an archive of less than 4 GiB.
    [("config.yaml", 32768), ("manifest.json", 268435456), ("parameters.npz", 4294967295)],
)
def test_a_file_that_is_too_long_for_its_kind_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr("irisbp.rundir.directory._File.readinto", None)
    for length in (most + 1, HUGE):
        with (tmp_path / name).open("wb") as file:
            file.truncate(length)
        with OpenDirectory(tmp_path) as directory:
            for read in (directory.read, directory.sha256, directory.open):
                with pytest.raises(RunError, match=f"{name} has more than {most} bytes"):
                    read(name)


def test_a_file_is_read_as_long_as_it_was_when_it_was_opened(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("12345")
    with OpenDirectory(tmp_path) as directory:
        with pytest.raises(RunError, match="x has more than 4 bytes"):
            directory.read("x", 4)
        assert directory.read("x", 5) == b"12345"


def test_an_error_of_the_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory opened as a file: the kernel refuses to read it, as it would a bad block."""
    (tmp_path / "x").write_text("12345")
    with OpenDirectory(tmp_path) as directory:
        file = directory.open("x")
        with file:
            os.dup2(os.open(tmp_path, os.O_RDONLY), file.fileno())
            for size in (1, -1):
                with pytest.raises(StorageError, match=rf"cannot read {tmp_path}/x: Is a directory"):
                    file.read(size)


def test_a_file_is_held_against_its_digest(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("123456789")
    with OpenDirectory(tmp_path) as directory:
        assert read_written(directory, "x.csv", _Files({"x.csv": NINE})) == b"123456789"
        with open_written(directory, "x.csv", _Files({"x.csv": NINE})) as file:
            assert file.read() == b"123456789"
        wrong: dict[str, Any]
        for wrong in ({}, {"x.csv": NINE[:-1] + "6"}):
            with pytest.raises(RunError, match=r"x\.csv is not the file that the sweep wrote"):
                read_written(directory, "x.csv", _Files(wrong), "sweep")
            with pytest.raises(RunError, match=r"x\.csv is not the file that the run wrote"):
                open_written(directory, "x.csv", _Files(wrong))


def test_a_table_longer_than_the_manifest_allows_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("irisbp.rundir.directory._File.readinto", None)
    with (tmp_path / "x.csv").open("wb") as file:
        file.truncate(HUGE)
    with OpenDirectory(tmp_path) as directory:
        for read in (read_written, open_written):
            with pytest.raises(
                RunError, match=r"x\.csv has more than 1000 bytes: it is no file of this kind"
            ):
                read(directory, "x.csv", _Files({"x.csv": NINE}))


def test_a_deep_tree_is_listed_or_left_out(tmp_path: Path) -> None:
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(3000):  # deeper than a path can name, and than calls can be nested
        os.mkdir("d", dir_fd=place)
        below = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    (tmp_path / "d" / "d" / "x").write_text("1")
    with OpenDirectory(tmp_path) as directory:
        assert directory.sizes() == {"d/d/x": 1}
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)
