"""Checkpoints: all that is needed to resume a run from one of its records.

The rename of a checkpoint into its place is the only thing that commits progress. steps.csv and epochs.csv
may be longer than it says, never shorter: they are synced before it is written, and cut to it before the
run is resumed. The two newest are kept; if the newest is damaged, the other one is used.
"""

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, ValidationError

from irisbp.errors import RunError
from irisbp.nn.types import Array
from irisbp.rundir.arrays import AnyArray, pack, problem_of, unpack
from irisbp.rundir.storage import Directory, Mark
from irisbp.training.state import Best, Progress, Snapshot, Training

CHECKPOINT = re.compile(r"checkpoint-(\d{12,})\.npz")
_KEPT = 2
_MOST_WORDS = 1 << 20  # bytes for its text, and for zip's own; some thousand are needed


class _CheckpointText(BaseModel):
    """The text in a checkpoint; its float64 numbers are stored as arrays, and so exactly."""

    model_config = ConfigDict(extra="forbid", strict=True)
    form: Literal[1] = 1
    config: str
    data: str
    epoch: int
    samples: int
    step: int
    correct: int
    best_epoch: int | None
    files: dict[str, tuple[NonNegativeInt, str]]
    started: str
    seconds: Annotated[NonNegativeFloat, Field(allow_inf_nan=False)]
    versions: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """A moment of a run: the state of its training, and how long its growing files were.

    config is the sha256 of config.yaml, data that of the table, or those of two with a blank between. started
    and seconds are those of the manifest, versions those that it has been trained with so far.
    """

    state: Snapshot
    progress: Progress
    best: Best | None
    files: dict[str, Mark]
    config: str
    data: str
    started: str
    seconds: float
    versions: dict[str, str]


def write_checkpoint(directory: Directory, checkpoint: Checkpoint) -> None:
    """Commit a checkpoint, and remove those that are no longer needed."""
    progress, best = checkpoint.progress, checkpoint.best
    about = _CheckpointText(
        config=checkpoint.config,
        data=checkpoint.data,
        epoch=progress.epoch,
        samples=progress.samples,
        step=progress.step,
        correct=progress.correct,
        best_epoch=best.epoch if best else None,
        files={name: (mark.length, mark.sha256) for name, mark in checkpoint.files.items()},
        started=checkpoint.started,
        seconds=checkpoint.seconds,
        versions=checkpoint.versions,
    )
    arrays: dict[str, AnyArray] = {
        "about": np.frombuffer(about.model_dump_json().encode(), np.uint8),
        "loss": np.array(progress.loss),
        "parameters": checkpoint.state.parameters,
    }
    arrays |= {f"optimizer.{name}": array for name, array in checkpoint.state.optimizer.items()}
    if best:
        arrays |= {"best.loss": np.array(best.loss), "best.parameters": best.parameters}
    name = f"checkpoint-{progress.step:012d}.npz"
    directory.write(name, pack(arrays))
    names = checkpoint_names(directory)
    newest = names.index(name)  # those of later steps were invalid when the run was resumed
    directory.discard(names[:newest] + names[newest + _KEPT :])


def checkpoint_names(directory: Directory) -> list[str]:
    """The checkpoints in a directory, the newest first."""
    found = {name: int(match[1]) for name in directory.names() if (match := CHECKPOINT.fullmatch(name))}
    return sorted(found, key=lambda name: (found[name], name), reverse=True)


def newest_checkpoint(directory: Directory, training: Training) -> tuple[Checkpoint | None, list[str]]:
    """The newest valid checkpoint of the run in a directory, and what is wrong with newer ones.

    None if there is none at all.

    RunError, with what is wrong with each, if there are some but none is valid.
    """
    names, problems = checkpoint_names(directory), list[str]()
    config = directory.sha256("config.yaml")
    for name in names:
        try:
            checkpoint = _read(directory, name, training)
            _check_that_it_belongs(directory, checkpoint, config, training)
        except RunError as error:
            problems.append(str(error))
        else:
            return checkpoint, problems
    if names:
        raise _unusable(directory, problems)
    return None, problems


def _unusable(directory: Directory, problems: list[str]) -> RunError:
    return RunError(
        f"{directory.path} cannot be resumed; train it again with overwrite:",
        *(f"  {problem}" for problem in problems),
    )


