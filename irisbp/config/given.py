"""A config as Python gives it: a path, a mapping or a Config, and values as plain data."""

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any, TypeAlias

import numpy as np

from irisbp.config.schema import Config

Given: TypeAlias = str | PathLike[str] | Mapping[str, Any] | Config | None
"""A config's path, its keys, or the config itself; None is the article's run."""


def plain(value: Any) -> Any:
    """A Python value as the plain data that YAML would give: NumPy's numbers, tuples and paths changed."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    return fspath(value) if isinstance(value, PathLike) else value
