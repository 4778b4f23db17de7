"""The subject of a command that takes a config with overrides, or a run."""

from collections.abc import Sequence

from irisbp.config.arguments import split_arguments
from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.errors import ConfigError
from irisbp.nearest import did_you_mean
from irisbp.runs.open import open_run
from irisbp.runs.run import Run
from irisbp.runs.tables import Files


def subject_of(arguments: Sequence[str], data: Files = None) -> Run | Config:
    """The run, whose table is in the files of data, or the config with its overrides.

    ConfigError if overrides follow a run, or if data is given with a config.
    """
    path, overrides = split_arguments(arguments)
    if path is not None and not path.exists():
        hint = did_you_mean(path, folder=True) or did_you_mean(path, folder=False)
        raise ConfigError(f"{path}: no such file, and no such run{hint}")
    if path is None or not path.is_dir():
        if data:
            raise ConfigError("--data is for a run; the table of a config is data.source=FILE")
        return load_config(path, overrides)
    if overrides:
        raise ConfigError(f"argument {overrides[0]}: overrides are for a config, not for a run")
    return open_run(path, data=data)
