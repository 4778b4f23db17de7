"""Calls a function for each part of a sweep, here, in processes of this machine, or on a cluster.

joblib's processes (loky) stay on this machine; clusters.py has Dask and Ray. Whoever works, each part's
result comes exactly once, in the order in which they are done. A process may die on the way, killed by a
user or for want of memory: what it had not finished is done again by another.
"""

import os
import signal
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from typing import Any, Literal, TypeVar, cast, get_args

from irisbp.errors import ConfigError, WorkerDied
from irisbp.sweeps.workers.signals import blocked, check_signals

Backend = Literal["loky", "dask", "ray"]
Part = TypeVar("Part")
Result = TypeVar("Result")
Results = Generator[tuple[int, Result], None, None]

_MOST_DEATHS = 3  # of processes that worked on the same part; at the last of them it was the only part
_WATCH_EVERY = 0.5  # seconds
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
    ConfigError where the backend cannot be used, and WorkerDied for a part that kills its workers.
    """
    check_backend(backend, scheduler)
    if backend == "loky":
        return _here(function, parts) if jobs == 1 else _in_processes(function, parts, jobs)
    from irisbp.sweeps.workers.clusters import on_dask, on_ray

    return (on_dask if backend == "dask" else on_ray)(function, parts, jobs, scheduler)


def check_backend(backend: Backend, scheduler: str | None) -> None:
    """ConfigError if there is no such backend, if it takes no scheduler, or if its library is missing."""
    if backend not in get_args(Backend):
        raise ConfigError(f"backend: {backend} is not one of {', '.join(get_args(Backend))}")
    if backend == "loky":
        if scheduler is not None:
            raise ConfigError("--scheduler: processes of this machine have none; give --backend dask or ray")
        return
    check_signals()
    library = "distributed" if backend == "dask" else backend
    try:
        found = find_spec(library) is not None
    except ValueError:  # an import that was made to fail
        found = False
    if not found:
        raise ConfigError(f"--backend {backend} needs {library}: {_HOW_TO_INSTALL}")


def check_cluster(backend: Backend, scheduler: str | None) -> None:
    """ConfigError if a scheduler is named and does not answer, or its workers cannot do the work."""
    if backend != "loky" and scheduler is not None:
        from irisbp.sweeps.workers import clusters

        clusters.check_cluster(backend, scheduler)


def _here(function: Callable[[Part], Result], parts: Sequence[Part]) -> Results[Result]:
    return ((index, function(part)) for index, part in enumerate(parts))


def _in_processes(function: Callable[[Part], Result], parts: Sequence[Part], jobs: int) -> Results[Result]:
    """Results as they come. When a process dies, its whole pool is lost: a new one takes what is missing.

    A part that was being worked on at two deaths is tried alone, so that the third has only one suspect.
    """
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import BrokenProcessPool

    missing = dict(enumerate(parts))
    deaths: Counter[int] = Counter()
    try:
        while missing:
            suspects = [index for index in missing if deaths[index] == _MOST_DEATHS - 1]
            working: set[int] = set()
            pool = _in_a_pool(function, parts, suspects[:1] or list(missing), jobs, working)
            try:
                with closing(pool):
                    for index, result in pool:
                        del missing[index]
                        yield index, result
            except BrokenProcessPool as error:
                deaths.update(working & missing.keys())
                _give_up_on_killers(deaths, len(parts), error)
    finally:
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def _give_up_on_killers(deaths: Counter[int], parts: int, error: BaseException) -> None:
    for index, count in deaths.items():
        if count == _MOST_DEATHS:
            raise WorkerDied(index, parts, count) from error


def _in_a_pool(
    function: Callable[[Part], Result],
    parts: Sequence[Part],
    indices: Iterable[int],
    jobs: int,
    working: set[int],
) -> Results[Result]:
    """Results as they come; `working` is kept to the indices that were handed out and have not come back."""
    from multiprocessing import resource_tracker

    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.backend import resource_tracker as loky_tracker

    def calls() -> Iterator[Any]:
        for index in indices:
            working.add(index)
            yield delayed(_numbered)(function, index, parts[index])

    with parallel_config(
        backend="loky", inner_max_num_threads=1, initializer=_end_with, initargs=(os.getpid(),)
    ):
        parallel = Parallel(
            jobs, return_as="generator_unordered", pre_dispatch=jobs, batch_size=1, max_nbytes=None
        )
        with blocked({signal.SIGINT, signal.SIGTERM}, resource_tracker, loky_tracker):
            results = cast(Results[Result], parallel(calls()))
    try:
        for index, result in results:
            working.discard(index)
            yield index, result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that tasks are cancelled
            results.close()


def _numbered(function: Callable[[Part], Result], index: int, part: Part) -> tuple[int, Result]:
    return index, function(part)


def _end_with(parent: int) -> None:
    """Called in each process as it starts: it shall not outlive the one that it works for."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
