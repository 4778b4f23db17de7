"""Terminal injection: text from outside that means something to a terminal, to Rich or to Matplotlib."""

import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.campaign import Outcome
from tests.campaign.screens import SCREENS, forbidden, start, text_of

FAULT = "text that a terminal would interpret, wherever text comes in"
PASSES_WHEN = "no control or invisible character is printed but Rich's own; the text is shown literally"
FULL = 1152
SHORT = 4
_PROCESSES = 2

PAYLOADS = {
    "CSI colour": "\x1b[31mred",
    "CSI erase": "\x1b[2J\x1b[Hgone",
    "CSI report": "\x1b[6nwhere",
    "CSI as one C1": "\x9b31mred",
    "OSC title": "\x1b]0;owned\x07t",
    "OSC title, ended by ST": "\x1b]2;owned\x1b\\t",
    "OSC 8 link": "\x1b]8;;http://x.test\x1b\\link\x1b]8;;\x1b\\",
    "OSC 52 clipboard": "\x1b]52;c;cm0gLXJm\x07c",
    "OSC as one C1": "\x9d0;owned\x9ct",
    "DCS": '\x1bP$q"p\x1b\\d',
    "DECALN": "\x1b#8e",
    "reset": "\x1bcr",
    "BEL": "ding\x07\x07",
    "BS": "secret\x08\x08\x08\x08\x08\x08public",
    "DEL": "a\x7f\x7fdel",
    "CR": "bad\rgood",
    "LF as another line": "x\nirisbp: all is well",
    "CR LF": "x\r\nirisbp: all is well",
    "VT and FF": "a\x0bb\x0cff",
    "TAB": "a\tb\ttab",
    "NEL and other C1": "a\x85b\x84c\x8dd\x90",
    "NUL": "a\0nul",
    "line separator": "a\u2028irisbp: all is well",
    "paragraph separator": "a\u2029irisbp: all is well",
    "RLO": "abc\u202egpj.exe\u202c",
    "isolates": "\u2067\u2066admin\u2069\u2069",
    "marks of direction": "a\u200e\u200f\u061cb",
    "zero width": "a\u200b\u200c\u200d\u2060b",
    "BOM": "\ufeffbom\ufeff",
    "soft hyphen and word joiner": "so\u00adft\u2060ly",
    "tags": "tag\U000e0001\U000e0068\U000e0069\U000e007f",
    "interlinear": "\ufff9base\ufffanote\ufffb",
    "private use": "\ue000\uf8ff\U0010fffdprivate",
    "not characters": "\ufdd0\uffff\U0001fffenon",
    "lone surrogates": "sur\udc9b31m\udcff",
    "accents": "z" + "\u0301\u0489\u0327" * 40 + "algo",
    "variation selectors": "v\ufe0f\ufe0e\U000e0100s",
    "invisible letters": "\u3164\u115f\uffa0filler",
    "wide": "\u5bbd" * 60 + "\U0001f469\U0001f3fdwide",
    "long": "long" * 25_000,
    "markup": "[bold red]x[/bold red]",
    "markup that closes nothing": "[/][/red]y",
    "markup link": "[link=http://x.test]here[/link]",
    "markup action": "[@click=app.quit]z[/]",
    "emoji code": ":smile::skull:",
    "printf": "%s%n%(x)d{0}{x!r}",
    "mathtext": r"$\frac$",
    "mathtext, whole": r"$\sum_{i}^{n}$_^$$\$",
    "JSON": '"},{"\\u001b[31m"',
    "shell": "$(id)`id`;id",
}


# Shown without a character changed, wherever there is room.
PLAIN = {name for name, payload in PAYLOADS.items() if payload.isascii() and payload.isprintable()} - {
    "long",
    "JSON",
}

