"""Runs as text: a list, one in full, two side by side, and one with its repetition.

Where a table is wider than the terminal, each of its cells has a line; a line that is still too long is
broken between words, so that no number is ever cut in two.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from irisbp.config.schema import Config
from irisbp.config.settings import KeyValue, settings, varying_keys
from irisbp.rundir.manifest import Data, Figures, Manifest
from irisbp.runs.compare import Diff, FirstDifference, ParameterDiff, Row
from irisbp.runs.listing import Entry, EpochFigures, FileEntry
from irisbp.runs.verify import FileCheck, Verification
from irisbp.show.console import print_lines
from irisbp.show.figures import loss_text, short
from irisbp.show.tables import fits, print_pairs, print_table, say

_STYLES = {
    "not_finite": "red",
    "diverged": "red",
    "damaged": "bold red",
    "interrupted": "yellow",
    "unfinished": "yellow",
    "changed": "bold red",
    "missing": "bold red",
    "DIFFERS": "bold red",
}
# The keys that describe a run if no others distinguish it.
_FIRST_KEYS = ("optimizer.name", "learning_rate", "network.hidden", "seed")
# If these vary, the default is named too; other keys' defaults are left out.
_NAMED_KEYS = {*_FIRST_KEYS, "epochs", "initializer.name"}
_FIGURES = ("loss", "accuracy", "validation loss", "validation accuracy")
_ENDS = ("status", "epoch", "steps", *_FIGURES, "epoch loss", "epoch accuracy")
_EPOCH_FIGURES = ("epoch loss", "epoch accuracy", "validation loss", "validation accuracy")


def print_list(console: Console, entries: Sequence[Entry], place: str) -> None:
    """A row for each run, and below them the errors of damaged ones."""
    if not entries:
        say(console, f"no runs in {place}")
        return
    words = config_words([entry.config for entry in entries])
    rows = [_list_row(entry, word) for entry, word in zip(entries, words, strict=True)]
    header = ["run", "status", "config", "loss", "accuracy", "validation", "started (UTC)"]
    if all(row[5] == "-" for row in rows):  # no run held samples out
        header, *rows = ([*row[:5], row[6]] for row in (header, *rows))
    styles = [_STYLES.get(entry.status, "") for entry in entries]
    below: list[str] = []
    if not fits(console, [header, *rows]):
        # The config goes below, and the time of the day.
        below = [row[2] for row in rows]
        header, *rows = ([*row[:2], *row[3:-1], row[-1].split()[0]] for row in (header, *rows))
    print_table(console, header, rows, left={0, 1} if below else {0, 1, 2}, styles=styles, below=below)
    for entry in entries:
        if entry.problem:
            say(console, f"damaged: {entry.problem}", "bold red")


def _list_row(entry: Entry, words: str) -> list[str]:
    loss, accuracy, *validation = _figure_cells(entry.figures)
    both = "-" if validation == ["-", "-"] else " ".join(validation)
    return [str(entry.path), entry.status, words, loss, accuracy, both, f"{entry.started:%Y-%m-%d %H:%M}"]


def _figure_cells(figures: Figures) -> list[str]:
    """Loss, accuracy, and both over the held-out rows."""
    return _cells(figures.loss, figures.accuracy, figures.validation_loss, figures.validation_accuracy)


def _epoch_cells(last: EpochFigures | None) -> list[str]:
    """Epoch loss, epoch accuracy, and the figures over the held-out rows at the epoch's end."""
    if last is None:
        return ["-"] * 4
    return _cells(last.epoch_loss, last.epoch_accuracy, last.validation_loss, last.validation_accuracy)


def _cells(
    loss: float | None,
    accuracy: float | None,
    validation_loss: float | None,
    validation_accuracy: float | None,
) -> list[str]:
    losses = ("-" if value is None else loss_text(value) for value in (loss, validation_loss))
    shares = ("-" if value is None else f"{value:.4f}" for value in (accuracy, validation_accuracy))
    return [cell for pair in zip(losses, shares, strict=True) for cell in pair]


def config_words(configs: Sequence[Config | None]) -> list[str]:
    """Each config in few words: the keys in which it differs from the others, or its main keys."""
    readable = [config for config in configs if config is not None]
    varying = varying_keys(readable)
    return ["-" if config is None else _words(settings(config), varying) for config in configs]


def _words(chosen: dict[str, KeyValue], varying: Sequence[str]) -> str:
    keys = [
        key for key in chosen if key in varying and (key in _NAMED_KEYS or not chosen[key].is_default)
    ] or list(_FIRST_KEYS)
    rate = {"optimizer.name", "learning_rate"}
    parts = []
    if rate.intersection(keys):
        # The two belong together.
        parts.append(f"{chosen['optimizer.name'].value} {value_text(chosen['learning_rate'].value)}")
    ordered = dict.fromkeys([*(key for key in _FIRST_KEYS if key in keys), *keys])
    parts += [_word(key, chosen[key].value) for key in ordered if key not in rate]
    return ", ".join(parts)


