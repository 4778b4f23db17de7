"""Configs that mean harm, and shipped ones with damage: each is read, or refused like any other mistake.

Time is the process's own, so that other work on the machine does not count.
"""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from irisbp.config.load import load_config, to_yaml
from irisbp.config.schema import Config
from irisbp.errors import ConfigError
from tests.campaign import Outcome

FAULT = "a hostile or damaged config"
PASSES_WHEN = "a valid config or a ConfigError, in less than 0.5 s of processor time"
FULL, SHORT = 200_000, 300

_LIMIT = 0.5  # seconds
_SHARES = 2
_CONFIGS = Path(__file__).parents[2] / "configs"
_BASE = "seed: 1\nrng: numpy\nlearning_rate: 0.1\nepochs: 5\ninitializer: normal\noptimizer: sgd\n"
_SIZES = (10, 300, 5000, 32_000, 1_000_000)
_PIECES = (
    "- ",
    "? ",
    ": ",
    "[",
    "{",
    "]",
    "}",
    "{a: ",
    "[a: ",
    "[[],",
    "a: ",
    "a: b\n",
    "- - ",
    "?\n",
    "-\n",
    ",",
    "1,",
    "a: 1, ",
    "&a ",
    "*a ",
    "*a, ",
    "!!python/object/apply:os.system ",
    "!<x> ",
    "!a!b ",
    "<<: ",
    "|\n",
    ">\n",
    "|9\n",
    "#",
    "#\n",
    "# \n",
    "%YAML 1.2\n",
    "%TAG ! x:\n",
    "%x\n",
    "---\n",
    "...\n",
    "\t",
    " ",
    "\n",
    "\r",
    "\r\n",
    "\ufeff",
    "\0",
    "\x85",
    "\u2028",
    "'",
    '"',
    "\\",
    '"\\u0041',
    "''",
    "\\x",
    "a",
    "9",
    "0x",
    "0o7",
    "1e",
    ".",
    "+",
    "-",
    "_",
    "1_",
    "1:",
    "~",
    "@",
    "`",
    "\U0001f600",
    "\ud800",
    "\u202e",
    " #",
    "\n ",
    "\n\n",
    "a:\n ",
    "seed: 1\n",
    "<<: *a\n",
    "network:\n  hidden:\n",
)
_TOKENS = (
    "0",
    "-1",
    "1e400",
    "1e-400",
    "1e999999999",
    "9" * 401,
    "0x" + "f" * 399,
    "0o777",
    ".inf",
    "-.inf",
    ".nan",
    "null",
    "~",
    "",
    "true",
    "no",
    "[]",
    "{}",
    "[[]]",
    "{a: 1}",
    "*a",
    "&a 1",
    "!!int 1",
    "!!python/name:os.system",
    "'",
    '"',
    "|",
    ">",
    "<<",
    "seed",
    "name",
    "adam",
    "{name: adam}",
    "{name: [1]}",
    "{name: {}}",
    "{name: }",
    "network",
    "data",
    "\t",
    "\0",
    "\ufeff",
    "2001-01-01",
    "1:30",
    "# x",
    "- 1",
    "? x",
    ": x",
    "{seed: 1",
    "]",
    "---",
    "...",
    "%YAML 9.9",
    "\r",
    "9" * 300,
    "1" * 19,
)


def run(trials: int, folder: Path) -> Outcome:
    """Every bomb that there is, and mutants up to the number of trials."""
    bombs = list(_bombs(len(_SIZES))) if trials >= FULL else list(_bombs(2))[::7]
    mutants = max(trials - len(bombs), 0) // _SHARES + 1
    shares = [partial(_share, k, bombs[k::_SHARES], mutants, folder) for k in range(_SHARES)]
    if trials < FULL:
        parts = [share() for share in shares]
    else:
        with ProcessPoolExecutor(_SHARES, get_context("spawn")) as pool:
            parts = list(pool.map(_call, shares))
    slow = max(part[2] for part in parts)
    return Outcome(
        sum(part[0] for part in parts),
        [failure for part in parts for failure in part[1]],
        f"slowest {slow[0]:.2f} s of the processor: {slow[1]}",
    )


def _call(
    part: "partial[tuple[int, list[str], tuple[float, str]]]",
) -> tuple[int, list[str], tuple[float, str]]:
    return part()


