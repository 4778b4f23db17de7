"""From a YAML file and KEY=VALUE overrides to a validated Config, or to every problem at once.

Defaults < file < overrides, all by the same rules and in the same words.
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

from irisbp.config.given import Given, plain
from irisbp.config.schema import CHOICES, LARGEST_SEED, Config, SgdOptimizer
from irisbp.config.yaml import (
    MOST_PROBLEMS,
    Document,
    KeyPath,
    Problem,
    Problems,
    abridged,
    dump,
    parse,
    read_file,
)
from irisbp.errors import ConfigError

ARTICLE: dict[str, Any] = {
    "seed": 0,
    "rng": "r",
    "learning_rate": 0.1,
    "epochs": 50,
    "initializer": "normal",
    "optimizer": "sgd",
}
"""The article's run; `configs/article.yaml` says the same with comments."""

OVERRIDE = re.compile(r"(?P<key>[A-Za-z_][\w.]*)=(?P<value>.*)", re.DOTALL)

# What other tools call our keys, where the words are too unlike for a comparison of letters.
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
    document, path = _given_document(config, content)
    for argument in overrides:
        _override(document, argument)
    for key, value in keys.items():
        _put_key(document, key, plain(value))
    anchor_source(document.data, Path())
    return validated(document, path)


def _given_document(config: Given, content: bytes | None) -> tuple[Document, Path | None]:
    """The document of what is given, and what to call it in messages."""
    if config is None:
        return read_document(None), None
    if isinstance(config, Config):
        return Document(config.model_dump(mode="json")), Path("config")
    if isinstance(config, Mapping):
        return Document(plain(config)), Path("config")
    if not isinstance(config, str | PathLike):
        kind = type(config).__name__
        raise ConfigError(f"config: {kind} is not a config; give a path, a mapping, a Config or None")
    path = Path(config)
    return read_document(path, content), path


def _put_key(document: Document, key: str, value: Any) -> None:
    """Put a key's Python value into the document, in place of what it has."""
    place = f"argument {abridged(f'{key}={value!r}')}"
    path = key_path(key, place)
    put(document.data, path, value, place)
    for depth in range(1, len(path) + 1):
        document.key_places[path[:depth]] = document.value_places[path[:depth]] = place


def read_document(path: Path | None, content: bytes | None = None) -> Document:
    """What stands in a file (or the article's config), not yet checked key by key."""
    document = read_file(path, content) if path else Document(dict(ARTICLE))
    if document.data is None and not document.problems:
        required = ", ".join(k for k, field in Config.model_fields.items() if field.is_required())
        raise ConfigError(f"{path}: empty; a config gives at least {required}")
    if not isinstance(document.data, dict):
        raise ConfigError(f"{path}: not a mapping; a config is lines of `key: value`")
    anchor_source(document.data, path.parent if path else Path())
    return document


def overridden(document: Document, overrides: Sequence[str], path: Path | None) -> Config:
    """The config of a document with overrides, which are put into it; Problems if any."""
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
    """The config of plain data, None if anything is wrong with it; `overridden` says what."""
    try:
        config = Config.model_validate(data)
    except ValidationError:
        return None
    if config.seed > LARGEST_SEED[config.rng] or any(_across_keys(config)):
        return None
    return config


