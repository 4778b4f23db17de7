"""The counts of operations, against expressions that SymPy really builds and a backward pass that counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest
import sympy
from matplotlib.colors import to_hex

from irisbp.derivations.growth import CLASSES, INPUTS, chain, measure, written_out
from irisbp.show.plots.growth import draw_growth, growth_picture

HIDDEN = [(2,), (3,), (4,), (2, 2), (3, 3), (4, 4), (3, 2), (2, 4), (2, 2, 2), (3, 2, 2), (3, 3, 3)]


class Sigmoid(sympy.Function):  # type: ignore[misc]
    """The logistic function by name: one operation, and a slope written as the article writes it."""

    def fdiff(self, argindex: int = 1) -> Any:
        return Sigmoid(self.args[0]) * (1 - Sigmoid(self.args[0]))


def _loss(inputs: int, hidden: tuple[int, ...], classes: int, number: Any, functions: Any) -> Any:
    """log(sum_j exp(o_j)) - o_0, each node's weighted sum spelt out."""
    sigmoid, exp, log = functions
    values = [number(f"x{i}") for i in range(inputs)]
    for layer, width in enumerate([*hidden, classes]):
        sums = [
            sum(
                (number(f"w{layer}_{i}_{j}") * value for i, value in enumerate(values)),
                number(f"b{layer}_{j}"),
            )
            for j in range(width)
        ]
        values = sums if layer == len(hidden) else [sigmoid(a) for a in sums]
    return log(sum((exp(o) for o in values[1:]), exp(values[0]))) - values[0]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_recurrence_counts_what_sympy_counts(hidden: tuple[int, ...]) -> None:
    functions = (Sigmoid, sympy.exp, sympy.log)
    loss = _loss(INPUTS, hidden, CLASSES, sympy.Symbol, functions)
    derivative = loss.diff(sympy.Symbol("w0_0_0"))
    assert written_out(INPUTS, hidden, CLASSES) == derivative.count_ops()


class Counted:
    """A number that counts what is done to it."""

    done: ClassVar[Counter[str]] = Counter()

    def _count(self, other: Counted) -> Counted:
        Counted.done["operation"] += 1
        return Counted()

    __add__ = __sub__ = __mul__ = __truediv__ = _count

    def function(self) -> Counted:
        Counted.done["operation"] += 1
        return Counted()


def _weighted_sum(weights: list[Counted], values: list[Counted], start: Counted | None = None) -> Counted:
    total = start
    for weight, value in zip(weights, values, strict=True):
        total = weight * value if total is None else total + weight * value
    assert total is not None
    return total


def _backpropagate(hidden: tuple[int, ...], only_one: bool) -> int:
    """A textbook's backward pass, on numbers that count."""
    Counted.done.clear()
    n = Counted()
    values = [[n] * INPUTS]
    for width in hidden:
        below = values[-1]
        values.append([_weighted_sum([n] * len(below), below, n).function() for _ in range(width)])
    logits = [_weighted_sum([n] * hidden[-1], values[-1], n) for _ in range(CLASSES)]
    powers = [logit.function() for logit in logits]
    total = powers[0]
    for power in powers[1:]:
        total = total + power
    deltas = [power / total for power in powers]
    deltas[0] = deltas[0] - n
    for layer in range(len(hidden), -1, -1):
        if not only_one:
            for value in values[layer]:
                for delta in deltas:
                    value * delta
        elif layer == 0:
            values[0][0] * deltas[0]
        if layer:
            nodes = values[layer][:1] if only_one and layer == 1 else values[layer]
            deltas = [_weighted_sum([n] * len(deltas), deltas) * (h * (n - h)) for h in nodes]
    return Counted.done["operation"]


@pytest.mark.parametrize("hidden", [*HIDDEN, (4, 3, 2, 3, 4)])
@pytest.mark.parametrize("only_one", [True, False])
def test_the_chain_counts_what_a_backward_pass_does(hidden: tuple[int, ...], only_one: bool) -> None:
    assert chain(INPUTS, hidden, CLASSES, only_one=only_one) == _backpropagate(hidden, only_one)


def test_written_out_outgrows_the_chain() -> None:
    rows = measure()
    assert [(row.layers, row.width) for row in rows] == [(d, w) for d in range(1, 6) for w in (2, 3, 4)]
    for width in (2, 3, 4):
        ratios = [row.written_out / row.chain for row in rows if row.width == width]
        assert all(later > 1.4 * former for former, later in pairwise(ratios))
    article = next(row for row in rows if (row.layers, row.width) == (1, 3))
    assert article.parameters == 27
    assert set(asdict(article)) == {
        "layers", "width", "parameters", "written_out", "chain", "all_by_chain",
    }  # fmt: skip


def test_the_picture_has_a_pair_of_lines_for_each_width() -> None:
    rows = measure()
    [axes] = growth_picture(rows).axes
    assert axes.get_yscale() == "log"
    lines = axes.get_lines()
    assert np.asarray(lines[0].get_ydata()).tolist() == [row.written_out for row in rows if row.width == 2]
    assert np.asarray(lines[3].get_ydata()).tolist() == [row.chain for row in rows if row.width == 3]
    assert len({to_hex(line.get_color()) for line in lines}) == 3
    assert draw_growth(rows, "png")[:4] == b"\x89PNG"
    assert draw_growth(rows, "svg") == draw_growth(rows, "svg")
