"""The parts of a sweep on a Dask or Ray cluster, by those libraries' own calls.

joblib has backends for both, but none for Ray that streams results or outlives a worker, and the one for
Dask scatters arguments, which are lost with the worker that holds them. Dask and Ray themselves give a task
to another worker if one dies.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from irisbp import __version__
from irisbp.errors import ConfigError, IrisbpError, WorkerDied
from irisbp.sweeps.workers.signals import blocked

Part = TypeVar("Part")
Result = TypeVar("Result")
Take = Callable[[int], Part | None]
Results = Generator[tuple[Part, Result], None, None]

_PATIENCE = 5.0  # seconds for each step towards a cluster
_RETRIES = 2  # of a part whose worker died: three deaths, as with processes


def check_cluster(backend: Literal["dask", "ray"], scheduler: str) -> None:
    """Raise unless the cluster at this address can be used."""
    with _dask_client(1, scheduler) if backend == "dask" else _ray_cluster(1, scheduler):
        pass


def on_dask(
    function: Callable[[Part], Result], take: Take[Part], jobs: int, scheduler: str | None
) -> Results[Part, Result]:
    """Each part and its result, as they come; see run_parts."""
    from distributed import KilledWorker, as_completed

    with ExitStack() as stack:
        client = stack.enter_context(_dask_client(jobs, scheduler))
        working: dict[Any, Part] = {}  # by future
        stack.callback(lambda: client.cancel(list(working), force=True))
        coming = as_completed(loop=client.loop, with_results=True, raise_errors=False)
        while True:
            cores = max(1, sum(client.ncores().values()))
            while len(working) < cores and (part := take(cores - len(working))) is not None:
                future = client.submit(_work, __version__, function, part, pure=False, retries=0)
                working[future] = part
                coming.add(future)
            if not working:
                return
            future, result = next(coming)
            part = working.pop(future)
            if future.status == "finished":
                yield part, result
                future.release()  # or the scheduler would keep the result
            elif future.status != "error":
                raise IrisbpError(f"the Dask cluster was lost: {part} is {future.status}")
            elif isinstance(result[1], KilledWorker):
                raise WorkerDied(str(part), result[1].allowed_failures + 1)
            else:
                raise _explained(result[1])


@contextmanager
def _dask_client(jobs: int, scheduler: str | None) -> Iterator[Any]:
    """A client of the scheduler, or of a cluster of our own, which ends with it."""
    import dask
    from distributed import Client, LocalCluster

    with ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.comm.timeouts.connect": _PATIENCE}))
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # failures are reported here
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        if scheduler is None:
            with blocked({signal.SIGINT}, resource_tracker):
                cluster = LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    silence_logs="CRITICAL",
                )
            stack.enter_context(cluster)
            yield stack.enter_context(Client(cluster, set_as_default=False))
            return
        _reach(scheduler, "tcp://HOST:PORT").close()
        _ask_dask(scheduler)
        client = stack.enter_context(Client(scheduler, set_as_default=False))
        _ask_for_irisbp(client)
        yield client


def _ask_for_irisbp(client: Any) -> None:
    """Raise unless scheduler and workers can load the tasks: some would retry for ever."""
    question = "__import__('irisbp.sweeps.workers.clusters').__version__"
    try:
        answers = [client.run_on_scheduler(eval, question), *client.run(eval, question).values()]
    except Exception as error:
        raise _explained(error) from None
    for answer in answers:
        _check_version(answer, "the cluster")


def _ask_dask(scheduler: str) -> None:
    """Raise unless a Dask scheduler with workers answers; a Client would leave threads behind on failure."""
    from distributed import rpc

    async def identity() -> Any:
        async with asyncio.timeout(_PATIENCE), rpc(scheduler) as there:
            return await there.identity()

    try:
        answer = asyncio.run(identity())
    except Exception as error:  # another program may listen there
        raise ConfigError(f"scheduler: {scheduler} does not answer like a Dask scheduler") from error
    if not answer["workers"]:
        raise ConfigError(f"scheduler: {scheduler} has no workers; start one: dask worker {scheduler}")


def on_ray(
    function: Callable[[Part], Result], take: Take[Part], jobs: int, scheduler: str | None
) -> Results[Part, Result]:
    """Each part and its result, as they come; see run_parts."""
    import ray

    with _ray_cluster(jobs, scheduler):
        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_work)
        working: dict[Any, Part] = {}
        while True:
            cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
            while len(working) < cores and (part := take(cores - len(working))) is not None:
                working[task.remote(__version__, function, part)] = part
            if not working:
                return
            for done in ray.wait(list(working))[0]:
                part = working.pop(done)
                yield part, _ray_result(done, part)


def _ray_result(done: Any, part: object) -> Any:
    import ray

    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError as error:
        raise _explained(error.cause) from None
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
        raise WorkerDied(str(part), 1 + _RETRIES) from None
    except ray.exceptions.RayError as error:
        reason = str(error).split("\n")[0]
        raise IrisbpError(f"the Ray cluster lost {part}: {reason}") from error


@contextmanager
def _ray_cluster(jobs: int, scheduler: str | None) -> Iterator[None]:
    import ray

    options = {"log_to_driver": False, "logging_level": "critical"}
    before = signal.getsignal(signal.SIGTERM)  # Ray replaces it
    try:
        if scheduler is None:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or it would send usage statistics
            with blocked({signal.SIGINT}, resource_tracker):
                ray.init(address="local", num_cpus=jobs, include_dashboard=False, **options)
        else:
            if scheduler != "auto":
                _ask_ray(scheduler)
            ray.init(address=scheduler, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(
            f"no Ray cluster at {scheduler or 'this machine'}: {reason}",
            "If the cluster asks for a token, see Ray's documentation on how to give it.",
        ) from error
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    try:
        yield
    finally:
        ray.shutdown()


def _ask_ray(scheduler: str) -> None:
    """Raise unless a gRPC server, as Ray's is, listens there: ray.init would retry for minutes.

    gRPC is HTTP/2, whose server answers a client's preface with a frame of settings (RFC 9113, 3.4).
    """
    settings = bytes(3) + b"\x04" + bytes(5)  # length 0, type 4, no flags, stream 0
    try:
        with _reach(scheduler, "HOST:PORT or auto") as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
            answer = connection.recv(9)
    except OSError:
        answer = b""
    if answer[3:4] != b"\x04":
        raise ConfigError(f"scheduler: {scheduler} does not answer like a Ray cluster")


def _reach(address: str, form: str) -> socket.socket:
    """Connect, or raise: the libraries would retry for minutes."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ConfigError(f"scheduler: {address} is not of the form {form}")
    try:
        return socket.create_connection((host, port), timeout=_PATIENCE)
    except OSError as error:
        raise ConfigError(f"scheduler: {address} cannot be reached: {error.strerror or error}") from None


def _work(version: str, function: Callable[[Part], Result], part: Part) -> Result:
    """Work on a part, in a worker; the version is that of the sender."""
    _check_version(version, "the sender")
    return function(part)


def _check_version(other: str, whose: str) -> None:
    if other != __version__:
        raise ConfigError(f"{whose} has irisbp {other}, and {socket.gethostname()} has {__version__}")


def _explained(error: BaseException) -> BaseException:
    """The error, or an explanation if a worker or a Dask scheduler could not load a task."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError):
            return ConfigError(
                f"the cluster cannot import {cause.name}",
                f"Install irisbp {__version__} where its scheduler and its workers run.",
            )
        cause = cause.__cause__ or cause.__context__
    return error