def _share(
    share: int, bombs: list[tuple[str, bytes]], mutants: int, folder: Path
) -> tuple[int, list[str], tuple[float, str]]:
    failures, slowest, count = [], (0.0, ""), 0
    for name, content in (*bombs, *_mutants(share, mutants)):
        count += 1
        wrong, seconds = _try(folder / f"{share}.yaml", content)
        slowest = max(slowest, (seconds, name))
        if wrong:
            failures.append(f"{name}: {wrong}: {content[:200]!r}")
    return count, failures, slowest


def _try(path: Path, content: bytes) -> tuple[str, float]:
    """What is wrong with how the content is taken, or nothing; and the seconds that it took."""
    path.write_bytes(content)
    began, wrong = time.process_time(), ""
    try:
        config = load_config(path)
        wrong = "" if isinstance(config, Config) else "not a config"
    except ConfigError as error:
        if not str(error).startswith(str(path)) or len(str(error)) > 20_000:
            wrong = f"its message does not name the place, or is endless: {str(error)[:200]}"
    except BaseException as error:  # none of these is to come out
        wrong = f"{type(error).__name__}: {error}"
    seconds = time.process_time() - began
    return wrong or (f"{seconds:.2f} s" if seconds > _LIMIT else ""), seconds


def _bombs(shares: int) -> Iterator[tuple[str, bytes]]:
    """Pieces and values repeated up to sizes; the first so many sizes of each."""
    for size in _SIZES[:shares]:
        for k, piece in enumerate(_PIECES):
            many = piece * (size // len(piece) + 1)
            for place, text in (("all", many), ("value", f"{_BASE}l2: {many}\n"), ("end", f"{_BASE}{many}")):
                yield f"piece {k} {place} {size}", text.encode("utf-8", "surrogatepass")
    lol = "a0: &a0 [x, x]\n" + "".join(f"a{k + 1}: &a{k + 1} [*a{k}, *a{k}]\n" for k in range(60))
    yield "billion laughs", lol.encode()
    merges = "".join(f"b{k}: &b{k} {{<<: [*b{k - 1}, *b{k - 1}]}}\n" for k in range(1, 60))
    yield "merges", f"b0: &b0 {{a: 1}}\n{merges}".encode()
    for key in (
        "seed",
        "epochs",
        "learning_rate",
        "l2",
        "batch_size",
        "clip_norm",
        "network",
        "data",
        "optimizer",
    ):
        others = "".join(line + "\n" for line in _BASE.splitlines() if not line.startswith(f"{key}:"))
        for k, token in enumerate((*_TOKENS, "9" * 10**6, "-" + "9" * 10**6, "[" * 10**6)):
            yield f"{key} token {k}", f"{others}{key}: {token}\n".encode()
    for encoding in ("utf-16", "utf-16-be", "utf-32", "utf-7", "latin-1"):
        yield encoding, f"{_BASE}# \u00e4\n".encode(encoding)


def _mutants(share: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Damaged configs; mutant K of a share is the same in every run."""
    texts = [path.read_bytes() for path in sorted(_CONFIGS.glob("*.yaml"))]
    texts += [to_yaml(load_config(path)).encode() for path in sorted(_CONFIGS.glob("*.yaml"))]
    short = [
        b"\n".join(line for line in text.split(b"\n") if not line.startswith(b"#"))[:700] for text in texts
    ]
    for k in range(count):
        draws = random.Random(f"{share} {k}")
        content = draws.choice(short)
        for _ in range(draws.choice((1, 1, 1, 2, 3, 8))):
            content = _mutate(content, draws, short)
        yield f"mutant {share} {k}", content


def _mutate(content: bytes, draws: random.Random, others: list[bytes]) -> bytes:
    a, b = sorted(draws.randrange(len(content) + 1) for _ in range(2))
    b = min(b, a + draws.choice((1, 4, 30)))
    kind = draws.randrange(7)
    if kind == 0:  # a bit, or a byte
        return content[:a] + bytes([draws.randrange(256)]) + content[a + 1 :]
    if kind == 1:
        return content[:a] + content[b:]
    if kind == 2:
        return content[:b] + content[a:b] * draws.choice((1, 2, 20)) + content[b:]
    if kind == 3:
        other = draws.choice(others)
        c = draws.randrange(len(other) + 1)
        return content[:a] + other[c : c + 60] + content[b:]
    token = draws.choice(_TOKENS + _PIECES).encode("utf-8", "surrogatepass")
    if kind == 4:
        return content[:a] + token + content[a:]
    words = content.split(b" ")  # a token in place of a value
    words[draws.randrange(len(words))] = token + b"\n" * draws.randrange(2)
    if kind == 5:
        return b" ".join(words)
    lines = content.split(b"\n")
    draws.shuffle(lines)
    return b"\n".join(lines)
