"""Reads a run again, and refuses one that is unfinished or not what its manifest says."""

import csv
import hashlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from irisbp.data.dataset import Standardizer
from irisbp.errors import RunError, in_shell
from irisbp.nn.network import Network
from irisbp.nn.types import Array
from irisbp.rundir.arrays import unpack
from irisbp.rundir.damage import damage_of
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Manifest, Which

_MOST_TEXT = 1 << 20  # bytes of an archive that are not numbers; some hundred for each array are needed
_MOST_VALUES = 1 << 22  # of a manifest; a network has up to a million inputs, which it names twice
_LONGEST_LINE = 1 << 20  # bytes; a line has up to two names of classes


class Recorded(Protocol):
    """A manifest, of a run or a sweep: the sha256 of its files, and how long each can be at most."""

    files: dict[str, str]

    def most(self, name: str) -> int | None:
        """The most bytes that a file of this name can have; None if its kind says that."""


def read_manifest(directory: OpenDirectory) -> Manifest:
    """The manifest of the run in a directory; RunError if there is none, or not one of ours."""
    path = directory.path
    if not directory.has("manifest.json"):
        if not directory.has("config.yaml"):
            raise RunError(f"{path} is not a run: it has no manifest.json")
        hint = f"irisbp resume {in_shell(path)} resumes it"
        raise RunError(f"{path} is an unfinished run: it has no manifest.json; {hint}")
    return parsed(Manifest, directory)


Model = TypeVar("Model", bound=BaseModel)


def parsed(model: type[Model], directory: OpenDirectory) -> Model:
    """The manifest in a directory as a model; RunError if it is damaged.

    Each number or text takes far more memory than it does in the file, where it ends with a comma or begins
    in a bracket. So these are counted first.
    """
    path, content = directory.path / "manifest.json", directory.read("manifest.json")
    if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise RunError(f"{path} is damaged: it holds more than {_MOST_VALUES} values")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise RunError(f"{path} is damaged: {damage_of(error)}") from None


def open_written(
    directory: OpenDirectory, name: str, manifest: Recorded, writer: str = "run"
) -> BufferedReader:
    """A file, opened at its start, if it still has the sha256 that is in the manifest; RunError if not."""
    file = directory.open(name, manifest.most(name))
    try:
        if hashlib.file_digest(file, "sha256").hexdigest() != manifest.files.get(name):
            raise _changed(directory, name, writer)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def read_written(
    directory: OpenDirectory,
    name: str,
    manifest: Recorded,
    writer: str = "run",
    most: int | None = None,
) -> bytes:
    """A file's content, if it has the sha256 that is in the manifest; RunError if not, or beyond `most`."""
    content = directory.read(name, manifest.most(name) if most is None else most)
    if hashlib.sha256(content).hexdigest() != manifest.files.get(name):
        raise _changed(directory, name, writer)
    return content


def _changed(directory: OpenDirectory, name: str, writer: str) -> RunError:
    return RunError(f"{directory.path / name} is not the file that the {writer} wrote: its sha256 differs")


def read_rows(file: BufferedReader) -> Iterator[list[str]]:
    """The rows of a CSV file below its header, one at a time; a last line without an end is left out."""
    whole = (line for line in read_lines(file) if line.endswith(b"\n"))
    reader = csv.reader(line.decode("utf-8", "backslashreplace") for line in whole)
    try:
        next(reader, None)
        yield from reader
    except csv.Error as error:
        raise RunError(f"{file.name}:{reader.line_num}: {error}") from None


def read_lines(file: BufferedReader) -> Iterator[bytes]:
    """The lines of a file; RunError at one that is longer than any of ours."""
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise RunError(f"{file.name}: a line has {_LONGEST_LINE} bytes or more")
        yield line


def count_lines(file: BufferedReader) -> int:
    """The number of lines of a file, which is at its start again afterwards."""
    lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    file.seek(0)
    return lines


def read_parameters(
    directory: OpenDirectory, which: Which, manifest: Manifest, network: Network
) -> tuple[Array, Standardizer]:
    """The last or best parameters of the run in a directory, and its standardizer; RunError if damaged."""
    name = "best_parameters.npz" if which == "best" else "parameters.npz"
    numbers = network.parameter_count + 2 * network.inputs
    content = read_written(directory, name, manifest, most=8 * numbers + _MOST_TEXT)
    arrays = _Arrays(directory.path / name, content)
    return arrays.parameters(network), arrays.standardizer(network.inputs)


class _Arrays:
    """The arrays of one of a run's npz files, each checked as it is taken."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._arrays = path, unpack(path, content)

    def standardizer(self, features: int) -> Standardizer:
        mean, sd = (self._take(f"standardizer.{name}", (features,)) for name in ("mean", "sd"))
        if not (np.isfinite(mean).all() and (sd > 0.0).all()):
            raise RunError(f"{self._path}: a mean is not finite, or a standard deviation not above 0")
        return Standardizer(mean, sd)

    def parameters(self, network: Network) -> Array:
        parameters = np.empty(network.parameter_count)
        for name, view in network.views(parameters).items():
            view[...] = self._take(name, view.shape)
        return parameters

    def _take(self, name: str, shape: tuple[int, ...]) -> Array:
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != np.float64:
            raise RunError(f"{self._path}: {name} is not an array of {shape} float64")
        return np.asarray(array)
