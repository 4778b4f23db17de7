"""The subject of a verb that takes a run or a config."""

from collections.abc import Mapping
from os import PathLike
from os.path import isdir
from typing import Any, TypeAlias

from irisbp.config.given import Given
from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.errors import ConfigError
from irisbp.runs.open import open_run
from irisbp.runs.run import Run

Subject: TypeAlias = Run | Given
"""A Run, a run's directory, or a config: its path, its keys or a Config; None is the article's run."""


def run_or_config(subject: Subject, keys: Mapping[str, Any]) -> Run | Config:
    """The subject's run, or its config with these keys in place of its own.

    With a run, data says where its table is now; ConfigError if other keys are given with one.
    """
    if isinstance(subject, str | PathLike) and isdir(subject):
        subject = open_run(subject)
    if not isinstance(subject, Run):
        return load_config(subject, **keys)
    if keys.keys() == {"data"} and not isinstance(keys["data"], Mapping):
        return subject.with_data(keys["data"])
    if keys:
        raise ConfigError(f"{', '.join(keys)}: keys are for a config, not for a run")
    return subject
