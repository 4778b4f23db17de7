"""Memory that a large table took while it was read, and that the system should have back."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from irisbp.errors import DataError

_MUCH = 2**22  # bytes


@contextmanager
def naming_the_table(source: str) -> Iterator[None]:
    """In the block, a lack of memory becomes a DataError that names the table."""
    try:
        yield
    except MemoryError:
        raise DataError(f"{source}: not enough memory for a table of this size") from None


def give_back_memory(size: int) -> None:
    """Return freed memory to the system after work on size bytes, if they are many.

    glibc would keep it, in pieces of a column each, and take more for the next table.
    """
    if size >= _MUCH:
        with suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
