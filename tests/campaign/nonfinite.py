"""Figures that are not finite, in every place in which a figure is used.

Small runs end with parameters whose losses overflow, by penalties that let the weights grow, or hold rows out
that lie near the end of float64. Each is compared with what its own records and parameters say, by other code
than irisbp's: its best epoch, its early end, its status and its figures, and what its sweep makes of it. Some
are also trained by a process, and every command that takes a run is asked about them.
"""

import csv
import json
import random
import subprocess
import sys
from collections import Counter
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

import irisbp
from irisbp.config.load import to_yaml
from irisbp.config.schema import Config
from irisbp.nn.codegen.structure import available
from irisbp.nn.types import Array, Indices
from tests.campaign import Outcome

FAULT = "losses that are nan or infinite: final, of held-out rows, of an epoch, in a sweep"
PASSES_WHEN = "none is the best or a success; own status, exit code 4, the row named; parameters are finite"
FULL, SHORT = 1000, 10

_PROCESS_EVERY = 100  # trials; a short form makes no processes
_SEEDS = 2  # of a sweep


def run(trials: int, folder: Path) -> Outcome:
    """A run, a sweep of its seeds, and of some of them all commands."""
    outcome, ends = Outcome(), Counter[str]()
    for seed in range(trials):
        path = folder / str(seed)
        path.mkdir()
        try:
            by_process = trials > _PROCESS_EVERY and not seed % _PROCESS_EVERY
            trouble, end = _try(random.Random(seed), path, by_process=by_process)
        except Exception as error:
            trouble, end = f"{type(error).__name__}: {error}", "broken"
        ends[end] += 1
        outcome.check(not trouble, f"run {seed}: {trouble}")
    wanted = {"completed", "completed, not finite before", "not_finite", "diverged"}
    outcome.check(wanted <= ends.keys(), f"the runs ended only so: {dict(ends)}")
    outcome.measured = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    return outcome


def _try(draw: random.Random, path: Path, *, by_process: bool) -> tuple[str, str]:
    """What is wrong, or nothing; and how the run ended."""
    config = _config(draw, path)
    done = _train(config, path / "run")
    trouble = _wrong_with_best(done) or _wrong_with_end(done) or _wrong_with_sweep(config)
    if by_process:
        trouble = trouble or _wrong_with_commands(config, done, path)
    gaps = not np.isfinite(done.epochs["validation_loss"].to_numpy()).all() and done.status == "completed"
    return trouble, "completed, not finite before" if gaps else done.status


def _train(config: Config, path: Path | None = None) -> irisbp.Run:
    try:
        return irisbp.train(config, directory=path)
    except irisbp.Diverged as error:
        found: irisbp.Run = error.run
        told = isinstance(error, irisbp.NotFinite), str(error).split("\n")[0]
        if told != (found.status == "not_finite", found.manifest.reason):
            raise AssertionError(f"{found.status}, but raised was {error!r}") from error
        return found


def _wrong_with_best(run: irisbp.Run) -> str:
    """The best epoch and the early end, by the rule in words: what is not finite is no improvement."""
    stopping = run.config.early_stopping
    on_training = stopping is not None and stopping.monitor == "training"
    frame = run.epochs
    monitored = frame["epoch_loss" if on_training else "validation_loss"].to_numpy()
    if not np.isfinite(frame["epoch_loss"]).all():
        return "the mean of losses that are finite is not"
    patience = stopping.patience if stopping else inf
    best, least, waited = None, inf, 0
    for epoch, loss in enumerate(monitored, 1):
        if waited >= patience:
            return f"it went on after epoch {epoch - 1}"
        waited += 1
        if isfinite(loss) and loss < least and (best is None or loss < least * (1 - 1e-12)):
            best, least, waited = epoch, loss, 0
    found, is_early = run.manifest.best_epoch, run.status != "diverged" and len(frame) < run.config.epochs
    if found != best:
        return f"the best epoch is {found}, not {best}, of {monitored}"
    if is_early != run.manifest.stopped_early or (is_early and waited < patience):
        return f"it ended after epoch {len(frame)}, early: {run.manifest.stopped_early}"
    return ""


