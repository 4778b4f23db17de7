"""The message on an option that does not exist, but is called like a key: `--epochs 5` for epochs=5."""

from collections.abc import Sequence

from irisbp.config.arguments import key_of_option
from irisbp.config.load import key_called


def no_option_but_a_key(option: str, words: Sequence[str]) -> str:
    """The message, "" if the option is not called like a key.

    words are those of the command line: the option's value is behind its equals sign, or the next of them.
    """
    key = key_called(key_of_option(option))
    if not key:
        return ""
    value = _value(option, words) or "VALUE"
    return f"No such option: {option}; a key of the config is given without dashes: {key}={value}"


def _value(option: str, words: Sequence[str]) -> str:
    for word, behind in zip(words, [*words[1:], ""], strict=True):
        if word.startswith(f"{option}="):
            return word.removeprefix(f"{option}=")
        if word == option and not behind.startswith("-") and "=" not in behind:
            return behind
    return ""