def _word(key: str, value: Any) -> str:
    if key.endswith(".name"):
        return str(value)
    if key == "network.hidden":
        return f"hidden {'-'.join(map(str, value)) or 'none'}"
    if key == "data.source" and value is not None:
        value = Path(value).name
    # Its last word alone would be taken for the key of the same name.
    word = key if key.startswith("checkpoint_every.") else key.rpartition(".")[2]
    return f"{word} {value_text(value)}"


def value_text(value: Any) -> str:
    """A config's value as one writes it on the command line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {value_text(inner)}' for name, inner in value.items())}}}"
    return str(value)


def print_run(
    console: Console, entry: Entry, epochs: Sequence[EpochFigures], files: Sequence[FileEntry]
) -> None:
    """Print everything about a run: its result, its config, its last epochs, its files."""
    print_pairs(console, _summary(entry))
    if entry.config is not None:
        chosen = settings(entry.config)
        for title, is_default in (("config", False), ("config, by default", True)):
            pairs = [
                (key, value_text(some.value)) for key, some in chosen.items() if some.is_default == is_default
            ]
            if pairs:
                _title(console, title)
                print_pairs(console, pairs)
    if epochs:
        console.print()
        rows = [[str(e.epoch), value_text(e.learning_rate), *_epoch_cells(e)] for e in epochs]
        unused = 2 if all(e.validation_loss is None for e in epochs) else 0
        header = ["epoch", "learning_rate", *_EPOCH_FIGURES]
        width = len(header) - unused
        print_table(console, header[:width], [row[:width] for row in rows], left=())
    console.print()
    cells = [[f.name, "-" if f.size is None else str(f.size), f.state] for f in files]
    styles = [_STYLES.get(f.state, "") for f in files]
    print_table(console, ["file", "bytes", "sha256"], cells, left={0, 2}, styles=styles)


def _summary(entry: Entry) -> list[tuple[str, str]]:
    pairs = [("run", str(entry.path)), ("status", entry.status)]
    if entry.problem:
        pairs.append(("problem", entry.problem))
    if entry.manifest is None:
        return [*pairs, ("started", _time_text(entry.started.isoformat()))]
    return pairs + _manifest_pairs(entry.manifest)


def _data_pairs(data: Data) -> list[tuple[str, str]]:
    """The table, and the one whose rows are held out, if that is another one."""
    held, digest = data.validation_table, ("data sha256", data.sha256[:16])
    if held is None:
        held_out = f", {data.validation} of them held out" if data.validation else ""
        return [("data", f"{data.source}, {data.rows} rows{held_out}"), digest]
    return [
        ("data", f"{data.source}, {data.rows - data.validation} rows"),
        digest,
        ("held out", f"{held.source}, {data.validation} rows"),
        ("held out sha256", held.sha256[:16]),
    ]


def _manifest_pairs(manifest: Manifest) -> list[tuple[str, str]]:
    data = manifest.data
    best = "" if manifest.best_epoch is None else f", the best of them {manifest.best_epoch}"
    return [
        *([("reason", manifest.reason)] if manifest.reason else []),
        ("epochs", f"{manifest.epochs}{best}"),
        ("steps", str(manifest.steps)),
        ("parameters", manifest.which),
        ("time", f"{manifest.seconds:.2f} s"),
        ("started", _time_text(manifest.started)),
        ("finished", _time_text(manifest.finished)),
        ("classes", ", ".join(manifest.classes)),
        *_data_pairs(data),
        ("target", data.target),
        ("features", ", ".join(data.features)),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
    ]


def _time_text(time: str) -> str:
    """A time in ISO's form, made of words short enough for a narrow terminal."""
    return time.replace("T", " ").replace("+00:00", " UTC")


def print_diff(console: Console, diff: Diff) -> None:
    """Print the keys that differ, the first different losses, and both results."""
    a, b = str(diff.a.path), str(diff.b.path)
    if not diff.config:
        say(console, "the configs are equal")
    pairs = {**diff.config, **diff.others}
    if pairs:
        rows = [[key, *(_side(key, value) for value in pair)] for key, pair in pairs.items()]
        print_table(console, ["key", a, b], rows, left={0, 1, 2})
    console.print()
    _print_first_difference(console, diff.first_difference, a, b)
    console.print()
    figures = zip(_ENDS, _ends(diff.a), _ends(diff.b), strict=True)
    final = [[name, *ends] for name, *ends in figures if ends != ["-", "-"]]
    print_table(console, ["at the end", a, b], final, left={0})
    console.print()
    say(console, _parameters_text(diff.parameters))


