"""The README says what there is, and what it prints is what is printed."""

import contextlib
import io
import re
from pathlib import Path

import typer.main

from irisbp.cli import app
from irisbp.config.load import load_config
from irisbp.config.schema import CHOICES, Config
from irisbp.errors import IrisbpError
from tests.conftest import CONFIGS

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_every_command_stands_in_it() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert set(commands) == {
        "train", "evaluate", "predict", "gradcheck", "explain", "derive", "runs", "plot", "config",
        "resume", "sweep",
    }  # fmt: skip
    for name in commands:
        assert f"\n### {name}\n" in README
        assert f"\n    irisbp {name}" in README


def test_every_key_and_choice_stands_in_it() -> None:
    table = README.split("## The config's keys")[1].split("##")[0]
    for name, field in Config.model_fields.items():
        inner = getattr(field.annotation, "model_fields", {}) if name not in CHOICES else {}
        for key in [f"{name}.{part}" for part in inner] or [name]:
            assert f"| {key} |" in table
    for models in CHOICES.values():
        for choice, model in models.items():
            assert f"`{choice}`" in table
            assert all(f"`{option}`" in table for option in model.model_fields if option != "name")


def test_every_exit_code_stands_in_it() -> None:
    table = README.split("### Exit codes")[1].split("##")[0]
    kinds: list[type[IrisbpError]] = [IrisbpError, *IrisbpError.__subclasses__()]
    assert all(f"| {kind.exit_code} |" in table for kind in kinds)


def test_its_example_prints_what_it_says() -> None:
    program, printed = re.findall(r"```python\n(.*?)```\n\n    (.*?)\n", README, flags=re.DOTALL)[0]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(program, {})
    assert output.getvalue() == printed + "\n"


def test_its_configs_are_there() -> None:
    for name in set(re.findall(r"configs/([\w-]+\.yaml)", README)):
        load_config(CONFIGS / name)
