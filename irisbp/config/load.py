"""From a YAML file and KEY=VALUE overrides to a validated Config, or to every problem at once.

Defaults < file < overrides: all follow the same rules, and a mistake has the same message in each.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from irisbp.config.arguments import lost, matched
from irisbp.config.given import Given, plain
from irisbp.config.schema import CHOICES, DEFAULT_NAMES, LARGEST_SEED, Config, DataSection, SgdOptimizer
from irisbp.config.yaml import (
    DEEPEST,
    MOST_PROBLEMS,
    Document,
    KeyPath,
    Problem,
    Problems,
    abridged,
    dump,
    parse_value,
    read_file,
)
from irisbp.errors import ConfigError

_ARGUMENT = "argument "  # begins the place of what the command line or a caller gives

# A list or a range, as a sweep takes them.
_SEVERAL = re.compile(r"[^,]+(,[^,]+)+|[-+.0-9eE]+(:[-+.0-9eE]+){1,2}", re.DOTALL)

# Other tools' names for our keys, where the spelling is too different for a comparison of letters.
_OTHER_WORDS = {
    "lr": "learning_rate",
    "eta": "learning_rate",
    "alpha": "learning_rate",
    "step_size": "learning_rate",
    "n_epochs": "epochs",
    "max_iter": "epochs",
    "iterations": "epochs",
    "random_state": "seed",
    "init": "initializer",
    "solver": "optimizer",
    "layers": "hidden",
    "hidden_layer_sizes": "hidden",
    "std": "sd",
    "eps": "epsilon",
}


def load_config(
    config: Given = None, overrides: Sequence[str] = (), *, content: bytes | None = None, **keys: Any
) -> Config:
    """The config that is given, or the article's, with overrides and keys; Problems lists all that is wrong.

    config is a path, a mapping or a Config. overrides are texts, KEY=VALUE, as on the command line; keys are
    Python values: top-level keys (`seed=3`, `optimizer={"name": "adam", "beta1": 0.8}`) or, by `**{...}`,
    dotted ones. The path of a table is relative to the config's file, else to the current directory. content
    is the config file's, if that has been read already.
    """
    if isinstance(config, Config) and not overrides and not keys:
        return config
    document, path = given_document(config, content)
    for argument in overrides:
        _override(document, argument)
    for key, value in keys.items():
        _put_key(document, key, plain(value))
    anchor_source(document.data, Path())
    return validated(document, path)


def given_document(config: Given, content: bytes | None = None) -> tuple[Document, Path | None]:
    """The document of what is given, and what to call it in messages."""
    if config is None:
        return read_document(None), None
    if isinstance(config, Config):
        return Document(config.model_dump(mode="json")), Path("config")
    if isinstance(config, Mapping):
        document = Document(plain(config))
        _fill_names(document.data)
        return document, Path("config")
    if not isinstance(config, str | PathLike):
        kind = type(config).__name__
        raise ConfigError(f"config: {kind} is not a config; give a path, a mapping, a Config or None")
    path = Path(config)
    return read_document(path, content), path


def _put_key(document: Document, key: str, value: Any) -> None:
    """Put a key's Python value into the document, in place of what it has."""
    place = f"argument {abridged(f'{key}={value!r}')}"
    path = key_path(key, place)
    _check_that_nothing_is_lost(document, path, place)
    put(document.data, path, value, place)
    for depth in range(1, len(path) + 1):
        document.key_places[path[:depth]] = document.value_places[path[:depth]] = place


def load_recorded(path: Path, content: bytes) -> Config:
    """The config in a run's config.yaml; ConfigError if it is not complete, and so not as irisbp wrote it.

    Every key has a default, so a truncated file would otherwise pass as another config. path names the file
    in messages.
    """
    config = load_config(path, content=content)
    if to_yaml(config).encode() != content:
        raise ConfigError(f"{path} is not as irisbp writes it")
    return config