def _wrong_with_end(run: irisbp.Run) -> str:
    """The status and the figures, from the parameters that the run names."""
    dataset, figures = run.dataset, run.manifest.figures
    for which in ("last", "best") if run.manifest.best_epoch else ("last",):
        if not np.isfinite(run.using(which).vector).all():
            return f"the {which} parameters are not finite"
    bad = 0
    for name, rows in (("loss", dataset.train_rows), ("validation_loss", dataset.held_out_rows)):
        mean, kept = _mean_loss(run, rows), getattr(figures, name)
        bad += not isfinite(mean)
        if isfinite(mean) != (kept is not None):
            return f"the {name} is {kept}, where other code has {mean}"
        if kept is not None and abs(mean - kept) > 1e-9 * max(1.0, mean):
            return f"the {name} is {kept}, not {mean}"
    if run.status == "diverged":
        return ""
    if run.status != ("not_finite" if bad else "completed"):
        return f"the status is {run.status} with {bad} losses that are not finite"
    reason = run.manifest.reason or ""
    end = f"after epoch {run.manifest.epochs}, step {run.manifest.steps},"
    place = f"of epoch {run.manifest.best_epoch}," if run.which == "best" else end
    is_told = place in reason and ": row " in reason if bad else not reason
    return "" if is_told else f"the reason is {reason!r}"


def _mean_loss(run: irisbp.Run, rows: Indices) -> float:
    """The mean cross-entropy of rows: each layer in turn, and the logarithm of a sum of exponentials."""
    values, parameters = run.dataset.inputs[rows], dict(run.parameters)
    names = [name.removesuffix(".weight") for name in parameters if name.endswith(".weight")]
    is_relu = run.config.network.activation == "relu"
    with np.errstate(all="ignore"):
        for name in names:
            values = values @ parameters[f"{name}.weight"] + parameters[f"{name}.bias"]
            if name != "output":
                values = np.maximum(values, 0.0) if is_relu else np.tanh(values)
        largest = values.max(axis=1)
        spread = np.log(np.exp(values - largest[:, None]).sum(axis=1))
        losses: Array = largest - values[np.arange(len(rows)), run.dataset.labels[rows]] + spread
        return float((losses / len(losses)).sum())


def _wrong_with_sweep(config: Config) -> str:
    """Seeds of the run, and a setting beside it: what has diverged, the means, and which setting is first."""
    swept = irisbp.sweep(config, {"l2": sorted({0.0, config.l2}), "seed": range(_SEEDS)}, jobs=1)
    frame, summary = swept.results, swept.summary
    losses = frame[["loss", "validation_loss"]].to_numpy()
    lost = ~np.isfinite(losses).all(axis=1)
    if (lost & (frame["status"] != "diverged")).any():
        return f"a row of the sweep counts: {frame[['status', 'loss', 'validation_loss']]}"
    for status, row in {status: row for row, status in enumerate(frame["status"])}.items():
        alone = _train(swept.config(row)).status
        if (alone == "completed") != (status == "completed"):
            return f"row {row} is {status}, and alone {alone}"
    kept = np.where((frame["status"] == "completed").to_numpy(), losses[:, 1], nan).reshape(-1, _SEEDS)
    counts = np.isfinite(kept).sum(axis=1)
    means = [
        sum(values[np.isfinite(values)] / count) if count else nan
        for values, count in zip(kept, counts, strict=True)
    ]
    if (summary["diverged"] != _SEEDS - counts).any():
        return f"the sweep counts {summary['diverged'].tolist()} lost of {counts}"
    if "validation_loss_mean" in summary and not np.allclose(
        summary["validation_loss_mean"], means, rtol=1e-9, atol=0, equal_nan=True
    ):
        return f"the means are {summary['validation_loss_mean'].tolist()}, not {means}"
    first = int(summary["rank"].argmin())
    if counts[first] < counts.max():
        return f"setting {first} is first with {counts} runs"
    return ""


