"""Types of packages that take long to load, for annotations: whoever uses a package loads it there itself."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from pandas import DataFrame
else:
    Axes = Axis = DataFrame = Figure = Legend = Normalize = Any

__all__ = ["Axes", "Axis", "DataFrame", "Figure", "Legend", "Normalize"]
