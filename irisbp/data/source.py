"""The source of a table: iris, which comes with irisbp, or a file."""

from typing import IO

from irisbp.data.options import Wanted
from irisbp.data.table import Table, iris


def read_table(wanted: Wanted | None, file: IO[bytes] | None = None) -> Table:
    """The table that is wanted of a file, or iris; all problems of it at once, as a DataError.

    file is the file itself, where it is open already.
    """
    if wanted is None:
        return iris()
    from irisbp.data.files import parse_table, read_file  # much code, which iris does not need

    return read_file(wanted) if file is None else parse_table(file, wanted)
