"""Two runs side by side, and a run beside its repetition."""

import shutil
import tracemalloc
from collections.abc import Callable
from math import nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import irisbp
from irisbp.config.load import load_config
from irisbp.errors import RunError, StorageError
from irisbp.nn.types import Array
from irisbp.rundir.arrays import pack
from irisbp.rundir.directory import OpenDirectory
from irisbp.runs import compare, verify
from irisbp.runs.compare import FirstDifference, ParameterDiff, Row
from irisbp.runs.compare import diff as diff_runs
from irisbp.runs.verify import FileDifference, Verification
from irisbp.runs.verify import verify as verify_run
from irisbp.training.setup import prepare
from irisbp.training.state import Record
from tests.making import after_records, make_run
from tests.runs.test_listing import SMOKE, made


def _edit(file: Path, line: int, change: Callable[[str], str]) -> None:
    """Change a line of a file, counted from 1."""
    lines = file.read_text().splitlines(keepends=True)
    lines[line - 1] = change(lines[line - 1])
    file.write_text("".join(lines))


def _change_array(file: Path, name: str, change: Callable[[Any], object]) -> None:
    with np.load(file) as archive:
        arrays = {key: archive[key] for key in archive.files}
    change(arrays[name])
    file.write_bytes(pack(arrays))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return made(tmp_path / "run")


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    shutil.copytree(run, tmp_path / "copy")
    return tmp_path / "copy"


def find_first_difference(a: Path, b: Path) -> FirstDifference | None:
    with OpenDirectory(a) as run_a, OpenDirectory(b) as run_b:
        return compare.find_first_difference(run_a, run_b)


def compare_parameters(a: Path, b: Path) -> ParameterDiff:
    with OpenDirectory(a) as run_a, OpenDirectory(b) as run_b:
        return compare.compare_parameters(run_a, run_b)


def first_difference(run: Path, again: Path, name: str, *, prefix: bool = False) -> FileDifference | None:
    with OpenDirectory(run) as first, OpenDirectory(again) as second:
        return verify.first_difference(first, second, name, prefix=prefix)


# diff


def test_equal_runs_are_equal_to_the_bit(run: Path, tmp_path: Path) -> None:
    diff = diff_runs(run, made(tmp_path / "again"))
    assert (diff.config, diff.others) == ({}, {})
    assert diff.first_difference is not None
    assert (diff.first_difference.differ, diff.first_difference.rows, diff.first_difference.file) == (
        False,
        750,
        "steps.csv",
    )
    # 4 inputs, 4 nodes, 3 classes: 4 * 5 + 3 * 5
    assert (diff.parameters.equal, diff.parameters.count) == (True, 35)


def test_the_losses_part_where_one_bit_of_one_loss_does(run: Path, copy: Path) -> None:
    # Line 400 is row 399: step 399 is the 99th of epoch 3, two epochs being 300 steps.
    rows: list[list[str]] = []

    def next_number(line: str) -> str:
        *others, loss = line.strip().split(",")
        changed = ",".join([*others, repr(nextafter(float(loss), 1.0))]) + "\n"
        rows.extend([line.strip().split(","), changed.strip().split(",")])
        return changed

    _edit(copy / "steps.csv", 400, next_number)
    first_difference = find_first_difference(run, copy)
    assert first_difference is not None
    assert first_difference.rows == 398
    sample = int(rows[0][2])
    assert first_difference.a == Row(3, 399, sample, float(rows[0][5]))
    assert first_difference.b == Row(3, 399, sample, float(rows[1][5]))
    assert first_difference.a.loss != first_difference.b.loss


def test_another_seed_is_another_order(run: Path, tmp_path: Path) -> None:
    diff = diff_runs(run, made(tmp_path / "other", "seed=2", "optimizer=adam"))
    assert diff.config["seed"] == (1, 2)
    assert diff.config["optimizer.name"] == ("sgd", "adam")
    assert diff.config["optimizer.beta1"] == (None, 0.9)
    assert diff.first_difference is not None
    assert diff.first_difference.rows == 0
    assert diff.first_difference.a is not None
    assert diff.first_difference.b is not None
    assert diff.first_difference.a.sample != diff.first_difference.b.sample
    assert not diff.parameters.equal


