"""The table that a config asks for: its keys as the reader of tables takes them, and what it reads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import IO

from irisbp.config.schema import DataSection
from irisbp.data.options import Dialect, Wanted
from irisbp.data.source import read_table
from irisbp.data.table import Table


def table_of(data: DataSection, file: IO[bytes] | None = None, held_out: IO[bytes] | None = None) -> Table:
    """The table that a config asks for; behind its rows are those of data.validation_source.

    file and held_out are the two files, where they are open already.
    """
    wanted = wanted_of(data)
    table = read_table(wanted, file)
    if data.validation_source is None:
        return table
    from irisbp.data.known import with_held_out  # much code, which iris does not need

    asked = replace(wanted or Wanted(table.source, table.target), source=data.validation_source)
    return with_held_out(table, asked, data.unknown, held_out)


def wanted_of(data: DataSection) -> Wanted | None:
    """The request of a config's data for its file; None of iris, which comes with irisbp."""
    if data.source is None:
        return None
    return Wanted(
        data.source,
        data.target or "",
        data.features,
        data.exclude,
        data.categorical,
        data.missing,
        data.missing_values,
        dialect_of(data),
    )


def dialect_of(data: DataSection) -> Dialect:
    """The dialect of a config's table."""
    return Dialect(
        data.separator, data.decimal, data.thousands, data.units, data.exponent, data.encoding, data.comment,
        data.skip_rows, data.header,
    )  # fmt: skip


def wanted_like(data: DataSection, source: str, target: str, columns: Sequence[str]) -> Wanted:
    """The request for another file with the columns of a run, in the run's dialect."""
    return Wanted(
        source, target, tuple(columns), missing=data.missing, missing_values=data.missing_values,
        dialect=dialect_of(data),
    )  # fmt: skip