def _side(key: str, value: Any) -> str:
    """A value that one of the two may not have; a digest is cut to its beginning."""
    text = "-" if value is None else value_text(value)
    return text[:16] if key.endswith("sha256") else text


def _ends(entry: Entry) -> list[str]:
    manifest, last = entry.manifest, entry.last
    steps, epoch = str(manifest.steps) if manifest else "-", str(last.epoch) if last else "-"
    return [entry.status, epoch, steps, *_figure_cells(entry.figures), *_epoch_cells(last)[:2]]


def _print_first_difference(console: Console, found: FirstDifference | None, a: str, b: str) -> None:
    if found is None:
        say(console, "there are no losses to compare: no file of losses is in both runs")
        return
    what = "samples" if found.file == "steps.csv" else "epochs"
    if not found.differ:
        say(console, f"the losses are equal to the bit: {found.rows} {what}")
        return
    if found.a is None or found.b is None:
        ended, continues = (a, b) if found.a is None else (b, a)
        say(
            console,
            f"the losses are equal for {found.rows} {what}; then {ended} ends and {continues} continues",
        )
        return
    say(console, _first_difference_text(found.a, found.b, found.rows, what))
    rows = [[run, *_row_cells(row, console.width)] for run, row in ((a, found.a), (b, found.b))]
    header = ["run", "epoch", "step", "sample", "loss"]
    if found.a.step is None:
        header, rows = [header[0], header[1], header[4]], [[row[0], row[1], row[4]] for row in rows]
    print_table(console, header, rows, left={0})


def _first_difference_text(a: Row, b: Row, equal: int, what: str) -> str:
    place = f"epoch {a.epoch}"
    if a.step is not None:
        place += f", step {a.step}, sample {a.sample}"
    if (a.epoch, a.sample) != (b.epoch, b.sample):
        return f"the order of the samples first differs at {place}, after {equal} equal {what}"
    gap = f"; they differ by {short(abs(a.loss - b.loss))}" if a.loss != b.loss else ""
    return f"the losses first differ at {place}, after {equal} equal {what}{gap}"


def _row_cells(row: Row, width: int) -> list[str]:
    """The loss with all its digits, since the last may be what differs, or as many as there is room for."""
    texts = (repr(row.loss), *(f"{row.loss:.{digits}g}" for digits in range(16, 3, -1)))
    loss = next(text for text in texts if len(text) <= width or text is texts[-1])
    return [str(row.epoch), str(row.step), str(row.sample), loss]


def _parameters_text(parameters: ParameterDiff) -> str:
    if parameters.problem is not None:
        return f"the parameters cannot be compared: {parameters.problem}"
    if parameters.equal:
        return f"the {parameters.count} parameters are equal to the bit"
    return (
        f"{parameters.differing} of {parameters.count} parameters differ,"
        f" by up to {short(parameters.largest)} at {parameters.place}"
    )


def print_verification(console: Console, result: Verification) -> None:
    """Print for each file whether it repeats, its first difference, and how far the comparison went."""
    cells = [[check.name, _verdict(check)] for check in result.checks]
    styles = [_STYLES["DIFFERS"] if check.difference else "" for check in result.checks]
    print_table(console, ["file", "repeated"], cells, left={0, 1}, styles=styles)
    for check in result.checks:
        if check.difference:
            say(console, f"{check.name}, {check.difference.where}, the run: {check.difference.was}")
            say(console, f"{check.name}, {check.difference.where}, repeated: {check.difference.now}")
        if check.state == "changed":
            say(console, f"note: {check.name} is not the file that the run wrote: its sha256 differs")
    for name, (was, now) in result.versions.items():
        say(console, f"note: the run was made by {name} {was or '-'}; this is {now or '-'}", "yellow")
    for note in _notes(result):
        say(console, note)


def _verdict(check: FileCheck) -> str:
    if check.skipped:
        return f"not compared: {check.skipped}"
    if check.difference:
        return f"DIFFERS at {check.difference.where}"
    return "equal except for its times" if check.name == "manifest.json" else "equal"


def _notes(result: Verification) -> Iterable[str]:
    manifest = result.manifest
    if manifest.status == "interrupted":
        yield f"note: the run was interrupted after step {manifest.steps}; it was compared up to there"
    if not result.equal:
        yield "the run does not repeat"
    elif manifest.status == "not_finite":
        yield f"the run repeats to the byte: {manifest.steps} steps, and again a figure is not finite"
    elif manifest.status == "diverged":
        yield f"the run repeats to the byte: {manifest.steps} steps, and then it diverges again"
    else:
        yield f"the run repeats to the byte: {manifest.steps} steps"


def _title(console: Console, text: str) -> None:
    console.print()
    print_lines(console, text, style="dim")
