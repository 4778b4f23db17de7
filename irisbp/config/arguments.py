"""The arguments [CONFIG] [KEY=VALUE]... of a command line, and what one that is neither may mean."""

import re
import shlex
from collections.abc import Sequence
from os.path import exists
from pathlib import Path

from irisbp.config.yaml import abridged
from irisbp.errors import ConfigError

OVERRIDE = re.compile(r"(?P<key>[A-Za-z_][\w.]*)=(?P<value>.*)", re.DOTALL)

_WITH_DASHES = re.compile(r"(?P<key>-*[A-Za-z_][\w.-]*)=(?P<value>.*)", re.DOTALL)
_CONFIG = re.compile(r"\.ya?ml$", re.IGNORECASE)
_TABLE = re.compile(
    r"\.(csv|tsv|tab|data|parquet|feather|xlsx?|xlsb|ods)(\.(gz|bz2|xz|zip))?$", re.IGNORECASE
)


def split_arguments(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Split [CONFIG] [KEY=VALUE]... into a path, if the first is one, and overrides."""
    first, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    is_path = bool(first) and not _is_override(first)
    if is_path and (first == "-" or _TABLE.search(first)):
        raise ConfigError(
            f"{first}: a table, not a config; it is given as keys:"
            f" data.source={shlex.quote(first)} data.target=COLUMN;"
            f" irisbp table {shlex.quote(first)} shows how it is read"
        )
    overrides = list(rest) if is_path or not first else [first, *rest]
    given = dict[str, str]()
    for argument in overrides:
        key = matched(argument)["key"]
        if key in given:
            raise lost(f"argument {abridged(argument)}", abridged(given[key]))
        given[key] = argument
    return Path(first) if is_path else None, overrides


def lost(place: str, other: str) -> ConfigError:
    """The error of an argument that would replace another one, which was given before it."""
    return ConfigError(f"{place}: it would replace {other}, which is given before it; leave out one of them")


def matched(argument: str) -> re.Match[str]:
    """The match of KEY=VALUE; ConfigError says what may be meant by something else."""
    match = OVERRIDE.fullmatch(argument)
    if match is None:
        raise ConfigError(f"argument {abridged(argument)}: not KEY=VALUE, {_meant(argument)}")
    return match


def key_of_option(name: str) -> str:
    """A key from the name of an option: learning_rate from --learning-rate."""
    return name.lstrip("-").replace("-", "_")


def _is_override(first: str) -> bool:
    """Return true of KEY=VALUE, and of one with dashes in its key that is not a file."""
    return bool(OVERRIDE.fullmatch(first) or (_WITH_DASHES.fullmatch(first) and not exists(first)))


def _meant(argument: str) -> str:
    if match := _WITH_DASHES.fullmatch(argument):
        meant = f"{key_of_option(match['key'])}={match['value']}"
        return f"since a key has no dashes; did you mean {abridged(meant)}?"
    return "such as seed=3" + "; the config, one at most, comes first" * bool(_CONFIG.search(argument))
