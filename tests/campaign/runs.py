"""Runs of the campaign: made by forks of this process, read whole, and compared byte by byte.

A fork has everything imported, so that a trial takes hundredths of a second; what it does is what
`python -m irisbp` does, from the handlers of its signals to its exit code.
"""

import gc
import json
import os
import pickle
import re
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NoReturn, TypeVar

import numpy as np

from tests.campaign.calls import Call, Hook, Kill, Stop, watch

CONFIGS = {
    "sgd": """
        seed: 1
        rng: numpy
        learning_rate: 0.1
        epochs: 4
        initializer: normal
        optimizer: sgd
        data: {shuffle: every_epoch}
        checkpoint_every: 1
        """,
    "adam": """
        seed: 2
        rng: numpy
        learning_rate: 0.02
        epochs: 12
        initializer: glorot_uniform
        optimizer: {name: adam, amsgrad: true}
        schedule: {name: cosine, warmup: 2}
        batch_size: 8
        network: {hidden: [4, 3], activation: tanh}
        data: {shuffle: every_epoch, validation: 0.3}
        early_stopping: {patience: 2, min_delta: 0.05}
        checkpoint_every: 2
        """,
    "r": """
        seed: 3
        rng: r
        learning_rate: 0.05
        epochs: 5
        initializer: normal
        optimizer: {name: sgd, momentum: 0.9, nesterov: true}
        batch_size: 7
        data: {shuffle: every_epoch}
        record: epochs
        checkpoint_every: {steps: 30}
        """,
}

Files = dict[str, bytes]
Trial = TypeVar("Trial")
Result = TypeVar("Result")

_CLOCK = ("started", "finished", "seconds")
_LONGEST = 60  # seconds that a trial may take


