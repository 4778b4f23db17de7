"""Writes a sweep as its parts are finished, and takes up one that was interrupted."""

import time

from irisbp.errors import RunError
from irisbp.rundir.arrays import pack
from irisbp.rundir.manifest import now, versions
from irisbp.rundir.storage import Directory
from irisbp.sweep.grid import to_yaml
from irisbp.sweep.manifest import SweepManifest
from irisbp.sweep.parts import Session, Sweep, read_part, write_part
from irisbp.sweep.place import GRID, discard_leftovers, part_names
from irisbp.sweep.results import Results, results_csv
from irisbp.sweep.statistics import Summary, summarize, summary_csv

_AT_MOST_EVERY = 1.0  # seconds between two files of results


class SweepWriter:
    """Writes sweep.yaml at once, finished parts about once in a second, and the rest at the end.

    done tells which rows are, whether now or before an interruption; notes says what there was to take up.
    """

    def __init__(self, directory: Directory, sweep: Sweep) -> None:
        """Begin in an empty directory, or go on with the same sweep."""
        self._directory, self._sweep = directory, sweep
        self.results = Results.empty(len(sweep.grid), sweep.epochs)
        self.done: set[int] = set()
        self.notes: list[str] = []
        self._session = Session(now(), 0.0, versions())
        self._clock = time.perf_counter()
        self._pending: list[int] = []
        self._committed = time.monotonic()
        content = to_yaml(sweep.grid)
        if GRID in directory.names():
            self._take_up()
        else:
            directory.write(GRID, content)

    def _take_up(self) -> None:
        directory = self._directory
        discard_leftovers(directory, parts=False)
        for name in part_names(directory):
            try:
                rows, results, session = read_part(directory, name, self._sweep)
            except RunError as error:
                self.notes.append(f"{error}; its runs are trained again")
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
            note = f"the sweep began with {name} {was}; with {version} its bits may differ"
            if was != version and note not in self.notes:
                self.notes.append(note)

    def take(self, rows: list[int], results: Results) -> None:
        """Take what became of some rows, and keep it for good if that was not done for a second."""
        self.results.take(rows, results)
        self.done.update(rows)
        self._pending += rows
        if time.monotonic() >= self._committed + _AT_MOST_EVERY:
            self.commit()

    def commit(self) -> None:
        """Keep all that is finished."""
        if self._pending:
            rows, session = sorted(self._pending), self._now()
            write_part(self._directory, self._sweep, rows, self.results.pick(rows), session)
            self._pending = []
        self._committed = time.monotonic()

    def finish(self) -> tuple[SweepManifest, Summary]:
        """Write the tables and, last of all, the manifest; the parts are then done with."""
        grid, results, write = self._sweep.grid, self.results, self._directory.write
        summary = summarize(grid, results)
        files = {
            GRID: write(GRID, to_yaml(grid)),
            "results.csv": write("results.csv", results_csv(grid, results).encode()),
            "summary.csv": write("summary.csv", summary_csv(summary).encode()),
            "curves.npz": write("curves.npz", pack(results.arrays())),
        }
        session = self._now()
        manifest = SweepManifest(
            runs=len(grid),
            diverged=int(results.diverged.sum()),
            settings=len(summary.settings),
            seconds=session.seconds,
            started=session.started,
            finished=now(),
            configs=self._sweep.rows.digest(range(len(grid))),
            data=self._sweep.data,
            versions=session.versions,
            files=files,
        )
        self._directory.write("manifest.json", manifest.model_dump_json(indent=2).encode() + b"\n")
        discard_leftovers(self._directory, parts=True)
        return manifest, summary

    def _now(self) -> Session:
        seconds = self._session.seconds + time.perf_counter() - self._clock
        return Session(self._session.started, seconds, self._session.versions)
