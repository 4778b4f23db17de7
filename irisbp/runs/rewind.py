"""The state before one step, re-created by training up to there: training repeats to the bit."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from math import isfinite

from irisbp.errors import IrisbpError, RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.reader import open_written, read_rows
from irisbp.runs.run import Run
from irisbp.training.loop import make_engine, train
from irisbp.training.state import Block, Record, Snapshot, Training


@dataclass(frozen=True)
class Place:
    """The wanted step: by its number, or as the one of an epoch that takes a sample.

    sample is a row of the table. With step it says which sample of the step's batch.
    """

    step: int | None = None
    epoch: int | None = None
    sample: int | None = None


@dataclass(frozen=True)
class Before:
    """A training as it was before a step, and the rows of the table that the step takes."""

    training: Training
    epoch: int
    step: int
    rows: list[int]


def state_before(training: Training, place: Place, end: int | None = None) -> Before:
    """Train up to the place's step; IrisbpError if there is no such step, Diverged if training diverges.

    training is one that has not begun; end is the last step of a run that ended early.
    """
    _check(training, place, training.steps if end is None else end)
    records, saved, last = train(training), Snapshot.of(training), 0
    for record in records:
        if isinstance(record, Block):
            start = _start_of_step(record, place)
            if start is not None:
                return _rewound(training, saved, records, record, start)
            last = record.last_step
        saved = Snapshot.of(training)
    raise IrisbpError(f"training stops early, after step {last}")


def _start_of_step(block: Block, place: Place) -> int | None:
    """The row of a block at which the place's step begins; None if the block does not have it."""
    if place.step is not None:
        start = (place.step - block.step) * block.batch_size
        return start if 0 <= start < len(block.rows) else None
    if block.epoch != place.epoch or place.sample not in block.rows:
        return None
    return block.rows.index(place.sample) // block.batch_size * block.batch_size


def _rewound(
    training: Training, saved: Snapshot, records: Iterator[Record], block: Block, start: int
) -> Before:
    """From the state before a block, the state before one of its steps."""
    rows = block.rows[start : start + block.batch_size]
    if not all(map(isfinite, block.losses[start : start + block.batch_size])):
        next(records)  # raises Diverged
    saved.restore(training)
    if start:
        before = block.rows[:start]
        make_engine(training).run(training.dataset.inputs[before], training.dataset.labels[before])
    return Before(training, block.epoch, block.step_of(start), rows)


def _check(training: Training, place: Place, end: int) -> None:
    """Refuse a place that no step can be at, before anything is trained."""
    dataset, epochs = training.dataset, training.config.epochs
    if place.step is not None and not 1 <= place.step <= end:
        raise IrisbpError(f"step {place.step}: the steps are 1 to {end}")
    if place.sample is not None:
        if not 0 <= place.sample < len(dataset.labels):
            raise IrisbpError(f"sample {place.sample}: the samples are 0 to {len(dataset.labels) - 1}")
        if place.sample in dataset.held_out_rows:
            raise IrisbpError(f"sample {place.sample}: it is held out for validation; no step uses it")
    if place.epoch is not None and not 1 <= place.epoch <= epochs:
        raise IrisbpError(f"epoch {place.epoch}: the epochs are 1 to {epochs}")


def state_before_in_run(run: Run, training: Training, place: Place) -> Before:
    """state_before for a run, from the state before its first step; it may have ended early."""
    before = state_before(training, place, run.manifest.steps)
    if before.step > run.manifest.steps:
        raise IrisbpError(f"{run.path or 'the run'} was stopped after step {run.manifest.steps}")
    return before


def check_recorded(run: Run, step: int, losses: list[float]) -> bool:
    """Return whether a run recorded this step's losses; RunError if they differ, even by one bit."""
    if run.config.record != "steps":
        return False
    recorded = _recorded_losses(run, step)
    if recorded != losses:
        raise RunError(
            f"step {step} of {run.path or 'the run'}: trained again, its losses differ from those recorded;"
            " `irisbp runs verify` shows where they differ first"
        )
    return True


def _loss(file: BufferedReader, row: list[str]) -> float:
    try:
        return float(row[-1])
    except ValueError:
        raise RunError(f"{file.name}: not a valid row: {','.join(row)[:100]}") from None


def _recorded_losses(run: Run, step: int) -> list[float]:
    """A step's losses in steps.csv, or in memory."""
    if run.path is None:
        return [float(loss) for loss in run.steps["loss"][run.steps["step"] == step]]
    wanted, recorded = str(step), list[float]()
    with (
        OpenDirectory(run.path) as directory,
        open_written(directory, "steps.csv", run.manifest) as file,
    ):
        for row in read_rows(file):
            if row[:1] == [wanted]:
                recorded.append(_loss(file, row))
            elif recorded:
                break
    return recorded