def split_arguments(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """[CONFIG] [KEY=VALUE]... apart. The first may be a path; the others must be overrides."""
    first, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    overrides = [first, *rest] if OVERRIDE.fullmatch(first) else list(rest)
    path = Path(first) if first and not OVERRIDE.fullmatch(first) else None
    for argument in overrides:
        _match(argument)
    return path, overrides


def to_yaml(config: Config) -> str:
    """The complete config as YAML that reads back equal."""
    return dump(config.model_dump(mode="json"))


def _override(document: Document, argument: str) -> None:
    """Put one KEY=VALUE into the document, in the place of what stands there."""
    match = _match(argument)
    place = f"argument {abridged(argument)}"
    path = key_path(match["key"], place)
    value = parse(match["value"], lambda mark: place)
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


def key_path(key: str, place: str) -> tuple[str, ...]:
    """The words of a dotted key."""
    path = tuple(key.split("."))
    if "" in path:
        raise ConfigError(f"{place}: a key is words with single dots between them")
    return path


def put(mapping: dict[str, Any], path: Sequence[str], value: Any, place: str) -> None:
    """Put a value at a path; of what lies within the mapping, only copies are changed."""
    for depth, key in enumerate(path[:-1], 1):
        below = mapping.get(key)
        if isinstance(below, str) and key in CHOICES:
            below = {"name": below}
        if below is not None and not isinstance(below, dict):
            raise ConfigError(f"{place}: {'.'.join(path[:depth])} is not a mapping")
        mapping[key] = mapping = dict(below or {})
    mapping[path[-1]] = value


def _match(argument: str) -> re.Match[str]:
    match = OVERRIDE.fullmatch(argument)
    if match is None:
        raise ConfigError(f"argument {abridged(argument)}: not KEY=VALUE, such as seed=3")
    return match


def _problems(error: ValidationError, document: Document, path: Path | None) -> list[Problem]:
    """One for each key: where a value may be of several kinds, each that was tried makes an error."""
    by_key = {
        where: details
        for details in error.errors()
        if (where := _key_path(details["loc"])) not in document.unreadable
    }
    # A list is not to blame for what stands in it.
    above = {where[:-1] for where in by_key if where}
    to_blame = [details for where, details in by_key.items() if where not in above]
    # What is only counted in the end is not worth the search for words.
    told, untold = to_blame[:MOST_PROBLEMS], to_blame[MOST_PROBLEMS:]
    return [_problem(details, document, path) for details in told] + [Problem("", "")] * len(untold)


def _problem(details: Any, document: Document, path: Path | None) -> Problem:
    """One of pydantic's errors in our words, at its place."""
    where = _key_path(details["loc"])
    kind = details["type"]
    if kind == "missing":
        place = _place(document.value_places, where[:-1], path)
        return Problem(place, f"missing key {_dotted(where)}: {_description(where, document)}")
    if kind == "extra_forbidden":
        return Problem(_place(document.key_places, where, path), _unknown_key(where, document))
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_choice(where, details, document, path)
    place = _place(document.value_places, where, path)
    verb = "cannot stand in" if isinstance(where[-1], int) else "is not"
    message = f"{_dotted(where)}: {_shown(details['input'])} {verb} {_description(where, document)}"
    return Problem(place, message + _nearest(details["input"], details.get("ctx", {}).get("expected", "")))


def _key_path(loc: tuple[str | int, ...]) -> KeyPath:
    """Pydantic also names the model or the kind of value that it tried; a config does not."""
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
    """The name of a choice, which only a schedule may leave out."""
    given = document.data[key]
    return str(given.get("name", "constant") if isinstance(given, dict) else given)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The model behind a field whose value is a mapping of keys, or nothing."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _description(where: KeyPath, document: Document) -> str:
    """What the key may be; an element of a list has its list's description."""
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
    # Perhaps it is right, but belongs elsewhere.
    candidates = _all_keys() | {name: _dotted((*above, name)) for name in known}
    guess = candidates.get(_meant(key, list(candidates)), "")
    hint = f"; did you mean {guess}?" if guess else f"; known here: {', '.join(known)}"
    return f"unknown key {_dotted(where)}{hint}"


def _meant(key: str, known: Sequence[str]) -> str:
    """The known key that a word was meant to be, or nothing."""
    other = _OTHER_WORDS.get(key.lower(), "")
    if other in known:
        return other
    return _closest(key, known)


def _all_keys() -> dict[str, str]:
    """From the last word of every key that there is to the whole of it."""
    keys: dict[str, str] = {}
    for name, field in Config.model_fields.items():
        keys[name] = name
        models = list(CHOICES.get(name, {}).values())
        if name not in CHOICES and (section := _section(field)):
            models.append(section)
        for model in models:
            keys.update({inner: f"{name}.{inner}" for inner in model.model_fields if inner != "name"})
    return keys


def _foreign_option(option: str, key: str, known: list[str], document: Document) -> str:
    """An option that the chosen optimizer or initializer does not have, though another one may."""
    chosen = _chosen(key, document)
    options = [name for name in known if name != "name"]
    owners = [name for name, model in CHOICES[key].items() if option in model.model_fields]
    guess = _meant(option, options)
    text = f"{key}.{abridged(option)}: {chosen} has no such option"
    if owners:
        text += f" (it is one of {', '.join(owners)})"
    if guess:
        return f"{text}; did you mean {guess}?"
    return f"{text}; its options: {', '.join(options) or 'none'}"


def _unknown_choice(where: KeyPath, details: Any, document: Document, path: Path | None) -> Problem:
    key, value = str(where[0]), details["input"]
    names = ", ".join(CHOICES[key])
    place = _place(document.value_places, (key, "name"), path)
    if details["type"] == "union_tag_not_found":
        return Problem(place, f"missing key {key}.name: one of {names}")
    tag = value["name"] if isinstance(value, dict) else value
    return Problem(place, f"{key}: {_shown(tag)} is not one of {names}{_nearest(tag, names)}")


def _nearest(value: Any, allowed: str) -> str:
    """A hint at the allowed word that a wrong one was meant to be."""
    if not isinstance(value, str):
        return ""
    guess = _closest(value, re.findall(r"\w+", allowed))
    return f"; did you mean {guess}?" if guess else ""


def _closest(word: str, known: Sequence[str]) -> str:
    # The search takes the square of the word's length; no key has half as many letters.
    close = get_close_matches(word.lower(), known, 1) if len(word) <= 60 else []
    return close[0] if close else ""


def _shown(value: Any) -> str:
    """A value as YAML would write it, on one line and not too long."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return abridged({"Infinity": ".inf", "-Infinity": "-.inf", "NaN": ".nan"}.get(text, text))


def anchor_source(config: Any, folder: Path) -> None:
    """Make the path of a table absolute: a file's own is relative to the file, an override's to here."""
    data = config.get("data")
    if isinstance(data, dict) and isinstance(data.get("source"), str) and data["source"]:
        config["data"] = data | {"source": os.path.abspath(folder / data["source"])}


def _seed_problems(document: Document, path: Path | None) -> list[Problem]:
    """A seed that would do for one generator, but not for the chosen one."""
    seed, largest = document.data.get("seed"), _largest_seed(document)
    if type(seed) is not int or not largest < seed <= LARGEST_SEED["numpy"]:
        return []
    place = _place(document.value_places, ("seed",), path)
    return [Problem(place, f"seed: {seed} is not {_description(('seed',), document)}")]


def _largest_seed(document: Document) -> int:
    return LARGEST_SEED["r" if document.data.get("rng") == "r" else "numpy"]


def _across_keys(config: Config) -> Iterator[tuple[KeyPath, str]]:
    """What is legal key by key, but not together."""
    data, stopping = config.data, config.early_stopping
    if data.source is not None and "\0" in data.source:
        yield ("data", "source"), "is not a path: it holds a NUL character"
    if data.source is not None and data.target is None:
        yield ("data", "source"), "needs data.target, the column that holds the classes"
    if data.source is None and (data.target or data.features):
        yield ("data", "target" if data.target else "features"), "needs data.source; iris has its own"
    if data.validation is not None and data.folds is not None:
        yield ("data", "validation"), "cannot stand beside data.folds; give one of them"
    if (data.folds is None) != (data.fold is None):
        given, missing = ("fold", "folds") if data.folds is None else ("folds", "fold")
        yield ("data", given), f"needs data.{missing} beside it"
    if data.folds is not None and data.fold is not None and data.fold >= data.folds:
        yield ("data", "fold"), f"{data.fold} is not a fold from 0 to {data.folds - 1}"
    held_out = data.validation is not None or data.folds is not None
    if stopping is not None and stopping.monitor == "validation" and not held_out:
        yield ("early_stopping",), "monitors validation samples; give data.validation, or monitor: training"
    if config.engine == "compiled" and config.numerics == "portable":
        yield ("engine",), "compiled has an arithmetic of its own; numerics: portable needs engine: plain"
    if config.schedule.warmup >= config.epochs:
        yield ("schedule", "warmup"), f"{config.schedule.warmup} is not below epochs, {config.epochs}"
    if (
        isinstance(config.optimizer, SgdOptimizer)
        and config.optimizer.nesterov
        and not config.optimizer.momentum
    ):
        yield ("optimizer", "nesterov"), "needs a momentum above 0"
