"""The values that a key takes in a sweep: lists of values, as an override has them, and ranges.

They come as a text, KEY=VALUES, or from Python; Python's values get the text that is read as the same value,
so that both make the same sweep.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, reduce
from itertools import groupby
from math import isfinite, isnan
from operator import getitem
from pathlib import Path
from typing import Any, NamedTuple

from irisbp.config.arguments import OVERRIDE
from irisbp.config.given import plain
from irisbp.config.load import key_path, put
from irisbp.config.place import TABLES, anchor_source
from irisbp.config.yaml import abridged, parse_value
from irisbp.errors import ConfigError

MOST_RUNS = 10**6

# A quoted word, where one may begin; a bracket; anything else, a character at a time.
_TOKEN = re.compile(r"""(?<![^\s,\[{:])(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|.""", re.DOTALL)
_WHOLE = r"[+-]?[0-9]{1,19}"
_DECIMAL = r"[+-]?(?:[0-9]{1,19}(?:\.[0-9]{0,19})?|\.[0-9]{1,19})(?:[eE][+-]?[0-9]{1,2})?"
_RANGE = re.compile(rf"({_DECIMAL}):({_DECIMAL})(?::({_DECIMAL}))?")
_WHOLE_RANGE = re.compile(rf"{_WHOLE}:{_WHOLE}(:{_WHOLE})?")


class Item(NamedTuple):
    """One value, as it is written and as plain data."""

    text: str
    value: Any


@dataclass(frozen=True)
class Axis:
    """A key and its values, in their order; is_sound is False where one of them is not legal YAML."""

    key: str
    pieces: tuple[range | tuple[Item, ...], ...]
    is_sound: bool

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    def __getitem__(self, k: int) -> Item:
        for piece in self.pieces:
            if k < len(piece):
                item = piece[k]
                return Item(str(item), item) if isinstance(item, int) else item
            k -= len(piece)
        raise IndexError(k)

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The words of the key."""
        return tuple(self.key.split("."))

    @property
    def text(self) -> str:
        """The values as text that can be given again."""
        return ",".join(_range_text(p) if isinstance(p, range) else _list_text(p) for p in self.pieces)

    def anchored(self, change: Callable[[str], str]) -> "Axis":
        """The axis with other paths of tables in its values, under the same texts."""
        return self._mapped(lambda item: Item(item.text, self._with_paths(item.value, change)))

    def named(self, change: Callable[[str], str]) -> "Axis":
        """The axis with other paths of tables in its texts, for the same values."""

        def renamed(item: Item) -> Item:
            if not self._paths_in(item.value):
                return item
            value = self._with_paths(item.value, change)
            return Item(json.dumps(value, ensure_ascii=False), item.value)

        return self._mapped(renamed)

    def _mapped(self, change: Callable[[Item], Item]) -> "Axis":
        if self.path[0] != "data":
            return self
        pieces = [p if isinstance(p, range) else tuple(map(change, p)) for p in self.pieces]
        return replace(self, pieces=tuple(pieces))

    def _with_paths(self, value: Any, change: Callable[[str], str]) -> Any:
        """A value of `data`, or of a key in it, with other paths of tables."""
        if len(self.path) == 1 and isinstance(value, dict):
            return {key: _changed(key, inner, change) for key, inner in value.items()}
        return _changed(self.path[1], value, change) if len(self.path) == 2 else value

    def paths(self) -> set[str]:
        """All paths of tables in its values."""
        items = (self[k] for k in range(len(self) if self.path[0] == "data" else 0))
        return {path for item in items for path in self._paths_in(item.value)}

    def _paths_in(self, value: Any) -> list[str]:
        found = list[str]()

        def noted(path: str) -> str:
            found.append(path)
            return path

        self._with_paths(value, noted)
        return found

    def argument(self, k: int) -> str:
        """The override that gives the key its k-th value."""
        return f"{self.key}={self[k].text}"


def _changed(key: str, value: Any, change: Callable[[str], str]) -> Any:
    return change(value) if key in TABLES and isinstance(value, str) else value


def parse_axis(argument: str, folder: Path | None = Path()) -> Axis:
    """Parse an argument KEY=VALUES; ConfigError if it is invalid, or if a range is empty.

    The path of a table is relative to the folder; without one it stays as it is.
    """
    match = OVERRIDE.fullmatch(argument)
    place = f"argument {abridged(argument)}"
    if match is None:
        raise ConfigError(f"{place}: not KEY=VALUES, such as seed=0:100 or optimizer=sgd,adam")
    key_path(match["key"], place)
    texts = split_values(match["value"])
    if len(texts) > 1 and not all(texts):
        raise ConfigError(f"{place}: a value is empty: write null for none")
    values = [value for text in texts for value in _values(match["key"], text, place, folder)]
    pieces: list[range | tuple[Item, ...]] = []
    for is_range, group in groupby(values, lambda value: isinstance(value[0], range)):
        found = [piece for piece, _ in group]
        pieces += found if is_range else [tuple(found)]  # type: ignore[arg-type]
    return Axis(match["key"], tuple(pieces), all(is_sound for _, is_sound in values))


def axis_of(key: str, values: Iterable[Any]) -> Axis:
    """A key and its values as Python gives them: a range, or any other ordered collection.

    ConfigError if the key is invalid, if there are no values, or if one is not plain data.
    """
    place = f"argument {abridged(key)}"
    if not OVERRIDE.fullmatch(f"{key}="):
        raise ConfigError(f"{place}: not a key, such as seed or optimizer.beta1")
    key_path(key, place)
    if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
        shown = abridged(repr(values))
        raise ConfigError(f"{place}: {shown} is not a list of values, such as [0.1, 0.01] or range(100)")
    if isinstance(values, range) and values and _RANGE.fullmatch(_range_text(values)):
        return Axis(key, (_range(place, values.start, values.stop, values.step),), True)
    found = [_item(key, plain(value)) for value in values]
    if not found:
        raise ConfigError(f"{place}: no values; give at least one")
    return Axis(key, (tuple(item for item, _ in found),), all(is_sound for _, is_sound in found))


def _item(key: str, value: Any) -> tuple[Item, bool]:
    """A Python value with a text that is read as it, and True if the YAML reader accepts it."""
    place = f"argument {abridged(f'{key}={value!r}')}"
    for text in _texts(value):
        if split_values(text) == [text] and not _RANGE.fullmatch(text) and _reads_as(text, value):
            [(item, is_sound)] = _values(key, text, place, Path())
            assert isinstance(item, Item)
            return item, is_sound
    raise ConfigError(f"{place}: not a config value: give a number, a text, a list or a mapping")


def _texts(value: Any) -> Iterator[str]:
    """The texts that may give a value: as one would type it, and as JSON."""
    yield _flow(value)
    with suppress(TypeError, ValueError):
        yield json.dumps(value, ensure_ascii=False)
        yield json.dumps(value)


def _reads_as(text: str, value: Any) -> bool:
    try:
        return repr(parse_value(text, "").data) == repr(value)
    except ConfigError:
        return False


def _flow(value: Any) -> str:
    """Plain data on one line of YAML, without quotes: 1e-5, null, [8, 4], {name: sgd, momentum: 0.9}."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case None | bool():
            return json.dumps(value)
        case float() if isfinite(value):
            mantissa, _, exponent = repr(value).partition("e")
            return f"{mantissa}e{int(exponent)}" if exponent else mantissa
        case float():
            return ".nan" if isnan(value) else ".inf" if value > 0 else "-.inf"
        case _:
            return str(value)


def split_values(text: str) -> list[str]:
    """The parts between commas, but for those within brackets, braces or quotes; without outer spaces."""
    parts, depth, begin = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
        elif token[0] == "," and depth <= 0:
            parts.append(text[begin : token.start()])
            begin = token.end()
    return [part.strip() for part in [*parts, text[begin:]]]


def _values(key: str, text: str, place: str, folder: Path | None) -> list[tuple[range | Item, bool]]:
    """A range, its values, or one value, each with True if the YAML reader accepts it."""
    if found := _RANGE.fullmatch(text):
        if _WHOLE_RANGE.fullmatch(text):
            return [(_range(place, *(int(number or 1) for number in found.groups())), True)]
        return [(Item(_flow(number), number), True) for number in _decimals(place, *found.groups())]
    document = parse_value(text, place)
    path, holder = key.split("."), dict[str, Any]()
    put(holder, path, document.data, place)
    if folder is not None:
        anchor_source(holder, folder)
    value = reduce(getitem, path, holder)
    same = value == document.data
    return [(Item(text if same else json.dumps(value, ensure_ascii=False), value), not document.problems)]


def _range(place: str, start: int, stop: int, step: int) -> range:
    _count(place, Fraction(start), Fraction(stop), Fraction(step))
    return range(start, stop, step)


def _decimals(place: str, start: str, stop: str, step: str | None) -> list[float]:
    """The numbers of a range of decimal fractions: counted exactly, and each rounded to float64 once."""
    if step is None:
        raise ConfigError(f"{place}: a range of fractions needs a step, such as 0.1:0.5:0.1")
    first, step_size = Fraction(start), Fraction(step)
    return [float(first + k * step_size) for k in range(_count(place, first, Fraction(stop), step_size))]


def _count(place: str, start: Fraction, stop: Fraction, step: Fraction) -> int:
    """The number of a range's values; ConfigError if it has none, or too many."""
    if step == 0:
        raise ConfigError(f"{place}: the range's step must not be 0")
    count = -((start - stop) // step)
    if count <= 0:
        first, end = (each.numerator if each.denominator == 1 else float(each) for each in (start, stop))
        raise ConfigError(f"{place}: {first}:{end} is an empty range: a range does not include its end")
    if count > MOST_RUNS:
        raise ConfigError(f"{place}: {count} values; a sweep has at most {MOST_RUNS} runs")
    return count


def _range_text(values: range) -> str:
    step = "" if values.step == 1 else f":{values.step}"
    return f"{values.start}:{values.stop}{step}"


def _list_text(items: Sequence[Item]) -> str:
    return ",".join(item.text for item in items)
