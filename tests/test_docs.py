"""The pages say what there is, their commands run as printed, and what they print is what is printed.

The pages are the README.md files; `tests.pages` reads them, and says what of a printed text may differ.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import typer.main

from irisbp.cli import app
from irisbp.config.load import load_config
from irisbp.config.schema import CHOICES, Config
from irisbp.errors import IrisbpError
from tests import pages
from tests.pages import NAMES, NOT_RUN, ROOT, Item, Outcome
from tests.server import Server

Printed = Callable[[str], list[Outcome]]
PAGES = {name: (ROOT / name).read_text() for name in NAMES}
_COMMAND = re.compile(r"(irisbp|python3?|pytest|pip|dask|ray|\.ci/run)( |$)")
_PROGRAM = {"irisbp", "python -m irisbp", "irisbp --help", "irisbp --version"}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """What each page's items print; a page is run once, in a folder of its own."""
    with Server(pages.environment()) as server:
        yield cache(lambda name: pages.run_page(PAGES[name], tmp_path_factory.mktemp("page"), server))


@pytest.mark.parametrize("name", NAMES)
def test_every_command_prints_what_its_page_says(name: str, printed: Printed) -> None:
    run = [outcome for outcome in printed(name) if outcome.item.kind != "python"]
    assert "\n\n".join(problem for outcome in run for problem in pages.problems(outcome)) == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_python_block_prints_what_its_page_says(name: str, printed: Printed) -> None:
    run = [outcome for outcome in printed(name) if outcome.item.kind == "python"]
    assert "\n\n".join(problem for outcome in run for problem in pages.problems(outcome)) == ""


def test_pages_are_all_of_the_project() -> None:
    folders = [ROOT / name for name in ("irisbp", "configs", "tests")]
    found = {ROOT / "README.md", ROOT / "runs/README.md"}.union(*(f.glob("**/README.md") for f in folders))
    assert found == {ROOT / name for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_in_a_page_is_a_command(name: str) -> None:
    page = PAGES[name]
    assert {language for language, _ in pages.blocks(page)} <= {"sh", "console", "python", "text"}
    assert not re.search(r"^    \S", pages.prose(page), re.MULTILINE)  # a block without a fence
    for language, text in pages.blocks(page):
        if language == "text":
            assert not re.search(r"^(\$|irisbp) ", text, re.MULTILINE)
    run = {item.text for item in pages.items(page)}
    for code in re.findall(r"`([^`\n]+)`", pages.prose(page)):
        if _COMMAND.match(code) and code not in run:
            assert code in NOT_RUN | _PROGRAM or _only_names(code), code


def _only_names(code: str) -> bool:
    """`irisbp evaluate` or `irisbp explain --growth`: a command is named, and nothing could be run."""
    words = code.split()[1:]
    names = [word for word in words if not word.startswith("-")]
    options = _commands().get(" ".join(names), ())
    return all(word in options for word in words if word.startswith("-")) and " ".join(names) in _commands()


def test_what_is_not_run_is_in_a_page() -> None:
    everything = "".join(PAGES.values())
    assert [command for command in NOT_RUN if command not in everything] == []


@cache
def _commands() -> dict[str, list[str]]:
    """Every command by name, those of a group too, with its options."""
    found = {}
    for name, deferred in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        command = deferred.load()
        found[name] = _options(command)
        for inner in getattr(command, "commands", {}).values():
            found[f"{name} {inner.name}"] = _options(inner)
    return found


def _options(command: object) -> list[str]:
    return [
        option
        for parameter in command.params  # type: ignore[attr-defined]
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and option != "--help"
    ]


def test_every_command_and_option_is_in_its_page() -> None:
    """A command has a section with a row for each option; a group's command has a row, with its options."""
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGES["irisbp/cli/README.md"], re.S | re.M))
    for name, options in _commands().items():
        group, *inner = name.split()
        beginning = rf"^\| `{name}\b.*" if inner else r"^\| "
        for option in options:
            assert re.search(rf"{beginning}`{option}[ `]", sections[group], re.M), f"{name} {option}"
        assert f"irisbp {name}" in sections[group]


@pytest.mark.parametrize("name", ["README.md", "irisbp/cli/README.md"])
def test_every_command_is_in_the_tables(name: str) -> None:
    for command in {name.split()[0] for name in _commands()}:
        assert re.search(rf"^\| \[?`{command}`.*\|$", PAGES[name], re.MULTILINE), command


@pytest.mark.parametrize("name", ["README.md", "irisbp/cli/README.md"])
def test_every_exit_code_is_in_the_tables(name: str) -> None:
    kinds: list[type[IrisbpError]] = [IrisbpError]
    for kind in kinds:
        kinds += kind.__subclasses__()  # the list grows while it is read, until no class has a subclass
        assert f"\n| {kind.exit_code} |" in PAGES[name]


