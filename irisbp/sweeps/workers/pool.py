"""Calls a function for each part of a sweep, here, in processes of this machine, or on a cluster.

joblib's processes (loky) stay on this machine; clusters.py has Dask and Ray. In every case each part's
result comes exactly once, in the order in which parts are done. A process may die on the way, killed by a
user or for lack of memory: another one repeats what it had not finished.
"""

from collections.abc import Callable, Generator
from importlib.util import find_spec
from typing import Any, Literal, TypeVar, cast, get_args

from irisbp.errors import ConfigError
from irisbp.sweeps.workers.signals import check_signals

Backend = Literal["loky", "dask", "ray"]
Part = TypeVar("Part")
Result = TypeVar("Result")
Take = Callable[[int], Part | None]
Results = Generator[tuple[Part, Result], None, None]

_HOW_TO_INSTALL = "pip install 'irisbp[cluster]'"


def run_parts(
    function: Callable[[Part], Result],
    take: Take[Part],
    *,
    jobs: int,
    backend: Backend = "loky",
    scheduler: str | None = None,
) -> Results[Part, Result]:
    """Each part and its result, as they come; `jobs` parts are worked on at the same time.

    take is called with the number of workers that are idle, and gives a part for one of them, or None if
    there is none now. After each result it is called again: there may be new parts by then.

    With loky and one job everything happens in this process. A cluster that `scheduler` names has its own
    number of workers, whatever `jobs` says; without an address one of `jobs` workers is started here.
    Function and parts have to be picklable, and the function without side effects, since a part may be begun
    twice. No two parts are equal.

    What the function raises is raised here, and ends the iteration. An exception on the way, such as one
    that a signal raises, or closing the iterator (contextlib.closing) stops the workers at once. Raises
    ConfigError if the backend cannot be used, and WorkerDied for a part that kills its workers.
    """
    check_backend(backend, scheduler)
    if backend == "loky":
        return _here(function, take) if jobs == 1 else _in_processes(function, take, jobs)
    clusters = _clusters()
    on_cluster = clusters.on_dask if backend == "dask" else clusters.on_ray
    return cast(Results[Part, Result], on_cluster(function, take, jobs, scheduler))


def check_backend(backend: Backend, scheduler: str | None) -> None:
    """ConfigError if there is no such backend, if it takes no scheduler, or if its library is missing."""
    if backend not in get_args(Backend):
        raise ConfigError(f"backend: {backend} is not one of {', '.join(get_args(Backend))}")
    if backend == "loky":
        if scheduler is not None:
            raise ConfigError("scheduler: processes of this machine have none; use backend dask or ray")
        return
    check_signals()
    library = "distributed" if backend == "dask" else backend
    try:
        found = find_spec(library) is not None
    except ValueError:  # an import that a test made to fail
        found = False
    if not found:
        raise ConfigError(f"backend {backend} needs {library}: {_HOW_TO_INSTALL}")


def check_cluster(backend: Backend, scheduler: str | None) -> None:
    """ConfigError if a scheduler is named and does not answer, or its workers cannot do the work."""
    if backend != "loky" and scheduler is not None:
        _clusters().check_cluster(backend, scheduler)


def _clusters() -> Any:
    from irisbp.sweeps.workers import clusters  # loads asyncio, logging and more

    return clusters


def _here(function: Callable[[Part], Result], take: Take[Part]) -> Results[Part, Result]:
    while (part := take(1)) is not None:
        yield part, function(part)


def _in_processes(function: Callable[[Part], Result], take: Take[Part], jobs: int) -> Results[Part, Result]:
    check_signals()
    from irisbp.sweeps.workers.processes import in_processes  # loads joblib

    return in_processes(function, take, jobs)
