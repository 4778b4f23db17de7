"""Numbers as people read them."""

from math import isfinite


def loss_text(loss: float) -> str:
    """A loss in about eight characters, whatever its size."""
    return f"{loss:.6f}" if loss == 0 or 1e-3 <= loss < 1e6 else f"{loss:.2e}"


def counted(count: int, noun: str) -> str:
    """A number of things, such as `3 paths` or `1 path`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def short(value: float) -> str:
    """A figure of which only the size matters."""
    return f"{value:.1e}" if isfinite(value) and value else "0" if not value else "inf"
