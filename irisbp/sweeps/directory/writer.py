"""Writes a sweep as its parts are finished, resumes one that was interrupted, and repairs its tables."""

import hashlib
import time
from collections.abc import Callable
from typing import TypeVar

from irisbp.errors import RunError
from irisbp.rundir.arrays import pack
from irisbp.rundir.manifest import versions
from irisbp.rundir.storage import Directory
from irisbp.sweeps.directory.manifest import Session, SweepManifest, make_manifest
from irisbp.sweeps.directory.parts import read_part, read_state, state_name, write_part, write_state
from irisbp.sweeps.directory.place import GRID, SWEEP, part_names, state_names
from irisbp.sweeps.directory.reader import FinishedSweep
from irisbp.sweeps.grid.grid import Grid, to_yaml
from irisbp.sweeps.plan import Part, SweepPlan
from irisbp.sweeps.results.columns import Results, results_csv
from irisbp.sweeps.results.statistics import Summary, summarize, summary_csv

Found = TypeVar("Found")

TABLES = ("results.csv", "summary.csv")

_AT_MOST_EVERY = 1.0  # seconds between two writes
_SHARE = 20  # write for at most one part in so many of the time


class SweepWriter:
    """Writes sweep.yaml at once, all that is trained about once in a second, and the tables at the end.

    done are the rows that are finished, now or before an interruption; begun are parts that stand at a state.
    notes say what was found on resuming.
    """

    def __init__(self, directory: Directory, sweep: SweepPlan) -> None:
        """Begin in an empty directory, or resume the same sweep."""
        self._directory, self._sweep = directory, sweep
        self.results = Results.empty(len(sweep.grid), sweep.epochs)
        self.done: set[int] = set()
        self.begun: list[Part] = []
        self.notes: list[str] = []
        self._session = Session.begin()
        self._clock = time.perf_counter()
        self._pending: list[int] = []
        self._written: dict[str, Part] = {}  # the files of parts that have begun
        self._next = time.monotonic() + _AT_MOST_EVERY
        content = to_yaml(sweep.grid)
        if GRID in directory.names():
            self._resume()
        else:
            directory.write(GRID, content)

    def _resume(self) -> None:
        directory = self._directory
        SWEEP.discard_leftovers(directory)
        for name in part_names(directory):
            if found := self._found(name, read_part):
                rows, results, session = found
                self.results.take(rows, results)
                self.done.update(rows)
                self._note_session(session)
        self._find_states()
        stale = {"manifest.json", "results.csv", "summary.csv", "curves.npz"}
        directory.discard(sorted(stale.intersection(directory.names())))

    def _find_states(self) -> None:
        """Find the rows that have begun; of a row in two files, which a kill may leave, the later state."""
        parts = list[Part]()
        for name in state_names(self._directory):
            if found := self._found(name, read_state):
                part, session = found
                parts.append(part)
                self._note_session(session)
        known = set(self.done)
        for part in sorted(parts, key=lambda part: part.state.position if part.state else (), reverse=True):
            if places := [k for k, row in enumerate(part.rows) if row not in known]:
                self.begun.append(part.pick(places))
                known.update(part.rows)

    def _found(self, name: str, read: Callable[[Directory, str, SweepPlan], Found]) -> Found | None:
        """A file's content; None, with a note, if it is damaged: it is removed."""
        try:
            return read(self._directory, name, self._sweep)
        except RunError as error:
            self.notes.append(f"{error}; its runs will be trained again")
            self._directory.discard([name])
            return None

    def _note_session(self, session: Session) -> None:
        self._session = min(self._session, session, key=lambda s: (s.started, -s.seconds))
        self._note_versions(session)

    def _note_versions(self, session: Session) -> None:
        for name, version in versions().items():
            was = session.versions.get(name, version)
            note = f"the sweep began with {name} {was}; with {version} its last digits may differ"
            if was != version and note not in self.notes:
                self.notes.append(note)

    def take(self, rows: list[int], results: Results, begun: list[Part]) -> None:
        """Take the outcomes of some rows, and where those that have begun stand; write them if it is time."""
        self.results.take(rows, results)
        self.done.update(rows)
        self.begun = begun
        self._pending += rows
        if time.monotonic() >= self._next:
            self.commit()

    def commit(self) -> None:
        """Write all rows that are finished or have begun."""
        start = time.monotonic()
        if self._pending:
            rows, session = sorted(self._pending), self._now()
            write_part(self._directory, self._sweep, rows, self.results.pick(rows), session)
            self._pending = []
        self._write_states()
        now = time.monotonic()
        self._next = now + max(_AT_MOST_EVERY, _SHARE * (now - start))

    def _write_states(self) -> None:
        """Write where rows stand that have begun, and then remove the files that this makes obsolete.

        A part that was cut has files of other names, written first: until then the old one has its rows.
        """
        parts = {state_name(part): part for part in self.begun}
        for name in sorted(parts, key=lambda name: name in self._written):
            if self._written.get(name) is not parts[name]:
                write_state(self._directory, self._sweep, parts[name], self._now())
        self._written = parts
        self._directory.discard([name for name in state_names(self._directory) if name not in parts])

    def finish(self) -> tuple[SweepManifest, Summary]:
        """Write the tables and, last of all, the manifest; the parts are then removed."""
        grid, results, write = self._sweep.grid, self.results, self._directory.write
        summary = summarize(grid, results)
        files = {GRID: write(GRID, to_yaml(grid))}
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
