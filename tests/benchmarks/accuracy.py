"""How well networks generalize: `python -m tests.benchmarks.accuracy`.

Mean accuracy on held-out samples over stratified 5-fold cross-validation and 20 seeds, on iris and on
scikit-learn's wine and breast cancer tables written as CSV. Takes some minutes; exits with 1 if a mean is
below what is promised.
"""

import csv
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from irisbp.config.load import load_config
from irisbp.training.evaluation import evaluate
from irisbp.training.loop import train
from irisbp.training.setup import prepare

CONFIGS = Path(__file__).parent.parent.parent / "configs"
FOLDS, SEEDS = 5, 20
CASES: tuple[tuple[str, list[str]], ...] = (
    ("glorot-adam-long.yaml", []),
    ("tuned.yaml", []),
)


def _write_tables(folder: Path) -> dict[str, tuple[list[str], float]]:
    """Each table's overrides, and the accuracy to reach."""
    from sklearn.datasets import load_breast_cancer, load_wine

    tables: dict[str, tuple[list[str], float]] = {"iris": ([], 0.96)}
    for name, load in (("wine", load_wine), ("breast_cancer", load_breast_cancer)):
        data, path = load(), folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*data.feature_names, "class"])
            writer.writerows(
                [*map(repr, row), data.target_names[k]]
                for row, k in zip(data.data.tolist(), data.target, strict=True)
            )
        tables[name] = [f"data.source={path}", "data.target=class"], 0.97
    return tables


def _accuracy(config: str, overrides: list[str]) -> float:
    """The final parameters' accuracy on the held-out fold."""
    training = prepare(load_config(CONFIGS / config, overrides))
    for _ in train(training):
        pass
    held_out = training.dataset.held_out_rows
    return evaluate(training.network, training.parameters, training.dataset, held_out).accuracy


def _splits(seed: int) -> list[list[str]]:
    return [[f"seed={seed}", f"data.folds={FOLDS}", f"data.fold={fold}"] for fold in range(FOLDS)]


def main() -> None:
    """Measure, print the table, and exit with 1 if a promise is not kept."""
    table = Table("table", "config", "mean accuracy", "sd over seeds", "at least")
    kept = True
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor() as pool:
        for name, (of_table, least) in _write_tables(Path(folder)).items():
            for config, own in CASES:
                jobs = [
                    [pool.submit(_accuracy, config, [*own, *of_table, *split]) for split in _splits(seed)]
                    for seed in range(SEEDS)
                ]
                by_seed = [statistics.mean(job.result() for job in folds) for folds in jobs]
                mean = statistics.mean(by_seed)
                kept &= mean >= least
                figures = f"{mean:.4f}", f"{statistics.stdev(by_seed):.4f}", f"{least:.2f}"
                table.add_row(name, " ".join([config, *own]), *figures)
    Console(width=100).print(table)
    sys.exit(not kept)


if __name__ == "__main__":
    main()
