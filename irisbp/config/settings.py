"""A config key by key: each one's value, whether it is the default, and what several configs differ in."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from irisbp.config.schema import Config


class KeyValue(NamedTuple):
    """A key's value, as plain data, and whether it is what the key has when it is not given."""

    value: Any
    is_default: bool


def settings(config: Config) -> dict[str, KeyValue]:
    """Every key of a config with its value, such as optimizer.beta1; the keys of the config's order."""
    return dict(_settings(config, "", whole_is_default=False))


def _settings(section: BaseModel, prefix: str, whole_is_default: bool) -> Iterator[tuple[str, KeyValue]]:
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), prefix + name
        is_default = whole_is_default or (not field.is_required() and value == field.default)
        if isinstance(value, BaseModel):
            yield from _settings(value, f"{key}.", is_default)
        else:
            yield key, KeyValue(list(value) if isinstance(value, tuple) else value, is_default)


def varying_keys(configs: Sequence[Config]) -> list[str]:
    """The keys that do not have the same value in all of these configs."""
    all_settings = [settings(config) for config in configs]
    keys = dict.fromkeys(key for some in all_settings for key in some)
    return [key for key in keys if len({_identity(some.get(key)) for some in all_settings}) > 1]


def _identity(setting: KeyValue | None) -> str:
    # 1 and True, 0.1 and "0.1" are different values, and a list has no hash.
    return "" if setting is None else f"{type(setting.value).__name__} {setting.value!r}"
