"""The subject of a question that is asked of a run and of a config alike."""

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
    """The run that the subject is, or the config with these keys in place of its own.

    ConfigError if keys are given with a run, which is taken as it is.
    """
    if isinstance(subject, str | PathLike) and isdir(subject):
        subject = open_run(subject)
    if not isinstance(subject, Run):
        return load_config(subject, **keys)
    if keys:
        raise ConfigError(f"{', '.join(keys)}: a run is taken as it is; keys are for a config")
    return subject
