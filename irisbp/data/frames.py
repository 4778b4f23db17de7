"""DataFrames and CSV: a frame as the file that it would be, and a file of ours as a frame."""

from collections.abc import Sequence
from typing import IO, Any

from irisbp.annotations import DataFrame
from irisbp.errors import DataError


def csv_of(frame: DataFrame, *, header: bool = True) -> bytes:
    """The content of a CSV file of a DataFrame, its index left out; every float reads back exactly."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"table: {type(frame).__name__} is not a pandas DataFrame")
    narrow = frame.select_dtypes(["float16", "float32"]).columns
    return str(frame.astype(dict.fromkeys(narrow, "float64")).to_csv(index=False, header=header)).encode()


def frame_of(rows: Any, columns: Sequence[str] | None = None, *, index: Any = None) -> DataFrame:
    """pandas.DataFrame of rows or columns of plain data, or of arrays."""
    import pandas as pd

    return pd.DataFrame(rows, columns=None if columns is None else list(columns), index=index)


def _exact_floats() -> dict[str, Any]:
    """pandas.read_csv's option to read every float to its last bit."""
    import pandas as pd

    major, minor, *_ = (int(part) for part in pd.__version__.split(".")[:2])
    # From 3.1 on it is so by default, and the option is deprecated.
    return {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}


def read_exactly(file: IO[bytes] | str, **options: Any) -> DataFrame:
    """pandas.read_csv of an open file or a path, every float to its last bit."""
    import pandas as pd

    frame: DataFrame = pd.read_csv(file, **_exact_floats(), **options)
    return frame