def _wrong_with_commands(config: Config, done: irisbp.Run, path: Path) -> str:
    """The exit code and the words of every command that takes a run."""
    (path / "config.yaml").write_text(to_yaml(config))
    expected = 0 if done.status == "completed" else 4
    again = _irisbp(path, "train", "config.yaml", "--json", "--run-dir", "again")
    told = json.loads(again.stdout, parse_constant=lambda name: None)
    if (again.returncode, told["status"]) != (expected, done.status):
        return f"the process ended with {again.returncode}, {told['status']}: {again.stderr}"
    if (path / "again/parameters.npz").read_bytes() != (path / "run/parameters.npz").read_bytes():
        return "the process kept other parameters"
    listed = json.loads(_irisbp(path, "runs", "list", "again", "--json").stdout)["runs"][0]["status"]
    if listed != ("stopped early" if told["stopped_early"] and not expected else done.status):
        return f"the list has {listed}"
    loss = told["validation_loss"]
    codes = {
        ("evaluate", "again"): 0 if loss is not None else 4,
        ("evaluate", "again", "--assert", "accuracy>=0"): 0 if loss is not None else 4,
        ("evaluate", "again", "--assert", "loss<1e308"): 0 if loss is not None and loss < 1e308 else 3,
        ("resume", "again", "--quiet"): expected,
        ("runs", "verify", "again"): 0,
        ("runs", "diff", "run", "again"): 0,
        ("runs", "show", "again"): 0,
        ("plot", "again"): 0,
        ("explain", "again"): 0,
        ("gradcheck", "again"): 0,
        ("predict", "again", "table.csv"): 0 if told["loss"] is not None else 2,
    }
    for arguments, code in codes.items():
        answer = _irisbp(path, *arguments)
        if answer.returncode != code or "Traceback" in answer.stderr or "Warning" in answer.stderr:
            return f"{' '.join(arguments)} ended with {answer.returncode}, not {code}: {answer.stderr}"
    return ""


def _irisbp(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "irisbp", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def _config(draw: random.Random, path: Path) -> Config:
    far = draw.choice((0.0, 1e300, 1e307, 1e308, 1.7976931348623157e308))
    _write(draw, path / "table.csv", 16, 0.0)
    _write(draw, path / "held-out.csv", 6, far)
    engines = (*["plain"] * 5, "compiled") if available() else ("plain",)
    keys: dict[str, Any] = {
        "seed": draw.randrange(1000),
        "learning_rate": draw.choice((0.02, 0.1)),
        "epochs": draw.choice((3, 6, 10)),
        "batch_size": draw.choice((1, 5, "all")),
        "l2": draw.choice((0.0, 0.0, 0.1, 1e10, 1e33, 1e100)),
        "engine": draw.choice(engines),
        "network": {"hidden": draw.choice(([], [3])), "activation": draw.choice(("relu", "tanh"))},
        "initializer": draw.choice(("normal", {"name": "normal", "sd": 0.05})),
        "early_stopping": draw.choice(
            (
                None,
                {"patience": 2},
                {"patience": 4, "restore_best": False},
                {"patience": 2, "monitor": "training"},
            )
        ),
        "data": {
            "source": str(path / "table.csv"),
            "target": "class",
            "validation_source": str(path / "held-out.csv"),
        },
    }
    return Config.model_validate(keys)


def _write(draw: random.Random, path: Path, rows: int, far: float) -> None:
    """Two classes apart; the third row has a cell far out, or two."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["x1", "x2", "class"])
        for row in range(rows):
            cells = [draw.gauss(row % 2, 0.7), draw.gauss(row % 2, 0.7)]
            if far and row == 2:
                cells = [far, draw.choice((cells[1], far, -far))]
            writer.writerow([*cells, "ab"[row % 2]])
