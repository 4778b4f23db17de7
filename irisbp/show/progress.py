"""A run's progress away from a terminal: plain lines, one per epoch and thinned on long runs."""

from collections.abc import Callable
from math import ceil, isfinite
from typing import Generic, TextIO, TypeVar

from irisbp.errors import literal
from irisbp.show.figures import counted, loss_text
from irisbp.training.listeners import Listener
from irisbp.training.state import Block, Epoch, Record

_MOST_LINES = 50


View = TypeVar("View")


class Dispensed(Generic[View]):
    """Calls a progress display until it cannot be written; the work continues without it.

    BrokenPipeError is raised, though: a reader that closed the pipe wants no more of the work.
    """

    def __init__(self, view: View | None) -> None:
        self._view = view

    def do(self, action: Callable[[View], None]) -> None:
        """Call the display; after a failed write it is called no more."""
        if self._view is None:
            return
        try:
            action(self._view)
        except BrokenPipeError:
            raise
        except OSError:
            self._view = None


class Dispensable:
    """A listener that a run can do without."""

    def __init__(self, listener: Listener) -> None:
        self._listener = Dispensed(listener)

    def take(self, record: Record) -> None:
        """Pass a record on."""
        self._listener.do(lambda listener: listener.take(record))

    def close(self) -> None:
        """Close the listener."""
        self._listener.do(lambda listener: listener.close())


class EpochLines:
    """Prints the first epoch, the last, and up to 50 evenly spaced ones."""

    def __init__(self, stream: TextIO, epochs: int) -> None:
        self._stream, self._epochs = stream, epochs
        self._every = ceil(epochs / _MOST_LINES)

    def take(self, record: Record) -> None:
        """Print an epoch's line, if it is one of those to print."""
        if isinstance(record, Epoch) and (
            record.epoch in (1, self._epochs) or record.epoch % self._every == 0
        ):
            figures = f"epoch loss {loss_text(record.loss)}  epoch accuracy {record.accuracy:.4f}"
            if record.validation_loss is not None:
                figures += (
                    f"  validation {loss_text(record.validation_loss)} {record.validation_accuracy:.4f}"
                )
            print(f"epoch {record.epoch}/{self._epochs}  {figures}", file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is left to do."""


class NotFiniteEpochs:
    """Counts the epochs whose validation loss is not finite, for a note at the end."""

    def __init__(self) -> None:
        self._first, self._count = 0, 0

    def take(self, record: Record) -> None:
        """Note an epoch, if it is such a one."""
        if isinstance(record, Epoch) and not isfinite(record.validation_loss or 0.0):
            self._first = self._first or record.epoch
            self._count += 1

    def close(self) -> None:
        """Nothing is left to do."""

    @property
    def note(self) -> str:
        """A sentence on these epochs, "" without any."""
        if not self._count:
            return ""
        epochs = f"{counted(self._count, 'epoch')}, first in epoch {self._first}"
        return f"the validation loss was not finite in {epochs}; that is never the best"


class SampleLines:
    """Prints every sample's loss, as the article does: step, epoch, sample, class, prediction, loss."""

    def __init__(self, stream: TextIO, classes: tuple[str, ...]) -> None:
        self._stream = stream
        self._classes = [literal(name) for name in classes]

    def take(self, record: Record) -> None:
        """Print a block's samples, a line each."""
        if isinstance(record, Block):
            self._stream.write("".join(map(self._line, range(len(record.rows)), [record] * len(record.rows))))

    def _line(self, k: int, block: Block) -> str:
        label, predicted = self._classes[block.labels[k]], self._classes[block.predictions[k]]
        return (
            f"step {block.step_of(k)}  epoch {block.epoch}  sample {block.rows[k]}"
            f"  {label} -> {predicted}  loss {block.losses[k]:.10g}\n"
        )

    def close(self) -> None:
        """Flush the last lines."""
        self._stream.flush()
