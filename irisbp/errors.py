"""The errors of irisbp: messages for the user, and exit codes for the shell.

IrisbpError            2
├── ConfigError        2   a config, an override or an option
├── DataError          2   a table or its contents
├── RunError           2   a run directory that is missing, unfinished or damaged
├── CheckFailed        3   a threshold or a gradient
├── Diverged           4   a number that is not finite
├── Interrupted      130   a Ctrl-C that ended a run in good order; also a KeyboardInterrupt
├── StorageError      74   a file could not be written or read
├── NoRoom            74   a disk that is too small
├── Busy              75   another process holds the run
└── ReaderGone       141   the reader of a pipe went away
"""

import copyreg
import os
import re
import shlex
import unicodedata
from os import strerror
from typing import Any

# Control characters, format characters (bidirectional ones among them), surrogates, line breaks.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters and marks that are shown as nothing: Unicode's Default_Ignorable_Code_Point, without the above.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_ACCENTS = {"Mn", "Me"}
_MOST_ACCENTS = 4  # on one letter; more would be drawn over the lines above and below


def literal(text: str) -> str:
    """The text, with every character that a terminal would interpret or hide written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    shown, accents = [], 0
    for character in text:
        category = unicodedata.category(character)
        accents = accents + 1 if category in _ACCENTS else 0
        is_seen = category not in _UNSEEN and accents <= _MOST_ACCENTS and not _IGNORABLE.match(character)
        shown.append(character if is_seen else _escape(character))
    return "".join(shown)


def in_shell(path: object) -> str:
    """A path quoted for a shell that has $'...': one word, and never an option."""
    text = str(path)
    text = f"./{text}" if text.startswith("-") else text
    if literal(text) == text:
        return shlex.quote(text)
    code = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in "'\\" else f"\\x{byte:02x}"
        for byte in os.fsencode(text)
    )
    return f"$'{code}'"


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


class IrisbpError(Exception):
    """The base of all: a message of one or a few plain lines, and an exit code."""

    exit_code = 2

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(literal(line) for line in lines))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the finished message, without the constructor's arguments: workers send errors back."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

    def add(self, *lines: str) -> None:
        """Append lines to the message."""
        self.args = ("\n".join([*self.args, *(literal(line) for line in lines)]),)


class ConfigError(IrisbpError):
    """A config, an override or an option is invalid."""


class DataError(IrisbpError):
    """A table cannot be trained on."""


class RunError(IrisbpError):
    """A run directory is missing, unfinished, damaged or occupied."""


class WorkerDied(IrisbpError):
    """Each process that worked on this part of a sweep died; part says which rows it has."""

    def __init__(self, part: str, deaths: int) -> None:
        super().__init__(
            f"{part}: the process that trained this was killed, {deaths} times",
            "There may be too little memory for so many runs at once.",
        )
        self.part = part


class CheckFailed(IrisbpError):
    """A threshold was not met, or a gradient is wrong."""

    exit_code = 3


class Diverged(IrisbpError):
    """A loss or a parameter stopped being finite, at this epoch, step and sample.

    advice says what may be the cause. run is the irisbp.Run that ended so, if there is one.
    """

    exit_code = 4

    def __init__(
        self,
        what: str,
        *,
        epoch: int,
        step: int,
        sample: int,
        advice: str = "The learning rate may be too large, or the initial parameters too large.",
    ) -> None:
        super().__init__(f"diverged: {what} at epoch {epoch}, step {step}, sample {sample}", advice)
        self.what, self.epoch, self.step, self.sample = what, epoch, step, sample
        self.run: Any = None

    @property
    def reason(self) -> str:
        """The message's first line, which a manifest keeps."""
        return str(self).split("\n")[0]

    @classmethod
    def before(cls, reason: str, run: Any) -> "Diverged":
        """The error of a run that diverged before, by the reason in its manifest."""
        error = cls.__new__(cls)
        IrisbpError.__init__(error, reason)
        error.what, error.run = reason, run
        return error


class Interrupted(IrisbpError, KeyboardInterrupt):
    """A Ctrl-C ended a run or a sweep in good order; result is the run or sweep up to there."""

    exit_code = 130

    def __init__(self, *lines: str, result: Any = None) -> None:
        super().__init__(*lines)
        self.result = result


class StorageError(IrisbpError):
    """A file could not be written or read."""

    exit_code = 74

    def __init__(self, action: str, path: object, error: OSError) -> None:
        reason = strerror(error.errno) if error.errno else str(error)
        super().__init__(f"cannot {action} {path}: {reason}")


class NoRoom(IrisbpError):
    """The disk has too little free space for the files to be written."""

    exit_code = 74


class Busy(IrisbpError):
    """Another process writes into the run."""

    exit_code = 75


class ReaderGone(IrisbpError):
    """The reader of our output closed it; without lines, nobody has to be told."""

    exit_code = 141
