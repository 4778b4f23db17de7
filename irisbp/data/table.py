"""A table of samples as it was measured: numbers in named columns and a class for each row."""

import csv
import hashlib
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from irisbp.nn.types import Array


@dataclass(frozen=True)
class Table:
    """values is (rows, features); targets names each row's class; digest is the file's sha256."""

    source: str
    features: tuple[str, ...]
    values: Array
    target: str
    targets: tuple[str, ...]
    digest: str


def load_iris() -> Table:
    """Fisher's iris: 150 flowers, 4 measurements in cm, 3 species of 50.

    R. A. Fisher, "The use of multiple measurements in taxonomic problems" (1936), with the values of
    R's `iris`. (The copy in the UCI repository differs in rows 35 and 38, counted from 1.)
    """
    content = files("irisbp.data").joinpath("iris.csv").read_bytes()
    header, *rows = csv.reader(content.decode("utf-8").splitlines())
    return Table(
        source="iris",
        features=tuple(header[:-1]),
        values=np.array([[float(cell) for cell in row[:-1]] for row in rows]),
        target=header[-1],
        targets=tuple(row[-1] for row in rows),
        digest=hashlib.sha256(content).hexdigest(),
    )
