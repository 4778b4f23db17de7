"""Types of packages that take long to load, for annotations: whoever uses a package loads it there itself."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
else:
    DataFrame = Figure = Any

__all__ = ["DataFrame", "Figure"]
