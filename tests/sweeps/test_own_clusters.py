"""A cluster that irisbp starts is its user's alone: loopback addresses, and a certificate or a token."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irisbp.errors import ConfigError
from irisbp.sweeps.workers import pool

_PROCESSES = Path("/proc")
_LISTENING = "0A"
_LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}

# A client with the certificate of another user: it reports whether it got in, and what went wrong.
_STRANGER = """
import sys
from distributed import Client, Security
address = sys.argv[1]
for where in (address, address.replace("tls://", "tcp://")):
    for options in ({}, {"security": Security.temporary()}):
        try:
            with Client(where, timeout=5, set_as_default=False, **options) as client:
                print("got in:", client.submit(abs, -1).result(timeout=5))
        except Exception as error:
            print("refused:", type(error).__name__)
"""


def _family(pid: int) -> Iterator[int]:
    """This process and those below it."""
    yield pid
    for each in _PROCESSES.glob("[0-9]*/stat"):
        try:
            parent = int(each.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            yield from _family(int(each.parent.name))


def listening(pid: int) -> set[str]:
    """The addresses, in hexadecimal, on which a process and those below it wait for TCP connections."""
    mine = set()
    for member in _family(pid):
        for file in (_PROCESSES / str(member) / "fd").glob("*"):
            try:
                mine.add(os.readlink(file))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in (_PROCESSES / "net" / table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == _LISTENING and f"socket:[{words[9]}]" in mine:
                found.add(words[1].partition(":")[0])
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of our own, with one worker."""
    pytest.importorskip("distributed", reason="needs dask")
    pytest.importorskip("cryptography", reason="needs cryptography: pip install 'irisbp[cluster]'")
    from irisbp.sweeps.workers.clusters import dask_client

    with dask_client(1, None) as client:
        assert client.gather(client.map(abs, [-1])) == [1]
        yield client.scheduler.address


def _strange(address: str, become: Callable[[], Any] | None) -> list[str]:
    command = [sys.executable, "-c", _STRANGER, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, preexec_fn=become, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not (_PROCESSES / "net").exists(), reason="needs /proc/net")
def test_it_listens_on_the_loopback_address_alone(cluster: str) -> None:
    found = listening(os.getpid())
    assert found
    assert found <= _LOOPBACK
    assert cluster.startswith("tls://127.0.0.1:")


@pytest.mark.parametrize("user", ["the same", "another"])
def test_a_client_without_its_certificate_is_refused(cluster: str, user: str) -> None:
    if user == "another" and os.geteuid():
        pytest.skip("needs root, to become another user")
    become = (lambda: os.setuid(65534)) if user == "another" else None
    told = _strange(cluster, become)
    assert len(told) == 4
    assert all(line.startswith("refused: ") for line in told), told


def test_a_cluster_of_ones_own_needs_what_makes_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs dask")
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigError, match=r"^backend dask needs cryptography: pip install"):
        pool.check_backend("dask", None)
    pool.check_backend("dask", "tcp://127.0.0.1:1")
