"""Reads a run again, and refuses one that is unfinished or not what its manifest says."""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from irisbp.data.dataset import Standardizer
from irisbp.errors import RunError, in_shell
from irisbp.nn.network import Network
from irisbp.nn.types import Array
from irisbp.rundir.arrays import unpack
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Manifest, Which

_MOST_TEXT = 1 << 20  # bytes of an archive that are not numbers; some hundred for each array are needed


def read_manifest(directory: OpenDirectory) -> Manifest:
    """The manifest of the run in a directory; RunError if there is none, or not one of ours."""
    path = directory.path
    if not directory.has("manifest.json"):
        if not directory.has("config.yaml"):
            raise RunError(f"{path} is not a run: it has no manifest.json")
        hint = f"irisbp resume {in_shell(path)} resumes it"
        raise RunError(f"{path} is an unfinished run: it has no manifest.json; {hint}")
    try:
        return Manifest.model_validate_json(directory.read("manifest.json"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"{path / 'manifest.json'} is damaged: {where or 'file'}: {first['msg']}") from None


def open_written(
    directory: OpenDirectory, name: str, files: Mapping[str, str], writer: str = "run"
) -> BufferedReader:
    """A file, opened at its start, if it still has the sha256 that is in files; RunError if not."""
    file = directory.open(name)
    try:
        if hashlib.file_digest(file, "sha256").hexdigest() != files.get(name):
            raise _changed(directory, name, writer)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def read_written(
    directory: OpenDirectory,
    name: str,
    files: Mapping[str, str],
    writer: str = "run",
    most: int | None = None,
) -> bytes:
    """A file's content, if it still has the sha256 that is in files; RunError if not, or beyond `most`."""
    content = directory.read(name, most)
    if hashlib.sha256(content).hexdigest() != files.get(name):
        raise _changed(directory, name, writer)
    return content


def _changed(directory: OpenDirectory, name: str, writer: str) -> RunError:
    return RunError(f"{directory.path / name} is not the file that the {writer} wrote: its sha256 differs")


def read_rows(file: BufferedReader) -> Iterator[list[str]]:
    """The rows of a CSV file below its header, one at a time; a last line without an end is left out."""
    lines = (line.decode("utf-8", "backslashreplace") for line in file if line.endswith(b"\n"))
    reader = csv.reader(lines)
    try:
        next(reader, None)
        yield from reader
    except csv.Error as error:
        raise RunError(f"{file.name}:{reader.line_num}: {error}") from None


def read_parameters(
    directory: OpenDirectory, which: Which, manifest: Manifest, network: Network
) -> tuple[Array, Standardizer]:
    """The last or best parameters of the run in a directory, and its standardizer; RunError if damaged."""
    name = "best_parameters.npz" if which == "best" else "parameters.npz"
    numbers = network.parameter_count + 2 * network.inputs
    content = read_written(directory, name, manifest.files, most=8 * numbers + _MOST_TEXT)
    arrays = _Arrays(directory.path / name, content)
    return arrays.parameters(network), arrays.standardizer(network.inputs)


class _Arrays:
    """The arrays of one of a run's npz files, each checked as it is taken."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._arrays = path, unpack(path, content)

    def standardizer(self, features: int) -> Standardizer:
        return Standardizer(*(self._take(f"standardizer.{name}", (features,)) for name in ("mean", "sd")))

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