# By place, the commands that get there. {payload} is the text itself; {name} is it as the name of a file,
# which a folder may have. The words of a line are set apart by spaces; * marks one that must show the text.
PLACES = {
    "classes and columns": """
        train table.yaml --run-dir new --overwrite
        train table.yaml --run-dir new --overwrite --quiet
        train table.yaml --run-dir new --overwrite --json
        * train table.yaml --run-dir new --overwrite --stream
        * train table.yaml data.features=[none]
        * train table.yaml data.target=none
        * evaluate run
        evaluate run --json
        evaluate run --data other.csv
        * predict run a={payload}
        predict run table.csv
        explain run
        explain run --markdown
        explain run --json
        explain run --parameter hidden_1.weight[1,0]
        explain run --parameter hidden_1.weight[1,0] --markdown
        gradcheck run --only-bad --point batch
        runs show run
        runs diff run runs/other
        runs verify run
        plot run --kind confusion --kind regions --output pictures
        plot run --format svg
        plot run runs/other --output compared
        config show run/config.yaml""",
    "path of a table": """
        * train data.source={payload} data.target=t
        * evaluate run --data {payload}
        * predict run {payload}.csv
        evaluate run --data {name}.csv
        predict run {name}.csv
        * predict run {name}.csv --output {name}.csv
        predict run {name}.csv --output no/{name}.csv
        train data.source={name}.csv data.target=t
        * train data.source={name}.csv data.target=none
        config show data.source={name}.csv data.target=t""",
    "path of a config": """
        * train {payload}/
        * config validate {payload}/
        gradcheck {payload}
        explain {payload}
        * config validate {name}.yaml
        config validate {name}.yaml seed=x learning_rate=0
        train {name}.yaml epochs=1""",
    "name of a run": """
        train epochs=2 --run-dir {name}/new
        * train epochs=2 --run-dir {name}
        train epochs=2 --name {payload}
        train epochs=30 --run-dir {name}/new --overwrite
        evaluate {name}
        evaluate {name} --json
        * evaluate {payload}/none
        runs list {name}
        * runs list .
        runs list . --json
        * runs show {name}
        * runs show {payload}/none
        * runs diff {name} run
        runs diff {name} runs/other --json
        runs verify {name}
        plot {name} --kind confusion
        plot {name} run --output {name}/plots
        explain {name} --step 99999
        gradcheck {name} --point batch --only-bad
        predict {payload} a=1""",
    "config": """
        * config validate key.yaml
        * config validate value.yaml
        config validate raw.yaml
        train key.yaml
        config show source.yaml""",
    "KEY=VALUE": """
        config show {payload}=1
        config show seed={payload}
        config show optimizer={payload}
        config show optimizer.{payload}=1
        config show seed=1 {payload}
        config show data.source={payload} data.target={payload}
        train {payload}=1
        gradcheck network.activation={payload}
        explain data.target={payload}
        * predict run {payload}=1 {payload}=2
        predict run a={payload}""",
    "expression": """
        derive {payload} --wrt x --at x=1
        derive x*{payload} --wrt x --at x=1
        derive x --wrt {payload} --at x=1
        derive x --wrt x --at x={payload}
        derive x --wrt x --at {payload}=1
        derive x*a --wrt x --at x=1 --let a={payload}
        derive x*a --wrt x --at x=1 --let {payload}=x""",
    "option": """
        * evaluate run --assert {payload}
        evaluate run --which {payload}
        explain --step {payload}
        explain --parameter {payload}
        explain --growth --output {payload}
        gradcheck --point {payload}
        gradcheck --method {payload}
        plot run --kind {payload}
        plot run --format {payload}
        --{payload}
        {payload}
        runs {payload}
        config show --{payload}=1
        runs list run {payload}""",
}


class World(NamedTuple):
    """A folder with files in which the payload stands, made for it; name is it as the name of a file."""

    folder: Path
    payload: str
    name: str


class Trial(NamedTuple):
    """A payload and a place by name, a line of the place, and a screen."""

    payload: str
    place: str
    line: str
    screen: str


def run(trials: int, folder: Path) -> Outcome:
    """Trials of all payloads, places and screens alike, in an order that chance has drawn."""
    outcome, chosen = Outcome(), list(_drawn(trials))
    start(["train", "epochs=2", "--run-dir", "model", "--quiet"], folder, "pipe")
    model = folder / "model"
    needed = sorted({trial.payload for trial in chosen})
    with ThreadPoolExecutor(_PROCESSES) as pool:
        made = pool.map(
            lambda k: _make_world(model, folder / str(k), PAYLOADS[needed[k]]), range(len(needed))
        )
        worlds = dict(zip(needed, made, strict=True))
        for problems in pool.map(lambda trial: _try(worlds[trial.payload], trial), chosen):
            outcome.check(not problems, problems)
    places, screens = ({trial[k] for trial in chosen} for k in (1, 3))
    outcome.measured = f"{len(worlds)} texts, {len(places)} places, {len(screens)} screens"
    return outcome


