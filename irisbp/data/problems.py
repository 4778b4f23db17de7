"""The problems of a table, each with the keys that would settle it, and all of them as one error.

A user who is told everything at once needs one more command, and can copy it.
"""

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from irisbp.characters import word_for
from irisbp.data.options import Dialect
from irisbp.errors import DataError

_MOST_NAMED = 10  # columns or classes in a message
_LONGEST = 40  # characters of a name or a cell
_LONGEST_TEXT = 2000  # characters of a problem, with its keys
_MOST_TOLD = 40  # problems in a message
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_YAML_WORDS = {"true", "false", "null"}
DROP, FILL = "data.missing=drop", "data.missing=median"


@dataclass(frozen=True)
class Fault:
    """A sentence without the file's name, and the key=value texts that settle it, if any do.

    rows are those that are dropped by the keys.
    """

    text: str
    keys: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()


class Misread(Exception):
    """The file does not look like a table in this dialect; better is the one to try, if there is one."""

    def __init__(self, text: str, **changes: Any) -> None:
        super().__init__(text)
        self.problem = Fault(text, tuple(dialect_key(name, value) for name, value in changes.items()))
        self._changes = changes

    def better(self, dialect: Dialect) -> Dialect | None:
        """The dialect with the changes that are suggested, or None without any."""
        return replace(dialect, **self._changes) if self._changes else None


def dialect_key(name: str, value: Any) -> str:
    """The key=value of one part of a dialect."""
    if isinstance(value, tuple):
        return f"data.{name}={names_in_yaml(value)}"
    return f"data.{name}={word_for(value) if isinstance(value, str) else value}"


def exclude_key(name: str) -> str:
    """The key=value that leaves a column out."""
    return f"data.exclude=[{in_yaml(name)}]"


def error_of(source: str, problems: Sequence[Fault]) -> DataError:
    """All problems as one error, and the keys that settle those that can be settled, to be copied."""
    told = [_abridged(problem.text, _LONGEST_TEXT) for problem in problems[:_MOST_TOLD]]
    if len(problems) > _MOST_TOLD:
        told.append(f"and {len(problems) - _MOST_TOLD} more")
    error = DataError(f"{source_name(source)}: {told[0]}", *told[1:])
    if keys := merged(key for problem in problems for key in problem.keys):
        error.add(f"With these keys it can be read: {' '.join(map(shlex.quote, keys))}")
    return error


def source_name(source: str) -> str:
    """The name of a file for a message."""
    return "stdin" if source == "-" else source


def keeping_classes(problems: list[Fault], names: Sequence[str]) -> list[Fault]:
    """The problems of rows of these classes; cells are filled in where too many rows would be dropped.

    Half of the rows and two classes are to be left.
    """
    lost = {row for problem in problems for row in problem.rows}
    if not lost:
        return problems
    left = {name for row, name in enumerate(names) if row not in lost}
    if len(lost) <= len(names) / 2 and len(left) >= min(2, len(set(names))):
        return problems
    return [
        replace(problem, keys=tuple(FILL if key == DROP else key for key in problem.keys))
        if problem.rows
        else problem
        for problem in problems
    ]


def merged(keys: Iterable[str]) -> list[str]:
    """The keys, each once: values that are lists are joined, of others the first is kept."""
    found: dict[str, str] = {}
    for key in keys:
        name, _, value = key.partition("=")
        old = found.setdefault(name, value)
        if old != value and old.startswith("[") and value.startswith("[") and name != "data.header":
            found[name] = f"{old[:-1]}, {value[1:]}"
    return [f"{name}={value}" for name, value in found.items()]


def names_in_yaml(names: Iterable[str]) -> str:
    """A YAML list of names, on one line."""
    return f"[{', '.join(map(in_yaml, names))}]"


def in_yaml(name: str) -> str:
    """A name as YAML reads it, in quotes where it would otherwise be something else."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in _YAML_WORDS
    return name if plain else json.dumps(name, ensure_ascii=False)


def names_of(header: Sequence[str]) -> str:
    """The names of columns or classes for a message: the first ones, none of them long."""
    more = f" and {len(header) - _MOST_NAMED} more" if len(header) > _MOST_NAMED else ""
    return ", ".join(map(short, header[:_MOST_NAMED])) + more


def short(name: str) -> str:
    """The name of a column or a class for a message: its beginning, if it is long."""
    return _abridged(name, _LONGEST)


def shown(cell: str) -> str:
    """A cell for a message, in quotes and not too long."""
    return repr(short(cell))


def _abridged(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
