"""The cache of compiled code: what is kept, where, and what is read again; see also campaign.code_cache."""

import os
from pathlib import Path

import pytest

from irisbp.errors import IrisbpWarning
from irisbp.nn.codegen import cache
from irisbp.nn.codegen.cache import CodeCache, find_cache, is_whole

KEY, OTHER = b"k" * 32, b"o" * 32


def _elf() -> bytes:
    """An ELF-64 of 16 bytes of code: its header, the code, and the table of its sections, one of them."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += b"\x01\x00\x3e\x00\x01\x00\x00\x00" + bytes(16) + (80).to_bytes(8, "little") + bytes(4)
    header += b"\x40\x00\x00\x00\x00\x00\x40\x00\x01\x00\x00\x00"
    section = bytes(4) + b"\x01\x00\x00\x00" + bytes(16) + (64).to_bytes(8, "little")
    return header + b"\xc3" * 16 + section + (16).to_bytes(8, "little") + bytes(24)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and no place among temporary files."""
    (tmp_path / "none").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home"


def _found() -> CodeCache:
    found = find_cache()
    assert found is not None
    return found


def test_code_is_read_again_by_its_key(home: Path) -> None:
    _found().write(KEY, _elf())
    (kept,) = (home / ".cache" / "irisbp").iterdir()
    assert kept.name == "6b" * 20 + ".o"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert _found().read(KEY) == _elf()
    assert _found().read(OTHER) is None
    kept.rename(kept.with_name("6f" * 20 + ".o"))  # another structure's code under this one's name
    assert _found().read(OTHER) is None


def test_an_object_file_that_was_cut_is_not_whole(home: Path) -> None:
    whole = _elf()
    assert len(whole) == 64 + 16 + 64
    assert is_whole(whole)
    for length in range(len(whole)):
        assert not is_whole(whole[:length])
        _found().write(KEY, whole[:length])  # sealed, as if it had been whole
        assert _found().read(KEY) is None


def test_what_is_no_file_of_the_users_is_not_read(home: Path) -> None:
    _found().write(KEY, _elf())
    (kept,) = (home / ".cache" / "irisbp").iterdir()
    for mode in (0o620, 0o602):
        kept.chmod(mode)
        assert _found().read(KEY) is None
    kept.chmod(0o600)
    kept.rename(home / "aside")
    kept.symlink_to(home / "aside")
    assert _found().read(KEY) is None
    kept.unlink()
    os.mkfifo(kept)  # without a writer: to open it would wait
    assert _found().read(KEY) is None
    _found().write(KEY, _elf())
    assert _found().read(KEY) == _elf()


def test_a_file_beyond_any_code_is_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _found().write(KEY, _elf())
    (kept,) = (home / ".cache" / "irisbp").iterdir()
    os.truncate(kept, 8 << 30)
    monkeypatch.setattr(cache, "_unsealed", None)
    assert _found().read(KEY) is None


def test_code_is_kept_only_where_nobody_else_may_write(home: Path) -> None:
    folder = home / ".cache" / "irisbp"
    assert find_cache()
    for place in (folder, home / ".cache", home):
        for mode in (0o770, 0o707):
            place.chmod(mode)
            assert find_cache() is None
        place.chmod(0o700)
        assert find_cache()
    folder.rmdir()
    (home / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(home / "elsewhere")
    assert find_cache() is None


def test_a_home_may_lie_behind_links_of_the_users(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "link").symlink_to("deep/../deep")
    (home / "absolute").symlink_to(home / "link")
    (home / "deep").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home / "absolute"))
    assert find_cache()
    assert (home / "deep" / ".cache" / "irisbp").is_dir()
    (home / "circle").symlink_to("circle")
    monkeypatch.setenv("HOME", str(home / "circle"))
    assert find_cache() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what is another user's")
@pytest.mark.parametrize("sticky", [0, 0o1022])
def test_a_home_of_another_users_is_not_used_and_the_user_is_told(home: Path, sticky: int) -> None:
    assert find_cache()
    os.chown(home, 65534, 65534)
    home.chmod(0o755 | sticky)
    with pytest.warns(
        IrisbpWarning, match="is not used: a directory on the way to it belongs to another user"
    ):
        assert find_cache() is None
    os.chown(home, 0, 0)
    assert find_cache()  # sticky or not: what the user has there cannot be exchanged
    os.chown(home / ".cache", 65534, 65534, follow_symlinks=False)
    with pytest.warns(IrisbpWarning):
        assert find_cache() is None


def test_a_cache_that_is_named_relative_to_nowhere_is_not_the_place(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert find_cache()
    assert (home / ".cache" / "irisbp").is_dir()
    assert not (tmp_path / "relative").exists()


def test_code_is_not_kept_where_the_system_knows_no_owners(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_HAS_OWNERS", False)
    assert find_cache() is None
    assert list(home.iterdir()) == []
