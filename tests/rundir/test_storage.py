"""Writes into a directory: whole or not at all, by one process, and never elsewhere."""

import hashlib
import os
from pathlib import Path

import pytest

from irisbp.errors import Busy, RunError, StorageError
from irisbp.rundir.storage import Directory


def test_a_file_is_put_whole(tmp_path: Path) -> None:
    with Directory.create(tmp_path / "a" / "b") as directory:
        assert directory.write("x", b"one") == hashlib.sha256(b"one").hexdigest()
        directory.write("x", b"two")
    assert {p.name: p.read_bytes() for p in (tmp_path / "a" / "b").iterdir()} == {"x": b"two"}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with Directory.create(tmp_path / "run") as directory:
        directory.write("x", b"one")
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=r"cannot write .*/run/x: No space left on device"):
            directory.write("x", b"two")
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == {"x": b"one"}


def test_one_writer(tmp_path: Path) -> None:
    with Directory.create(tmp_path / "run"), pytest.raises(Busy, match="in use by another process"):
        Directory(tmp_path / "run")
    Directory(tmp_path / "run").close()


def test_a_growing_file_is_digested(tmp_path: Path) -> None:
    with Directory.create(tmp_path / "run") as directory:
        file = directory.start("x.csv")
        for _ in range(3):
            file.append("\u00e4" * 40_000)
        mark = file.sync()
        file.close()
    content = (tmp_path / "run" / "x.csv").read_bytes()
    assert content == ("\u00e4" * 120_000).encode()
    assert mark == (len(content), hashlib.sha256(content).hexdigest())


def test_a_growing_file_takes_short_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, data[:1000]))
    with Directory.create(tmp_path / "run") as directory:
        file = directory.start("x.csv")
        file.append("0123456789" * 1000)
        file.sync()
        file.close()
    assert (tmp_path / "run" / "x.csv").read_text() == "0123456789" * 1000


def test_what_looks_finished_is_removed_first_and_what_makes_it_ours_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = []
    with Directory.create(tmp_path / "run") as directory:
        names = ("a.csv", "config.yaml", "manifest.json", "z.npz")
        for name in names:
            directory.write(name, b"")
        monkeypatch.setattr(os, "unlink", lambda name, dir_fd: removed.append(name))
        directory.clear(names.__contains__)
    assert removed == ["manifest.json", "a.csv", "z.npz", "config.yaml"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(RunError, match="is a link, which is not followed"):
        Directory(tmp_path / "link")
    with Directory.create(tmp_path / "run") as directory:
        (tmp_path / "run" / ".x.tmp").symlink_to(tmp_path / "outside" / "x")
        directory.write("x", b"theirs")
        (tmp_path / "run" / "y.csv").symlink_to(tmp_path / "outside" / "x")
        with pytest.raises(StorageError, match="cannot write"):
            directory.start("y.csv")
    assert (tmp_path / "outside" / "x").read_bytes() == b"mine"


def test_clear_removes_own_files_only(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with Directory.create(run) as directory:
        directory.write("a", b"")
        (run / ".a.tmp").touch()
        directory.clear({"a", "b"}.__contains__)
        assert not list(run.iterdir())
        directory.write("a", b"")
        (run / "b").mkdir()
        with pytest.raises(RunError, match="holds b, which irisbp did not write there"):
            directory.clear({"a", "b"}.__contains__)
        assert sorted(p.name for p in run.iterdir()) == ["a", "b"]


def test_a_growing_file_goes_on_from_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "run" / "x.csv"
    with Directory.create(tmp_path / "run") as directory:
        file = directory.start("x.csv")
        file.append("kept\n")
        mark = file.sync()
        file.append("lost\n")
        file.sync()
        file.close()
        file = directory.reopen("x.csv", mark)
        assert path.read_text() == "kept\nlost\n"
        file.truncate()
        file.append("new\n")
        assert file.sync() == (9, hashlib.sha256(b"kept\nnew\n").hexdigest())
        file.close()
        assert path.read_text() == "kept\nnew\n"
        path.write_text("kopt\nnew\n")
        with pytest.raises(RunError, match=r"x\.csv: its first 5 bytes are not those that the run wrote"):
            directory.reopen("x.csv", mark)
        path.write_text("kep")
        with pytest.raises(RunError, match="its first 5 bytes"):
            directory.reopen("x.csv", mark)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    with Directory.create(tmp_path / "run") as directory:
        directory.write("x", b"12345")
        assert directory.read("x", 5) == b"12345"
        with pytest.raises(RunError, match="has more than 4 bytes"):
            directory.read("x", 4)
        os.mkfifo(tmp_path / "run" / "pipe")
        (tmp_path / "run" / "link").symlink_to("x")
        (tmp_path / "run" / "folder").mkdir()
        for name in ("pipe", "link", "folder"):
            with pytest.raises(RunError, match=f"{name} is not a regular file"):
                directory.read(name, 5)
        with pytest.raises(RunError, match="y is missing"):
            directory.read("y", 5)


def test_nothing_is_made_of_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot make .*: File name too long"):
        Directory.create(tmp_path / ("d/" * 2500) / "run")
    assert list(tmp_path.iterdir()) == []
