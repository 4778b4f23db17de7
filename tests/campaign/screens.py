"""Starts a command on a terminal or in a pipe, and says what of its output must never be there."""

import fcntl
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from pathlib import Path
from typing import NamedTuple

SCREENS = ("terminal", "terminal without colour", "dumb terminal", "pipe")
_ENVIRONMENTS = {
    "terminal": {"TERM": "xterm-256color"},
    "terminal without colour": {"TERM": "xterm-256color", "NO_COLOR": "1"},
    "dumb terminal": {"TERM": "dumb"},
    "pipe": {"TERM": "xterm-256color"},
}
_INHERITED_NOT = ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM")

# What Rich itself says to a terminal: text attributes, the live view's redrawing, and its cursor.
_ATTRIBUTES = r"\x1b\[[0-9;]*m"
_COLOURS = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")
_REDRAWING = r"\r?\x1b\[2K(?:\x1b\[1A\x1b\[2K)*"
_CURSOR = r"\x1b\[\?25[lh]"
_OURS = re.compile(f"{_ATTRIBUTES}|{_REDRAWING}|{_CURSOR}")

# Unicode's default ignorable characters that are no format characters.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_MEMORY = 4 << 30  # bytes
_MARKS = 4  # accents on one letter that a language may need


class Shown(NamedTuple):
    """What a command wrote, and how it ended; the code is None if it had to be ended."""

    text: str
    code: int | None


def start(arguments: list[str | bytes], folder: Path, screen: str, limit: float = 60) -> Shown:
    """Run irisbp with stdout and stderr on a screen of 80 columns and 25 rows."""
    environment = {k: v for k, v in os.environ.items() if k not in _INHERITED_NOT} | _ENVIRONMENTS[screen]
    ours, theirs = os.pipe() if screen == "pipe" else _terminal()
    process = subprocess.Popen(
        [sys.executable, "-m", "irisbp", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL if screen == "pipe" else theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    if hasattr(resource, "prlimit"):  # what reads without end shall not take the machine along
        resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    output, ends = bytearray(), time.monotonic() + limit
    while select.select([ours], [], [], max(ends - time.monotonic(), 0))[0]:
        try:
            output += (chunk := os.read(ours, 1 << 16))
        except OSError:  # a terminal whose other end is closed
            break
        if not chunk:
            break
    os.close(ours)
    try:
        code = process.wait(max(ends - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        code = None
    return Shown(output.decode("utf-8", "surrogateescape"), code)


def _terminal() -> tuple[int, int]:
    """A pseudo terminal that passes on each byte as it was written."""
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
    return ours, theirs


def text_of(shown: Shown, screen: str) -> str:
    """What is to be read: without the sequences that Rich may send to a terminal."""
    return _OURS.sub("", shown.text) if screen.startswith("terminal") else shown.text


def forbidden(text: str, shown: Shown, screen: str) -> list[str]:
    """Everything in the output that a terminal could act upon or hide, in words; text is that of text_of."""
    found = [f"U+{ord(c):04X}" for c in sorted(set(text)) if c != "\n" and _acts(c)]
    if _accents(text) > _MARKS:
        found.append(f"{_accents(text)} accents on a letter")
    if screen != "terminal" and _COLOURS.search(shown.text):
        found.append("a colour")
    return found


def _acts(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp") or bool(_INVISIBLE.match(character))


def _accents(text: str) -> int:
    """The longest row of combining characters."""
    longest = length = 0
    for character in text:
        length = length + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        longest = max(longest, length)
    return longest