@dataclass
class Done:
    """How a process ended: its exit code (minus the signal), its stderr, and the calls it made."""

    code: int
    told: str
    calls: list[Call] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Whether it gave up as it should: a known exit code, and one message.

        Its further lines are indented, or name a place in the config as the first does.
        """
        first, *others = self.told.splitlines() or [""]
        go_on = all(re.match(r"  |\S+config\.yaml:\d+:\d+: ", line) for line in others)
        return self.code in (2, 74) and first.startswith("irisbp: ") and go_on


def forked(arguments: Sequence[str], *, root: Path | None = None, hook: Hook | None = None) -> Done:
    """Run the command line in a fork, its calls below root watched; hook is told of each beforehand."""
    with started(arguments, root=root, hook=hook) as process:
        return process.wait()


@dataclass
class Process:
    """A fork under way."""

    pid: int
    told: int
    log: int
    ended: bool = False

    def wait(self) -> Done:
        """Wait for its end."""
        told = b"".join(iter(lambda: os.read(self.told, 1 << 16), b""))
        _, status = os.waitpid(self.pid, 0)
        self.ended = True
        log = os.pread(self.log, os.fstat(self.log).st_size, 0)
        calls = pickle.loads(log) if log else []
        return Done(os.waitstatus_to_exitcode(status), told.decode(), calls)

    def is_over(self) -> bool:
        """Whether it has just come to its end, so that wait would not have to."""
        if self.ended:
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill(self) -> Done:
        """End it the hard way."""
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()


@contextmanager
def started(
    arguments: Sequence[str],
    *,
    root: Path | None = None,
    hook: Hook | None = None,
    first: Callable[[], object] | None = None,
) -> Iterator[Process]:
    """A fork that runs the command line; first is called in it before."""
    _make_ready()
    with tempfile.TemporaryFile() as log:
        told, telling = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's threads, which do nothing here
            pid = os.fork()
        if not pid:
            _be_irisbp(arguments, telling, log.fileno(), root, hook, first)
        os.close(telling)
        process = Process(pid, told, log.fileno())
        try:
            yield process
        finally:
            if not process.ended:
                process.kill()
            os.close(told)


@cache
def _make_ready() -> None:
    """Do once, and before any fork, what every process would do: import, and build the command line."""
    import typer.main

    import irisbp.__main__
    import irisbp.cli.deferred
    import irisbp.rundir.reader
    from irisbp.config.load import load_config, to_yaml
    from irisbp.rundir.writer import RunWriter
    from irisbp.runs.layout import open_new_run
    from irisbp.runs.session import finish
    from irisbp.training.loop import train
    from irisbp.training.setup import prepare

    assert irisbp.rundir.reader
    typer.main.get_command = cache(typer.main.get_command)
    setattr(irisbp.cli.deferred, "get_command", typer.main.get_command)  # noqa: B010 - it is not re-exported
    for command in typer.main.get_command(irisbp.cli.app).commands.values():  # type: ignore[attr-defined]
        command.load()
    state = prepare(load_config(None, ["epochs=1"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        with open_new_run(None, directory=path, name=None, overwrite=False) as directory:
            writer = RunWriter(directory, state)
            for record in train(state):
                writer.take(record)
            finish(writer, state, "completed")
        to_yaml(load_config(path / "config.yaml"))
    gc.freeze()  # the collector would touch, and so copy, all that a fork shares with us


def _be_irisbp(
    arguments: Sequence[str],
    told: int,
    log: int,
    root: Path | None,
    hook: Hook | None,
    first: Callable[[], object] | None,
) -> NoReturn:
    code = 70
    calls: list[Call] = []
    try:
        signal.alarm(_LONGEST)
        gc.disable()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for ours, standard in ((nowhere, 0), (nowhere, 1), (told, 2)):
            os.dup2(ours, standard)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.argv = ["irisbp", *arguments]
        if first:
            first()
        if root:
            calls = watch(root, hook)
        with np.errstate(over="warn", invalid="warn", divide="warn"):
            from irisbp.__main__ import main

            main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        if root and not hook:
            with open(log, "wb", closefd=False) as file:
                pickle.dump(calls, file)
        sys.stderr.flush()
        os._exit(code)


def write_config(folder: Path, name: str, text: str = "") -> Path:
    """One of the configs above (or another text) as a file."""
    path = folder / f"{name}.yaml"
    lines = (text or CONFIGS[name]).strip().splitlines()
    path.write_text("".join(f"{line.strip()}\n" for line in lines))
    return path


def training(config: Path, run: Path) -> list[str]:
    """The command that trains into a directory, whatever lies there."""
    return ["train", str(config), "--run-dir", str(run), "--overwrite", "--quiet", "--json"]


def recovery(config: Path, run: Path) -> list[str]:
    """What is to be done after a crash: resume, or train again where not even config.yaml was written."""
    if (run / "config.yaml").exists():
        return ["resume", str(run), "--quiet", "--json"]
    return training(config, run)


@dataclass(frozen=True)
class Case:
    """A command, the files of the run before it, and what they are to be when all is done."""

    name: str
    config: Path
    start: Files
    expected: Files

    def begin(self, root: Path) -> list[str]:
        """Put the files there; the command."""
        run = root / "run"
        if self.start:
            put(run, self.start)
        return training(self.config, run) if self.name.endswith("train") else recovery(self.config, run)

    def calls(self, folder: Path) -> list[Call]:
        """What the command does, if nobody interferes."""
        with scratch(folder) as root:
            return forked(self.begin(root), root=root).calls


def reference(config: Path, folder: Path) -> Files:
    """The files of a run that nothing interrupts."""
    with scratch(folder) as root:
        done = forked(training(config, root / "run"))
        if done.code:
            raise RuntimeError(f"{config}: exit code {done.code}: {done.told}")
        return files(root / "run")


def cases(name: str, folder: Path, starts: int = 5) -> list[Case]:
    """Training from nothing and over a run, and resuming runs that were stopped or killed on their way."""
    config = write_config(folder, name)
    expected = reference(config, folder)
    fresh = Case(f"{name}: train", config, {}, expected)
    count = len(fresh.calls(folder))
    hooks: list[Hook] = [Stop(count // 2), *(Kill(count * k // 5) for k in (3, 2, 1, 4))]
    resumed = [
        Case(f"{name}: {hook}, resume", config, after(fresh, folder, hook), expected)
        for hook in hooks[:starts]
    ]
    return [fresh, *resumed, Case(f"{name}: finished, train", config, expected, expected)]


def after(case: Case, folder: Path, hook: Hook) -> Files:
    """What there is after a command that the hook has ended."""
    with scratch(folder) as root:
        done = forked(case.begin(root), root=root, hook=hook)
        if done.code not in (-signal.SIGKILL, 130):
            raise RuntimeError(f"{case.name}: not ended: exit code {done.code}: {done.told}")
        return files(root / "run")


def files(run: Path) -> Files:
    """All files of a run."""
    return {path.name: path.read_bytes() for path in run.iterdir()} if run.exists() else {}


def _without_clock(manifest: bytes) -> bytes:
    try:
        content = json.loads(manifest)
    except ValueError:
        return manifest
    return json.dumps({key: value for key, value in content.items() if key not in _CLOCK}).encode()


def put(run: Path, content: Files) -> None:
    """A run directory with these files."""
    run.mkdir()
    for name, data in content.items():
        (run / name).write_bytes(data)


def difference(expected: Files, found: Files) -> str:
    """What is different, in a few words; nothing if all names and bytes are the same.

    Only what a manifest says about the time does not count.
    """
    if expected.keys() != found.keys():
        return f"files {sorted(found)} instead of {sorted(expected)}"
    other = [name for name in expected if expected[name] != found[name]]
    if other == ["manifest.json"] and _without_clock(found[other[0]]) == _without_clock(expected[other[0]]):
        return ""
    return f"other bytes in {', '.join(other)}" if other else ""


def recovered(config: Path, run: Path, expected: Files) -> str:
    """Recover a run; what is wrong with it then, or nothing."""
    arguments = recovery(config, run)
    done = forked(arguments)
    if done.code:
        return f"{arguments[0]}: exit code {done.code}: {done.told.strip()}"
    return difference(expected, files(run))


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A directory for one trial."""
    root = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield root
    finally:
        shutil.rmtree(root)


def some(trials: list[Trial], count: int) -> list[Trial]:
    """All of them, or so many drawn from a fixed seed."""
    if count >= len(trials):
        return trials
    return [trials[k] for k in sorted(Random(0).sample(range(len(trials)), count))]


def spread(job: Callable[[Trial], Result], trials: Sequence[Trial]) -> list[Result]:
    """The result of each trial, two at a time."""
    _make_ready()
    if len(trials) < 4:
        return [job(trial) for trial in trials]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with get_context("fork").Pool(2) as pool:
            return pool.map(job, trials, chunksize=1 + len(trials) // 200)
