"""Reads a run again, and refuses one that is unfinished or not what its manifest says."""

import hashlib
import io
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset, Standardizer, make_dataset
from irisbp.data.table import load_table
from irisbp.errors import RunError, StorageError
from irisbp.nn.network import Network
from irisbp.nn.types import Array
from irisbp.rundir.manifest import Manifest, Which
from irisbp.training import held_out_rows, make_network

# What reading an npz file may raise where a byte of it has been changed.
_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OSError,
    EOFError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Run:
    """A run as it lies in its directory, with its data loaded and standardized its way.

    parameters are the last or the best, as which says; own_data is whether dataset holds the table that
    was trained on.
    """

    path: Path
    config: Config
    manifest: Manifest
    dataset: Dataset
    network: Network
    parameters: Array
    which: Which
    own_data: bool


def load_run(path: Path, which: Which | None = None, data: Path | None = None) -> Run:
    """The run in a directory; RunError, DataError or StorageError if there is none to be had.

    which defaults to what the run names itself; data is a table to use in place of its own.
    """
    manifest = read_manifest(path)
    read_checked(path, "config.yaml", manifest)
    config = load_config(path / "config.yaml")
    which = which or manifest.which
    if which == "best" and manifest.best_epoch is None:
        raise RunError(f"{path} kept no best parameters: nothing was monitored")
    name = "best_parameters.npz" if which == "best" else "parameters.npz"
    arrays = _Arrays(path / name, read_checked(path, name, manifest))
    dataset = _dataset(path, config, manifest, arrays.standardizer(len(manifest.data.features)), data)
    network = make_network(config, dataset)
    return Run(path, config, manifest, dataset, network, arrays.parameters(network), which, data is None)


def _dataset(
    path: Path, config: Config, manifest: Manifest, standardizer: Standardizer, data: Path | None
) -> Dataset:
    """The run's own table, if it is still what it was, or another one with the same columns."""
    source = config.data.source if data is None else str(data)
    target = manifest.data.target if source else None
    table = load_table(source, target, manifest.data.features if source else None)
    classes = tuple(manifest.classes)
    if data is not None:
        return make_dataset(table, classes, standardizer)
    if table.digest != manifest.data.sha256:
        raise RunError(
            f"{path} was trained on other data than {table.source} holds now;"
            " --data evaluates another table all the same"
        )
    if set(table.targets) != set(classes):
        raise RunError(f"{path / 'manifest.json'}: its classes are not those of the data")
    return make_dataset(table, classes, standardizer, held_out_rows(config, table))


def read_manifest(path: Path) -> Manifest:
    """The manifest of the run in a directory; RunError if there is none, or not one of ours."""
    if not path.is_dir():
        what = "it is a file" if path.exists() else "no such directory"
        raise RunError(f"{path} is not a run: {what}")
    if not (path / "manifest.json").exists():
        kind = "an unfinished run" if (path / "config.yaml").exists() else "not a run"
        raise RunError(f"{path} is {kind}: it has no manifest.json")
    try:
        return Manifest.model_validate_json(read_content(path / "manifest.json"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"{path / 'manifest.json'} is damaged: {where or 'file'}: {first['msg']}") from None


def read_content(path: Path) -> bytes:
    """A regular file's content."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunError(f"{path} is not a regular file")
        return path.read_bytes()
    except OSError as error:
        raise StorageError("read", path, error) from None


def read_checked(path: Path, name: str, manifest: Manifest) -> bytes:
    """A file's content, if it is still what the manifest says."""
    content = read_content(path / name)
    if hashlib.sha256(content).hexdigest() != manifest.files.get(name):
        raise RunError(f"{path / name} is not the file that the run wrote: its sha256 differs")
    return content


def read_arrays(path: Path, content: bytes) -> dict[str, Array]:
    """The arrays of an npz file's content by name; RunError if it is damaged. path is what to call it."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _DAMAGE as error:
        raise RunError(f"{path} is damaged: {error}") from None
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise RunError(f"{path} is damaged: it holds something that is not an array")
    return arrays


class _Arrays:
    """The arrays of one of a run's npz files, each checked as it is taken."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._arrays = path, read_arrays(path, content)

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
