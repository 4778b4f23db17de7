"""Extreme numbers: logits of all magnitudes against 60 digits, and runs on tables and settings to match.

Two thirds of the trials are rows of logits, of which every probability, the loss and the gradient at the
logits, one row at a time and as a matrix, may be 4 ulp off. One third are small runs, each of which has to
finish with finite numbers, to be told as not_finite at its end, or to stop as diverged at a place, with
parameters that are finite.
"""

import csv
import json
import random
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf, isfinite, ulp
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from irisbp.config.load import to_yaml
from irisbp.config.schema import Config
from irisbp.errors import ConfigError, DataError, Diverged
from irisbp.nn.backprop import Backprop
from irisbp.nn.losses import SampleCrossEntropy, cross_entropy, softmax
from irisbp.nn.types import Array
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.open import open_run
from irisbp.runs.session import finish
from irisbp.training.evaluation import evaluate
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Block, Training
from tests.campaign import Outcome

FAULT = "inputs +-1e308, logits +-1e4, rate 1e300, constant columns"
PASSES_WHEN = (
    "softmax and loss are within 4 ulp of 60 digits, or exit code 4 with the place;"
    " last finite parameters kept"
)
FULL, SHORT = 10_000, 150

_ULP = 4.0
_PROCESS_EVERY = 100  # one run in so many is made by a process, too


@dataclass
class _Worst:
    """The largest errors in ulp, and how the runs ended."""

    ulps: dict[str, float] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)

    def note(self, what: str, error: float) -> None:
        self.ulps[what] = max(error, self.ulps.get(what, 0.0))

    def told(self) -> str:
        errors = ", ".join(f"{what} {error:.2f} ulp" for what, error in self.ulps.items())
        return f"{errors}; runs: " + ", ".join(f"{n} {end}" for end, n in sorted(self.ends.items()))


def run(trials: int, folder: Path) -> Outcome:
    """Rows of logits, then runs."""
    outcome, worst = Outcome(), _Worst()
    runs = trials // 3
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        for seed in range(trials - runs):
            outcome.check(*_row_trial(seed, worst))
        for seed in range(runs):
            trouble = _run_trial(seed, folder, worst)
            outcome.check(not trouble, f"run {seed}: {trouble}")
    outcome.measured = worst.told()
    return outcome


def _row_trial(seed: int, worst: _Worst) -> tuple[bool, str]:
    draw = random.Random(f"row {seed}")
    logits = draw.choice(_ROWS)(draw, draw.choice((2, 3, 3, 4, 5, 10, 50)))
    label = draw.randrange(len(logits))
    errors = dict(_errors(logits, label))
    for what, error in errors.items():
        worst.note(what, error)
    return max(errors.values()) <= _ULP, f"row {seed}: {errors}, label {label} of {logits}"


def _errors(logits: list[float], label: int) -> Iterator[tuple[str, float]]:
    row = np.array([logits])
    delta, of_matrix = np.zeros_like(row), np.zeros((2, len(logits)))
    # A run ignores what an exponential does below the smallest number.
    with np.errstate(all="ignore"):
        loss, _ = SampleCrossEntropy(row, delta)(label)
        losses, _ = cross_entropy(np.array([logits, [1.0] * len(logits)]), np.array([label, 0]), of_matrix)
        probabilities = softmax(row)[0]
    with mpmath.workdps(60):
        p, exact_loss, exact_delta = _exact(logits, label)
        yield "softmax", _most(probabilities, p)
        yield "loss", _most([loss, losses[0]], [exact_loss, exact_loss])
        yield "gradient", max(_most(delta[0], exact_delta), _most(of_matrix[0], exact_delta))


def _exact(logits: list[float], label: int) -> tuple[list[mpmath.mpf], mpmath.mpf, list[mpmath.mpf]]:
    """Probabilities, loss and gradient at the logits, from the logits as they are given."""
    z = [mpmath.mpf(x) for x in logits]
    powers = [mpmath.exp(x - z[label]) for x in z]  # mpmath's exponents have no end
    others = mpmath.fsum(power for k, power in enumerate(powers) if k != label)
    p = [power / (1 + others) for power in powers]
    gradient = [*p[:label], -others / (1 + others), *p[label + 1 :]]
    return p, mpmath.log1p(others), gradient


