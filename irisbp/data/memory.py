"""Memory that a large table took while it was read, and that the system should have back."""

import ctypes
from contextlib import suppress

_MUCH = 2**22  # bytes


def give_back_memory(size: int) -> None:
    """Return freed memory to the system after work on size bytes, if they are many.

    glibc would keep it, in pieces of a column each, and take more for the next table.
    """
    if size >= _MUCH:
        with suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
