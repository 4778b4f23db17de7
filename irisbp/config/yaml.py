"""YAML read strictly: by the core rules of YAML 1.2, with the place of every key and value.

PyYAML scans and parses; what its events mean is decided here. Its own constructor follows YAML 1.1,
where `no` is false, `010` is eight, `1:30` is ninety and `1e-3` is a word. Anchors, aliases, tags,
merges and duplicate keys are errors: a config does not need them, and they hide mistakes.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isinf
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from irisbp.errors import ConfigError, StorageError, literal
from irisbp.nearest import did_you_mean

KeyPath = tuple[str | int, ...]

LARGEST_FILE = 1 << 15  # bytes or characters; a config of every key with comments has a few thousand
DEEPEST = 20
_MOST_EVENTS = 2500  # PyYAML takes some 100 microseconds for each value, key and end of a collection
MOST_PROBLEMS = 50  # that are listed
_LONGEST_SHOWN = 60  # characters of a key or a tag
_LONGEST_NUMBER = 400  # characters; float64 needs no more than about 330 even written out in full

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE, _FALSE = re.compile(r"true|True|TRUE"), re.compile(r"false|False|FALSE")
_INTEGERS = ((10, r"[-+]?[0-9]+"), (8, r"0o[0-7]+"), (16, r"0x[0-9a-fA-F]+"))
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Problem(NamedTuple):
    """One thing wrong with a config: its place, with which a message begins, and the message."""

    place: str
    message: str


class Problems(ConfigError):
    """Every problem of a config, one on each line; the first 50 are listed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = [f"{place}: {message}" for place, message in problems[:MOST_PROBLEMS]]
        if len(problems) > MOST_PROBLEMS:
            lines.append(f"... and {len(problems) - MOST_PROBLEMS} more")
        super().__init__(*lines)
        self.problems = problems


_SURROGATE = re.compile("[\ud800-\udfff]")
_SIGNS = frozenset("-?|>:#!&*%@`")  # that YAML gives a meaning, and that mean nothing alone
_PRIVATE_USE = range(0xE000, 0xF900)  # characters without a meaning
_START = yaml.Mark("", 0, 0, 0, None, 0)


@dataclass
class Document:
    """Plain data, and for each key's path the places of the key and of its value.

    A place is the text with which a message begins: `article.yaml:3:16` in a file, the argument itself on
    the command line. problems are violations of the rules after which reading could continue; the values of
    the paths in unreadable are unknown because of one.
    """

    data: Any
    key_places: dict[KeyPath, str] = field(default_factory=dict)
    value_places: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[KeyPath] = field(default_factory=set)


def read_file(path: Path, content: bytes | None = None) -> Document:
    """Read the document in a file; content is the file's, if it has been read already.

    Raises StorageError if the file cannot be read, ConfigError if it is not a YAML document.
    """
    content = read_bytes(path) if content is None else content
    if len(content) > LARGEST_FILE:
        raise ConfigError(f"{path}: more than {LARGEST_FILE} bytes, too large for a config")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text (byte {error.start})") from None
    return parse(text, lambda mark: f"{path}:{mark.line + 1}:{mark.column + 1}")


def read_bytes(path: Path) -> bytes:
    """Read a file, but no more than one byte beyond the largest config.

    Raises ConfigError if it is not a regular file, StorageError if it cannot be read.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise ConfigError(f"{path} is {kind}; a config is a YAML file")
        with open(path, "rb") as file:
            return file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file{did_you_mean(path, folder=False)}") from None
    except ValueError:
        raise ConfigError(f"{path!s}: not a valid path") from None
    except OSError as error:
        raise StorageError("read", path, error) from None


def abridged(text: str) -> str:
    """The text, cut short if it is long."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def dump(data: Any) -> str:
    """Write plain data as YAML that reads back equal, with the innermost collections on one line.

    Characters that a terminal could act upon, or hide, are escaped in double quotes.
    """
    text = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100
    )
    return "\n".join(map(literal, text.split("\n")))


class _Dumper(yaml.SafeDumper):
    """Quotes words that would be read as something else; PyYAML knows only the rules of YAML 1.1."""

    def word(self, text: str) -> yaml.ScalarNode:
        is_word = not _is_overlong(text) and isinstance(_scalar(text), str)
        style = '"' if literal(text) != text else None if is_word else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.word)


def parse_value(text: str, place: str) -> Document:
    """Read a value of the command line: a # begins no comment, and a sign alone, such as - or |, is text."""
    if text.strip() in _SIGNS:
        return Document(text.strip())
    unused = next((char for char in map(chr, _PRIVATE_USE) if char not in text), "#")
    return parse(text.replace("#", unused), lambda mark: place, hash_sign=unused)


def parse(text: str, place: Callable[[Any], str], *, hash_sign: str = "#") -> Document:
    """Read the document in a text; ConfigError if it is not YAML, or too long or too deep for a config.

    hash_sign stands for a # in the text that begins no comment.
    """
    if len(text) > LARGEST_FILE:
        raise ConfigError(f"{place(_START)}: more than {LARGEST_FILE} characters, too many for a config")
    document = Document(None)
    try:
        events = map(partial(_with_hash, hash_sign), yaml.parse(text, Loader=_Loader))
        _build(document, _limited(events, place), place)
    except _TooDeep as error:
        raise ConfigError(f"{place(error.problem_mark)}: nested more than {DEEPEST} levels deep") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{place(mark)}: " if mark else ""
        context = f" ({error.context})" if error.context else ""
        problem = str(error.problem).replace(hash_sign, "#")
        raise ConfigError(f"{where}not valid YAML: {abridged(problem)}{context}") from None
    except yaml.reader.ReaderError as error:
        where, code = place(_mark(text, error.position)), ord(text[error.position])
        raise ConfigError(f"{where}: a character that YAML does not allow: U+{code:04X}") from None
    return document


