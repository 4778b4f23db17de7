"""Commands whose files are loaded when they are called: --help lists them without loading one."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command


def new_app(**options: Any) -> typer.Typer:
    """A Typer app for one command, or for a group of them."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, **options)


class DeferredCommand(TyperCommand):
    """A placeholder for the `app` of a module, which replaces it when the command is called."""

    def __init__(self, name: str, module: str, short_help: str) -> None:
        super().__init__(name=name, short_help=short_help, rich_markup_mode=None)
        self._module = module

    def load(self) -> Any:
        """The command itself."""
        return get_command(import_module(self._module).app)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """A context of the command itself."""
        return self.load().make_context(*args, **kwargs)


def commands_of(package: str, commands: dict[str, str]) -> dict[str, DeferredCommand]:
    """A command for each of these files of a package, by name, with its line of help."""
    return {
        name: DeferredCommand(name, f"{package}.{name}", short_help) for name, short_help in commands.items()
    }
