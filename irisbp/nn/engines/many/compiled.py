"""Many runs of one structure at once, in the lanes of compiled code and on all cores of the processor.

A run's numbers are those of `engines.one.compiled.CompiledLoop` to the bit, however many runs are trained
with it and whichever they are: no operation mixes lanes, and unused lanes repeat the last run.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from irisbp.nn.backprop import Objective
from irisbp.nn.codegen.structure import (
    Structure,
    corrections_of,
    count_steps,
    memory_names,
    options_of,
    structure_of,
)
from irisbp.nn.network import Network
from irisbp.nn.optimizers import Optimizer
from irisbp.nn.types import Array, Indices

Runs = TypeVar("Runs", Array, Indices)
# Two of AVX2's registers: enough to hide an instruction's latency, few enough not to run out of registers.
_LANES = 8


@dataclass(frozen=True)
class Ensemble:
    """The results of many runs, runs first.

    losses and hits are sums over the epoch's samples, each before its update: (runs, epochs). ends counts the
    samples of a run up to and including the first whose loss was not finite, and is 0 if all losses were
    finite: (runs,). Such a run ends before that sample's batch; that loss is in no sum, and later epochs'
    sums are 0.
    """

    losses: Array
    hits: Indices
    ends: Indices


def train_ensemble(
    network: Network,
    parameters: Array,
    optimizers: Sequence[Optimizer],
    inputs: Array,
    rows: Indices,
    labels: Indices,
    rates: Array,
    *,
    batch_size: int = 1,
    objectives: Sequence[Objective] | None = None,
    threads: int | None = None,
) -> Ensemble:
    """Train runs side by side; llvmlite has to be installed.

    parameters (runs, parameters) is changed in place, and so is the memory of the optimizers, one for each
    run: all of one kind and variant and with equal betas, since Adam's corrections are computed once for
    all; other options may differ. inputs (any number of rows, inputs) is one table or several stacked. rows
    and labels, (runs, orders, n), are the row and the class of each sample of an epoch, with one order for
    all epochs or one for each. rates (runs, epochs) are the learning rates; those of the optimizers are not
    read. objectives, one for each run, have the same reduction, and either all or none has a penalty, and
    either all or none has class weights.
    threads defaults to the number of cores; with 1, all is done in the caller's thread, and an exception
    that a signal handler raises arrives between two blocks of runs.
    """
    from irisbp.nn.codegen.objects import function  # needs llvmlite

    objectives = objectives or [Objective()] * len(rows)
    structure = structure_of(network, optimizers[0], batch_size, objectives[0], _LANES)
    epochs, (runs, orders, samples) = rates.shape[1], rows.shape
    steps = epochs * -(-samples // batch_size)
    corrections, products = corrections_of(optimizers[0], steps)
    plan = np.array([epochs, samples, batch_size, int(orders > 1)])
    compiled, inputs = function(structure), np.ascontiguousarray(inputs)

    def train(start: int) -> Array:
        """Train the runs of one block; returns the results of the code, (1 + 2 epochs, lanes)."""
        chosen = np.minimum(np.arange(start, start + _LANES), runs - 1)
        options = [options_of(optimizers[run], objectives[run]) for run in chosen]
        results = np.zeros((1 + 2 * epochs, _LANES))
        own, memory = _side_by_side(parameters[chosen]), _memory(structure, [optimizers[r] for r in chosen])
        arrays = (
            plan, _side_by_side(rows[chosen]), _side_by_side(labels[chosen]), inputs,
            _side_by_side(rates[chosen]), _side_by_side(np.array(options)), corrections, own, memory, results,
        )  # fmt: skip
        compiled(*[array.__array_interface__["data"][0] for array in arrays])
        for lane, run in enumerate(range(start, min(start + _LANES, runs))):
            parameters[run] = own[:, lane]
            for k, name in enumerate(memory_names(structure)):
                optimizers[run].state[name][...] = memory[k, :, lane]
            end = int(results[0, lane])
            done = _steps_before(end, samples, batch_size) if end else steps
            count_steps(optimizers[run], done, products)
        return results

    blocks = range(0, runs, _LANES)
    if threads == 1:
        parts = list(map(train, blocks))
    else:
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            parts = list(pool.map(train, blocks))
    found = np.concatenate(parts, axis=1)[:, :runs]
    return Ensemble(found[1::2].T, found[2::2].T.astype(np.int64), found[0].astype(np.int64))


def _side_by_side(of_runs: Runs) -> Runs:
    """The array with its first axis, the runs, moved to the end, contiguous."""
    return np.ascontiguousarray(np.moveaxis(of_runs, 0, -1))


def _memory(structure: Structure, optimizers: Sequence[Optimizer]) -> Array:
    memory = np.zeros((3, structure.parameter_count, len(optimizers)))
    for lane, optimizer in enumerate(optimizers):
        for k, name in enumerate(memory_names(structure)):
            memory[k, :, lane] = optimizer.state[name]
    return memory


def _steps_before(end: int, samples: int, batch_size: int) -> int:
    """The number of batches before that of the end-th sample, counted from 1 over all epochs."""
    epoch, place = divmod(end - 1, samples)
    return epoch * -(-samples // batch_size) + place // batch_size
