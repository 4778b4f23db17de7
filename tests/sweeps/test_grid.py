"""The grid: rows in order, each the config that the same overrides give, and all that is wrong at once."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.errors import ConfigError, RunError
from irisbp.sweeps.grid.grid import SEED, make_grid, read_grid, to_yaml
from irisbp.sweeps.plan import check_rows
from irisbp.training.setup import prepare
from tests.conftest import CONFIGS

ARTICLE = CONFIGS / "article.yaml"


def test_the_last_key_varies_fastest_but_for_the_seed() -> None:
    grid = make_grid(ARTICLE, ["seed=5:7", "optimizer=sgd,adam", "learning_rate=0.1,0.2,0.3", "epochs=3"])
    assert len(grid) == 12
    assert grid.keys == ("optimizer", "learning_rate")
    assert grid.varied[-1].key == SEED
    assert (grid.seeds, grid.folds, grid.repeats) == (2, 1, 2)
    assert [grid.values(row) for row in range(12)] == [
        [optimizer, rate, seed]
        for optimizer in ("sgd", "adam")
        for rate in ("0.1", "0.2", "0.3")
        for seed in "56"
    ]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_the_fold_varies_fastest_after_the_seed(order: tuple[int, ...]) -> None:
    arguments = ["seed=0:2", "data.folds=3", "data.fold=0:3", "learning_rate=0.1,0.2"]
    grid = make_grid(ARTICLE, [arguments[k] for k in order])
    assert grid.keys == ("learning_rate",)
    assert (grid.seeds, grid.folds, grid.repeats) == (2, 3, 6)
    assert [grid.values(row) for row in range(12)] == [
        [rate, fold, seed] for rate in ("0.1", "0.2") for fold in "012" for seed in "01"
    ]
    row = grid.config(9)
    assert (row.learning_rate, row.data.fold, row.seed) == (0.2, 1, 1)


def test_every_row_is_what_its_overrides_give() -> None:
    choices = ["sgd", "{name: sgd, momentum: 0.9}", "sgd"]
    grid = make_grid(
        ARTICLE,
        [
            "optimizer=sgd,{name: sgd, momentum: 0.9}",
            "optimizer.nesterov=false",
            "network.hidden=[3],[8, 4]",
            "seed=0:2",
            "rng=numpy",
        ],
    )
    for row in range(len(grid)):
        optimizer, hidden, seed = grid.values(row)
        assert optimizer in choices
        overrides = [f"optimizer={optimizer}", "optimizer.nesterov=false", f"network.hidden={hidden}"]
        assert grid.config(row) == load_config(ARTICLE, [*overrides, f"seed={seed}", "rng=numpy"])
    rows = check_rows(grid)
    assert len(rows.digests) == len(set(rows.digests)) == 8
    assert sorted(row for group in rows.groups for row in group) == list(range(8))


def test_without_a_config_it_is_the_articles() -> None:
    grid = make_grid(None, ["seed=3,4"])
    assert grid.config(1) == load_config(None, ["seed=4"])


def test_sweep_yaml_gives_the_same_grid_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("x,kind\n1,a\n2,b\n")
    monkeypatch.chdir(tmp_path)
    grid = make_grid(
        ARTICLE,
        [
            "optimizer.name=sgd,adam",
            "optimizer.beta1=0.9",
            "data.source=a.csv",
            "data.target=kind",
            "seed=0:3,9",
        ],
    )
    with pytest.raises(ConfigError, match="not an option of sgd"):
        to_yaml(grid)
    grid = make_grid(
        ARTICLE, ["optimizer.name=adamw,adam", "data.source=a.csv,null", "data.target=kind", "seed=0:3,9"]
    )
    monkeypatch.undo()
    with pytest.raises(ConfigError, match=r"data\.target: needs data.source"):
        check_rows(grid)
    monkeypatch.chdir(tmp_path)
    grid = make_grid(
        ARTICLE, ["optimizer.name=adamw,adam", "data={source: a.csv, target: kind},{}", "seed=0:3,9"]
    )
    content = to_yaml(grid)
    monkeypatch.undo()
    again = read_grid(tmp_path / "sweep.yaml", content)
    assert [again.config(row) for row in range(16)] == [grid.config(row) for row in range(16)]
    assert again.config(0).data.source == str(tmp_path / "a.csv")
    assert [again.values(row) for row in range(16)] == [grid.values(row) for row in range(16)]


@pytest.mark.parametrize(
    ("text", "optimizer"),
    [("epochs: 20\n", "sgd"), ("optimizer: {nesterov: true}\n", {"name": "sgd", "nesterov": True})],
)
def test_what_the_config_leaves_to_defaults_is_recorded(tmp_path: Path, text: str, optimizer: object) -> None:
    (tmp_path / "c.yaml").write_text(text)
    grid = make_grid(tmp_path / "c.yaml", ["optimizer.momentum=0.5,0.9", "seed=0:2"])
    content = to_yaml(grid)
    base = yaml.safe_load(content)["base"]
    assert base["optimizer"] == optimizer
    assert base.keys() == Config.model_fields.keys() - {"seed"}
    again = read_grid(tmp_path / "sweep.yaml", content)
    assert [again.config(row) for row in range(4)] == [grid.config(row) for row in range(4)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"seed: 1\n",
        b"base: 1\ngrid: {}\n",
        b"hello\n",
        b"- 1\n",
        b"base: {}\ngrid: {seed: '0:2'}\n",
        b"base: [",
        b"grid: 3\nbase: {}\n",
    ],
)
def test_what_is_no_sweep_yaml(content: bytes) -> None:
    with pytest.raises(RunError) as error:
        read_grid(Path("sweep.yaml"), content)
    assert str(error.value).startswith("sweep.yaml is not ")
    assert not re.search("object|indices|'base'|'grid'", str(error.value))  # Python's own words


def test_all_problems_are_told_once() -> None:
    grid = make_grid(ARTICLE, ["seed=0:200", "optimizer=sgd,adm", "lr=1", "learning_rate=0.1,-1"])
    with pytest.raises(ConfigError) as error:
        check_rows(grid)
    lines = str(error.value).splitlines()
    assert sorted(line.split(":")[0] for line in lines) == [
        "argument learning_rate=-1",
        "argument lr=1",
        "argument optimizer=adm",
    ]
    assert any(line.endswith("did you mean adam?") for line in lines)


def test_problems_are_bounded() -> None:
    began = time.monotonic()
    with pytest.raises(ConfigError) as error:
        check_rows(make_grid(ARTICLE, ["seed=-1000000:0"]))
    assert len(str(error.value).splitlines()) == 51
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["seed=0:1001", "learning_rate=0.1,0.2", "epochs=1:501"],
            "the grid has 1001000 runs; a sweep has at most",
        ),
        (["seed=0:2", "seed=3"], "seed is given twice: give its values as one comma-separated list"),
        (["seed=0,1,0"], "rows 0 and 2 are the same run: a value is given twice, or overridden"),
        (
            ["optimizer.momentum=0,0.9", "optimizer=sgd"],
            "argument optimizer=sgd: it would replace optimizer.momentum=0,0.9",
        ),
        (
            ["seed=0:2", "learning_rate.x=1"],
            "argument learning_rate.x=1: learning_rate is not a mapping",
        ),
    ],
)
def test_what_is_no_grid(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_rows(make_grid(ARTICLE, arguments))
    assert str(error.value).startswith(message)


def test_a_thousand_rows_are_checked_quickly() -> None:
    began = time.perf_counter()
    check_rows(make_grid(ARTICLE, ["seed=0:1000"]))
    assert time.perf_counter() - began < 3  # 0.06 s, on a machine with nothing else to do


@pytest.mark.parametrize("rng", ["numpy", "r"])
def test_equal_seeds_have_equal_starts_orders_and_held_out_rows(rng: str) -> None:
    arguments = [
        f"rng={rng}",
        "optimizer=sgd,adam",
        "learning_rate=0.1,0.01",
        "data.validation=0.2",
        "seed=0:2",
    ]
    grid = make_grid(ARTICLE, arguments)
    trainings = [prepare(grid.config(row)) for row in range(8)]
    for row, training in enumerate(trainings):
        first = trainings[row % 2]
        np.testing.assert_array_equal(training.parameters, first.parameters)
        np.testing.assert_array_equal(training.order, first.order)
        np.testing.assert_array_equal(training.dataset.held_out_rows, first.dataset.held_out_rows)
    assert not np.array_equal(trainings[0].parameters, trainings[1].parameters)
    assert not np.array_equal(trainings[0].order, trainings[1].order)


def test_a_value_with_a_hash_sign_is_varied() -> None:
    grid = make_grid(None, ["data.source=t.csv", "data.target=#a,#b"])
    assert [grid.config(row).data.target for row in range(2)] == ["#a", "#b"]
