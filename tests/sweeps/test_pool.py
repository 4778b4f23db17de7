"""Every part once, whatever happens to those who work on them."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from irisbp.errors import ConfigError, Diverged, IrisbpError, StorageError, WorkerDied
from irisbp.sweeps.workers.pool import run_parts

Part = TypeVar("Part")


def each(parts: Iterable[Part]) -> Callable[[int], Part | None]:
    """Parts in their order, one whenever one is asked for."""
    waiting = iter(parts)
    return lambda idle: next(waiting, None)


def square(part: int) -> int:
    return part * part


def diverge_at_three(part: int) -> int:
    if part == 3:
        raise Diverged("the loss is inf", epoch=1, step=6, sample=50)
    return part


def die_at_three(part: int) -> int:
    if part == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def die_the_first_time(part: tuple[int, Path]) -> int:
    """Kills its process in the middle of part 3, unless that has happened."""
    number, folder = part
    if number == 3:
        try:
            (folder / "died").touch(exist_ok=False)
        except FileExistsError:
            return number
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def threads_and_process(part: int) -> tuple[int, str]:
    return os.getpid(), os.environ["OPENBLAS_NUM_THREADS"]


def children() -> set[str]:
    listed = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "popen_loky"], capture_output=True)
    return set(listed.stdout.decode().split())


def test_each_part_comes_once() -> None:
    assert list(run_parts(square, each(range(20)), jobs=1)) == [(i, i * i) for i in range(20)]


def test_each_part_comes_once_from_processes_with_one_thread_each() -> None:
    results = dict(run_parts(threads_and_process, each(range(20)), jobs=2))
    assert sorted(results) == list(range(20))
    assert {threads for _, threads in results.values()} == {"1"}
    assert os.getpid() not in {process for process, _ in results.values()}
    assert not children()


def test_parts_may_come_of_results() -> None:
    """A worker is asked for whenever it is idle: one that had nothing to do gets a part that came later."""
    waiting, asked = [0], list[int]()

    def take(idle: int) -> int | None:
        asked.append(idle)
        return waiting.pop(0) if waiting else None

    found = dict[int, int]()
    for part, result in run_parts(square, take, jobs=2):
        found[part] = result
        waiting += [3 * part + k for k in (1, 2, 3) if 3 * part + k < 10]
    assert found == {part: part * part for part in range(10)}
    assert asked[:2] == [2, 1]
    assert asked[-1] == 2


def test_no_parts_no_results() -> None:
    assert list(run_parts(square, each(range(0)), jobs=2)) == []


def test_one_job_stays_in_this_process_and_needs_no_joblib() -> None:
    program = (
        "import sys; from irisbp.sweeps.workers.pool import run_parts;"
        "take = lambda idle, parts=[-2, -1]: parts.pop() if parts else None;"
        "assert list(run_parts(abs, take, jobs=1)) == [(-1, 1), (-2, 2)];"
        "assert 'joblib' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_process_that_is_killed_costs_no_part(tmp_path: Path) -> None:
    parts = [(number, tmp_path) for number in range(12)]
    assert sorted(run_parts(die_the_first_time, each(parts), jobs=2)) == [(part, part[0]) for part in parts]
    assert (tmp_path / "died").exists()


def test_a_part_that_kills_is_named() -> None:
    with pytest.raises(WorkerDied, match=r"^3: the process that trained this was killed, 3 times") as caught:
        list(run_parts(die_at_three, each(range(6)), jobs=2))
    assert caught.value.part == "3"
    assert not children()


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_comes_back_as_itself(jobs: int) -> None:
    with pytest.raises(Diverged) as caught:
        list(run_parts(diverge_at_three, each(range(6)), jobs=jobs))
    assert str(caught.value).startswith(
        "diverged: the loss is inf at epoch 1, step 6, sample 50\nThe learning"
    )
    assert (caught.value.epoch, caught.value.step, caught.value.sample) == (1, 6, 50)
    assert not children()


@pytest.mark.parametrize(
    "error",
    [
        Diverged("w\x1b", epoch=1, step=2, sample=3),
        StorageError("write", "a\nb", OSError(28, "")),
        WorkerDied("rows 0 to 7", 3),
        IrisbpError("one", "two"),
    ],
)
def test_errors_survive_pickling(error: IrisbpError) -> None:
    error.add("more")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.args, copy.__dict__) == (str(error), error.args, error.__dict__)


def test_closing_stops_the_processes_at_once() -> None:
    with closing(run_parts(time.sleep, each([0.01, 60, 61]), jobs=2)) as results:
        begun = time.monotonic()
        assert next(results) == (0.01, None)
        assert children()
    assert time.monotonic() - begun < 20
    assert not children()


_INTERRUPTED = """
import os, sys, time
from contextlib import closing
from irisbp.sweeps.workers.pool import run_parts

parts = iter([0, 60, 61, 62])
try:
    with closing(run_parts(time.sleep, lambda idle: next(parts, None), jobs=2)) as results:
        for result in results:
            print(result, flush=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.fixture
def sweeping() -> Iterator["subprocess.Popen[str]"]:
    """A process group in the middle of a sweep: two workers are starting or at work."""
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "(0, None)\n"
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def is_gone(group: int) -> bool:
    """Whether the last process of a group ends soon; one that nobody has waited for yet has ended."""
    for _ in range(100):
        states = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True).stdout
        if not any(line.split()[0] == str(group) and "Z" not in line for line in states.splitlines()):
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_reaches_every_process_and_only_the_first_answers(sweeping: "subprocess.Popen[str]") -> None:
    os.killpg(sweeping.pid, signal.SIGINT)  # as a terminal does it
    out, err = sweeping.communicate(timeout=20)
    assert (out, err, sweeping.returncode) == ("stopped\n", "", 0)
    assert is_gone(sweeping.pid)


def test_nobody_outlives_the_process_that_they_work_for(sweeping: "subprocess.Popen[str]") -> None:
    sweeping.kill()
    sweeping.wait()
    assert is_gone(sweeping.pid)


def test_processes_have_no_scheduler() -> None:
    with pytest.raises(ConfigError, match="scheduler: processes of this machine have none"):
        run_parts(square, each([1]), jobs=2, scheduler="tcp://127.0.0.1:1")
