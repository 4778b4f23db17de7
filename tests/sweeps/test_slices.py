"""Parts in slices: cut at any pause and between any runs, moved to other processes, and kept on the disk."""

import random
from collections.abc import Iterator
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irisbp.config.schema import Config
from irisbp.errors import DataError
from irisbp.rundir.arrays import pack, unpack
from irisbp.rundir.storage import Directory
from irisbp.sweeps.directory import writer
from irisbp.sweeps.directory.writer import SweepWriter
from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.plan import Cost, Part, SweepPlan, plan_sweep
from irisbp.sweeps.queue import Queue
from irisbp.sweeps.results.columns import Results
from irisbp.sweeps.session import SweepInMemory, SweepProgress, SweepSession, Workers
from irisbp.sweeps.trainers.alone import every_epoch
from irisbp.sweeps.trainers.group import GroupTraining, train_group
from irisbp.sweeps.trainers.outcome import Outcome
from irisbp.sweeps.trainers.slices import Trainer, forget
from irisbp.sweeps.trainers.state import GroupState
from tests.conftest import CONFIGS
from tests.sweeps.test_group import FEW, _bits, _groups, _seeds

COST = Cost(epochs=100, shared=0.1, each=0.01, lanes=8)
ALONE = Cost(epochs=100, shared=0.0, each=1.0, lanes=1)


def _in_pieces(group: list[Config], draws: random.Random) -> dict[int, Outcome]:
    """Train a group, pausing at random, each time as another training of some of the rows."""
    points = every_epoch(group[0])
    pieces: list[tuple[list[int], GroupState | None]] = [(list(range(len(group))), None)]
    outcomes: dict[int, Outcome] = {}
    while pieces:
        rows, state = pieces.pop()
        training = GroupTraining({row: group[row] for row in rows}, points, state)
        pauses = training.train()
        for _ in range(draws.choice([1, 1, 2, 5])):
            next(pauses, None)
        pause = training.pause()
        outcomes |= pause.outcomes
        if state is not None and pause.state is not None and pause.left[0] in rows[: len(state)]:
            assert pause.state.position > state.position
        if pause.left:
            part = Part(pause.left, COST, pause.state)
            cut = draws.randint(0, len(part.rows))
            halves = [part.pick(range(cut)), part.pick(range(cut, len(part.rows)))]
            pieces += [(half.rows, half.state) for half in halves if half.rows]
    return outcomes


def _check_pieces(group: list[Config], draws: random.Random) -> None:
    whole = train_group(group)
    pieces = _in_pieces(group, draws)
    assert [_bits(pieces[k]) for k in range(len(group))] == list(map(_bits, whole))


@FEW
@given(_groups(), st.randoms(use_true_random=False))
def test_a_part_may_be_cut_anywhere_at_any_time(group: list[Config], draws: random.Random) -> None:
    _check_pieces(group, draws)


