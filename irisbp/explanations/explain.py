"""Explains an update: the verb of the library, for which the command line is a shell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from irisbp.errors import IrisbpError
from irisbp.explanations.update import ExplainedUpdate
from irisbp.explanations.worked import work
from irisbp.runs.rewind import Place, check_recorded, state_before, state_before_in_run
from irisbp.runs.run import Run
from irisbp.runs.subject import Subject, run_or_config
from irisbp.training.setup import prepare
from irisbp.training.state import Training


def explain(
    subject: Subject = None,
    *,
    step: int | None = None,
    epoch: int | None = None,
    sample: int | None = None,
    **keys: Any,
) -> ExplainedUpdate:
    """Explain one update with every number, from the inputs to the new parameters.

    subject is a Run, a run's directory, or a config (a path, a mapping, a Config or None, the article's) with
    keys in place of its own; with a run, data is the file, or the files, where its table is. It is trained
    again, in memory, up to the update, which repeats it to the bit.

    step, from 1, chooses the update, by default the first. Without step, sample (a row of the table, from 0)
    chooses it: the update of this epoch, by default the first, that takes the sample. With step, sample is
    the one of the step's batch that is explained, by default the batch's first.

    IrisbpError says what is not there; RunError is raised where a run recorded other losses; Diverged where
    the update, or one before it, is not finite.
    """
    return ask(subject, step, epoch, sample, keys).answer()


@dataclass(frozen=True)
class Question:
    """An update that is to be explained, and the training, not yet begun, that leads to it."""

    training: Training
    place: Place
    sample: int | None
    run: Run | None

    def answer(self) -> ExplainedUpdate:
        """Train up to the update and explain it."""
        run = self.run
        if run is None:
            return ExplainedUpdate(work(state_before(self.training, self.place), self.sample))
        worked = work(state_before_in_run(run, self.training, self.place), self.sample)
        recorded = check_recorded(run, worked.step, worked.losses)
        return ExplainedUpdate(replace(worked, recorded=recorded))


def ask(
    subject: Subject, step: int | None, epoch: int | None, sample: int | None, keys: Mapping[str, Any]
) -> Question:
    """The question of these arguments, which are those of `explain`; nothing is trained yet."""
    place = _place(step, epoch, sample)
    found = run_or_config(subject, keys)
    if isinstance(found, Run):
        return Question(prepare(found.config, found.dataset.table), place, sample, found)
    return Question(prepare(found), place, sample, None)


def _place(step: int | None, epoch: int | None, sample: int | None) -> Place:
    """The place of an update; step 1 by default."""
    if step is not None and epoch is not None:
        raise IrisbpError("step and epoch: give one of them; epoch goes with sample")
    if epoch is not None and sample is None:
        raise IrisbpError("epoch needs sample, the row of the table whose step is meant")
    if step is not None:
        return Place(step=step)
    return Place(step=1) if sample is None else Place(epoch=1 if epoch is None else epoch, sample=sample)
