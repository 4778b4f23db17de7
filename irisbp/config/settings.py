"""A config as a flat list of keys: each one's value, and whether it is the default.

Runs are shown and compared key by key; this is where the keys come from.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from irisbp.config.schema import DEFAULT_NAMES, Config


class KeyValue(NamedTuple):
    """A key's value, as plain data, and whether it is the key's default."""

    value: Any
    is_default: bool


def settings(config: Config) -> dict[str, KeyValue]:
    """Every key of a config with its value, such as optimizer.beta1, in the config's order."""
    return dict(_settings(config, ""))


def _settings(section: BaseModel, prefix: str, default_name: str = "") -> Iterator[tuple[str, KeyValue]]:
    """A section's keys; a choice's name has its default from the choice, not from the section."""
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), prefix + name
        if isinstance(value, BaseModel):
            yield from _settings(value, f"{key}.", DEFAULT_NAMES.get(key, ""))
        else:
            default = default_name if field.is_required() else field.default
            yield key, KeyValue(list(value) if isinstance(value, tuple) else value, value == default)


def varying_keys(configs: Sequence[Config]) -> list[str]:
    """The keys that do not have the same value in all of these configs."""
    all_settings = [settings(config) for config in configs]
    keys = dict.fromkeys(key for some in all_settings for key in some)
    return [key for key in keys if len({_identity(some.get(key)) for some in all_settings}) > 1]


def _identity(setting: KeyValue | None) -> str:
    # 1 and True, 0.1 and "0.1" are different values, and a list has no hash.
    return "" if setting is None else f"{type(setting.value).__name__} {setting.value!r}"