def read_document(path: Path | None, content: bytes | None = None) -> Document:
    """Read a file, or without one an empty config; its keys are not checked yet."""
    document = read_file(path, content) if path else Document({})
    if document.data is None and not document.problems:
        document.data = {}  # every key has a default, so an empty file is the article's case
    if not isinstance(document.data, dict):
        raise ConfigError(
            f"{path}: not a mapping; a config is lines of `key: value`"
            " (a table is given by keys: data.source=FILE data.target=COLUMN)"
        )
    _fill_names(document.data)
    anchor_source(document.data, path.parent if path else Path())
    return document


def _fill_names(data: dict[str, Any]) -> None:
    """Name the choices: a sweep that varies optimizer.momentum records of which optimizer."""
    for key, name in DEFAULT_NAMES.items():
        given = data.setdefault(key, name)
        if isinstance(given, dict):
            data[key] = {"name": name} | given


def overridden(document: Document, overrides: Sequence[str], path: Path | None) -> Config:
    """Validate a document with overrides, which are put into it; raises Problems if it is not valid."""
    for argument in overrides:
        _override(document, argument)
    anchor_source(document.data, Path())
    return validated(document, path)


def validated(document: Document, path: Path | None) -> Config:
    """The config of a document; Problems if any. path is what to call it where nothing better is known."""
    problems, config = list(document.problems), None
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        problems += _problems(error, document, path)
    problems += _seed_problems(document, path)
    if config is not None:
        problems += [
            Problem(_place(document.value_places, where, path), f"{_dotted(where)}: {message}")
            for where, message in _across_keys(config)
        ]
    if problems or config is None:
        raise Problems(problems)
    return config


def valid_config(data: dict[str, Any]) -> Config | None:
    """The config of plain data, or None if it is not valid; `overridden` lists the problems."""
    try:
        config = Config.model_validate(data)
    except ValidationError:
        return None
    if config.seed > LARGEST_SEED[config.rng] or any(_across_keys(config)):
        return None
    return config


def to_yaml(config: Config) -> str:
    """The complete config as YAML that reads back equal."""
    return dump(config.model_dump(mode="json"))


def _override(document: Document, argument: str) -> None:
    """Put one KEY=VALUE into the document; it replaces the value that is there."""
    match = matched(argument)
    place = f"argument {abridged(argument)}"
    path = key_path(match["key"], place)
    _check_that_nothing_is_lost(document, path, place)
    value = parse_value(match["value"], place)
    put(document.data, path, value.data, place)
    for known in (document.key_places, document.value_places):
        for old in [old for old in known if old[: len(path)] == path]:
            del known[old]
        above = (path[:depth] for depth in range(1, len(path)))
        known.update({key: place for key in above if key not in known})
        known[path] = place
    document.key_places.update({(*path, *inner): place for inner in value.key_places})
    document.value_places.update({(*path, *inner): place for inner in value.value_places})
    document.problems += value.problems
    document.unreadable = {old for old in document.unreadable if old[: len(path)] != path}
    document.unreadable |= {(*path, *inner) for inner in value.unreadable}


def _check_that_nothing_is_lost(document: Document, path: KeyPath, place: str) -> None:
    """ConfigError if an argument would replace what another one before it has given to another key.

    Of two arguments for one key, the last counts.
    """
    given = {known: by for known, by in document.value_places.items() if by.startswith(_ARGUMENT)}
    for known, by in given.items():
        is_name = path == (*known, "name") and not isinstance(document.data.get(known[0]), dict)
        is_for_this_key = by.startswith(f"{_ARGUMENT}{'.'.join(map(str, path))}=")
        if (known[: len(path)] == path or is_name) and not is_for_this_key:
            raise lost(place, by.removeprefix(_ARGUMENT))


def key_path(key: str, place: str) -> tuple[str, ...]:
    """The words of a dotted key."""
    path = tuple(key.split("."))
    if "" in path:
        raise ConfigError(f"{place}: a key is words joined by single dots, such as optimizer.beta1")
    if len(path) > DEEPEST:
        raise ConfigError(f"{place}: a key of {len(path)} words; at most {DEEPEST} can be nested")
    return path


