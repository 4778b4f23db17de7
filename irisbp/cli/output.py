"""Results as JSON."""

import json
from math import isfinite
from typing import Any


def print_json(data: Any) -> None:
    """Print one JSON object on one line."""
    print(json_text(data))


def json_text(data: Any) -> str:
    """One JSON object on one line, in ASCII, so that a terminal has no control character to interpret.

    A number that is not finite is null: JSON cannot represent it.
    """
    return json.dumps(_finite(data), allow_nan=False)


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data