def _most(computed: Iterable[float], exact: list[mpmath.mpf]) -> float:
    return max(_ulps(float(got), right) for got, right in zip(computed, exact, strict=True))


def _ulps(computed: float, exact: mpmath.mpf) -> float:
    """The error in units in the last place of the exact value, of 2^-1074 below 2^-1022."""
    if not isfinite(computed):
        return inf
    unit = mpmath.mpf(ulp(max(abs(float(exact)), 2.0**-1022)))
    return float(abs(mpmath.mpf(computed) - exact) / unit)


def _wide(draw: random.Random, classes: int) -> list[float]:
    return [draw.uniform(-1e4, 1e4) for _ in range(classes)]


def _common(draw: random.Random, classes: int) -> list[float]:
    spread = draw.choice((1e-9, 0.1, 1.0, 10.0, 40.0))
    return [draw.gauss(0.0, spread) for _ in range(classes)]


def _far_together(draw: random.Random, classes: int) -> list[float]:
    at, spread = draw.uniform(-1e4, 1e4), draw.choice((1e-6, 1.0, 10.0, 300.0))
    return [at + draw.gauss(0.0, spread) for _ in range(classes)]


def _ties(draw: random.Random, classes: int) -> list[float]:
    values = [draw.choice((0.0, 1e-300, -1e-300, 5e-324, draw.uniform(-1e4, 1e4))) for _ in range(2)]
    return [draw.choice(values) for _ in range(classes)]


def _underflowing(draw: random.Random, classes: int) -> list[float]:
    """Powers about the smallest normal number, 2^-1022, and the smallest of all, 2^-1074."""
    at = draw.choice((0.0, draw.uniform(-400.0, 400.0), draw.uniform(-9000.0, 9000.0)))
    ends = (700.0, 708.4, 709.78, 710.0, 744.44, 745.0, 745.13, 745.14, 746.0)
    return [at] + [at - draw.choice(ends) - draw.uniform(-0.5, 0.5) for _ in range(classes - 1)]


def _at_the_border(draw: random.Random, classes: int) -> list[float]:
    """About +-340, where the formula changes."""
    return [
        draw.choice((-1, 1)) * (340.0 + draw.gauss(0.0, 1.0)) * draw.random() ** 0.1 for _ in range(classes)
    ]


def _lost_in_a_sum(draw: random.Random, classes: int) -> list[float]:
    """One power, and many that are each lost when added to it but not together."""
    at = draw.choice((0.0, draw.uniform(-9000.0, 9000.0)))
    row = [at] + [at - draw.uniform(36.0, 37.5) for _ in range(classes - 1)]
    draw.shuffle(row)
    return row


_ROWS = (
    _wide,
    _common,
    _far_together,
    _ties,
    _underflowing,
    _at_the_border,
    _lost_in_a_sum,
)


def _run_trial(seed: int, folder: Path, worst: _Worst) -> str:
    """What is wrong with a run, or nothing."""
    draw, path = random.Random(f"run {seed}"), folder / f"{seed}"
    path.mkdir()
    config = _config(draw, _write_table(draw, path / "table.csv"))
    try:
        training = prepare(config)
    except (ConfigError, DataError) as error:
        training, trouble, end = None, "", type(error).__name__
    try:
        if training is not None:
            trouble, end = _train_and_look(training, path / "run")
        if not seed % _PROCESS_EVERY:
            trouble = trouble or _process_trouble(config, end, path)
    except Exception as error:
        trouble, end = f"{type(error).__name__}: {error}", "broken"
    worst.ends[end] = worst.ends.get(end, 0) + 1
    return trouble and f"{trouble}; {config.model_dump(exclude_defaults=True)}"


def _process_trouble(config: Config, end: str, path: Path) -> str:
    """What is wrong with the same run in a process of its own, followed by its evaluation."""
    (path / "config.yaml").write_text(to_yaml(config))
    done = _irisbp("train", str(path / "config.yaml"), "--quiet", "--run-dir", str(path / "again"))
    expected = {"completed": 0, "not_finite": 4, "diverged": 4}.get(end, 2)
    if done.returncode != expected or "Warning" in done.stderr or "Traceback" in done.stderr:
        return f"the process ended with {done.returncode}, not {expected}: {done.stderr}"
    if expected == 2:
        return ""
    if (path / "again/parameters.npz").read_bytes() != (path / "run/parameters.npz").read_bytes():
        return "the process kept other parameters"
    evaluated = _irisbp("evaluate", str(path / "again"), "--json")
    loss = json.loads(evaluated.stdout)["loss"]
    if evaluated.returncode != (4 if loss is None else 0) or "Warning" in evaluated.stderr:
        return f"its evaluation ended with {evaluated.returncode}: {evaluated.stderr}"
    return ""