def test_a_run_that_goes_on_parts_where_the_other_ends(run: Path, tmp_path: Path) -> None:
    longer = made(tmp_path / "longer", "epochs=6")
    first_difference = find_first_difference(run, longer)
    assert first_difference is not None
    assert (first_difference.rows, first_difference.a) == (750, None)
    assert first_difference.b is not None
    assert (first_difference.b.epoch, first_difference.b.step) == (6, 751)


def test_without_steps_epochs_are_compared(run: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "other", "record=epochs")
    assert diff_runs(run, other).config == {"record": ("steps", "epochs")}
    first_difference = find_first_difference(run, other)
    assert first_difference is not None
    assert (first_difference.file, first_difference.rows, first_difference.differ) == ("epochs.csv", 5, False)
    _edit(other / "epochs.csv", 5, lambda line: "4,0.1,0.25,1.0,,\n")
    first_difference = find_first_difference(run, other)
    assert first_difference is not None
    assert (first_difference.rows, first_difference.b) == (3, Row(4, None, None, 0.25))
    (other / "epochs.csv").unlink()
    assert find_first_difference(run, other) is None


def test_parameters_differ_by_the_largest_difference(run: Path, copy: Path) -> None:
    def change(array: Array) -> None:
        array[0, 1] += 0.25
        array[3, 2] -= 1.5

    _change_array(copy / "parameters.npz", "output.weight", change)
    diff = compare_parameters(run, copy)
    assert (diff.equal, diff.differing, diff.count) == (False, 2, 35)
    assert diff.place == "output.weight[3,2]"
    assert diff.largest == pytest.approx(1.5, rel=1e-12)
    _change_array(copy / "parameters.npz", "hidden_1.bias", lambda array: array.fill(np.nan))
    assert compare_parameters(run, copy).largest == np.inf
    assert compare_parameters(copy, copy).equal


def test_a_single_bit_counts(run: Path, copy: Path) -> None:
    for name, first in ((run, 0.0), (copy, -0.0)):
        _change_array(name / "parameters.npz", "output.bias", lambda array, x=first: array.fill(x))  # type: ignore[misc]
    diff = compare_parameters(run, copy)
    assert (diff.equal, diff.differing, diff.largest) == (False, 3, 0.0)


def test_what_cannot_be_compared_is_told(run: Path, copy: Path, tmp_path: Path) -> None:
    wider = made(tmp_path / "wider", "network.hidden=[5]")
    assert compare_parameters(run, wider).problem == "the networks do not have the same shape"
    (copy / "parameters.npz").write_bytes(b"no archive")
    assert "is damaged" in (compare_parameters(run, copy).problem or "")
    (copy / "parameters.npz").unlink()
    assert "has no parameters.npz" in (compare_parameters(run, copy).problem or "")
    _edit(copy / "steps.csv", 9, lambda line: "8,1,2\n")
    with pytest.raises(RunError, match="row 8 has 3 cells, not 6"):
        find_first_difference(run, copy)
    (copy / "config.yaml").unlink()
    with pytest.raises(RunError, match=r"config\.yaml is missing"):
        diff_runs(run, copy)


