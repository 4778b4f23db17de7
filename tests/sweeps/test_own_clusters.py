"""A cluster that irisbp starts is its user's alone: loopback addresses, and a certificate or a token."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from irisbp.errors import ConfigError
from irisbp.sweeps.workers import pool

_PROCESSES = Path("/proc")
_LISTENING = "0A"
_LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}

# Connects with another certificate, and without any: as this user, then as nobody if it may.
_STRANGER = """
import asyncio, os, sys
from distributed import Security
from distributed.comm import connect

async def enter(address, security):
    comm = await connect(address, timeout=3, **security.get_connection_args("client"))
    await comm.write({"op": "identity", "reply": True})
    return await asyncio.wait_for(comm.read(), 3)

def attempts(user):
    for where, security in ((address, other), (address.replace("tls://", "tcp://"), Security())):
        try:
            answer = asyncio.run(enter(where, security))
            print(user, "got in:", answer["type"])
        except Exception as error:
            print(user, "refused:", type(error).__name__)

address, other = sys.argv[1], Security.temporary()
attempts("same")
if not os.geteuid():
    os.setuid(65534)
    attempts("another")
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


@pytest.mark.skipif(not (_PROCESSES / "net").exists(), reason="needs /proc/net")
def test_it_listens_on_the_loopback_address_alone(cluster: str) -> None:
    found = listening(os.getpid())
    assert found
    assert found <= _LOOPBACK
    assert cluster.startswith("tls://127.0.0.1:")


@pytest.fixture(scope="module")
def attempts(cluster: str) -> list[str]:
    """How a stranger fared, a line for each attempt."""
    command = [sys.executable, "-c", _STRANGER, cluster]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("user", ["same", "another"])
def test_a_client_without_its_certificate_is_refused(attempts: list[str], user: str) -> None:
    if user == "another" and os.geteuid():
        pytest.skip("needs root, to become another user")
    told = [line.removeprefix(f"{user} ") for line in attempts if line.startswith(user)]
    # The server hangs up on both; a client that cannot even try would say something else.
    assert told == ["refused: FatalCommClosedError", "refused: CommClosedError"]


def test_a_cluster_of_ones_own_needs_what_makes_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs dask")
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigError, match=r"^backend dask needs cryptography: pip install"):
        pool.check_backend("dask", None)
    pool.check_backend("dask", "tcp://127.0.0.1:1")
