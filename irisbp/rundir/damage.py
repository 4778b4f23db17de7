"""The damage of a file of ours that was changed or cut, in words for the user."""

import json

from pydantic import ValidationError

_LONGEST_SHOWN = 40


def damage_of(error: ValidationError) -> str:
    """The first thing that is wrong: its place in the file, and the reason."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    match first["type"]:
        case "json_invalid":
            return "it is not JSON, or it is cut off"
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden":
            return f"{where} is unknown"
        case _:
            return f"{where or 'its content'}: {_shown(first['input'])} is not valid"


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, default=str)
    except (ValueError, RecursionError):  # a number of thousands of digits; lists in lists
        return f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."
