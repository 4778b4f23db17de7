"""The parts of a sweep that are left: those that wait for a worker, and those that are being trained.

When a worker would be idle, a part is cut in two, as long as that is worth it.
"""

from collections.abc import Iterable

from irisbp.sweeps.plan import Part


class Queue:
    """Parts in their order; one that has begun goes on before the others begin."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._waiting, self._out = list(parts), list[Part]()

    def spread(self, workers: int) -> int:
        """Cut what waits until there is a part for each of so many workers; returns how many have one."""
        while len(self._waiting) < workers:
            largest = max(
                (part for part in self._waiting if part.is_worth_cutting),
                key=lambda part: part.seconds,
                default=None,
            )
            if largest is None:
                break
            place = self._waiting.index(largest)
            self._waiting[place : place + 1] = largest.halves()
        return min(workers, len(self._waiting))

    def take(self, idle: int) -> Part | None:
        """The next part for one of so many idle workers; None if there is none now."""
        if not self.spread(idle):
            return None
        self._out.append(part := self._waiting.pop(0))
        return part

    def back(self, part: Part, rest: Part | None) -> None:
        """Take back a part that was trained for a while: what is left of it waits."""
        self._out.remove(part)
        if rest is not None:
            self._waiting.insert(0, rest)

    @property
    def begun(self) -> list[Part]:
        """The parts that stand at a state, as they were when last seen."""
        return [part for part in (*self._out, *self._waiting) if part.state is not None]
