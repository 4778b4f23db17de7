"""Trains a part for about a second at a time, in any process: so it can be kept, shown, cut and moved.

A process keeps the training of its last slice. If the next one goes on from there, nothing is prepared again.
"""

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import uuid4

from irisbp.rundir.arrays import AnyArray
from irisbp.sweeps.grid.grid import Grid
from irisbp.sweeps.plan import Part
from irisbp.sweeps.results.columns import Results
from irisbp.sweeps.trainers.group import GroupTraining

SECONDS = 1.0
_RATE = 2e7  # bytes of a state for each second of a slice, so that moving it takes little of the time

_SHARE = 4  # times what it took to prepare

_resting: dict[Hashable, tuple[GroupTraining, Iterator[None]]] = {}


class Slice(NamedTuple):
    """The result of a slice: the rows that ended, their results, and the rest of the part, if any."""

    rows: list[int]
    results: Results
    rest: Part | None


@dataclass(frozen=True)
class Trainer:
    """Trains parts of a grid, each for about so many seconds; curves are kept at these epochs."""

    grid: Grid
    epochs: AnyArray
    seconds: float = SECONDS
    token: str = field(default_factory=lambda: uuid4().hex)  # no other sweep's trainings are its own

    def __call__(self, part: Part) -> Slice:
        """Train a part up to its next pause after that time, or to its end."""
        began, end, resting = time.monotonic(), None, _resting.pop(self._key(part), None)
        _resting.clear()
        training, pauses = resting or self._begin(part)
        for _ in pauses:
            now = time.monotonic()
            if end is None:
                end = now + self._seconds(part, 0.0 if resting else now - began)
            if now >= end:
                break
        outcomes, left, state = training.pause()
        rows, results = sorted(outcomes), Results.empty(len(outcomes), self.epochs)
        for k, row in enumerate(rows):
            results.put(k, outcomes[row])
        rest = Part(left, part.cost, state) if left else None
        if rest is not None:
            _resting[self._key(rest)] = training, pauses
        return Slice(rows, results, rest)

    def _seconds(self, part: Part, preparing: float) -> float:
        """The time to train a part for, so that preparing and moving it take little of it."""
        moving = part.state.nbytes / _RATE if part.state else 0.0
        return max(self.seconds, moving, _SHARE * preparing if self.seconds else 0.0)

    def _begin(self, part: Part) -> tuple[GroupTraining, Iterator[None]]:
        configs = {row: self.grid.config(row) for row in part.rows}
        training = GroupTraining(configs, self.epochs, part.state)
        return training, training.train()

    def _key(self, part: Part) -> Hashable:
        return self.token, tuple(part.rows), part.state.position if part.state else None


def forget() -> None:
    """Forget the training of the last slice in this process."""
    _resting.clear()
