"""A cluster that a sweep starts is its user's alone: where it listens, and whom it lets in."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irisbp.errors import ConfigError
from irisbp.sweeps.workers import guards
from irisbp.sweeps.workers.pool import check_backend, warning

# A cluster of one's own: where it can be reached once it works, until stdin is closed.
_STARTED = """
import json, socket, sys
from irisbp.sweeps.workers.pool import run_parts
import tests.sweeps.test_guards as here

if __name__ == "__main__":
    results = run_parts(abs, [-1, -2], jobs=2, backend=sys.argv[1])
    assert next(results)[1] > 0
    print(json.dumps(here.listening()), flush=True)
    sys.stdin.read()
    results.close()
"""
_DASK_CLIENT = """
import sys
from distributed import Client, Security
scheme, address = sys.argv[1].split("://")
for scheme, security in (("tcp", None), ("tls", Security.temporary())):
    try:
        Client(f"{scheme}://{address}", security=security, timeout=5, set_as_default=False)
    except (OSError, TypeError) as error:
        continue
    print("let in", scheme)
import os
os._exit(0)
"""
_RAY_CLIENT = """
import os, sys
import ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="critical")
    print("let in", ray.get(ray.remote(os.getuid).remote()))
except BaseException as error:
    pass
os._exit(0)
"""


def listening() -> dict[str, Any]:
    """The addresses at which this process and those that it started listen, and those of the scheduler."""
    import psutil

    tree = [psutil.Process(), *psutil.Process().children(recursive=True)]
    addresses = sorted({c.laddr for p in tree for c in p.net_connections("inet") if c.status == "LISTEN"})
    commands = [word for p in tree for word in p.cmdline()]
    gcs = [word.split("=")[1] for word in commands if word.startswith("--gcs-address=")]
    found = sys.modules.get("distributed")
    schedulers = [c.scheduler_address for c in found.LocalCluster._instances] if found else []
    return {"addresses": addresses, "schedulers": [*gcs[:1], *schedulers]}


def _start(backend: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _STARTED, backend],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )


@pytest.fixture(scope="module", params=["dask", "ray"])
def cluster(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    """A cluster that a sweep has started."""
    for module in ("psutil", "cryptography", "distributed" if request.param == "dask" else "ray"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}")
    with _start(request.param) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield request.param, json.loads(process.stdout.readline())
        process.stdin.close()


def test_it_listens_on_the_loopback_address_only(cluster: tuple[str, dict[str, Any]]) -> None:
    addresses = {address.removeprefix("::ffff:") for address, _ in cluster[1]["addresses"]}
    assert addresses == {"127.0.0.1"}


def _can_run_as(user: int) -> bool:
    """Whether another user may run this Python, which may lie in a home directory."""
    try:
        return subprocess.run([sys.executable, "-c", ""], user=user, capture_output=True).returncode == 0
    except PermissionError:
        return False


def _try_to_join(backend: str, scheduler: str, user: int | None, home: Path) -> str:
    program = _DASK_CLIENT if backend == "dask" else _RAY_CLIENT
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, scheduler],
        capture_output=True,
        text=True,
        env=environment | {"HOME": str(home), "TMPDIR": str(home)},
        cwd=home,
        user=user,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("is_other", [False, True], ids=["same user", "other user"])
def test_nobody_joins_without_its_token_or_certificate(
    cluster: tuple[str, dict[str, Any]], is_other: bool, tmp_path: Path
) -> None:
    backend, found = cluster
    user = None
    if is_other:
        if os.getuid() != 0:
            pytest.skip("needs root, to be another user")
        user = 65534
        if not _can_run_as(user):
            pytest.skip("another user cannot run this Python")
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        shutil.chown(tmp_path, user)
    assert found["schedulers"]
    for scheduler in found["schedulers"]:
        assert _try_to_join(backend, scheduler, user, tmp_path) == ""


def test_a_ray_without_tokens_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, is_refused in (("2.40.0", True), ("2.51.1", True), ("2.52.0", False), ("3.0.0.dev0", False)):
        monkeypatch.setattr(guards, "version", lambda name, found=found: found)
        if is_refused:
            with pytest.raises(ConfigError, match=f"Ray {found} asks for no token"):
                guards.check_guard("ray")
        else:
            guards.check_guard("ray")
    guards.check_guard("dask")


def test_a_ray_that_would_listen_elsewhere_is_not_started() -> None:
    guards.check_address("127.0.0.1")
    with pytest.raises(ConfigError, match=r"would listen at 192\.0\.2\.7"):
        guards.check_address("192.0.2.7")


@pytest.mark.parametrize(("installed", "is_told"), [(True, False), (False, True)])
def test_a_cluster_without_a_certificate_is_told_before(
    monkeypatch: pytest.MonkeyPatch, installed: bool, is_told: bool
) -> None:
    monkeypatch.setattr(guards, "find_spec", lambda name: object() if installed else None)
    assert ("other users of this machine can run code" in warning("dask", None)) == is_told
    assert warning("dask", "tcp://127.0.0.1:8786") == warning("loky", None) == warning("ray", None) == ""


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    before = dict(os.environ)
    with guards.ray_guard() as options:
        private = Path(options["_temp_dir"]).parent
        assert private.stat().st_mode & 0o777 == 0o700
        assert os.environ["RAY_AUTH_MODE"] == "token"
        assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
    assert dict(os.environ) == before
    assert not private.exists()


def test_no_backend_of_this_machine_needs_a_guard() -> None:
    check_backend("loky", None)