def recorded_digests(directory: Directory) -> list[str]:
    """The sha256 of each table of the run in a directory, by its newest checkpoint; none without one.

    RunError, with what is wrong with each, if there are some but none is readable.
    """
    names, problems = checkpoint_names(directory), list[str]()
    for name in names:
        path = directory.path / name
        try:
            arrays = unpack(path, directory.read(name))
            return _CheckpointText.model_validate_json(arrays["about"].tobytes()).data.split(" ")
        except RunError as error:
            problems.append(str(error))
        except (ValidationError, KeyError, ValueError) as error:
            problems.append(f"{path} is not a checkpoint of this run: {problem_of(error)}")
    if names:
        raise _unusable(directory, problems)
    return []


def _check_that_it_belongs(
    directory: Directory, checkpoint: Checkpoint, config: str, training: Training
) -> None:
    files = training.dataset.table.digests
    if checkpoint.config != config:
        raise RunError(f"{directory.path / 'config.yaml'} has changed since the run began")
    for (source, digest), was in zip_longest(files, checkpoint.data.split(" "), fillvalue=("a table", "")):
        if digest != was:
            raise RunError(f"{source} has changed since {directory.path} was trained on it")
    wanted = {"epochs.csv", "steps.csv"} if training.config.record == "steps" else {"epochs.csv"}
    if set(checkpoint.files) != wanted:
        raise RunError(f"{directory.path}: its checkpoint does not have {', '.join(sorted(wanted))}")
    for name, mark in checkpoint.files.items():
        directory.reopen(name, mark).close()


def _read(directory: Directory, name: str, training: Training) -> Checkpoint:
    path = directory.path / name
    arrays = unpack(path, directory.read(name, _most_bytes(training)))
    try:
        about = _CheckpointText.model_validate_json(arrays["about"].tobytes())
        take = _Taking(arrays)
        progress = Progress(about.epoch, about.samples, about.step, take.number("loss"), about.correct)
        shapes = {memory: array.shape for memory, array in training.optimizer.state.items()}
        state = Snapshot(
            take.array("parameters", training.parameters.shape),
            {memory: take.array(f"optimizer.{memory}", shape) for memory, shape in shapes.items()},
        )
        best = None
        if about.best_epoch is not None:
            parameters = take.array("best.parameters", training.parameters.shape)
            best = Best(about.best_epoch, take.number("best.loss"), parameters)
        _check_progress(progress, best, training)
    except (ValidationError, KeyError, ValueError) as error:
        raise RunError(f"{path} is not a checkpoint of this run: {problem_of(error)}") from None
    return Checkpoint(
        state=state,
        progress=progress,
        best=best,
        files={file: Mark(*mark) for file, mark in about.files.items()},
        config=about.config,
        data=about.data,
        started=about.started,
        seconds=about.seconds,
        versions=about.versions,
    )


def _most_bytes(training: Training) -> int:
    """An upper bound of the size of a training's checkpoints."""
    arrays = 2 + len(training.optimizer.state)
    return arrays * (training.parameters.nbytes + 1024) + _MOST_WORDS


def _check_progress(progress: Progress, best: Best | None, training: Training) -> None:
    """ValueError if no run of this config can be at this progress."""
    count, size = len(training.order), training.batch_size
    per_epoch = -(-count // size)
    epochs = training.config.epochs
    done = progress.epoch - 1 if not progress.samples else progress.epoch
    step = (progress.epoch - 1) * per_epoch + -(-progress.samples // size)
    if not (progress.epoch >= 1 and 0 <= done <= epochs and 0 <= progress.samples <= count):
        raise ValueError(f"epoch {progress.epoch}, sample {progress.samples}")
    if progress.step != step or not 0 <= progress.correct <= progress.samples:
        raise ValueError(f"step {progress.step}, {progress.correct} right")
    if best and not 1 <= best.epoch <= done:
        raise ValueError(f"its best epoch is {best.epoch}")


class _Taking:
    """The arrays of a checkpoint, each checked as it is taken; ValueError for another shape or type."""

    def __init__(self, arrays: dict[str, AnyArray]) -> None:
        self._arrays = arrays

    def array(self, name: str, shape: tuple[int, ...]) -> Array:
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != np.float64:
            raise ValueError(f"{name} is not an array of {shape} float64")
        return array

    def number(self, name: str) -> float:
        return float(self.array(name, ()))
