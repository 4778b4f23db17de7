"""The parts of a sweep in processes of this machine: joblib's loky, which starts them and loads slowly.

A process may die on the way, killed by a user or for lack of memory: another one repeats what it had not
finished.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from typing import Any, Generic, TypeVar

from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import resource_tracker as loky_tracker
from joblib.externals.loky.process_executor import BrokenProcessPool

from irisbp.errors import WorkerDied
from irisbp.sweeps.workers.signals import blocked

Part = TypeVar("Part")
Result = TypeVar("Result")

_MOST_DEATHS = 3  # of processes that worked on the same part; at the last of them it was the only part
_WATCH_EVERY = 0.5  # seconds
_QUEUEING = 5.0  # seconds that it takes at most
_IDLE = 300  # seconds after which a process without work ends
_THREADS = (
    "OMP",
    "OPENBLAS",
    "MKL",
    "BLIS",
    "NUMEXPR",
    "VECLIB_MAXIMUM",
)  # one: a sweep has a process a core


@dataclass(eq=False)
class _Task(Generic[Part]):
    """A part, and how many processes died while it was being worked on."""

    part: Part
    deaths: int = 0

    @property
    def is_suspect(self) -> bool:
        """Return whether it is tried alone, so that the next death has only one suspect."""
        return self.deaths == _MOST_DEATHS - 1


def in_processes(
    function: Callable[[Part], Result], take: Callable[[int], Part | None], jobs: int
) -> Generator[tuple[Part, Result], None, None]:
    """Each part and its result, as they come; see run_parts.

    When a process dies, its whole pool is lost: a new one gets the parts that were being worked on.
    """
    tasks = _Tasks(take, jobs)
    try:
        while True:
            while task := tasks.next():
                _submit(function, task, tasks)
            if not tasks.working:
                return
            done, _ = wait(tasks.working, return_when=FIRST_COMPLETED)
            task = tasks.working.pop(future := done.pop())
            try:
                result = future.result()
            except BrokenProcessPool as error:
                tasks.note_death(task, error)
            else:
                yield task.part, result
    finally:
        _wait_for_queueing(tasks.working)
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


@dataclass
class _Tasks(Generic[Part]):
    """The tasks that are being worked on, and those whose process died."""

    take: Callable[[int], Part | None]
    jobs: int
    working: dict[Future[Any], _Task[Part]] = field(default_factory=dict)
    again: deque[_Task[Part]] = field(default_factory=deque)

    def next(self) -> _Task[Part] | None:
        """A task for an idle process; None if there is none now."""
        idle = self.jobs - len(self.working)
        if not idle or any(task.is_suspect for task in self.working.values()):
            return None
        if self.again:
            if self.again[0].is_suspect and self.working:
                return None
            return self.again.popleft()
        part = self.take(idle)
        return None if part is None else _Task(part)

    def note_death(self, task: _Task[Part], error: BaseException) -> None:
        """Try a task again whose process died, or that of one beside it; WorkerDied at the last time."""
        task.deaths += 1
        if task.deaths == _MOST_DEATHS:
            raise WorkerDied(str(task.part), task.deaths) from error
        self.again.append(task)


def _submit(function: Callable[[Part], object], task: _Task[Part], tasks: _Tasks[Part]) -> None:
    """Have a task worked on; the first call, and the first after a death, starts the processes."""
    with blocked({signal.SIGINT, signal.SIGTERM}, resource_tracker, loky_tracker):
        executor = get_reusable_executor(
            tasks.jobs,
            timeout=_IDLE,
            initializer=_end_with,
            initargs=(os.getpid(),),
            env={f"{name}_NUM_THREADS": "1" for name in _THREADS},
        )
        tasks.working[executor.submit(function, task.part)] = task


def _wait_for_queueing(futures: Iterable[Future[Any]]) -> None:
    """Wait until loky's thread has queued all tasks: one that it finds after a shutdown would be its end."""
    limit = time.monotonic() + _QUEUEING
    while time.monotonic() < limit and not all(future.running() or future.done() for future in futures):
        time.sleep(0.001)


def _end_with(parent: int) -> None:
    """End this worker process when its parent ends; called as it starts."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
