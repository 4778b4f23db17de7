"""Reads a run again, and refuses one that is unfinished or not what its manifest says."""

import hashlib
import stat
from io import BufferedReader
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from irisbp.data.dataset import Standardizer
from irisbp.errors import RunError, StorageError, in_shell
from irisbp.nearest import did_you_mean
from irisbp.nn.network import Network
from irisbp.nn.types import Array
from irisbp.rundir.arrays import unpack
from irisbp.rundir.damage import damage_of
from irisbp.rundir.manifest import Manifest, Which


def read_manifest(path: Path) -> Manifest:
    """The manifest of the run in a directory; RunError if there is none, or not one of ours."""
    if not path.is_dir():
        what = "it is a file" if path.exists() else f"no such directory{did_you_mean(path, folder=True)}"
        raise RunError(f"{path} is not a run: {what}")
    if not (path / "manifest.json").exists():
        kind = "an unfinished run" if (path / "config.yaml").exists() else "not a run"
        hint = f"; irisbp resume {in_shell(path)} resumes it" if kind == "an unfinished run" else ""
        raise RunError(f"{path} is {kind}: it has no manifest.json{hint}")
    try:
        return Manifest.model_validate_json(read_content(path / "manifest.json"))
    except ValidationError as error:
        raise RunError(f"{path / 'manifest.json'} is damaged: {damage_of(error)}") from None


def open_file(path: Path) -> BufferedReader:
    """A regular file, opened to be read piece by piece: reading a pipe might never end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunError(f"{path} is not a regular file")
        return open(path, "rb")
    except OSError as error:
        raise StorageError("read", path, error) from None


def read_content(path: Path) -> bytes:
    """A regular file's content."""
    with open_file(path) as file:
        try:
            return file.read()
        except OSError as error:
            raise StorageError("read", path, error) from None


def read_checked(path: Path, name: str, manifest: Manifest) -> bytes:
    """A file's content, if it is still what the manifest says."""
    content = read_content(path / name)
    if hashlib.sha256(content).hexdigest() != manifest.files.get(name):
        raise RunError(f"{path / name} is not the file that the run wrote: its sha256 differs")
    return content


def read_parameters(
    path: Path, which: Which, manifest: Manifest, network: Network
) -> tuple[Array, Standardizer]:
    """The last or best parameters of the run in a directory, and its standardizer; RunError if damaged."""
    name = "best_parameters.npz" if which == "best" else "parameters.npz"
    arrays = _Arrays(path / name, read_checked(path, name, manifest))
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
