"""The same parts on real clusters of this machine, which start and lose workers on the way."""

import importlib.util
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from irisbp.cli import app
from irisbp.errors import ConfigError, Diverged, IrisbpError
from irisbp.sweeps.workers import clusters
from irisbp.sweeps.workers.pool import Backend, run_parts
from tests.sweeps.test_pool import die_the_first_time, diverge_at_three, each

BACKENDS: list[Backend] = ["dask", "ray"]


def slow_square(part: int) -> int:
    time.sleep(0.05)
    return part * part


@pytest.fixture(scope="module")
def dask() -> Iterator[str]:
    """The address of a scheduler with two workers."""
    distributed = pytest.importorskip("distributed", reason="needs dask")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs="CRITICAL",
    ) as cluster:
        yield cluster.scheduler_address


def worker(scheduler: str) -> int:
    """The process id of a worker."""
    from distributed import Client

    with Client(scheduler, set_as_default=False) as client:
        return int(next(iter(client.run(os.getpid).values())))


def test_dask_loses_no_part_with_a_worker(dask: str) -> None:
    victim = worker(dask)
    seen = []
    for number, result in enumerate(
        run_parts(slow_square, each(range(40)), jobs=1, backend="dask", scheduler=dask)
    ):
        seen.append(result)
        if number == 5:
            os.kill(victim, signal.SIGKILL)
    assert sorted(seen) == [(i, i * i) for i in range(40)]
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)


@pytest.mark.campaign
def test_dask_gives_a_part_again_whose_worker_dies_of_it(dask: str, tmp_path: Path) -> None:
    parts = [(number, tmp_path) for number in range(6)]
    results = run_parts(die_the_first_time, each(parts), jobs=1, backend="dask", scheduler=dask)
    assert sorted(results) == [(part, part[0]) for part in parts]
    assert (tmp_path / "died").exists()


def test_dask_brings_an_error_back_as_itself(dask: str) -> None:
    with pytest.raises(Diverged) as caught:
        list(run_parts(diverge_at_three, each(range(6)), jobs=1, backend="dask", scheduler=dask))
    assert (caught.value.epoch, caught.value.step, caught.value.sample) == (1, 6, 50)


def test_a_sweep_that_ended_early_says_how_it_is_resumed(
    dask: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["learning_rate=0.1,1e308", "seed=0:2", "epochs=2", "l2=10"]
    options = ["--backend", "dask", "--scheduler", dask]
    with pytest.raises(IrisbpError, match="row 2: diverged: ") as caught:
        app(["sweep", *arguments, *options, "--name", "a b", "--fail-fast"], standalone_mode=False)
    hint = str(caught.value).splitlines()[-1]
    command, words = shlex.split(hint)[:-2], shlex.split(hint)[-2:]
    assert command == ["irisbp", "sweep", *arguments, *options, "--run-dir", "runs/a b", "--resume"]
    assert words == ["resumes", "it"]
    app([*command[1:], "--quiet"], standalone_mode=False)
    assert (tmp_path / "runs" / "a b" / "manifest.json").exists()


def test_a_dask_sweep_can_be_left(dask: str) -> None:
    with closing(
        run_parts(time.sleep, each([0, 0.3, 0.4]), jobs=1, backend="dask", scheduler=dask)
    ) as results:
        assert next(results) == (0, None)
    assert dict(run_parts(abs, each([-1]), jobs=1, backend="dask", scheduler=dask)) == {-1: 1}


def test_another_version_on_the_cluster_is_told(dask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "__version__", "99")
    with pytest.raises(ConfigError, match=r"the cluster has irisbp .*, and .* has 99"):
        list(run_parts(abs, each([1]), jobs=1, backend="dask", scheduler=dask))


@pytest.mark.campaign
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_cluster_of_ones_own(backend: Backend, tmp_path: Path) -> None:
    pytest.importorskip("distributed" if backend == "dask" else backend)
    parts = [(number, tmp_path) for number in range(12)]
    results = run_parts(die_the_first_time, each(parts), jobs=2, backend=backend)
    assert sorted(results) == [(part, part[0]) for part in parts]
    assert (tmp_path / "died").exists()


def needs(backend: Backend) -> None:
    if importlib.util.find_spec("distributed" if backend == "dask" else backend) is None:
        pytest.skip(f"needs {backend}")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("address", "says"),
    [("nonsense", "is not of the form"), ("tcp://127.0.0.1:1", "cannot be reached: Connection refused")],
)
def test_an_address_without_a_cluster_is_told_at_once(backend: Backend, address: str, says: str) -> None:
    needs(backend)
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=f"scheduler: {address} {says}"):
        list(run_parts(abs, each([1]), jobs=1, backend=backend, scheduler=address))
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_of_another_kind_is_told(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(backend)
    monkeypatch.setattr(clusters, "_PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"{address} does not answer like a {backend.title()}"):
            list(run_parts(abs, each([1]), jobs=1, backend=backend, scheduler=address))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_missing_library_is_told(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed" if backend == "dask" else backend, None)
    with pytest.raises(ConfigError, match=rf"^backend {backend} needs .*: pip install 'irisbp\[cluster\]'"):
        run_parts(abs, each([1]), jobs=1, backend=backend)