def put(mapping: dict[str, Any], path: Sequence[str], value: Any, place: str) -> None:
    """Put a value at a path; mappings within the mapping are copied before they are changed."""
    for depth, key in enumerate(path[:-1], 1):
        below = mapping.get(key)
        if isinstance(below, str) and key in CHOICES:
            below = {"name": below}
        if below is not None and not isinstance(below, dict):
            raise ConfigError(f"{place}: {'.'.join(path[:depth])} is not a mapping")
        mapping[key] = mapping = dict(below or {})
    mapping[path[-1]] = value


def _problems(error: ValidationError, document: Document, path: Path | None) -> list[Problem]:
    """List one problem for each key: pydantic reports one for each kind of value that it tried."""
    by_key = {
        where: details
        for details in error.errors()
        if (where := _key_path(details["loc"])) not in document.unreadable
    }
    # A list is right if only its elements are wrong.
    above = {where[:-1] for where in by_key if where}
    wrong = [details for where, details in by_key.items() if where not in above]
    # The search for the nearest word takes time; problems that are only counted do not need it.
    listed, counted = wrong[:MOST_PROBLEMS], wrong[MOST_PROBLEMS:]
    return [_problem(details, document, path) for details in listed] + [Problem("", "")] * len(counted)


def _problem(details: Any, document: Document, path: Path | None) -> Problem:
    """Turn one of pydantic's errors into a problem at its place."""
    where = _key_path(details["loc"])
    kind = details["type"]
    if kind == "extra_forbidden":
        return Problem(_place(document.key_places, where, path), _unknown_key(where, document))
    if kind == "union_tag_invalid":
        return _unknown_choice(str(where[0]), details["input"], document, path)
    place = _place(document.value_places, where, path)
    verb = "is not allowed in" if isinstance(where[-1], int) else "is not"
    message = f"{_dotted(where)}: {_shown(details['input'])} {verb} {_description(where, document)}"
    nearest = _nearest(details["input"], details.get("ctx", {}).get("expected", ""))
    return Problem(place, message + (_several(details["input"], place) or nearest))


def _key_path(loc: tuple[str | int, ...]) -> KeyPath:
    """The path in the config: pydantic's location without the models and kinds of value that it tried."""
    if len(loc) > 2 and loc[0] in CHOICES:
        return (loc[0], *loc[2:])
    field = Config.model_fields.get(str(loc[0])) if loc else None
    depth = 2 if field is not None and _section(field) else 1
    return (*loc[:depth], *(part for part in loc[depth:] if isinstance(part, int)))


def _place(places: dict[KeyPath, str], where: KeyPath, path: Path | None) -> str:
    """The place of a key, or of the nearest key above it that has one."""
    while where and where not in places:
        where = where[:-1]
    return places.get(where) or (str(path) if path else "the article's config")


def _dotted(where: KeyPath) -> str:
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{abridged(part)}" if text else abridged(part)
    return text


def _model_at(where: KeyPath, document: Document) -> type[BaseModel]:
    """The model whose fields are the keys at this path."""
    if not where:
        return Config
    if where[0] in CHOICES:
        return CHOICES[str(where[0])][_chosen(str(where[0]), document)]
    model = _section(Config.model_fields[str(where[0])])
    assert model is not None
    return model


def _chosen(key: str, document: Document) -> str:
    """The name of a choice, which a mapping of options may leave out."""
    given = document.data[key]
    return str(given.get("name", DEFAULT_NAMES[key]) if isinstance(given, dict) else given)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field whose value is a mapping of keys, None for any other field."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _description(where: KeyPath, document: Document) -> str:
    """The values that a key may have; an element of a list has its list's description."""
    if where == ("seed",) and _largest_seed(document) == LARGEST_SEED["r"]:
        return f"a whole number from 0 to {LARGEST_SEED['r']} (with rng: r)"
    keys = [part for part in where if isinstance(part, str)]
    field = _model_at(tuple(keys[:-1]), document).model_fields[keys[-1]]
    return field.description or "a legal value"


