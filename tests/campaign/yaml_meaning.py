"""YAML's known traps, each with its meaning by the core schema of YAML 1.2.2 (10.3.2), and round trips."""

import math
import os
import random
from pathlib import Path
from typing import Any

from irisbp.config.load import load_config, to_yaml
from irisbp.config.schema import Config
from irisbp.config.yaml import read_file
from irisbp.errors import ConfigError
from tests.campaign import Outcome

FAULT = "YAML's traps, and configs written and read"
PASSES_WHEN = "the core schema's value, or an error with its line and column; equal after a round trip"
FULL, SHORT = 5_200, 200

# What stands behind `key: `, and the value, written down from the specification's tables.
_VALUES: list[tuple[str, Any]] = [
    ("no", "no"),
    ("on", "on"),
    ("yes", "yes"),
    ("off", "off"),
    ("y", "y"),
    ("010", 10),
    ("0o10", 8),
    ("0x1F", 31),
    ("1:30", "1:30"),
    ("1e3", 1000.0),
    ("1e-3", 0.001),
    ("1.", 1.0),
    (".5", 0.5),
    ("1_000", "1_000"),
    ("+1", 1),
    ("-0", 0),
    (".inf", math.inf),
    ("-.Inf", -math.inf),
    ("~", None),
    ("", None),
    ("null", None),
    ("2001-01-01", "2001-01-01"),
    ("'1'", "1"),
    ('"1"', "1"),
    ("1 # c", 1),
    ("1#c", "1#c"),
    ("a\n  b", "a b"),
    ("\uff11", "\uff11"),
    ("\u00a01", "\u00a01"),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("tRUE", "tRUE"),
    (str(2**63), 2**63),
    ("0." + "3" * 390, 1 / 3),
    ("1.0", 1.0),
    ("5e1", 50.0),
    ("{a:1}", {"a:1": None}),
    ("{a: 1}", {"a": 1}),
    ("0b1", "0b1"),
    ("1\n...", 1),
    ("[1,2]", [1, 2]),
    ("|\n  a\n", "a\n"),
    (">-\n  a\n  b\n", "a b"),
    ("1\r\n", 1),
    ("+.5e+1", 5.0),
    ("-0x1", "-0x1"),
    ("Null", None),
    ("1e", "1e"),
]
# A whole text, and how its error begins behind the file's name.
_ERRORS = [
    ("a: !!str 1", "1:4: tags"),
    ("a: 1\na: 2", "2:1: duplicate key a"),
    ("a:\n b: 1\n b: 2", "3:2: duplicate key b"),
    ("<<: {a: 1}", "1:1: merges"),
    ("a: &x 1", "1:4: anchors"),
    ("a:\n\tb: 1", "2:1: not valid YAML"),
    ("a: b:", "1:5: not valid YAML"),
    ("a: 1e400", "1:4: 1e400 is beyond"),
    ("a: 1e-400", "1:4: 1e-400 is beyond"),
    ("a: 1\nb:2\nc: 3", "3:1: not valid YAML"),
    ("a: 1\n--- \nb: 1", "2:1: a second document"),
]
_NASTY = (
    "no",
    "~",
    "",
    "1",
    "1e3",
    ".inf",
    "a: b",
    "a #b",
    "'",
    '"',
    "\\",
    "\u00e4",
    "\U0001f600",
    "\x85",
    "\u2028",
    "\ufeff",
    "-",
    "&a",
    "*a",
    "!x",
    "%",
    "@",
    "`",
    "\t",
    "\n",
    "\r\n",
    " ",
    "\x7f",
    "\x00",
    "\u202e",
    "{",
    "[",
    ",",
    "<<",
    "=",
    "0x1",
    "x" * 200,
)


def run(trials: int, folder: Path) -> Outcome:
    """Both tables, and random configs up to the number of trials."""
    outcome, path = Outcome(), folder / "a.yaml"
    for text, value in _VALUES:
        for before in ("", "\ufeff", "---\n"):
            path.write_bytes(f"{before}key: {text}".encode())
            try:
                document = read_file(path)
                found = document.data["key"] if not document.problems else document.problems
            except ConfigError as error:
                found = str(error)
            same = type(found) is type(value) and found == value
            outcome.check(same, f"{before + text!r}: {found!r}, not {value!r}")
    for text, told in _ERRORS:
        path.write_bytes(text.encode())
        try:
            found = f"{read_file(path).problems[0].place}: {read_file(path).problems[0].message}"
        except ConfigError as error:
            found = str(error)
        outcome.check(found.startswith(f"{path}:{told}"), f"{text!r}: {found}")
    for k in range(trials - outcome.trials):
        config = Config.model_validate(_config(random.Random(k)))
        path.write_text(to_yaml(config), encoding="utf-8", newline="")
        try:
            outcome.check(load_config(path) == config, f"config {k} comes back as another")
        except ConfigError as error:
            outcome.check(False, f"config {k}: {error}")
    return outcome


def _config(draws: random.Random) -> dict[str, Any]:
    """A legal config with any of the keys."""

    def number() -> float:
        return draws.choice(
            (draws.random(), 10.0 ** draws.randrange(-300, 300), 5e-324, 1.7976931348623157e308, 1 / 3)
        )

    def word() -> str:
        return "".join(draws.choice(_NASTY) for _ in range(draws.randrange(1, 4))) or "x"

    epochs = draws.choice((2, 10**9, draws.randrange(2, 10**6)))
    config: dict[str, Any] = {"seed": draws.randrange(2**31), "learning_rate": number(), "epochs": epochs}
    kinds = ["normal", {"name": "uniform", "limit": number()}, {"name": "he_normal", "bias": "zeros"}]
    config["initializer"] = draws.choice(kinds)
    config["optimizer"] = draws.choice(
        ["sgd", {"name": "adam", "beta1": draws.random(), "epsilon": number()}]
    )
    options = {
        "rng": draws.choice(("numpy", "r")),
        "schedule": draws.choice(["cosine", {"name": "step", "every": 3, "factor": 0.1}, {"warmup": 1}]),
        "batch_size": draws.choice((1, "all", 10**18)),
        "reduction": draws.choice(("mean", "sum")),
        "l2": number(),
        "clip_norm": draws.choice((None, number())),
        "network": {
            "hidden": [draws.randrange(1, 10**6) for _ in range(draws.randrange(40))],
            "activation": "relu",
        },
        "early_stopping": {"patience": 3, "min_delta": number(), "monitor": "training"},
        "record": draws.choice(("steps", "epochs")),
    }
    config |= {key: value for key, value in options.items() if draws.random() < 0.5}
    if draws.random() < 0.8:
        source = os.path.abspath("/data/" + word().replace("\0", "0"))
        config["data"] = {
            "source": source,
            "target": word(),
            "features": [word() for _ in range(draws.randrange(1, 5))],
        }
    return config
