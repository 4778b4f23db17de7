"""What a user does with a table: reads it, and if it is refused, once more with the keys that were named."""

from dataclasses import dataclass
from pathlib import Path

from irisbp.config.load import load_config
from irisbp.data.files import attempt_table, read_file
from irisbp.data.options import Wanted
from irisbp.data.problems import merged
from irisbp.data.table import Table
from irisbp.training.tables import wanted_of


@dataclass(frozen=True)
class Told:
    """The problems of a table as sentences, and the keys that are said to settle them, together."""

    texts: list[str]
    keys: list[str]


def wanted(path: Path, target: str, *keys: str) -> Wanted:
    """The request for a table that the keys of a command line make."""
    config = load_config({"data": {"source": str(path), "target": target}}, keys)
    found = wanted_of(config.data)
    assert found is not None
    return found


def told(path: Path, target: str, *keys: str) -> Told:
    """All that is wrong with a table."""
    problems = attempt_table(wanted(path, target, *keys)).problems
    return Told([p.text for p in problems], merged(key for p in problems for key in p.keys))


def read_as_told(path: Path, target: str, *keys: str) -> tuple[Table, list[str]]:
    """The table, at once or with the keys of its first message, which are given as well."""
    found = told(path, target, *keys)
    assert found.keys or not found.texts, found
    again = [*keys, *found.keys]
    if found.texts:
        more = told(path, target, *again).texts
        assert not more, (found, more)
    return read_file(wanted(path, target, *again)), again