def _unknown_key(where: KeyPath, document: Document) -> str:
    key, above = str(where[-1]), where[:-1]
    known = list(_model_at(above, document).model_fields)
    if above and above[0] in CHOICES:
        return _foreign_option(key, str(above[0]), known, document)
    # Perhaps it is a key of another section.
    guess = key_meant(key, {name: _dotted((*above, name)) for name in known})
    hint = f"; did you mean {guess}?" if guess else f"; known keys: {', '.join(known)}"
    return f"unknown key {_dotted(where)}{hint}"


def key_meant(word: str, more: Mapping[str, str] | None = None) -> str:
    """The key nearest to a word, such as optimizer.beta1 to beta_1, or "" if none is near.

    more are further words, each with its key, that count before the others.
    """
    candidates = {**_all_keys(), **(more or {})}
    return candidates.get(_meant(word, list(candidates)), "")


def key_called(word: str) -> str:
    """The key that a word is, as in another tool or without the section it is in; "" if it is none."""
    keys = _all_keys()
    known = {key: key for key in keys.values()} | keys
    return known.get(_OTHER_WORDS.get(word.lower(), word), "")


def _meant(key: str, known: Sequence[str]) -> str:
    """The known key nearest to a word, or "" if none is near."""
    other = _OTHER_WORDS.get(key.lower(), "")
    if other in known:
        return other
    return _closest(key, known)


def _all_keys() -> dict[str, str]:
    """Every key, by its last word: beta1 is optimizer.beta1."""
    keys = {name: name for name in Config.model_fields}
    for name, field in Config.model_fields.items():
        models = list(CHOICES.get(name, {}).values())
        if name not in CHOICES and (section := _section(field)):
            models.append(section)
        for model in models:
            inner_keys = {inner: f"{name}.{inner}" for inner in model.model_fields if inner != "name"}
            keys = inner_keys | keys
    return keys


def _foreign_option(option: str, key: str, known: list[str], document: Document) -> str:
    """The message for an option that the chosen optimizer, initializer or schedule does not have."""
    chosen = _chosen(key, document)
    owners = [name for name, model in CHOICES[key].items() if option in model.model_fields]
    text = f"{key}.{abridged(option)}: not an option of {chosen}"
    if owners:
        text += f", only of {', '.join(owners)}"
    if guess := _meant(option, known):
        return f"{text}; did you mean {guess}?"
    options = ", ".join(name for name in known if name != "name")
    return f"{text}; options of {chosen}: {options or 'none'}"


def _unknown_choice(key: str, value: Any, document: Document, path: Path | None) -> Problem:
    names, tag = ", ".join(CHOICES[key]), value["name"]
    place = _place(document.value_places, (key, "name"), path)
    hint = _several(tag, place) or _nearest(tag, names)
    return Problem(place, f"{key}: {_shown(tag)} is not one of {names}{hint}")


def _several(value: Any, place: str) -> str:
    """A hint at the command that takes several values of a key, or ""."""
    if place.startswith(_ARGUMENT) and isinstance(value, str) and _SEVERAL.fullmatch(value):
        return "; irisbp sweep takes several values"
    return ""


def _nearest(value: Any, allowed: str) -> str:
    """A hint at the allowed word nearest to a wrong one, or ""."""
    if not isinstance(value, str):
        return ""
    guess = _closest(value, re.findall(r"\w+", allowed))
    return f"; did you mean {guess}?" if guess else ""


def _closest(word: str, known: Sequence[str]) -> str:
    # The search takes time in the square of the word's length; no key has half as many letters.
    close = get_close_matches(word.lower(), known, 1) if len(word) <= 60 else []
    return close[0] if close else ""


