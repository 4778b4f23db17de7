"""The README.md pages as data: their blocks, what these print, and when two printed texts agree.

`test_docs` asserts that every page prints what it says. `python -m tests.pages [PAGE...]` runs the pages and
writes into them what is printed today, so that a change of a message is one command away from its page.

A page's blocks are fenced: `sh` is a script whose output is not shown; `console` has commands behind a `$`,
with what they print; `python` is a program, and a `text` block right after it is its output. A command in the
last cell of a table's row is run as well. In a printed text, a line `...` is any number of lines left out.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from tests.server import Server

ROOT = Path(__file__).parent.parent
NAMES = ("README.md", "irisbp/README.md", "irisbp/cli/README.md", "configs/README.md", "runs/README.md",
         "tests/README.md")  # fmt: skip

# In a page, but not run: they take minutes or need the network, a cluster or a clone of the project.
NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/irisbp train configs/article.yaml",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    "pip install 'irisbp[cluster]'",
    "pip install 'irisbp[fast]'",
    "pip install 'irisbp[symbolic]'",
    "pip install 'irisbp[tables]'",
    "pip install -e '.[test,torch]'",
    ".ci/run",
    "pytest",
    "pytest -m campaign",
    "pytest --hypothesis-profile=default",
    "python -m tests.benchmarks",
    "python -m tests.benchmarks.accuracy",
    "python -m tests.benchmarks.engines",
    "python -m tests.benchmarks.gradcheckers",
    "python -m tests.benchmarks.growth FOLDER",
    "python -m tests.campaign",
    "python -m tests.benchmarks.intervals",
    "python -m tests.pages",
    "python -m tests.pictures",
    "dask scheduler",
    "dask worker",
    "ray start --head",
}

_FENCE = re.compile(r"```(\w*)\n(.*?)^```$\n?", re.DOTALL | re.MULTILINE)
_CELL = re.compile(r"^\|.*\| `(irisbp [^`]+)` \|$", re.MULTILINE)
_PROGRESS = re.compile(r"^(epoch|runs) \d+/\d+ ")  # what a run prints on stderr while it works
_EXIT_CODE = "echo $?"

# Another run, another machine: what may differ, and what is compared in its place.
_MASKS = [
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?"), "DATE"),
    (re.compile(r"\b\d+(\.\d+)? (s|ms|min|h)\b"), "TIME"),
    (re.compile(r"(?<![.\w])(?=\d*[a-f])[0-9a-f]{12,64}\b"), "DIGEST"),
    (re.compile(r"\b\d+\.\d+\.\d+\w*\b"), "VERSION"),
    (re.compile(r"\b(linux|macos)\S*-\w+"), "PLATFORM"),
    # An error at the limit of float64, and the digits it leaves right.
    (re.compile(r"\b\d\.\de-(1[2-9]|3\d\d)\b( +\d+\.\d\b)?( +\d\.\de-\d\d\b)?"), "ROUNDING"),
    (re.compile(r"(?<=\d{6}) +\d+\.\d$"), " DIGITS"),
    (re.compile(r" +"), " "),
]
_EXACT = re.compile(r"-?\d+\.\d{9,}(?:e[+-]?\d+)?|-?\d\.\d{5,}e[+-]?\d+")
_CLOSE = 1e-9  # relative: another machine's exponential differs in the last digits


@dataclass(frozen=True)
class Item:
    """Something to run, and what the page says it prints: nothing is said of it where printed is None.

    kind is sh, console, table or python; line counts from 1, and first and last are the printed lines' places
    in the page's text.
    """

    kind: str
    text: str
    line: int
    printed: str | None = None
    exit_code: int = 0
    first: int = 0
    last: int = 0


@dataclass(frozen=True)
class Outcome:
    """What an item printed: stdout, then what is left of stderr without lines of progress."""

    item: Item
    printed: str
    exit_code: int


def items(page: str) -> list[Item]:
    """Everything that a page asks to be run, in order."""
    found = [item for match in _FENCE.finditer(page) for item in _items_of(page, match)]
    prose = _FENCE.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), page)
    for match in _CELL.finditer(prose):
        found.append(Item("table", match[1], _line(page, match.start())))
    return sorted(found, key=lambda item: item.line)


def prose(page: str) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page)


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each block."""
    return [(match[1], match[2]) for match in _FENCE.finditer(page)]


def _items_of(page: str, block: re.Match[str]) -> Iterator[Item]:
    line = _line(page, block.start(2))
    if block[1] == "sh":
        yield Item("sh", block[2], line)
    elif block[1] == "console":
        yield from _session(block[2], block.start(2), line)
    elif block[1] == "python":
        item = Item("python", block[2], line)
        output = _FENCE.match(page, _after_blank(page, block.end()))
        if output and output[1] == "text":
            item = replace(item, printed=output[2], first=output.start(2), last=output.end(2))
        yield item