def test_long_runs_are_compared_in_little_memory(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        with (tmp_path / name / "steps.csv").open("w") as file:
            file.write("step,epoch,sample,label,predicted,loss\n")
            file.writelines(f"{k},1,{k},x,x,0.123456789\n" for k in range(1, 100_001))
    tracemalloc.start()
    first_difference = find_first_difference(tmp_path / "a", tmp_path / "b")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert first_difference is not None
    assert first_difference.rows == 100_000
    assert peak < 500_000  # bytes; each file has more than 2 million


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_archive_is_told_and_never_crashes(run: Path, copy: Path, seed: int) -> None:
    content = (run / "parameters.npz").read_bytes()
    draws = np.random.default_rng(seed)
    for _ in range(200):
        changed = bytearray(content)
        changed[draws.integers(len(changed))] ^= 1 << int(draws.integers(8))
        (copy / "parameters.npz").write_bytes(changed)
        compare_parameters(run, copy)
        assert first_difference(copy, run, "parameters.npz") is not None


# verify


def _checks(result: Verification) -> dict[str, FileDifference | None]:
    return {check.name: check.difference for check in result.checks}


HELD_OUT = ["data.validation=0.2", "early_stopping={patience: 1, min_delta: 100}"]


@pytest.mark.parametrize("overrides", [[], ["record=epochs"], HELD_OUT, ["batch_size=7", "optimizer=adam"]])
def test_a_run_repeats(tmp_path: Path, overrides: list[str]) -> None:
    run = made(tmp_path / "run", *overrides)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    result = verify_run(run)
    assert result.equal
    assert set(_checks(result)) == set(before)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_changed_byte_is_found(run: Path) -> None:
    def change(line: str) -> str:
        return line.replace(",1,", ",2,", 1)

    _edit(run / "steps.csv", 7, change)
    result = verify_run(run)
    assert result.first is not None
    assert result.first.name == "steps.csv"
    assert result.first.state == "changed"
    difference = _checks(result)["steps.csv"]
    assert difference is not None
    assert difference.where == "line 7"
    assert difference.was == change(difference.now)
    assert difference.now.startswith("6,1,")
    assert sum(check.difference is not None for check in result.checks) == 1


def test_a_changed_parameter_is_found(run: Path) -> None:
    def change(array: Array) -> None:
        array[2, 1] = 0.5

    _change_array(run / "parameters.npz", "hidden_1.weight", change)
    difference = _checks(verify_run(run))["parameters.npz"]
    assert difference is not None
    assert (difference.where, difference.was) == ("hidden_1.weight[2,1]", "0.5")


def test_lines_that_are_missing_or_too_many(run: Path, copy: Path) -> None:
    lines = (run / "epochs.csv").read_text().splitlines(keepends=True)
    (copy / "epochs.csv").write_text("".join(lines[:-1]))
    assert first_difference(copy, run, "epochs.csv") == FileDifference("line 6", "nothing", lines[-1].strip())
    assert first_difference(copy, run, "epochs.csv", prefix=True) is None
    assert first_difference(run, copy, "epochs.csv") == FileDifference("line 6", lines[-1].strip(), "nothing")
    assert first_difference(run, copy, "epochs.csv", prefix=True) is not None
    (copy / "epochs.csv").unlink()
    assert first_difference(copy, run, "epochs.csv") == FileDifference("file", "missing", "written")
    (copy / "config.yaml").write_bytes((run / "config.yaml").read_bytes().replace(b"\n", b"\r\n", 1))
    assert first_difference(copy, run, "config.yaml") == FileDifference("line 1", "seed: 1\r\n", "seed: 1\n")


def test_arrays_that_are_equal_in_other_bytes(run: Path, copy: Path) -> None:
    with np.load(run / "parameters.npz") as archive:
        np.savez(copy / "parameters.npz", **{name: archive[name] for name in archive.files})
    difference = first_difference(copy, run, "parameters.npz")
    assert difference is not None
    assert difference.where.startswith("byte ")
    assert "equal arrays" in difference.was


def test_a_run_that_another_seed_would_have_made(run: Path, tmp_path: Path) -> None:
    """All of it is in order, but for being another run's than the config's."""
    other = made(tmp_path / "other", "seed=2")
    for name in ("steps.csv", "epochs.csv", "parameters.npz"):
        shutil.copy(other / name, run / name)
    checks = _checks(verify_run(run))
    assert checks["config.yaml"] is None
    assert all(checks[name] for name in ("steps.csv", "epochs.csv", "parameters.npz"))


def _end(path: Path, *overrides: str, after: int = 10**9) -> Path:
    """A run that was stopped after so many records, or diverged."""
    make_run(path, *overrides, config=SMOKE, stop=after_records(after))
    return path


@pytest.mark.parametrize("after", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("overrides", [[], ["data.validation=0.2"]])
def test_an_interrupted_run_repeats_as_far_as_it_went(
    tmp_path: Path, overrides: list[str], after: int
) -> None:
    """An odd number of records ends before the row of an epoch, an even one after it."""
    run = _end(tmp_path / "run", *overrides, after=after)
    result = verify_run(run)
    assert _checks(result) == dict.fromkeys(_checks(result))
    assert all(check.skipped is None for check in result.checks)
    _edit(run / "steps.csv", 50, lambda line: line.replace(".", ".1"))
    assert not verify_run(run).equal


def test_an_interrupted_run_whose_blocks_were_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the repetition goes a little further, and what both have is compared."""
    with monkeypatch.context() as patch:
        patch.setattr("irisbp.nn.engines.one.plain._BLOCK", 64)
        run = _end(tmp_path / "run", after=1)
    assert irisbp.open_run(run).manifest.steps == 64
    result = verify_run(run)
    assert result.equal
    skipped = {check.name: check.skipped for check in result.checks if check.skipped}
    assert skipped == {"parameters.npz": "the repetition ended at step 150"}
    _edit(run / "steps.csv", 65, lambda line: line.replace("0.", "1."))
    assert not verify_run(run).equal


def test_a_diverged_run_diverges_again(tmp_path: Path) -> None:
    run = _end(tmp_path / "run", "learning_rate=1e308", "network.hidden=[]")
    manifest = irisbp.open_run(run).manifest
    assert manifest.status == "diverged"
    assert verify_run(run).equal
    text = (run / "manifest.json").read_text()
    (run / "manifest.json").write_text(text.replace(f'"steps": {manifest.steps}', '"steps": 9'))
    assert _checks(verify_run(run))["manifest.json"] == FileDifference("steps", "9", str(manifest.steps))


def test_runs_that_cannot_be_repeated(run: Path, copy: Path) -> None:
    manifest = (run / "manifest.json").read_text()
    (run / "manifest.json").write_text(manifest.replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(RunError, match=r"iris has changed since .* the run cannot be repeated"):
        verify_run(run)
    (run / "manifest.json").unlink()
    with pytest.raises(RunError, match="is an unfinished run"):
        verify_run(run)
    _edit(copy / "config.yaml", 1, lambda line: "seed: 2\n")
    with pytest.raises(RunError, match="is not the file that the run wrote"):
        verify_run(copy)


def test_nowhere_to_repeat_it(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(StorageError, match=r"cannot make .*nowhere.*: No such file or directory"):
        verify_run(run)


def test_other_versions_are_told_and_compared_all_the_same(run: Path) -> None:
    manifest = (run / "manifest.json").read_text()
    (run / "manifest.json").write_text(manifest.replace(f'"{np.__version__}"', '"1.0.0"'))
    result = verify_run(run)
    assert result.equal
    assert result.versions == {"numpy": ("1.0.0", np.__version__)}


def test_the_repetition_can_be_followed_and_stopped(run: Path) -> None:
    records: list[Record] = []
    verify_run(run, records.append)
    assert len(records) == 10

    def stop(record: Record) -> None:
        raise RunError("stopped")

    with pytest.raises(RunError, match="stopped"):
        verify_run(run, stop)


@pytest.mark.parametrize("version", [("seed", "2"), ("learning_rate", "0.2"), ("data.shuffle", "never")])
def test_a_repetition_that_goes_another_way(
    run: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[str, str]
) -> None:
    """What a program with a fault would do: it trains something else than the config says."""
    key, value = version
    monkeypatch.setattr(verify, "prepare", lambda config: prepare(load_config(SMOKE, [f"{key}={value}"])))
    result = verify_run(run)
    assert result.first is not None
    assert result.first.name == "config.yaml"
    assert result.first.state == "as written"
    assert _checks(result)["steps.csv"] is not None