def _shown(value: Any) -> str:
    """A value as YAML would write it, abridged and on one line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return abridged({"Infinity": ".inf", "-Infinity": "-.inf", "NaN": ".nan"}.get(text, text))


def anchor_source(config: Any, folder: Path) -> None:
    """Make the paths of tables absolute; until then they are relative to the folder.

    In a file that is the file's folder, in an override the working directory.
    """
    data = config.get("data")
    for key in _PATHS if isinstance(data, dict) else ():
        if isinstance(data.get(key), str) and data[key] not in ("", "-"):
            config["data"] = data = data | {key: os.path.abspath(folder / data[key])}


def _seed_problems(document: Document, path: Path | None) -> list[Problem]:
    """The problem of a seed that another generator would accept, but not the chosen one."""
    seed, largest = document.data.get("seed"), _largest_seed(document)
    if type(seed) is not int or not largest < seed <= LARGEST_SEED["numpy"]:
        return []
    place = _place(document.value_places, ("seed",), path)
    return [Problem(place, f"seed: {seed} is not {_description(('seed',), document)}")]


def _largest_seed(document: Document) -> int:
    rng = document.data.get("rng", Config.model_fields["rng"].default)
    return LARGEST_SEED["r" if rng == "r" else "numpy"]


def _across_keys(config: Config) -> Iterator[tuple[KeyPath, str]]:
    """The keys that are legal one by one, but not together, and the reason."""
    yield from _data_problems(config.data)
    stopping = config.early_stopping
    if stopping is not None and stopping.monitor == "validation" and not config.data.holds_out:
        message = "needs held-out samples to monitor; set data.validation, or early_stopping.monitor=training"
        yield ("early_stopping",), message
    if config.engine == "compiled" and config.numerics == "portable":
        yield ("engine",), "compiled computes with native numerics; numerics: portable needs engine: plain"
    if config.schedule.warmup >= config.epochs:
        yield ("schedule", "warmup"), f"{config.schedule.warmup} is not less than epochs, {config.epochs}"
    if (
        isinstance(config.optimizer, SgdOptimizer)
        and config.optimizer.nesterov
        and not config.optimizer.momentum
    ):
        yield ("optimizer", "nesterov"), "needs optimizer.momentum above 0"


_PATHS = ("source", "validation_source")
_HOLD_OUT = ("validation_source", "validation", "folds")
_NEED_A_TABLE = (
    "target", "features", "exclude", "categorical", "missing_values", "separator", "thousands", "encoding",
    "comment", "skip_rows", "header", "units",
)  # fmt: skip


def _data_problems(data: DataSection) -> Iterator[tuple[KeyPath, str]]:
    for key in _PATHS:
        if "\0" in (getattr(data, key) or ""):
            yield ("data", key), "is not a path: it contains a NUL character"
    if data.source is not None and data.target is None:
        yield ("data", "source"), "needs data.target, the column that holds the classes"
    if data.source is None and (keys := [key for key in _NEED_A_TABLE if getattr(data, key)]):
        yield ("data", keys[0]), "needs data.source; the columns of iris are fixed"
    yield from _dialect_problems(data)
    held_out = [key for key in _HOLD_OUT if getattr(data, key) is not None]
    for key in held_out[1:]:
        yield ("data", held_out[0]), f"not allowed together with data.{key}; give one of them"
    if data.validation_source == "-":
        yield ("data", "validation_source"), "stdin cannot be it; give a file"
    if (data.folds is None) != (data.fold is None):
        given, missing = ("fold", "folds") if data.folds is None else ("folds", "fold")
        yield ("data", given), f"needs data.{missing} as well"
    if data.folds is not None and data.fold is not None and data.fold >= data.folds:
        yield ("data", "fold"), f"{data.fold} is not a fold from 0 to {data.folds - 1}"


def _is_unit(text: str) -> bool:
    """Return true of a text that can stand beside a number without being a part of it."""
    return bool(text.strip("+-.,' ")) and not any(map(str.isdigit, text))


def _dialect_problems(data: DataSection) -> Iterator[tuple[KeyPath, str]]:
    if data.encoding is not None:
        try:
            "".encode(data.encoding)
        except (LookupError, ValueError):
            yield ("data", "encoding"), f"{abridged(data.encoding)} is not the name of an encoding"
    if wrong := [unit for unit in data.units if not _is_unit(unit)]:
        yield (
            ("data", "units"),
            f"{_shown(wrong[0])} cannot be a unit; one has no digits, and more than signs",
        )
    given = {"separator": data.separator or ",", "thousands": data.thousands}
    if data.decimal == data.thousands:
        yield ("data", "thousands"), "the same as data.decimal"
    for key, character in given.items():
        if character is not None and character in '"\r\n0123456789':
            yield ("data", key), f"{_shown(character)} cannot be it"
