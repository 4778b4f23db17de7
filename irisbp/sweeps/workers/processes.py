"""The parts of a sweep in processes of this machine: joblib's loky, which starts them and loads slowly.

A process may die on the way, killed by a user or for lack of memory: another one repeats what it had not
finished.
"""

import os
import signal
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from multiprocessing import resource_tracker
from typing import Any, TypeVar, cast

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import resource_tracker as loky_tracker
from joblib.externals.loky.process_executor import BrokenProcessPool

from irisbp.errors import IrisbpWarning, WorkerDied
from irisbp.sweeps.workers.signals import blocked

Part = TypeVar("Part")
Result = TypeVar("Result")

_MOST_DEATHS = 3  # of processes that worked on the same part; at the last of them it was the only part
_WATCH_EVERY = 0.5  # seconds


def in_processes(
    function: Callable[[Part], Result], parts: Sequence[Part], jobs: int
) -> Generator[tuple[int, Result], None, None]:
    """Index and result of each part, as they come; see run_parts.

    When a process dies, its whole pool is lost: a new one gets the missing parts.

    A part that was being worked on at two deaths is tried alone, so that the third has only one suspect.
    """
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
) -> Generator[tuple[int, Result], None, None]:
    """Results as they come; `working` is kept to the indices that were handed out and have not come back."""

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
            results = cast(Generator[tuple[int, Result], None, None], parallel(calls()))
    try:
        for index, result in results:
            working.discard(index)
            yield index, result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the warning that tasks are cancelled
            results.close()


def _numbered(function: Callable[[Part], Result], index: int, part: Part) -> tuple[int, Result]:
    return index, function(part)


def _end_with(parent: int) -> None:
    """End this worker process when its parent ends, which has told the user what there was to tell."""
    warnings.simplefilter("ignore", IrisbpWarning)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
