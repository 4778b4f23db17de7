"""Types of packages that take long to load, for annotations: code that uses a package imports it there."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
else:
    DataFrame = Figure = Any

__all__ = ["DataFrame", "Figure"]
