"""SymPy is optional: its results, and how to install it, for files that do not load it."""

from dataclasses import dataclass, field

HOW_TO_INSTALL = "pip install 'irisbp[symbolic]'"


@dataclass
class Symbolic:
    """SymPy's results: the whole's derivative and its value, or a note why there is none, and the factors."""

    derivative: str | None = None
    value: float | None = None
    note: str | None = None
    factors: dict[tuple[str, str], str] = field(default_factory=dict)