@pytest.mark.parametrize(
    "overrides",
    [
        ("engine=compiled", "data.shuffle=every_epoch", "optimizer=adam", "learning_rate=0.1", "clip_norm=1"),
        ("engine=compiled", "learning_rate=1e307", "network.hidden=[]"),
        ("optimizer=nadam", "learning_rate=0.1", "data.shuffle=every_epoch", "rng=r"),
        ("data.validation=0.3", "learning_rate=1", "early_stopping={patience: 1}"),
        ("numerics=portable", "data.shuffle=every_epoch", "data.validation=0.3"),
        ("network.hidden=[]", "learning_rate=1e307"),
    ],
)
def test_runs_of_every_kind_go_on_from_a_state(
    overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "engine=compiled" in overrides:
        pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install 'irisbp[fast]'")
    monkeypatch.setattr("irisbp.sweeps.trainers.compiled._UPDATES", 150)
    monkeypatch.setattr("irisbp.nn.engines.one.plain._BLOCK", 40)  # pauses within an epoch, too
    count, epochs = (2, 2) if "numerics=portable" in overrides else (5, 6)  # it prepares slowly
    for seed in range(3):
        _check_pieces(_seeds(count, f"epochs={epochs}", *overrides), random.Random(seed))


def test_a_state_of_other_runs_is_not_gone_on_from() -> None:
    group = _seeds(2, "epochs=4")
    training = GroupTraining(dict(enumerate(group)), every_epoch(group[0]))
    next(training.train())
    state = training.pause().state
    assert state is not None
    wider = _seeds(2, "epochs=4", "network.hidden=[5]")
    for wrong in (state, GroupState(5, 0, state.arrays), GroupState(2, 1000, state.arrays)):
        runs = wider if wrong is state else group
        again = GroupTraining(dict(enumerate(runs)), every_epoch(runs[0]), wrong)
        for _ in again.train():
            pass
        assert [_bits(o) for o in again.pause().outcomes.values()] == list(map(_bits, train_group(runs)))


def test_a_part_is_cut_for_an_idle_worker() -> None:
    queue = Queue([Part(list(range(50)), COST)])
    assert queue.spread(2) == 2
    first, second = queue.take(2), queue.take(1)
    assert first is not None
    assert second is not None
    assert (len(first.rows), len(second.rows)) == (32, 18)  # whole registers: 4 and 3 of them
    assert queue.take(1) is None
    queue.back(second, None)
    queue.back(first, first)  # a slice later
    again = [queue.take(2), queue.take(1)]
    assert [len(part.rows) for part in again if part] == [16, 16]


def test_what_would_gain_nothing_is_not_cut() -> None:
    register, short = Part(list(range(8)), COST), Part(list(range(100)), Cost(1, 0.01, 0.001, 8))
    assert Queue([register]).spread(2) == Queue([short]).spread(2) == 1
    assert Queue([Part([3, 4, 5], ALONE)]).spread(3000) == 3


def test_a_part_says_which_rows_it_has() -> None:
    assert str(Part([7], COST)) == "row 7"
    assert str(Part([9, 7], COST)) == "rows 7 to 9"


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> SweepPlan:
    """Ten runs of 20 epochs; the last five diverge in the first. A slice is an epoch, and writing is free."""
    monkeypatch.setattr("irisbp.sweeps.trainers.slices._RATE", inf)
    monkeypatch.setattr(writer, "_SHARE", 0)
    arguments = ["seed=0:5", "learning_rate=0.1,1e308", "epochs=20", "l2=10"]
    return plan_sweep(make_grid(CONFIGS / "smoke.yaml", arguments))


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with Directory.create(tmp_path / "x") as opened:
        yield opened


def _train(plan: SweepPlan, written: SweepWriter, slices: int) -> None:
    """So many slices of an epoch each, as a session would have them; each is written."""
    forget()
    trainer = Trainer(plan.grid, plan.epochs, seconds=0.0)
    without = {*written.done, *(row for part in written.begun for row in part.rows)}
    queue = Queue([*written.begun, *plan.parts(without)])
    for _ in range(slices):
        if part := queue.take(1):
            trained = trainer(part)
            queue.back(part, trained.rest)
            written.take(trained.rows, trained.results, queue.begun)
    forget()


def test_what_has_begun_is_kept_and_goes_on(
    plan: SweepPlan, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_AT_MOST_EVERY", 0.0)
    first = SweepWriter(directory, plan)
    _train(plan, first, 6)
    assert {"part-000005.npz", "state-000000.npz"} <= set(directory.names())
    second = SweepWriter(directory, plan)
    assert second.done == {5, 6, 7, 8, 9}
    (begun,) = second.begun
    assert begun.state is not None
    assert (begun.rows, begun.state.position) == ([0, 1, 2, 3, 4], (7, 0))
    second.begun = [half for part in second.begun for half in (part.pick([0, 1, 2]), part.pick([3, 4]))]
    _train(plan, second, 3)
    third = SweepWriter(directory, plan)
    assert sorted(row for part in third.begun for row in part.rows) == [0, 1, 2, 3, 4]
    assert len(third.begun) == 2
    _train(plan, third, 60)
    whole = Results.empty(len(plan.grid), plan.epochs)
    rows, results, _ = Trainer(plan.grid, plan.epochs, seconds=inf)(plan.parts()[0])
    whole.take(rows, results)
    for name, column in whole.columns.items():
        assert column.tobytes() == third.results.columns[name].tobytes(), name
    third.finish()
    assert not [name for name in directory.names() if name.startswith(("part", "state"))]


def test_of_two_states_of_a_row_the_later_is_used(
    plan: SweepPlan, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill may come between the file of a cut part and the removal of the old one."""
    monkeypatch.setattr(writer, "_AT_MOST_EVERY", 0.0)
    _train(plan, SweepWriter(directory, plan), 3)
    old = directory.read("state-000000.npz")
    second = SweepWriter(directory, plan)
    second.begun = [part.pick([1, 2]) for part in second.begun]
    _train(plan, second, 2)
    assert "state-000001.npz" in directory.names()
    directory.write("state-000000.npz", old)
    third = SweepWriter(directory, plan)
    found = {row: part.state.epoch for part in third.begun if part.state for row in part.rows}
    assert found == {0: 4, 1: 6, 2: 6, 3: 4, 4: 4}


@pytest.mark.parametrize(
    "damage", ["a byte", "another row", "a row twice", "an array", "no parameters", "an epoch"]
)
def test_a_state_that_is_not_its_own_is_left(plan: SweepPlan, directory: Directory, damage: str) -> None:
    written = SweepWriter(directory, plan)
    _train(plan, written, 3)
    written.commit()
    content = directory.read("state-000000.npz")
    arrays = unpack(Path(), content)
    if damage == "another row":
        arrays["rows"][0] = 9
    if damage == "a row twice":
        arrays["rows"][0] = arrays["rows"][1]
    if damage == "an array":
        arrays["loss"] = np.zeros(3)
    if damage == "no parameters":
        del arrays["parameters"]
    if damage == "an epoch":
        about = arrays["about"].tobytes().replace(b'"epoch":4', b'"epoch":99')
        arrays["about"] = np.frombuffer(about, np.uint8)
    content = content[:300] + b"\xff" + content[301:] if damage == "a byte" else pack(arrays)
    directory.write("state-000000.npz", content)
    again = SweepWriter(directory, plan)
    assert again.begun == []
    assert again.notes[0].endswith("its runs will be trained again")
    assert "state-000000.npz" not in directory.names()


def test_a_state_of_other_data_is_refused(plan: SweepPlan, directory: Directory) -> None:
    written = SweepWriter(directory, plan)
    _train(plan, written, 2)
    written.commit()
    plan.data["iris"] = "0"
    with pytest.raises(DataError, match=r"the data of .* has changed since it was begun: iris"):
        SweepWriter(directory, plan)


def test_processes_tell_their_progress_while_a_part_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("irisbp.sweeps.session.SECONDS", 0.05)
    plan = plan_sweep(make_grid(CONFIGS / "smoke.yaml", ["seed=0:16", "epochs=80"]))
    seen: list[SweepProgress] = []
    SweepSession(plan, SweepInMemory(plan), workers=Workers(2), listeners=[seen.append]).run()
    assert [progress.settled for progress in seen] == sorted(progress.settled for progress in seen)
    assert len({progress.settled for progress in seen if progress.done == 0}) > 2
    assert (seen[-1].done, seen[-1].settled) == (16, 1280)
