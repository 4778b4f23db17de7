"""Pictures: each kind has its own file, and style has their common look.

Matplotlib is loaded here, before any of these files. A picture needs no window, and so not the backend that
MPLBACKEND names. But Matplotlib cannot be loaded where it does not know that backend: every notebook sets the
variable to its own, also for commands of other environments.
"""

import os
from contextlib import suppress
from sys import modules


def _load_matplotlib() -> None:
    """Load Matplotlib; the backend that MPLBACKEND names is kept for a user's own figures, if it is known."""
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib

        if backend:
            with suppress(ValueError):
                matplotlib.rcParams["backend"] = backend
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


if "matplotlib" not in modules:
    _load_matplotlib()
