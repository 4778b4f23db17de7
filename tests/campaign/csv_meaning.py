"""CSV's known traps, each with what the README promises of it, and round trips through the csv module."""

import csv
import random
from pathlib import Path
from typing import Any

import pandas as pd

import irisbp
from irisbp.config.load import load_config
from irisbp.data.options import Wanted
from irisbp.data.source import read_table
from irisbp.errors import ConfigError, DataError
from irisbp.training.class_weights import class_weights
from irisbp.training.setup import prepare
from irisbp.training.state import Training
from tests.campaign import Outcome, csv_keys

FAULT = "CSV's traps, and tables written and read"
PASSES_WHEN = "the right number and class, or a DataError with line and column; equal after a round trip"
FULL, SHORT = 5_150, 240

# A cell of numbers: its value, or what the error says of it.
_NUMBERS: list[tuple[str, Any]] = [
    ("1", 1.0),
    ("1e5", 1e5),
    (" 1 ", 1.0),
    ("+1", 1.0),
    (".5", 0.5),
    ("1.", 1.0),
    ("-0", -0.0),
    ('"1"', 1.0),
    ("5e-324", 5e-324),
    ("NA", "1 of 2 cells is missing"),
    ("nan", "1 of 2 cells is missing"),
    ("inf", "is not a finite number"),
    ("", "1 of 2 cells is missing"),
    ("1_000", "has underscores"),
    ('"1,5"', "has a decimal comma: data.decimal=comma"),
    ('"1,000"', "has thousands marks: data.thousands=comma"),
    ('"1.000,5"', "has a decimal comma: data.decimal=comma data.thousands=point"),
    ("1 000", "has thousands marks: data.thousands=blank"),
    ("10%", "is a percentage"),
    ("$10", "is an amount of money"),
    ("1D+00", "has a D, not an E: data.exponent=D"),
    ("0x10", "is hexadecimal"),
    ("\u22121", "is not in the digits 0 to 9"),
    ("\uff11", "is not in the digits 0 to 9"),
    ("1e400", "beyond the range"),
    ("1e-400", "beyond the range"),
    ("1\0", "is not a number"),
    ("True", "is not a number"),
    ("1 2", "is not a number"),
    ("#1", "is not a number"),
    ("1;2", "is not a number"),
    ("'1", "is not a number"),
]
_CLASSES = (
    "01",
    "1",
    "NA",
    "True",
    " a",
    "a ",
    "nan",
    '"a\nb"',
    '"a""b"',
    "\u00e4",
    "-1",
    "'=x",
    "#",
    "null",
    "\u00a0",
    "1e5",
)
# A whole file, and what the error says behind its name.
_FILES: list[tuple[bytes, str]] = [
    (b"a,k\n1,x\n2\n", "line 3: 1 cells, where the header has 2"),
    (b"a,k\n1,x,\n", "line 2: 3 cells"),
    (b"a,a,k\n1,1,x\n", "line 1: two columns are called a"),
    (b"a,k\n1,\n", "line 2, column k: empty"),
    (b"a;k\n1;x\n", "line 1: one column"),
    (b"a\tk\n1\tx\n", "line 1: one column"),
    (b"", "empty"),
    (b"a,k\n", "no rows"),
    ("a,k\n1,x\n".encode("utf-16"), "UTF-16"),
    (b"a,k\n1,\xff\n", "line 2, column 2: byte 0xff is not UTF-8"),
    (b"a,k\n1,x\n" + b"2," + b"y" * 131_073 + b"\n", "line 3: field larger"),
    (b'a,k\n1,"x', "line 2: unexpected end"),
    (b"# c\na,k\n1,x\n", "line 1: a comment, not a header: data.comment=hash"),
    (b"a,\n1,x\n", "no column k"),
    (b"sep=;\na;k\n1;x\n", "line 1: Excel's sep=; line"),
    (b"Of 2023,,\na,b,k\n1,2,x\n", "line 1: a title, not a header: data.skip_rows=1"),
    (b"a,k\nr1,1,x\nr2,2,y\n", "each row has a row name at its start"),
    (b"1,k\n1,x\n", "line 1: 1 is no name"),
]
_GOOD = (
    b"a,k\r\n1,x\r\n2,y\r\n",
    b"a,k\r1,x\r2,y\r",
    b"\xef\xbb\xbfa,k\n1,x\n2,y",
    b" a , k \n1,x\n2,y\n",
    b"a,k\n\n1,x\n\n2,y\n\n",
    b'"a","k"\n"1","x"\n2,y\n',
)
_PARTS = (
    "a",
    "1",
    "-",
    "=",
    ",",
    '"',
    "'",
    "\n",
    "\r",
    "\t",
    " ",
    "\u00e4",
    "NA",
    "#",
    ";",
    "\u2028",
    "\x85",
    "\x00",
    "\ufeffb",
)


