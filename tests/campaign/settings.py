"""CPU settings under which NumPy and its BLAS take other paths, and a program that trains under them.

A setting is a set of environment variables: which of the processor's extensions NumPy leaves unused (names
that a version of NumPy or a processor does not have are passed over), which kernels OpenBLAS takes, and
how many threads. GLIBC_TUNABLES keeps the C library's exp and log from fused operations.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NEWEST = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4"

SETTINGS: dict[str, dict[str, str]] = {
    "as the machine is": {},
    "no AVX-512": {"NPY_DISABLE_CPU_FEATURES": _NEWEST},
    "no AVX2": {
        "NPY_DISABLE_CPU_FEATURES": f"{_NEWEST} AVX2 FMA3 X86_V3",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable,-FMA4_Usable",
    },
    "OpenBLAS for Nehalem": {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1"},
    "OpenBLAS for Sandybridge": {"OPENBLAS_CORETYPE": "Sandybridge", "OPENBLAS_NUM_THREADS": "2"},
    "no AVX2, OpenBLAS for Nehalem": {
        "NPY_DISABLE_CPU_FEATURES": f"{_NEWEST} AVX2 FMA3 X86_V3",
        "OPENBLAS_CORETYPE": "Nehalem",
        "OPENBLAS_NUM_THREADS": "2",
    },
}

_PROGRAM = """
import hashlib, io, json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")  # NumPy warns of features to disable that it does not know
import numpy as np
try:
    from numpy._core._multiarray_umath import __cpu_features__
except ImportError:
    from numpy.core._multiarray_umath import __cpu_features__
from irisbp.config.load import load_config
from irisbp.errors import Diverged
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.session import finish
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Block

folder, result = Path(sys.argv[1]), {"features": sorted(k for k, on in __cpu_features__.items() if on)}
result["runs"] = []
for number, overrides in enumerate(json.load(sys.stdin)):
    training, path, status = prepare(load_config(None, overrides)), folder / str(number), "completed"
    losses, predictions = [], []
    with Directory.create(path) as directory:
        writer = RunWriter(directory, training)
        try:
            for record in train(training):
                writer.take(record)
                if isinstance(record, Block):
                    losses += record.losses
                    predictions += record.predictions
        except Diverged:
            status = "diverged"
        finish(writer, training, status)
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in path.iterdir()
             if p.name != "manifest.json" and not p.name.startswith("checkpoint-")}
    result["runs"].append({"files": files, "losses": losses, "predictions": predictions,
                           "parameters": training.parameters.tolist()})
print(json.dumps(result))
"""


@dataclass(frozen=True)
class Run:
    """What came of a run: the SHA-256 of its files, and its numbers.

    The manifest, and the checkpoints that a diverged run keeps, hold times.
    """

    files: dict[str, str]
    losses: list[float]
    predictions: list[int]
    parameters: list[float]


def trained(setting: str, runs: list[list[str]], folder: Path, python: str) -> tuple[list[str], list[Run]]:
    """The CPU's features in use, and what came of runs (their overrides) in a process under a setting."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("NPY_", "OPENBLAS_"))}
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [python, "-c", _PROGRAM, str(folder)],
        input=json.dumps(runs),
        env=plain | SETTINGS[setting] | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{python}, {setting}: {done.stderr[-2000:]}")
    result = json.loads(done.stdout)
    return result["features"], [Run(**run) for run in result["runs"]]
