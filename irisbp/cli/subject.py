"""The subject of a command that takes a config with overrides, or a run."""

from collections.abc import Sequence
from pathlib import Path

from irisbp.config.arguments import split_arguments
from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.errors import ConfigError
from irisbp.nearest import did_you_mean


def subject_of(arguments: Sequence[str]) -> Path | Config:
    """The run's directory, or the config with its overrides; ConfigError if overrides follow a run."""
    path, overrides = split_arguments(arguments)
    if path is not None and not path.exists():
        hint = did_you_mean(path, folder=True) or did_you_mean(path, folder=False)
        raise ConfigError(f"{path}: no such file, and no such run{hint}")
    if path is None or not path.is_dir():
        return load_config(path, overrides)
    if overrides:
        raise ConfigError(f"argument {overrides[0]}: overrides are for a config, not for a run")
    return path
