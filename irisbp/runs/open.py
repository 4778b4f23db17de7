"""Opens a run that lies in a directory, and the verbs that begin with one."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from irisbp.annotations import DataFrame
from irisbp.config.load import as_recorded
from irisbp.config.place import anchored_in
from irisbp.errors import RunError
from irisbp.rundir.directory import OpenDirectory
from irisbp.rundir.manifest import Which
from irisbp.rundir.reader import read_parameters, read_written
from irisbp.runs.evaluate import Evaluation, RowsName
from irisbp.runs.layout import manifest_of
from irisbp.runs.record import RecordedFiles
from irisbp.runs.run import Run
from irisbp.runs.tables import Files, OwnTables
from irisbp.training.model import Model
from irisbp.training.setup import make_network
from irisbp.training.tables import wanted_like


def open_run(path: str | PathLike[str], which: Which | None = None, *, data: Files = None) -> Run:
    """The finished or interrupted run in a directory; RunError or StorageError if there is none.

    which chooses its last or its best parameters, by default those that the run names itself. data is the
    file, or the files, where its table is now, if it is not where it was; its sha256 has to be the recorded
    one.
    """
    with OpenDirectory(Path(path)) as directory:
        return run_in(directory, which).with_data(data)


def run_in(directory: OpenDirectory, which: Which | None = None) -> Run:
    """The run in an open directory: see `open_run`."""
    path, manifest = directory.path, manifest_of(directory)
    content = read_written(directory, "config.yaml", manifest.files)
    recorded = as_recorded(path / "config.yaml", content)
    config = anchored_in(recorded, path)
    which = which or manifest.which
    if which == "best" and manifest.best_epoch is None:
        raise RunError(f"{path} has no best parameters: nothing was monitored")
    features, classes = tuple(manifest.data.features), tuple(manifest.classes)
    network = make_network(config, len(features), len(classes))
    parameters, standardizer = read_parameters(directory, which, manifest, network)
    encoder, data = manifest.data.encoder, config.data
    wanted = wanted_like(data, manifest.data.source, manifest.data.target, encoder.names)
    model = Model(network, parameters, standardizer, features, classes, encoder, wanted, data.unknown)
    tables = OwnTables.of(path, recorded, manifest.data)
    return Run(config, manifest, model, which, RecordedFiles(path, manifest), path, tables=tables)


def as_run(run: Run | str | PathLike[str]) -> Run:
    """The run itself, or the one in a directory."""
    return run if isinstance(run, Run) else open_run(run)


def evaluate(
    run: Run | str | PathLike[str],
    on: RowsName | None = None,
    *,
    which: Which | None = None,
    data: Files = None,
) -> Evaluation:
    """Classify a run's rows again: see `Run.evaluate`. Nothing is written."""
    return as_run(run).evaluate(on, which=which, data=data)


def predict(run: Run | str | PathLike[str], samples: DataFrame | Mapping[str, float]) -> DataFrame:
    """Classify new samples with a run's model: see `Run.predict`."""
    return as_run(run).predict(samples)
