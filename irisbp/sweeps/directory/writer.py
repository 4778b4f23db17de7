"""Writes a sweep as its parts are finished, resumes one that was interrupted, and repairs its tables."""

import hashlib
import time

from irisbp.errors import RunError
from irisbp.rundir.arrays import pack
from irisbp.rundir.manifest import versions
from irisbp.rundir.storage import Directory
from irisbp.sweeps.directory.manifest import Session, SweepManifest, make_manifest
from irisbp.sweeps.directory.parts import read_part, write_part
from irisbp.sweeps.directory.place import GRID, SWEEP, part_names
from irisbp.sweeps.directory.reader import FinishedSweep
from irisbp.sweeps.grid.grid import Grid, to_yaml
from irisbp.sweeps.plan import SweepPlan
from irisbp.sweeps.results.columns import Results, results_csv
from irisbp.sweeps.results.statistics import Summary, summarize, summary_csv

TABLES = ("results.csv", "summary.csv")

_AT_MOST_EVERY = 1.0  # seconds between two files of results


class SweepWriter:
    """Writes sweep.yaml at once, finished parts about once in a second, and the rest at the end.

    done are the rows that are finished, now or before an interruption; notes say what was found on resuming.
    """

    def __init__(self, directory: Directory, sweep: SweepPlan) -> None:
        """Begin in an empty directory, or resume the same sweep."""
        self._directory, self._sweep = directory, sweep
        self.results = Results.empty(len(sweep.grid), sweep.epochs)
        self.done: set[int] = set()
        self.notes: list[str] = []
        self._session = Session.begin()
        self._clock = time.perf_counter()
        self._pending: list[int] = []
        self._committed = time.monotonic()
        if GRID in directory.names():
            self._content = directory.read(GRID)
            self._resume()
        else:
            self._content = to_yaml(sweep.grid, directory.path)
            directory.write(GRID, self._content)

    def _resume(self) -> None:
        directory = self._directory
        SWEEP.discard_leftovers(directory)
        for name in part_names(directory):
            try:
                rows, results, session = read_part(directory, name, self._sweep)
            except RunError as error:
                self.notes.append(f"{error}; its runs will be trained again")
                directory.discard([name])
                continue
            self.results.take(rows, results)
            self.done.update(rows)
            self._session = min(self._session, session, key=lambda s: s.started)
            self._note_versions(session)
        stale = {"manifest.json", "results.csv", "summary.csv", "curves.npz"}
        directory.discard(sorted(stale.intersection(directory.names())))

    def _note_versions(self, session: Session) -> None:
        for name, version in versions().items():
            was = session.versions.get(name, version)
            note = f"the sweep began with {name} {was}; with {version} its last digits may differ"
            if was != version and note not in self.notes:
                self.notes.append(note)

    def take(self, rows: list[int], results: Results) -> None:
        """Take the outcomes of some rows, and write them if the last write was a second ago or more."""
        self.results.take(rows, results)
        self.done.update(rows)
        self._pending += rows
        if time.monotonic() >= self._committed + _AT_MOST_EVERY:
            self.commit()

    def commit(self) -> None:
        """Write all rows that are finished."""
        if self._pending:
            rows, session = sorted(self._pending), self._now()
            write_part(self._directory, self._sweep, rows, self.results.pick(rows), session)
            self._pending = []
        self._committed = time.monotonic()

    def finish(self) -> tuple[SweepManifest, Summary]:
        """Write the tables and, last of all, the manifest; the parts are then removed."""
        grid, results, write = self._sweep.grid, self.results, self._directory.write
        summary = summarize(grid, results)
        files = {GRID: write(GRID, self._content)}
        files |= {name: write(name, content) for name, content in _tables(grid, results, summary).items()}
        files["curves.npz"] = write("curves.npz", pack(results.arrays()))
        manifest = make_manifest(self._sweep, results, len(summary.settings), self._now(), files)
        self._directory.write("manifest.json", manifest.model_dump_json(indent=2).encode() + b"\n")
        SWEEP.discard_leftovers(self._directory, passing=True)
        return manifest, summary

    def _now(self) -> Session:
        return self._session.after(time.perf_counter() - self._clock)


def _tables(grid: Grid, results: Results, summary: Summary) -> dict[str, bytes]:
    return {
        "results.csv": results_csv(grid, results).encode(),
        "summary.csv": summary_csv(summary).encode(),
    }


def restore_tables(directory: Directory, found: FinishedSweep, summary: Summary) -> list[str]:
    """Write a finished sweep's missing or damaged tables again; returns their names.

    RunError if they would not be the files that the sweep wrote.
    """
    digests = found.manifest.files
    lost = [name for name in TABLES if _digest(directory, name) != digests.get(name)]
    if not lost:
        return []
    made = _tables(found.grid, found.results, summary)
    for name in lost:
        if hashlib.sha256(made[name]).hexdigest() != digests.get(name):
            raise RunError(
                f"{directory.path / name} is missing or damaged, and cannot be written again:"
                " this version of irisbp would make another file"
            )
        directory.write(name, made[name])
    return lost


def _digest(directory: Directory, name: str) -> str | None:
    """The sha256 of a file, None if it cannot be read."""
    try:
        return directory.sha256(name)
    except RunError:
        return None
