"""The values that a key takes in a sweep: KEY=VALUES, a list of what an override may give, or ranges."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import groupby
from operator import getitem
from pathlib import Path
from typing import Any, NamedTuple

from irisbp.config.load import OVERRIDE, anchor_source, key_path, put
from irisbp.config.yaml import abridged, parse
from irisbp.errors import ConfigError

MOST_RUNS = 10**6

# A quoted word, where one may begin; a bracket; anything else, a character at a time.
_TOKEN = re.compile(r"""(?<![^\s,\[{:])(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|.""", re.DOTALL)
_RANGE = re.compile(r"([+-]?[0-9]{1,19}):([+-]?[0-9]{1,19})(?::([+-]?[0-9]{1,19}))?")


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
        """The values as they can be given again."""
        return ",".join(_range_text(p) if isinstance(p, range) else _list_text(p) for p in self.pieces)

    def argument(self, k: int) -> str:
        """The override that gives the key its k-th value."""
        return f"{self.key}={self[k].text}"


def parse_axis(argument: str) -> Axis:
    """An argument KEY=VALUES; ConfigError if it is none, or if a range is empty."""
    match = OVERRIDE.fullmatch(argument)
    place = f"argument {abridged(argument)}"
    if match is None:
        raise ConfigError(f"{place}: not KEY=VALUES, such as seed=0:100 or optimizer=sgd,adam")
    key_path(match["key"], place)
    texts = split_values(match["value"])
    if len(texts) > 1 and not all(texts):
        raise ConfigError(f"{place}: a value is empty: write null for none")
    values = [_values(match["key"], text, place) for text in texts]
    pieces: list[range | tuple[Item, ...]] = []
    for is_range, group in groupby(values, lambda value: isinstance(value[0], range)):
        found = [piece for piece, _ in group]
        pieces += found if is_range else [tuple(found)]  # type: ignore[arg-type]
    return Axis(match["key"], tuple(pieces), all(is_sound for _, is_sound in values))


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


def _values(key: str, text: str, place: str) -> tuple[range | Item, bool]:
    """A range or a value, and True if the YAML reader accepts it."""
    found = _RANGE.fullmatch(text)
    if found:
        return _range(place, *(int(number or 1) for number in found.groups())), True
    document = parse(text, lambda mark: place)
    # The path of a table is relative to here, wherever the sweep is resumed.
    path, holder = key.split("."), dict[str, Any]()
    put(holder, path, document.data, place)
    anchor_source(holder, Path())
    value = reduce(getitem, path, holder)
    same = value == document.data
    return Item(text if same else json.dumps(value, ensure_ascii=False), value), not document.problems


def _range(place: str, start: int, stop: int, step: int) -> range:
    if step == 0:
        raise ConfigError(f"{place}: the range's step must not be 0")
    count = -((start - stop) // step)
    if count <= 0:
        raise ConfigError(f"{place}: {start}:{stop} is an empty range: a range stops before its end")
    if count > MOST_RUNS:
        raise ConfigError(f"{place}: {count} values; a sweep has at most {MOST_RUNS} runs")
    return range(start, stop, step)


def _range_text(values: range) -> str:
    step = "" if values.step == 1 else f":{values.step}"
    return f"{values.start}:{values.stop}{step}"


def _list_text(items: Sequence[Item]) -> str:
    return ",".join(item.text for item in items)