def _session(text: str, start: int, line: int) -> Iterator[Item]:
    """The commands of a console block; `$ echo $?` after one says its exit code."""
    found: list[Item] = []
    for match in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
        if match[1] == _EXIT_CODE:
            found[-1] = replace(found[-1], exit_code=int(match[2]))
            continue
        place = line + text.count("\n", 0, match.start())
        first, last = start + match.start(2), start + match.end(2)
        found.append(Item("console", match[1], place, match[2], 0, first, last))
    yield from found


def _line(page: str, position: int) -> int:
    return page.count("\n", 0, position) + 1


def _after_blank(page: str, position: int) -> int:
    match = re.compile(r"\n*").match(page, position)
    assert match
    return match.end()


def is_run(item: Item) -> bool:
    """All but a block whose every line is listed as not run."""
    return not NOT_RUN.issuperset(item.text.splitlines())


def run_page(page: str, folder: Path, server: Server) -> list[Outcome]:
    """Run a page's items in order, in a folder that holds the configs and nothing else.

    The server runs what is called irisbp in a shell; it has been started with environment().
    """
    shutil.copytree(ROOT / "configs", folder / "configs")
    variables = environment()
    variables["PATH"] = f"{server.folder()}{os.pathsep}{variables['PATH']}"
    return [_run(item, folder, variables) for item in items(page) if is_run(item)]


def _run(item: Item, folder: Path, variables: dict[str, str]) -> Outcome:
    command = [sys.executable, "-c"] if item.kind == "python" else ["bash", "-e", "-c"]
    done = subprocess.run(
        [*command, item.text], cwd=folder, env=variables, capture_output=True, text=True, timeout=120
    )
    errors = [line for line in done.stderr.splitlines(keepends=True) if not _PROGRESS.match(line)]
    return Outcome(item, done.stdout + "".join(errors), done.returncode)


def environment() -> dict[str, str]:
    """This interpreter's irisbp comes first; nothing of the terminal around the tests is left."""
    terminal = {"COLUMNS", "LINES", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    kept = {name: value for name, value in os.environ.items() if name not in terminal}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return kept | {"PATH": path, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def agree(said: str, printed: str) -> bool:
    """Tell if a page says what is printed: line by line, `...` for any lines, but for what may differ."""
    return _match(said.splitlines(), printed.splitlines())


def _match(said: Sequence[str], printed: Sequence[str]) -> bool:
    if "..." not in said:
        return len(said) == len(printed) and all(map(_same, said, printed))
    head = said.index("...")
    rest = said[head + 1 :]
    if len(printed) < head or not _match(said[:head], printed[:head]):
        return False
    return any(_match(rest, printed[k:]) for k in range(head, len(printed) + 1))


def _same(a: str, b: str) -> bool:
    if a == b:
        return True
    a, b = _masked(a), _masked(b)
    if _EXACT.sub("NUMBER", a) != _EXACT.sub("NUMBER", b):
        return False
    return all(map(_close, map(float, _EXACT.findall(a)), map(float, _EXACT.findall(b))))


def _masked(line: str) -> str:
    for pattern, name in _MASKS:
        line = pattern.sub(name, line)
    return line.rstrip()


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= _CLOSE * max(abs(a), abs(b))


def problems(outcome: Outcome) -> list[str]:
    """What is not as the page says, in words; empty if all is."""
    item, found = outcome.item, []
    if outcome.exit_code != item.exit_code:
        found.append(f"exit code {outcome.exit_code}, not {item.exit_code}:\n{outcome.printed[-2000:]}")
    if item.printed is not None and not agree(item.printed, outcome.printed):
        lines = difflib.unified_diff(
            item.printed.splitlines(), outcome.printed.splitlines(), "said", "printed", lineterm=""
        )
        found.append("\n".join(lines))
    return [f"line {item.line}: {item.text.strip()}\n{problem}" for problem in found]


def rewritten(page: str, outcomes: Sequence[Outcome]) -> str:
    """The page with what is printed today, where that is not what it says; a failure is left for people."""
    for outcome in reversed(outcomes):
        item = outcome.item
        if outcome.exit_code != item.exit_code or item.printed is None:
            continue
        if not agree(item.printed, outcome.printed):
            new = _shortened(item.printed.splitlines(), outcome.printed.splitlines())
            page = page[: item.first] + "".join(f"{line}\n" for line in new) + page[item.last :]
    return page


def _shortened(said: list[str], printed: list[str]) -> list[str]:
    """What is printed, with as many lines before the first `...` and after the last as the page had."""
    if "..." not in said:
        return printed
    head, tail = said.index("..."), said[::-1].index("...")
    return [*printed[:head], "...", *printed[len(printed) - tail :]]


def main(names: Sequence[str]) -> None:
    """Run the pages named, or all, and write into them what they print."""
    for name in names or NAMES:
        page = (ROOT / name).read_text()
        with tempfile.TemporaryDirectory() as folder, Server(environment()) as server:
            outcomes = run_page(page, Path(folder), server)
        for problem in chain.from_iterable(map(problems, outcomes)):
            print(f"{name}, {problem}\n")
        (ROOT / name).write_text(rewritten(page, outcomes))


if __name__ == "__main__":
    main(sys.argv[1:])
