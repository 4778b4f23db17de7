"""Keys for a table in another dialect than a run's own: what `predict` and `evaluate --data` take."""

from collections.abc import Sequence

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.errors import ConfigError

TABLE_KEYS = (
    "unknown", "missing", "missing_values", "separator", "decimal", "thousands", "units", "exponent",
    "encoding", "comment", "skip_rows", "header",
)  # fmt: skip


def is_table_key(argument: str) -> bool:
    """Return true of an argument that is a key for a table."""
    name, equals, _ = argument.partition("=")
    return bool(equals) and name.startswith("data.") and name.removeprefix("data.") in TABLE_KEYS


def with_table_keys(config: Config, keys: Sequence[str]) -> Config:
    """A run's config with keys for another table; ConfigError for a key that does not concern one."""
    for key in keys:
        if not is_table_key(key):
            known = ", ".join(f"data.{name}" for name in TABLE_KEYS)
            raise ConfigError(f"argument {key}: not a key for another table; these are {known}")
    data = config.data
    if data.source is None:  # the table is another one than iris
        data = data.model_copy(update={"source": "another table", "target": "species"})
    return load_config(config.model_copy(update={"data": data}), keys)