def _drawn(trials: int) -> Iterator[Trial]:
    """Every payload in every place before one comes again; lines by chance, screens in turn."""
    draw = random.Random(20250)
    pairs = [(payload, place) for payload in PAYLOADS for place in PLACES]
    draw.shuffle(pairs)
    for k in range(trials):
        payload, place = pairs[k % len(pairs)]
        lines = [line.strip() for line in PLACES[place].strip().split("\n")]
        if "\0" in PAYLOADS[payload]:  # no argument can hold it
            lines = [line for line in lines if "{payload}" not in line] or ["* config validate value.yaml"]
        yield Trial(payload, place, draw.choice(lines), SCREENS[(k + k // len(pairs)) % len(SCREENS)])


def _make_world(model: Path, folder: Path, payload: str) -> World:
    """Tables, configs and runs in which the payload stands."""
    name = re.sub("[/\0]", "_", payload)[:40]
    folder.mkdir()
    world = World(folder, payload, name)
    quoted = '"' + payload.replace('"', '""') + '"'
    # What undecodable bytes in a table come to is an error of its own; a name can hold them.
    rows = "".join(f"{k},{(7 * k) % 5},{(quoted, 'b', 'c')[k % 3]},{k}\n" for k in range(9))
    table = f"a,{quoted},t,other\n{rows}".encode("utf-8", "surrogateescape")
    article = "seed: 0\nrng: numpy\nlearning_rate: 0.1\nepochs: 3\ninitializer: normal\noptimizer: sgd\n"
    of_table = f"{article}data: {{source: table.csv, target: t}}\n"
    as_json = json.dumps(payload)
    files = {
        "table.csv": table,
        "other.csv": f"a,{quoted},t\n1,2,{quoted}\n".encode("utf-8", "surrogateescape"),
        f"{name}.csv": table,
        "table.yaml": of_table.encode(),
        f"{name}.yaml": article.encode(),
        "key.yaml": f"{article}{as_json}: 1\nnetwork: {{{as_json}: 2}}\n".encode(),
        "value.yaml": f"{article.replace('sgd', as_json)}record: {as_json}\n".encode(),
        "source.yaml": f"{article}data: {{source: {as_json}, target: {as_json}}}\n".encode(),
        "raw.yaml": f"{article}{payload}: {payload}\n".encode("utf-8", "surrogateescape"),
    }
    for file, content in files.items():
        (folder / file).write_bytes(content)
    start(["train", "table.yaml", "--run-dir", "run", "--quiet"], folder, "pipe")
    for place in ("runs/other", name):
        shutil.copytree(model, folder / place)
    return world


def _try(world: World, trial: Trial) -> str:
    """What is wrong with the output, or nothing."""
    words = trial.line.removeprefix("* ").split(" ")
    words = [word.replace("{payload}", world.payload).replace("{name}", world.name) for word in words]
    shown = start([os.fsencode(word) for word in words], world.folder, trial.screen)
    text = text_of(shown, trial.screen)
    is_data = words[0] == "predict" and shown.code == 0 and trial.screen == "pipe"  # the table's own text
    problems = [] if is_data else forbidden(text, shown, trial.screen)
    if shown.code not in (0, 2, 3, 4, 74, 75):
        problems.append(f"exit code {shown.code}")
    if "Traceback" in text:
        problems.append("a traceback")
    if not is_data and re.search("^irisbp: all is well", text, re.MULTILINE):
        problems.append("a line that irisbp did not write")
    if trial.line.startswith("*") and trial.payload in PLAIN and not _is_in(world, text):
        problems.append("the text is not shown as it is")
    if not problems:
        return ""
    said = " ".join(words).encode("unicode_escape", "surrogatepass").decode()[:200]
    return f"{trial.payload} in {trial.place}, {trial.screen}: {', '.join(problems)}: irisbp {said}"


def _is_in(world: World, text: str) -> bool:
    """Whether the payload stands there, however the lines are broken, as it is, as a path or quoted."""
    payload = world.payload
    forms = payload, world.name, re.sub("/+", "/", payload), json.dumps(payload, ensure_ascii=False)[1:-1]
    seen, *wanted = (re.sub(r"\s", "", each) for each in (text, *forms))
    return any(each in seen for each in wanted)
