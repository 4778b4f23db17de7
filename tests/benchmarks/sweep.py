"""A thousand seeds by one command, from a cold start."""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.turns import Row, environment, least, process
from tests.campaign.parts import idle_share

_CONFIG = Path(__file__).parents[2] / "configs" / "article.yaml"


def rows(folder: Path) -> list[Row]:
    """The whole command, each time into a folder of its own."""
    what = "irisbp sweep, the article's network with 1,000 seeds"
    if not _exists():
        return [Row(what, note="no such command yet")]
    folders = [folder / f"sweep{k}" for k in range(3)]
    for each in folders:
        each.mkdir()
    command = ("-m", "irisbp", "sweep", str(_CONFIG), "seed=0:1000")
    seconds = [least({"": process(*command, folder=each)}, 1)[""] for each in folders]
    return [Row(what, min(seconds), unit="s", most=3.0), _on_two_jobs(folder)]


def _on_two_jobs(folder: Path) -> Row:
    """The part of the time that one of two processes has no work, while both could have some."""
    idle = idle_share(folder / "idle")
    return Row(
        "irisbp sweep, 50 equal runs on 2 jobs: idle part of the processes' time", idle, unit="", most=0.1
    )


def _exists() -> bool:
    command = [sys.executable, "-m", "irisbp", "sweep", "--help"]
    return subprocess.run(command, env=environment(), capture_output=True).returncode == 0
