"""Inputs that no one means: refused at once, with a message that says what is right."""

import pytest

from irisbp.cli import app
from irisbp.data.memory import naming_the_table
from irisbp.errors import ConfigError, DataError, IrisbpError
from irisbp.sweeps.grid.grid import make_grid
from irisbp.sweeps.plan import plan_sweep
from irisbp.sweeps.session import Workers


def _refusal(*arguments: str) -> str:
    with pytest.raises(IrisbpError) as caught:
        app([*arguments], prog_name="irisbp", standalone_mode=False)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("command", [("config", "show"), ("train",), ("sweep",)], ids=" ".join)
def test_a_key_of_many_words(command: tuple[str, ...]) -> None:
    assert "a key of 5000 words; no key has more than 20" in _refusal(*command, ".".join(["a"] * 5000) + "=1")
    assert "more than 32768 characters" in _refusal(*command, ".".join(["a"] * 50_000) + "=1")


def test_many_arguments() -> None:
    told = _refusal("config", "show", *(f"k{k}=1" for k in range(10_000)))
    assert told == "the arguments have more than 32768 characters, too many for a config"


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("loss<=1e999", "1e999 is beyond the range of float64"),
        ("accuracy>=-1e400", "-1e400 is beyond the range of float64"),
        ("loss<=\u0661", "a number in the digits 0 to 9"),
        ("loss<=inf", "a number in the digits 0 to 9"),
    ],
)
def test_a_bound_that_is_no_finite_number(condition: str, told: str) -> None:
    assert told in _refusal("evaluate", "run", "--assert", condition)


def test_digits_of_other_scripts_in_a_range() -> None:
    with pytest.raises(ConfigError, match="seed"):
        plan_sweep(make_grid(None, ["seed=0:\u0661\u0660"]))


def test_no_more_jobs_than_parts() -> None:
    plan = plan_sweep(make_grid(None, ["seed=0:20"]))
    assert Workers(jobs=3000).jobs_for(plan) == len(plan.parts)
    assert Workers(jobs=3000).jobs_for(plan, 2) == 2
    assert Workers(jobs=1).jobs_for(plan) == 1


def test_a_lack_of_memory_names_the_table() -> None:
    with pytest.raises(DataError, match=r"^big\.csv: not enough memory"), naming_the_table("big.csv"):
        raise MemoryError
