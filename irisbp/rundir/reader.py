"""Reads a run again, and refuses one that is unfinished or not what its manifest says."""

import hashlib
import io
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.data.dataset import Dataset, Standardizer, make_dataset
from irisbp.data.table import load_iris
from irisbp.errors import RunError, StorageError
from irisbp.nn.network import Network
from irisbp.nn.types import Array
from irisbp.rundir.manifest import Manifest
from irisbp.training import make_network


@dataclass(frozen=True)
class Run:
    """A run as it lies in its directory, with its data loaded and standardized its way."""

    path: Path
    config: Config
    manifest: Manifest
    dataset: Dataset
    network: Network
    parameters: Array


def load_run(path: Path) -> Run:
    """The run in a directory; RunError or StorageError if there is none to be had."""
    manifest = _manifest(path)
    _checked(path, "config.yaml", manifest)
    config = load_config(path / "config.yaml")
    arrays = _arrays(path, _checked(path, "parameters.npz", manifest))
    table = load_iris()
    if table.digest != manifest.data.sha256:
        raise RunError(f"{path}: trained on other data than this version's {table.source}")
    features = (len(table.features),)
    standardizer = Standardizer(
        _array(path, arrays, "standardizer.mean", features),
        _array(path, arrays, "standardizer.sd", features),
    )
    if not set(table.targets) <= set(manifest.classes):
        raise RunError(f"{path / 'manifest.json'}: its classes are not those of the data")
    dataset = make_dataset(table, tuple(manifest.classes), standardizer)
    network = make_network(config, dataset)
    parameters = np.empty(network.parameter_count)
    for name, view in network.views(parameters).items():
        view[...] = _array(path, arrays, name, view.shape)
    return Run(path, config, manifest, dataset, network, parameters)


def _manifest(path: Path) -> Manifest:
    if not path.is_dir():
        what = "it is a file" if path.exists() else "no such directory"
        raise RunError(f"{path} is not a run: {what}")
    if not (path / "manifest.json").exists():
        kind = "an unfinished run" if (path / "config.yaml").exists() else "not a run"
        raise RunError(f"{path} is {kind}: it has no manifest.json")
    try:
        return Manifest.model_validate_json(_read(path / "manifest.json"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"{path / 'manifest.json'} is damaged: {where or 'file'}: {first['msg']}") from None


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunError(f"{path} is not a regular file")
        return path.read_bytes()
    except OSError as error:
        raise StorageError("read", path, error) from None


def _checked(path: Path, name: str, manifest: Manifest) -> bytes:
    """A file's content, if it is still what the manifest says."""
    content = _read(path / name)
    if hashlib.sha256(content).hexdigest() != manifest.files.get(name):
        raise RunError(f"{path / name} is not the file that the run wrote: its sha256 differs")
    return content


def _arrays(path: Path, content: bytes) -> dict[str, Array]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(f"{path / 'parameters.npz'} is damaged: {error}") from None


def _array(path: Path, arrays: dict[str, Array], name: str, shape: tuple[int, ...]) -> Array:
    array = arrays.get(name)
    if array is None or array.shape != shape or array.dtype != np.float64:
        raise RunError(f"{path / 'parameters.npz'}: {name} is not an array of {shape} float64")
    return array