def test_every_key_and_choice_is_in_its_page() -> None:
    page = PAGES["configs/README.md"]
    for name, field in Config.model_fields.items():
        inner = getattr(field.annotation, "model_fields", {}) if name not in CHOICES else {}
        for key in [f"{name}.{part}" for part in inner] or [name]:
            assert f"\n| {key} |" in page
    choices = page.split("## Choices with options")[1].split("\n## ")[0]
    for models in CHOICES.values():
        for choice, model in models.items():
            assert f"`{choice}`" in choices
            assert all(f"`{option}`" in choices for option in model.model_fields if option != "name")


def test_every_room_is_in_the_architecture() -> None:
    trees = "".join(text for language, text in pages.blocks(PAGES["irisbp/README.md"]) if language == "text")
    rooms = {f"{file.parent.name}/" for file in (ROOT / "irisbp").glob("**/__init__.py")}
    modules = {file.name for file in (ROOT / "irisbp").glob("*.py")} - {"__main__.py"}
    assert [name for name in sorted(rooms | modules) if name not in trees] == []


def test_the_readme_is_short() -> None:
    assert len(PAGES["README.md"].encode()) <= 12 * 1024


def test_the_readme_begins_with_two_commands() -> None:
    scripts = [text for language, text in pages.blocks(PAGES["README.md"]) if language == "sh"]
    assert [len(script.splitlines()) for script in scripts[:2]] == [1, 1]
    assert all(script.startswith("python3 -m venv .venv && .venv/bin/pip install ") for script in scripts[:2])


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", pages.prose(PAGES[name])):
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


def _anchors(file: Path) -> set[str]:
    """A heading's anchor: lower case, without punctuation, with a hyphen for each blank."""
    headings = re.findall(r"^#+ (.*)$", pages.prose(file.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_configs_of_the_pages_are_valid() -> None:
    for name in set(re.findall(r"configs/([\w-]+\.yaml)", "".join(PAGES.values()))):
        load_config(ROOT / "configs" / name)


# What the comparison lets pass, and what it does not.


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("a\nb\n", "a\nb\n"),
        ("a\n...\nd\n", "a\nb\nc\nd\n"),
        ("a\n...\nd\n", "a\nd\n"),
        ("...\nc\n...\n", "a\nb\nc\n"),
        ("time      0.07 s\n", "time      12.31 s\n"),
        ("started 2026-01-02 03:04\n", "started 2027-12-31 23:59\n"),
        ("loss 0.48131976679329735\n", "loss 0.48131976679329710\n"),
    ],
)
def test_texts_that_agree(said: str, printed: str) -> None:
    assert pages.agree(said, printed)


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("a\n", "a\nb\n"),
        ("a\nb\n", "a\n"),
        ("", "a\n"),
        ("a\n...\nd\n", "a\nb\nc\n"),
        ("b\n...\n", "a\nb\n"),
        ("loss 0.046444\n", "loss 0.046445\n"),
        ("loss 0.48131976679329735\n", "loss 0.48131986679329735\n"),
        ("steps 7500\n", "steps 7499\n"),
        ("error 2.6e-14\n", "error 2.6e-11\n"),
    ],
)
def test_texts_that_do_not_agree(said: str, printed: str) -> None:
    assert not pages.agree(said, printed)


def test_what_a_page_asks_to_be_run() -> None:
    page = """
```sh
irisbp config show > all.yaml   # a file
```

| a | b |
| --- | --- |
| `x` | `irisbp runs list` |

```console
$ false
$ echo $?
1
$ echo a
a
b
```

```python
print(1)
```

```text
1
```
"""
    items = pages.items(page)
    found = [(item.kind, item.text.strip(), item.line, item.printed, item.exit_code) for item in items]
    assert found == [
        ("sh", "irisbp config show > all.yaml   # a file", 3, None, 0),
        ("table", "irisbp runs list", 8, None, 0),
        ("console", "false", 11, "", 1),
        ("console", "echo a", 14, "a\nb\n", 0),
        ("python", "print(1)", 20, "1\n", 0),
    ]
    outcomes = [Outcome(item, item.printed or "", item.exit_code) for item in items]
    assert pages.rewritten(page, outcomes) == page
    echo = Outcome(outcomes[3].item, "new\n", 0)
    assert pages.rewritten(page, [echo]) == page.replace("a\nb\n```", "new\n```")
    assert pages.rewritten(page, [replace(echo, exit_code=1)]) == page
    assert pages.problems(Outcome(Item("sh", "true", 1), "", 3)) == ["line 1: true\nexit code 3, not 0:\n"]
