"""Damaged files of an interrupted run: every bit flipped, every length, and bytes anywhere overwritten."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.campaign import Outcome
from tests.campaign.calls import Kill
from tests.campaign.runs import (
    Case,
    Files,
    after,
    difference,
    files,
    forked,
    put,
    reference,
    scratch,
    some,
    spread,
    write_config,
)

FAULT = "every bit flip and every truncation of an interrupted run, and bytes overwritten"
PASSES_WHEN = "the files are the same in the end, or a message says why the run is refused"
FULL, SHORT = 28_000, 8

_SMALL = """
    seed: 5
    rng: numpy
    learning_rate: 0.1
    epochs: 4
    initializer: normal
    optimizer: sgd
    batch_size: all
    data: {source: SOURCE, target: kind, shuffle: never}
    network: {hidden: [1]}
    checkpoint_every: 1
    """
_TABLE = "a,kind\n" + "".join(f"{0.5 * k},{'xy'[k % 2]}\n" for k in range(4))
_OVERWRITTEN = 500


class _Damage(NamedTuple):
    """To these bytes; what was done is told if it turns out badly."""

    what: str
    name: str
    content: bytes


def run(trials: int, folder: Path) -> Outcome:
    """Damage one file, resume, and see that nothing else comes out in silence."""
    outcome = Outcome()
    table = folder / "table.csv"
    table.write_text(_TABLE)
    config = write_config(folder, "small", _SMALL.replace("SOURCE", str(table)))
    case = Case("train", config, {}, reference(config, folder))
    calls = case.calls(folder)
    committed = [
        k for k, call in enumerate(calls, 1) if call.name == "rename" and "checkpoint" in call.paths[1]
    ]
    start = after(case, folder, Kill(committed[2] + 1))
    damages = [*_damages(start)]
    ends: Counter[str] = Counter()
    for end, failure in spread(partial(_resume, folder, case, start), some(damages, trials)):
        outcome.check(not failure, failure)
        ends[end] += 1
    outcome.measured = ", ".join(f"{count:,} {end}" for end, count in sorted(ends.items()))
    if trials >= FULL:
        early = after(case, folder, Kill(committed[0]))
        alone = list(_damages({"config.yaml": early["config.yaml"]}))
        before = Counter(end for end, _ in spread(partial(_resume, folder, case, early), alone))
        outcome.measured += "; config.yaml before a checkpoint: " + ", ".join(
            f"{count:,} {end}" for end, count in sorted(before.items())
        )
    return outcome


def _damages(start: Files) -> Iterator[_Damage]:
    for name, content in start.items():
        for bit in range(8 * len(content)):
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            yield _Damage(f"{name}, bit {bit}", name, bytes(flipped))
        for length in range(len(content)):
            yield _Damage(f"{name}, cut to {length}", name, content[:length])
    random = Random(0)
    for number in range(_OVERWRITTEN):
        name = random.choice(sorted(start))
        overwritten, count = bytearray(start[name]), random.randint(2, 64)
        place = random.randrange(len(overwritten))
        count = min(count, len(overwritten) - place)
        overwritten[place : place + count] = random.randbytes(count)
        yield _Damage(f"{name}, overwriting {number}: {count} bytes from {place}", name, bytes(overwritten))


def _resume(folder: Path, case: Case, start: Files, damage: _Damage) -> tuple[str, str]:
    """How it ended, and what is wrong with that."""
    with scratch(folder) as root:
        run = root / "run"
        put(run, start | {damage.name: damage.content})
        done = forked(["resume", str(run), "--quiet", "--json"])
        if done.code:
            why = "" if done.refused else f"{damage.what}: exit code {done.code}: {done.told}"
            return f"exit code {done.code}", why
        other = difference(case.expected, files(run))
    return ("other files", f"{damage.what}: in silence, {other}") if other else ("the same", "")
