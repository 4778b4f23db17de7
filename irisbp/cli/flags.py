"""Commands that take keys of a config, and say so to an option that is called like one: `--epochs 5`."""

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from irisbp.config.arguments import key_of_option
from irisbp.config.load import key_called
from irisbp.errors import IrisbpError


class CommandWithKeys(TyperCommand):
    """A command with the argument KEY=VALUE, which says so to an unknown option that is called like a key."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of a command line; IrisbpError names the key that an option is meant for."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            option = getattr(error, "option_name", "")
            if key := key_called(key_of_option(option)):
                value = _value(option, words) or "VALUE"
                raise IrisbpError(
                    f"No such option: {option}; a key of the config is given without dashes:"
                    f" {key}={value} (see --help)"
                ) from None
            raise


def _value(option: str, words: Sequence[str]) -> str:
    """The option's value: what is behind its equals sign, or the next word."""
    for word, behind in zip(words, [*words[1:], ""], strict=True):
        if word.startswith(f"{option}="):
            return word.removeprefix(f"{option}=")
        if word == option and not behind.startswith("-") and "=" not in behind:
            return behind
    return ""
