"""Calls a function for each part of a sweep, here, in processes of this machine, or on a cluster.

joblib's processes (loky) stay on this machine; clusters.py has Dask and Ray. In every case each part's
result comes exactly once, in the order in which parts are done. A process may die on the way, killed by a
user or for lack of memory: another one repeats what it had not finished.
"""

from collections.abc import Callable, Generator, Sequence
from importlib.util import find_spec
from typing import Any, Literal, TypeVar, cast, get_args

from irisbp.errors import ConfigError
from irisbp.sweeps.workers.signals import check_signals

Backend = Literal["loky", "dask", "ray"]
Part = TypeVar("Part")
Result = TypeVar("Result")
Results = Generator[tuple[int, Result], None, None]

_HOW_TO_INSTALL = "pip install 'irisbp[cluster]'"


def run_parts(
    function: Callable[[Part], Result],
    parts: Sequence[Part],
    *,
    jobs: int,
    backend: Backend = "loky",
    scheduler: str | None = None,
) -> Results[Result]:
    """The index and the result of each part, as they come; `jobs` parts are worked on at the same time.

    With loky and one job everything happens in this process. A cluster that `scheduler` names has its own
    number of workers, whatever `jobs` says; without an address one of `jobs` workers is started here.
    Function and parts have to be picklable, and the function without side effects, since a part may be begun
    twice.

    What the function raises is raised here, and ends the iteration. An exception on the way, such as one
    that a signal raises, or closing the iterator (contextlib.closing) stops the workers at once. Raises
    ConfigError if the backend cannot be used, and WorkerDied for a part that kills its workers.
    """
    check_backend(backend, scheduler)
    if backend == "loky":
        return _here(function, parts) if jobs == 1 else _in_processes(function, parts, jobs)
    clusters = _clusters()
    on_cluster = clusters.on_dask if backend == "dask" else clusters.on_ray
    return cast(Results[Result], on_cluster(function, parts, jobs, scheduler))


def check_backend(backend: Backend, scheduler: str | None) -> None:
    """ConfigError if there is no such backend, if it takes no scheduler, or if its library is missing."""
    if backend not in get_args(Backend):
        raise ConfigError(f"backend: {backend} is not one of {', '.join(get_args(Backend))}")
    if backend == "loky":
        if scheduler is not None:
            raise ConfigError("scheduler: processes of this machine have none; use backend dask or ray")
        return
    check_signals()
    libraries = ["distributed"] if backend == "dask" else ["ray"]
    if backend == "dask" and scheduler is None:
        libraries.append("cryptography")  # makes the certificate of a cluster that is started here
    for library in libraries:
        if not _is_installed(library):
            raise ConfigError(f"backend {backend} needs {library}: {_HOW_TO_INSTALL}")


def _is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ValueError:  # an import that a test made to fail
        return False


def check_cluster(backend: Backend, scheduler: str | None) -> None:
    """ConfigError if a scheduler is named and does not answer, or its workers cannot do the work."""
    if backend != "loky" and scheduler is not None:
        _clusters().check_cluster(backend, scheduler)


def _clusters() -> Any:
    from irisbp.sweeps.workers import clusters  # loads asyncio, logging and more

    return clusters


def _here(function: Callable[[Part], Result], parts: Sequence[Part]) -> Results[Result]:
    return ((index, function(part)) for index, part in enumerate(parts))


def _in_processes(function: Callable[[Part], Result], parts: Sequence[Part], jobs: int) -> Results[Result]:
    check_signals()
    from irisbp.sweeps.workers.processes import in_processes  # loads joblib

    return in_processes(function, parts, jobs)