def run(trials: int, folder: Path) -> Outcome:
    """The tables of traps, and random tables up to the number of trials."""
    outcome, path = Outcome(), folder / "t.csv"
    for cell, expected in _NUMBERS:
        found = _read(path, f"a,k\n7,x\n{cell},y\n".encode())
        if isinstance(expected, str):
            holds = (
                expected in str(found)
                and "line 3" in str(found)
                and "a: " in str(found).replace("column a:", "a:")
            )
        else:
            holds = not isinstance(found, str) and repr(found.values[1, 0].item()) == repr(expected)
        outcome.check(holds, f"cell {cell!r}: {found}")
    for name in _CLASSES:
        found = _read(path, f"a,k\n7,x\n8,{name}\n".encode())
        plain = name if name[0] != '"' else name[1:-1].replace('""', '"')
        wanted = "line 3, column k: empty" if not name.strip() else plain.strip()
        holds = wanted in found if isinstance(found, str) else found.targets[1] == wanted
        outcome.check(holds, f"class {name!r}: {found}")
    for content, told in _FILES:
        found = _read(path, content)
        outcome.check(isinstance(found, str) and told in found, f"{content[:40]!r}: {found}")
    for content in _GOOD:
        found = _read(path, content)
        holds = not isinstance(found, str) and (found.targets, found.values.tolist()) == (
            ("x", "y"),
            [[1.0], [2.0]],
        )
        outcome.check(holds, f"{content!r}: {found}")
    _try_keys(outcome, path)
    for k in range(trials - outcome.trials):
        wrong = _round_trip(random.Random(k), path)
        outcome.check(not wrong, f"table {k}: {wrong}")
    return outcome


def _try_keys(outcome: Outcome, path: Path) -> None:
    for content, keys, expected in csv_keys.CASES:
        path.write_bytes(content)
        found = _prepared(path, [f"data.{key}" for key in keys])
        outcome.check(_is(found, expected), f"{content[:40]!r}, {keys}: {found}, not {expected}")
    path.write_bytes(b"a,k\n1,x\n2,y\n")
    for given, expected in csv_keys.WEIGHTS:
        found = _prepared(path, [f"class_weight={given}"])
        if isinstance(found, Training):
            weights = class_weights(found.config, found.dataset)
            by_name = dict(zip(found.dataset.classes, weights, strict=True)) if weights else None
            holds = by_name == (expected and dict(zip("xy", expected, strict=True)))
        else:
            holds = isinstance(expected, str) and expected in found
        outcome.check(holds, f"class_weight={given}: {found}")
    _try_unknown(outcome)


def _try_unknown(outcome: Outcome) -> None:
    """A category that no training row has, in a table that is classified."""
    frame = pd.DataFrame({"a": ["red", "blue", "red", "blue"], "k": list("xyxy")})
    other = pd.DataFrame({"a": ["green"]})
    for unknown in ("error", "zeros"):
        keys: dict[str, Any] = {"data.categorical": ["a"], "data.unknown": unknown, "epochs": 1}
        run = irisbp.train(table=frame, target="k", **keys)
        try:
            found = len(run.predict(other)) == 1
        except DataError as error:
            found = "no training row has 'green'" in str(error)
            outcome.check(unknown == "error" and found, f"unknown={unknown}: {error}")
        else:
            outcome.check(unknown == "zeros" and found, f"unknown={unknown}: {found}")


def _prepared(path: Path, keys: list[str]) -> Any:
    """A training on the file that has not begun, or what is wrong."""
    target = {} if any(key.startswith("data.target=") for key in keys) else {"target": "k"}
    try:
        return prepare(load_config({"data": {"source": str(path), **target}}, keys))
    except (DataError, ConfigError) as error:
        return str(error).removeprefix(f"{path}: ")
    except Exception as error:  # none of these is to come out
        return f"{type(error).__name__} ({error})"[:40]


def _is(found: Any, expected: Any) -> bool:
    if isinstance(found, str) or isinstance(expected, str):
        return isinstance(found, str) and isinstance(expected, str) and expected in found
    rows = [row[0] if isinstance(row, tuple) else row for row in expected]
    classes = [row[1] for row in expected if isinstance(row, tuple)]
    table = found.dataset.table
    return bool(table.values.tolist() == rows and (not classes or list(table.targets) == classes))


def _read(path: Path, content: bytes) -> Any:
    """The table, or what is wrong with it, without the file's name."""
    path.write_bytes(content)
    try:
        return read_table(Wanted(str(path), "k"))
    except DataError as error:
        return str(error).removeprefix(f"{path}: ")


def _round_trip(draws: random.Random, path: Path) -> str:
    def word() -> str:
        return "".join(draws.choice(_PARTS) for _ in range(draws.randrange(1, 5)))

    columns = sorted({"x" + word().strip() + "x" for _ in range(draws.randrange(1, 5))} - {"k"})
    rows = [[_number(draws) for _ in columns] for _ in range(draws.randrange(1, 9))]
    classes = [word() + "c" for _ in rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=draws.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
        writer.writerow([*columns, "k"])
        writer.writerows([*row, name] for row, name in zip(rows, classes, strict=True))
    try:
        table = read_table(Wanted(str(path), "k", tuple(columns)))
    except DataError as error:
        return str(error)
    if table.features != tuple(columns) or table.targets != tuple(map(str.strip, classes)):
        return f"{table.features} {table.targets}, not {columns} {classes}"
    return "" if repr(table.values.tolist()) == repr(rows) else f"{table.values.tolist()}, not {rows}"


def _number(draws: random.Random) -> float:
    kind = draws.randrange(4)
    if kind == 0:
        return draws.choice((0.0, -0.0, 5e-324, 1.7976931348623157e308, -1e-310, 1e22))
    return draws.choice((-1, 1)) * draws.random() * 10.0 ** draws.randrange(-300, 300)
