"""Measuring by turns, and the rows that come of it.

Machines differ and are busy: whoever is compared works in the same minute, one after the other, again and
again. Disturbance only adds to a time, so the least of all rounds counts.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

PEERS = {"scikit-learn": "sklearn", "PyTorch": "torch", "JAX": "jax", "llvmlite": "llvmlite"}
"""What is compared with, or needed by an engine, and the module that tells whether it is there."""

_UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9, "": 1.0}


@dataclass(frozen=True)
class Row:
    """Our seconds (or, without a unit, a ratio) beside the peers', and what is wanted of them.

    wanted holds pairs of a peer and the most that our figure may be of its; most bounds our figure itself.
    A note says why a figure is missing, or what it is.
    """

    what: str
    ours: float | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    unit: str = "us"
    wanted: Sequence[tuple[str, float]] = ()
    most: float | None = None
    note: str = ""

    def show(self, value: float) -> str:
        """A time in the row's unit."""
        return f"{value * _UNITS[self.unit]:,.{2 if self.unit in ('s', '') else 1}f} {self.unit}".strip()

    def ratios(self) -> dict[str, float]:
        """Our figure's part of each peer's."""
        return {} if self.ours is None else {name: self.ours / theirs for name, theirs in self.peers.items()}

    def conditions(self) -> list[str]:
        """What is wanted, in words."""
        bounds = [f"at most {most:g} of {name}" for name, most in self.wanted]
        return bounds + ([f"at most {self.show(self.most)}"] if self.most is not None else [])

    def missed(self) -> bool:
        """Whether something that was measured is not as wanted."""
        ratios = self.ratios()
        too_much = [name for name, most in self.wanted if ratios.get(name, 0.0) > most]
        return bool(too_much) or (self.most is not None and self.ours is not None and self.ours > self.most)


def is_installed(peer: str) -> bool:
    """Whether a peer can be measured here."""
    return find_spec(PEERS[peer]) is not None


def least(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The least seconds of each in so many rounds, taking turns."""
    seconds = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    return seconds


def process(*command: str, folder: Path, **variables: str) -> Callable[[], None]:
    """A whole Python process in a folder."""

    def run() -> None:
        subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=environment(**variables),
            check=True,
            capture_output=True,
        )

    return run


def environment(**variables: str) -> dict[str, str]:
    """This process's environment, with this copy of irisbp and, unless it says, two threads for each."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return dict.fromkeys(_THREADS, "2") | os.environ | {"PYTHONPATH": path} | variables


# A child inherits the peak of the process it is forked from, so a small one has to start it.
_PEAK = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "irisbp", "train", "--quiet", *sys.argv[1:]], check=True, stdout=-3)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_mebibytes(folder: Path, *overrides: str) -> float:
    """The largest resident set of a whole `irisbp train`."""
    command = [sys.executable, "-c", _PEAK, *overrides]
    return (
        int(subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment()).stdout)
        / 1024
    )
