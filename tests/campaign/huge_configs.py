"""What would need more than there is: refused with a figure, at once, by real processes in little memory.

Time is that of the child's processor beyond a training of one epoch's.
"""

import re
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.campaign import Outcome

FAULT = "a config or table that needs more memory or disk than there is"
PASSES_WHEN = (
    "exit code 2, or 74 for a disk, with the size or range, within 0.5 s of start-up (5 s for a wide table),"
    " nothing written"
)
FULL, SHORT = 21, 2

_SMOKE = str(Path(__file__).parents[2] / "configs" / "smoke.yaml")
_MEMORY = 2 << 30  # bytes of addresses; Python and NumPy take about half
_WIDER = ["data.source=../wider.csv", "data.target=kind"]
_WIDE = ["data.source=../wide.csv", "data.target=kind"]
_CASES: list[tuple[list[str], str]] = [
    (
        ["network.hidden=[9000,9000]"],
        r"network\.hidden: \d+ parameters .* take about \d\.\d GB .* are 2\.1 GB",
    ),
    (["epochs=1000000000"], r"steps\.csv would take 4530\.0 GB or more, and .* are free; use record: epochs"),
    (["epochs=1e12"], "epochs: 1000000000000.0 is not a whole number from 1 to 1000000000"),
    (["epochs=1000000000000"], "epochs: 1000000000000 is not a whole number from 1 to 1000000000"),
    (["epochs=" + "9" * 399], "is not a whole number from 1 to 1000000000"),
    (["network.hidden=[1000000000]"], "from 1 to 1000000"),
    ([f"network.hidden={[1000000] * 100}"], r"99000107000003 parameters, 792000\.9 GB for each copy"),
    (["network.hidden=[1000000,1000000]"], r"parameters, 8000\.1 GB for each copy"),
    ([f"network.hidden={[1] * 101}"], "up to 100 layer widths"),
    (["network.hidden=[1000000]", "batch_size=all"], r"about \d\.\d GB to train; there are 2\.1 GB"),
    (["network.hidden=[1000000]", "optimizer=adam"], r"about \d\.\d GB to train; there are 2\.1 GB"),
    (_WIDER, "line 1: 1000001 columns; at most 131072 can be read here"),
    (["batch_size=1e18"], "is not a whole number of samples"),
    (["seed=" + "9" * 30], "from 0 to 9223372036854775807"),
    (["seed=" + "9" * 5000], "a number of 5000 characters; at most 400"),
    (["learning_rate=1e999999999"], "1e999999999 is beyond the range of float64"),
    (["data.folds=1000000000", "data.fold=0"], "from 2 to 10000"),
    (["data.folds=9999", "data.fold=0"], "9999 folds of 150 rows"),
    (["schedule.warmup=" + "9" * 20], "schedule.warmup"),
    ([*_WIDE, "network.hidden=[2000]"], r"200006002 parameters, 1\.6 GB for each copy"),
    (["data.source=../wide.csv", "data.target=none"], "no column none; there are kind, c0.* and 99991 more"),
]


def run(trials: int, folder: Path) -> Outcome:
    """The cases in their order."""
    outcome, slowest = Outcome(), 0.0
    if trials > SHORT:
        wide = [["kind", *(f"c{k}" for k in range(100_000))]]
        wide += [[kind, *map(str, range(k, 100_000 + k))] for k, kind in enumerate("ababa")]
        (folder / "wide.csv").write_text("\n".join(map(",".join, wide)))
        numbers = ",".join(map(str, range(1_000_000)))
        header = ",".join(f"c{k}" for k in range(1_000_000))
        (folder / "wider.csv").write_text(f"{header},kind\n{numbers},a\n{numbers},b\n")
    base = folder / "base"
    base.mkdir()
    start_up = min(_train(base, ["epochs=1", "--name", name])[0] for name in "ab")
    for k, (arguments, told) in enumerate(_CASES[:trials]):
        place = folder / str(k)
        place.mkdir()
        seconds, code, text = _train(place, arguments)
        extra = seconds - start_up
        slowest = max(slowest, extra)
        holds = code == (74 if "are free" in told else 2) and re.search(told, text) and "memory" not in text
        limit = 5.0 if arguments[:2] == _WIDE else 0.5
        holds = holds and not list(place.iterdir())
        outcome.check(bool(holds) and extra < limit, f"case {k}: {extra:.2f} s, exit {code}: {text[:300]}")
    outcome.measured = f"at most {slowest:.2f} s beyond start-up"
    return outcome


def _train(folder: Path, arguments: list[str]) -> tuple[float, int, str]:
    """The seconds of the processor, the exit code, and what stands on stderr."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "irisbp", "train", _SMOKE, *arguments, "--quiet"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, (_MEMORY, _MEMORY)),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, done.returncode, done.stderr