def _with_hash(hash_sign: str, event: Any) -> Any:
    if isinstance(event, yaml.ScalarEvent):
        event.value = event.value.replace(hash_sign, "#")
    return event


def _build(document: Document, events: Iterator[Any], place: Callable[[Any], str]) -> None:
    """Fill a document from the events of its text."""
    next(events)  # the stream starts
    if isinstance(next(events), yaml.StreamEndEvent):
        return
    document.data = _Reader(events, document, place).value(next(events), ())
    next(events)  # the document ends
    extra = next(events)
    if not isinstance(extra, yaml.StreamEndEvent):
        raise ConfigError(f"{place(extra.start_mark)}: a second document; a config is only one")


def _mark(text: str, position: int) -> yaml.Mark:
    """The mark of a character, whose line and column are counted from 0."""
    column = position - text.rfind("\n", 0, position) - 1
    return yaml.Mark("", position, text.count("\n", 0, position), column, None, 0)


class _TooDeep(yaml.MarkedYAMLError):
    """Flow collections are nested too deep."""


class _Loader(yaml.SafeLoader):
    """Stops at deeply nested flow collections, whose scan takes time in the square of the depth."""

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level > DEEPEST:
            raise _TooDeep(problem_mark=self.get_mark())
        super().fetch_flow_collection_start(token)


def _limited(events: Iterator[Any], place: Callable[[Any], str]) -> Iterator[Any]:
    """Pass the events on; ConfigError once there are too many for a config."""
    for count, event in enumerate(events):
        if count > _MOST_EVENTS:
            where = place(event.start_mark)
            raise ConfigError(f"{where}: more than {_MOST_EVENTS} keys and values, too many for a config")
        if isinstance(event, yaml.ScalarEvent) and (half := _SURROGATE.search(event.value)):
            where, code = place(event.start_mark), f"\\u{ord(half[0]):04x}"
            raise ConfigError(f"{where}: {code} is half of a surrogate pair; write \\U and 8 digits")
        yield event


class _Reader:
    """Builds plain data from events, and notes places and problems."""

    def __init__(self, events: Iterator[Any], document: Document, place: Callable[[Any], str]) -> None:
        self._events, self._document, self._place = events, document, place

    def value(self, event: Any, path: KeyPath) -> Any:
        place = self._place(event.start_mark)
        self._document.value_places[path] = place
        if len(path) > DEEPEST:
            raise ConfigError(f"{place}: nested more than {DEEPEST} levels deep")
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            self._refuse(place, "anchors and aliases are not allowed", path)
        elif event.tag:
            self._refuse(place, f"tags ({abridged(event.tag)}) are not allowed", path)
        if isinstance(event, yaml.AliasEvent):
            return None
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        if not event.implicit[0]:
            return event.value  # quoted: always a word
        if _is_overlong(event.value):
            message = f"a number of {len(event.value)} characters; at most {_LONGEST_NUMBER} are allowed"
            self._refuse(place, message, path)
            return None
        value = _scalar(event.value)
        if isinstance(value, float) and _is_beyond_float64(event.value, value):
            self._refuse(place, f"{abridged(event.value)} is beyond the range of float64", path)
        return value

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = self._place(event.start_mark)
            if not isinstance(event, yaml.ScalarEvent):
                raise ConfigError(f"{place}: a key must be a word, not a list or a mapping")
            key = event.value
            inner: KeyPath = (*path, key)
            if key == "<<" and event.implicit[0]:
                self._refuse(place, "merges (<<) are not allowed", inner)
                self.value(next(self._events), inner)
            elif key in mapping:
                first = self._document.key_places[inner]
                self._refuse(place, f"duplicate key {abridged(key)}, first given at {first}")
                _Reader(self._events, Document(None), self._place).value(next(self._events), inner)
            else:
                self._document.key_places[inner] = place
                mapping[key] = self.value(next(self._events), inner)
        return mapping

    def _sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items))))
        return items

    def _refuse(self, place: str, message: str, unreadable: KeyPath | None = None) -> None:
        self._document.problems.append(Problem(place, message))
        if unreadable is not None:
            self._document.unreadable.add(unreadable)


def _is_overlong(text: str) -> bool:
    return len(text) > _LONGEST_NUMBER and text.lstrip("+-.")[:1].isdigit()


def _is_beyond_float64(text: str, value: float) -> bool:
    """A finite number became infinite, or one with a digit other than 0 became zero."""
    written_infinite = _INFINITE.fullmatch(text) is not None
    digits = re.split("[eE]", text)[0]
    return not written_infinite and (isinf(value) or (value == 0 and digits.strip("+-.0") != ""))


def _scalar(text: str) -> Any:
    """The value of a plain scalar in the core schema of YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    for base, pattern in _INTEGERS:
        if re.fullmatch(pattern, text):
            return int(text, base)
    return float(text) if _FLOAT.fullmatch(text) else text