def _irisbp(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "irisbp", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def _train_and_look(training: Training, path: Path) -> tuple[str, str]:
    last: Array = training.parameters.copy()
    with Directory.create(path) as directory:
        writer, blocks = RunWriter(directory, training), []
        try:
            for record in train(training):
                writer.take(record)
                if isinstance(record, Block):
                    blocks.append(record)
                    last = training.parameters.copy()
                elif not isfinite(record.loss):
                    return f"the mean loss of epoch {record.epoch} is {record.loss}", "completed"
            status, place = finish(writer, training, "completed").status, None
        except Diverged as error:
            status, place = "diverged", error
            finish(writer, training, "diverged", error.what)
    trouble = _look_at_losses(training, blocks, place) or _look_at_files(training, path, status, last)
    return trouble, status


def _look_at_losses(training: Training, blocks: list[Block], place: Diverged | None) -> str:
    losses = [loss for block in blocks for loss in block.losses]
    if place is None:
        if len(losses) != training.config.epochs * len(training.order):
            return f"it completed with {len(losses)} samples"
        return "" if all(map(isfinite, losses)) else "a loss is not finite, and the run went on"
    end = blocks[-1]
    if sum(len(block.rows) for block in blocks if block.epoch < end.epoch) != (end.epoch - 1) * len(
        training.order
    ):
        return "an epoch before the last is short"
    if not all(map(isfinite, losses[:-1])):
        return "it went on behind a loss that is not finite"
    if (place.epoch, place.step, place.sample) != (end.epoch, end.last_step, end.rows[-1]):
        return f"the place is not the last sample's: {place}"
    about_loss = "the loss" in place.what
    return "" if about_loss != isfinite(losses[-1]) else f"{place.what}, but the last loss is {losses[-1]}"


def _look_at_files(training: Training, path: Path, status: str, last: Array) -> str:
    run = open_run(path, "last")
    if run.manifest.status != status:
        return f"the manifest says {run.manifest.status}"
    if not np.isfinite(run.vector).all():
        return "a parameter that was kept is not finite"
    if not np.array_equal(run.vector, last):
        return "the parameters are not those that training left"
    evaluate(run.network, run.vector, run.dataset)
    figures, held = run.manifest.figures, run.manifest.data.validation
    is_finite = figures.loss is not None and (figures.validation_loss is not None or not held)
    if status != "diverged" and is_finite != (status == "completed"):
        return f"the status is {status} with {figures}"
    with open(path / "steps.csv", newline="") as file:
        first = next(iter(csv.DictReader(file)))
    return _look_at_first_loss(prepare(training.config), first)


def _look_at_first_loss(fresh: Training, recorded: dict[str, str]) -> str:
    """The first loss that was recorded, against 60 digits from the logits of the initial parameters."""
    row, loss = int(recorded["sample"]), float(recorded["loss"])
    inputs = np.append(fresh.dataset.inputs[row], 1.0)[np.newaxis]
    rows = np.repeat(inputs, fresh.batch_size, axis=0)
    with np.errstate(all="ignore"):
        logits = Backprop(fresh.network, fresh.parameters, rows=len(rows)).forward(rows)[0].tolist()
    if not all(map(isfinite, logits)):
        return ""
    with mpmath.workdps(60):
        exact = _exact(logits, int(fresh.dataset.labels[row]))[1]
        if exact > np.finfo(float).max:
            return "" if loss == inf else f"the first loss is {loss}, where it is beyond float64"
        # A batch's matrix product may add in another order.
        room = max(map(abs, logits)) * 2.0**-45 + 4 * ulp(float(exact))
        return "" if abs(loss - exact) <= room else f"the first loss is {loss} for {float(exact)}"


def _write_table(draw: random.Random, path: Path) -> Path:
    rows, features = draw.choice((6, 9, 14)), draw.choice((1, 2, 4))
    columns = [draw.choice(_COLUMNS)(draw, rows) for _ in range(features)]
    names = ",".join(f"x{k}" for k in range(features))
    lines, classes = [f"{names},class"], draw.choice(("ab", "abc"))
    for k, cells in enumerate(zip(*columns, strict=True)):
        lines.append(",".join([*map(repr, cells), classes[k % len(classes)]]))
    path.write_text("\n".join(lines) + "\n")
    return path


def _column(*magnitudes: float) -> Any:
    def column(draw: random.Random, rows: int) -> list[float]:
        magnitude = draw.choice(magnitudes)
        return [draw.uniform(-1.0, 1.0) * magnitude for _ in range(rows)]

    return column


def _at_the_ends(draw: random.Random, rows: int) -> list[float]:
    return [draw.choice((-1e308, 1e308, 1.7976931348623157e308, 0.0, 1.0)) for _ in range(rows)]


def _constant(draw: random.Random, rows: int) -> list[float]:
    return [draw.choice((0.0, 0.1, 1e308, 5e-324))] * rows


def _nearly_constant(draw: random.Random, rows: int) -> list[float]:
    value = draw.choice((0.1, 1e6 + 1 / 3, 1e300, 1e-300, 5e-324))
    return [value + draw.choice((0, 1)) * ulp(value) for _ in range(rows)]


_COLUMNS = (
    _column(1.0),
    _column(1.0, 1e308, 1e200, 1e-200, 1e-300),
    _column(1e-307, 1e-308, 1e-310, 1e-320),
    _at_the_ends,
    _nearly_constant,
    *([_column(1.0)] * 12),
    _constant,
)


def _config(draw: random.Random, table: Path) -> Config:
    keys: dict[str, Any] = {
        "seed": draw.randrange(1000),
        "rng": draw.choice(("numpy", "numpy", "r")),
        "learning_rate": draw.choice((1e-300, 5e-324, 0.1, 1.0, 1e3, 1e100, 1e300, 1.7e308)),
        "epochs": draw.choice((1, 2, 4)),
        "initializer": draw.choice(_INITIALIZERS),
        "optimizer": draw.choice(_OPTIMIZERS),
        "schedule": draw.choice(("constant", "cosine", {"name": "exponential", "factor": 1e-300})),
        "batch_size": draw.choice((1, 1, 1, 2, 5, "all")),
        "reduction": draw.choice(("mean", "sum")),
        "l2": draw.choice((0.0, 0.0, 0.0, 1e-300, 1.0, 1e300)),
        "clip_norm": draw.choice((None, None, None, 5e-324, 1e-300, 1.0, 1e308)),
        "network": {
            "hidden": draw.choice(([], [3], [2, 2], [4])),
            "activation": draw.choice(("sigmoid", "tanh", "relu", "leaky_relu", "softplus", "identity")),
        },
        "data": {"source": str(table), "target": "class"} | draw.choice(({}, {}, {"validation": 0.3})),
    }
    return Config.model_validate(keys)


_INITIALIZERS = (
    *({"name": "normal", "sd": sd} for sd in (1e-320, 1e-150, 1.0, 1e4, 1e150, 1e300, 1.7e308)),
    *({"name": "uniform", "limit": limit} for limit in (5e-324, 1.0, 1e150, 1e308, 1.7e308)),
    *({"name": "glorot_uniform", "gain": gain} for gain in (1e-300, 1.0, 1e300, 1.7e308)),
    *({"name": "he_normal", "gain": gain} for gain in (1e-300, 1.0, 1e300, 1.7e308)),
    *({"name": "constant", "value": value} for value in (0.0, -1e308, 1.7e308, 1e-320)),
    *(["glorot_normal", "normal", "zeros", {"name": "normal", "sd": 1e152}] * 4),
)

_OPTIMIZERS: tuple[Any, ...] = (
    "sgd",
    "sgd",
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    "rmsprop",
    {"name": "rmsprop", "rho": 0.0, "epsilon": 5e-324},
    "adagrad",
    {"name": "adagrad", "epsilon": 1e308},
    "adadelta",
    {"name": "adadelta", "epsilon": 1e-320},
    "adam",
    {"name": "adam", "epsilon": 1e-320, "amsgrad": True},
    {"name": "adamw", "weight_decay": 1e300},
    "nadam",
    {"name": "nadam", "momentum_decay": 1e300},
)
