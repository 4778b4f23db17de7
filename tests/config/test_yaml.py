"""The strict reader: YAML 1.2's core rules, and the place of whatever it refuses."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from irisbp.config.yaml import dump, parse, read_file
from irisbp.errors import ConfigError, StorageError, literal


def _place(mark: yaml.Mark) -> str:
    return f"{mark.line + 1}:{mark.column + 1}"


# From the tables of chapter 10.3 of the YAML 1.2.2 specification, and the traps of YAML 1.1.
MEANINGS: list[tuple[str, Any]] = [
    ("1e-3", 0.001),
    ("1E+3", 1000.0),
    (".5", 0.5),
    ("5.", 5.0),
    ("-0.0", -0.0),
    ("12", 12),
    ("-12", -12),
    ("+12", 12),
    ("010", 10),
    ("0o14", 12),
    ("0x3A", 58),
    ("0b11", "0b11"),
    ("1_000", "1_000"),
    ("1:30", "1:30"),
    ("1:30.5", "1:30.5"),
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("y", "y"),
    ("true", True),
    ("False", False),
    ("tRUE", "tRUE"),
    ("null", None),
    ("~", None),
    ("", None),
    ("nULL", "nULL"),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("inf", "inf"),
    ("nan", "nan"),
    ("2001-01-01", "2001-01-01"),
    ("'12'", "12"),
    ('"true"', "true"),
    ("1.2.3", "1.2.3"),
    ("1e", "1e"),
    ("0x", "0x"),
    ("\u0661\u0662", "\u0661\u0662"),  # Arabic digits are no digits of YAML's
]


@pytest.mark.parametrize(("text", "value"), MEANINGS, ids=[text or "empty" for text, _ in MEANINGS])
def test_meaning_of_scalars(text: str, value: Any) -> None:
    read = parse(f"key: {text}\n", _place).data["key"]
    assert read == value
    assert type(read) is type(value)
    assert math.copysign(1, read) == math.copysign(1, value) if isinstance(value, float) else True


def test_nan_is_read_as_such() -> None:
    assert math.isnan(parse(".nan", _place).data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1: duplicate key a, first given at 1:1"),
        ("a: {b: 1, b: 2}", "1:11: duplicate key b, first given at 1:5"),
        ("a: &x 1\nb: *x\n", "1:4: anchors and aliases"),
        ("a: *x\n", "1:4: anchors and aliases"),
        ("a: !!int '3'\n", "1:4: tags"),
        ("!python/object:os.system {}", "1:1: tags"),
        ("<<: {a: 1}\n", "1:1: merges"),
        ("? [1]\n: 2\n", "1:3: a key must be a word"),
        ("a: 1\n---\nb: 1\n", "2:1: a second document"),
        ("a: [1, 2\n", "2:1: not valid YAML"),
        ("\ta: 1", "1:1: not valid YAML"),
        ("a: b: c", "1:5: not valid YAML"),
        ("a: \x07", "1:4: a character that YAML does not allow: U+0007"),
        ('"\\ud83d\\ude00": 1', r"1:1: \ud83d is half of a surrogate pair; write \U and 8 digits"),
        ('a: ["\\udcff"]', r"1:5: \udcff is half of a surrogate pair"),
        ("[" * 5000, "1:22: nested more than 20 levels deep"),
        ("{a: " * 5000, "1:85: nested more than 20 levels deep"),
        ("a: " + "9" * 5000, "1:4: a number of 5000 characters"),
        ("a: 1e400", "1:4: 1e400 is beyond the range of float64"),
        ("a: -0.01E-400", "1:4: -0.01E-400 is beyond the range of float64"),
        ("a: x\n" * 1300, "1250:1: more than 2500 keys and values"),
        ("?\n" * 3000, "1250:2: more than 2500 keys and values"),
        ("#" * 32769, "1:1: more than 32768 characters"),
    ],
    ids=lambda value: value[:24].replace("\x07", "BEL"),
)
def test_refusals_name_the_place(text: str, message: str) -> None:
    try:
        refused = [": ".join(problem) for problem in parse(text, _place).problems]
    except ConfigError as error:
        refused = [str(error)]
    assert refused[0].startswith(message)


def test_reading_goes_on_behind_what_is_refused() -> None:
    document = parse("a: 1\na: {b: [2]}\nc: &x 3\nd: *x\n<<: {e: 4}\nf: !!str 5\ng: 6\n", _place)
    assert [problem.place for problem in document.problems] == ["2:1", "3:4", "4:4", "5:1", "6:4"]
    assert (document.data["a"], document.data["g"]) == (1, 6)
    assert document.unreadable == {("c",), ("d",), ("<<",), ("f",)}


def test_places_of_keys_and_values() -> None:
    document = parse("a: 1\nb:\n  c: [x, y]\n", _place)
    assert document.key_places == {("a",): "1:1", ("b",): "2:1", ("b", "c"): "3:3"}
    assert document.value_places[("b", "c", 1)] == "3:10"


_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcdefghij_", min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcdefghij_", min_size=1, max_size=6), _plain, max_size=4))
@example({"a": "x\x85[", "b": ["\u2028 'y'"]})
@example({"a": "0E0", "b": "0o7", "c": "1e5", "d": "no", "e": "010", "f": "~", "g": "0x1", "h": "1:30"})
def test_what_is_written_reads_back(data: Any) -> None:
    read = parse(dump(data), _place).data
    assert read == data
    assert repr(read) == repr(data)  # 1 is not 1.0, and keys keep their order


@given(st.binary(max_size=60) | st.text("a:-[]{}&*!|>'\"#%@`,? \n\t01.e", max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    with suppress(ConfigError):  # anything else is a failure
        read_file(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    for path, message in [(tmp_path, "is a directory"), (tmp_path / "none.yaml", "no such file")]:
        with pytest.raises(ConfigError, match=message):
            read_file(path)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_file(Path("/dev/null"))
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="Not a directory"):
        read_file(tmp_path / "file" / "below.yaml")


def test_encodings(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffa: 1\n".encode())
    assert read_file(path).data == {"a": 1}
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"a\.yaml:2: not UTF-8 text"):
        read_file(path)
    path.write_bytes(b"# " + b"x" * (1 << 15))
    with pytest.raises(ConfigError, match="more than 32768 bytes"):
        read_file(path)


@pytest.mark.parametrize("text", ["a\u202eb", "\x1b[31m", "\x9b", "\U000e0041x", "a\nb\u2028c", '\ufe0f: "#'])
def test_a_dump_shows_what_a_terminal_would_hide(text: str) -> None:
    written = dump({"source": text, "list": [text, "b"]})
    assert literal(written.replace("\n", "")) == written.replace("\n", "")
    assert parse(written, _place).data == {"source": text, "list": [text, "b"]}
