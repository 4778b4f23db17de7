"""The same update, or gradient, as notes for a lesson: Markdown, with the equations in LaTeX.

Layers count from 1 and nodes from 0, as in the parameters' names: a is a weighted sum, h an activation,
z a logit, w and b are weights and biases, of the layer in the superscript.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from irisbp.errors import literal
from irisbp.explanations.gradient import ExplainedGradient
from irisbp.explanations.naming import Parameter
from irisbp.explanations.paths import MOST_PATHS, Chain
from irisbp.explanations.worked import Numbers, Worked
from irisbp.nn.types import Array
from irisbp.show.explain import (
    MOST_LISTED,
    MOST_NODES,
    MOST_ROWS,
    MOST_TERMS,
    batch_sentence,
    change_sentence,
    describe,
    number,
    shown_parameters,
)
from irisbp.show.figures import counted

_ACTIVATIONS = {
    "sigmoid": (r"\frac{1}{1 + e^{-a}}", "h (1 - h)"),
    "tanh": (r"\tanh a", "1 - h^2"),
    "relu": (r"\max(a, 0)", r"1 \text{ where } a > 0 \text{, else } 0"),
    "leaky_relu": (r"\max(a, 0.01 a)", r"1 \text{ where } a > 0 \text{, else } 0.01"),
    "softplus": (r"\log(1 + e^a)", r"\frac{1}{1 + e^{-a}}"),
    "identity": ("a", "1"),
}
_BARE = str.maketrans({c: f"\\{c}" for c in r"\`*_{}[]<>()#+!|$~&^"})


def update_notes(worked: Worked) -> Iterator[str]:
    """One update, line by line."""
    numbers = worked.of_sample
    yield f"# Step {worked.step}, worked"
    yield ""
    yield from _place(worked)
    yield from _inputs(worked, numbers)
    yield from _forward(worked, numbers)
    yield from _loss(worked, numbers)
    yield from _backward(worked, numbers)
    yield from _update(worked, numbers)


def gradient_notes(gradient: ExplainedGradient) -> Iterator[str]:
    """One gradient, line by line."""
    worked, chain = gradient.worked, gradient.chain
    yield f"# The gradient of `{chain.parameter.name}`"
    yield ""
    also = f", `{chain.parameter.article_name}` in the article" if chain.parameter.article_name else ""
    yield f"It is {_bare(describe(worked, chain.parameter))}{also}."
    yield ""
    yield from _place(worked)
    yield ""
    yield f"The loss is {worked.loss!r}."
    yield from _chain(worked, chain)
    yield from _ways(gradient)
    yield ""
    yield "## The update"
    yield ""
    yield from _sentences(worked)
    yield ""
    yield from _table(("gradient", "change", "old", "new"), [_figures(worked, chain.parameter.index)])


def _bare(text: str) -> str:
    """Text from outside, as nothing but text to Markdown."""
    return literal(text).translate(_BARE)


def _tex(value: float) -> str:
    text = number(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = rf"{mantissa} \times 10^{{{int(exponent)}}}"
    return text


def _factor(value: float) -> str:
    return rf"({_tex(value)})" if value < 0.0 else _tex(value)


def _equation(*sides: str) -> Iterator[str]:
    yield ""
    yield f"$${' = '.join(sides)}$$"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _rest(count: int, most: int, noun: str) -> Iterator[str]:
    if count > most:
        yield ""
        yield f"... and {counted(count - most, f'more {noun}')}, like these."


def _place(worked: Worked) -> Iterator[str]:
    network = worked.network
    shape = "-".join(map(str, (network.inputs, *network.hidden, network.classes)))
    nodes = f" ({network.activation} nodes, then softmax)" if network.hidden else " (softmax)"
    yield f"Step {worked.step}, epoch {worked.epoch}, sample {worked.sample} (row of the table, from 0),"
    yield f"of class {worked.label}, {_bare(worked.dataset.classes[worked.label])}."
    yield f"The network is {shape}{nodes}: {counted(network.parameter_count, 'parameter')}."


def _inputs(worked: Worked, numbers: Numbers) -> Iterator[str]:
    table, standardizer = worked.dataset.table, worked.dataset.standardizer
    columns = (table.values[worked.sample], standardizer.mean, standardizer.sd, numbers.inputs)
    rows = [
        [f"$x_{{{i}}}$ {_bare(name)}", *(number(float(column[i])) for column in columns)]
        for i, name in enumerate(table.features[:MOST_ROWS])
    ]
    yield ""
    yield "## Inputs"
    yield from _equation(r"x_i", r"\frac{\text{measured}_i - \text{mean}_i}{\text{sd}_i}")
    yield ""
    yield from _table(("input", "measured", "mean", "sd", "x"), rows)
    yield from _rest(len(table.features), MOST_ROWS, "input")


def _forward(worked: Worked, numbers: Numbers) -> Iterator[str]:
    network = worked.network
    for depth, layer in enumerate(network.layers):
        hidden = depth < len(numbers.hidden)
        yield ""
        yield f"## Forward: {layer.name}"
        source = _source(depth, "i")
        yield from _equation(
            _sum(worked, depth, "j"), rf"\sum_i {source} {_weight(depth, 'i', 'j')} + {_bias(depth, 'j')}"
        )
        if hidden:
            formula = _ACTIVATIONS[network.activation][0]
            yield from _equation(rf"h^{{({depth + 1})}}_j", "f(a)", formula)
        for j in range(min(layer.fan_out, MOST_NODES)):
            yield from _node(worked, numbers, depth, j)
        yield from _rest(layer.fan_out, MOST_NODES, "node")


def _node(worked: Worked, numbers: Numbers, depth: int, j: int) -> Iterator[str]:
    block = worked.network.layers[depth].block(worked.old)
    hidden = depth < len(numbers.hidden)
    total = float((numbers.hidden[depth].sums if hidden else numbers.logits)[j])
    terms = f"{_products(numbers.inputs_of(depth), block[:-1, j])} + {_factor(float(block[-1, j]))}"
    yield from _equation(_sum(worked, depth, str(j)), terms, _tex(total))
    if hidden:
        value = float(numbers.hidden[depth].activations[j])
        yield from _equation(rf"h^{{({depth + 1})}}_{{{j}}}", f"f({_tex(total)})", _tex(value))


def _products(left: Array, right: Array) -> str:
    """The sum of products of two vectors, term by term as far as there is room."""
    pairs = list(zip(left.tolist(), right.tolist(), strict=True))
    terms = [rf"{_factor(a)} \cdot {_factor(b)}" for a, b in pairs[:MOST_TERMS]]
    return " + ".join(terms + ([r"\dots"] if len(pairs) > MOST_TERMS else []))


def _source(depth: int, i: str) -> str:
    return f"x_{{{i}}}" if depth == 0 else f"h^{{({depth})}}_{{{i}}}"


def _sum(worked: Worked, depth: int, j: str) -> str:
    return f"a^{{({depth + 1})}}_{{{j}}}" if depth < len(worked.network.hidden) else f"z_{{{j}}}"


def _weight(depth: int, i: str, j: str) -> str:
    return f"w^{{({depth + 1})}}_{{{i},{j}}}"


def _bias(depth: int, j: str) -> str:
    return f"b^{{({depth + 1})}}_{{{j}}}"


def _by(of: str, by: str) -> str:
    return rf"\frac{{\partial {of}}}{{\partial {by}}}"


def _loss(worked: Worked, numbers: Numbers) -> Iterator[str]:
    powers = np.exp(numbers.logits - numbers.logits.max())
    rows = [
        [
            f"{k} {_bare(name)}",
            *map(number, (numbers.logits[k], powers[k], numbers.probabilities[k])),
            f"{y:.0f}",
        ]
        for k, (name, y) in enumerate(zip(worked.dataset.classes[:MOST_ROWS], numbers.truth, strict=False))
    ]
    yield ""
    yield "## Softmax and loss"
    yield from _equation("p_k", r"\frac{e^{z_k - \max z}}{\sum_j e^{z_j - \max z}}")
    yield ""
    yield from _table(("class", "$z$", r"$e^{z - \max z}$", "$p$", "$y$"), rows)
    yield from _rest(len(worked.dataset.classes), MOST_ROWS, "class")
    yield from _equation("L", rf"-\log p_{{{worked.label}}}", repr(worked.loss))


def _backward(worked: Worked, numbers: Numbers) -> Iterator[str]:
    yield ""
    yield "## Backward: output"
    yield from _equation(_by("L", "z_k"), "p_k - y_k")
    for k in range(min(worked.network.classes, MOST_NODES)):
        difference = f"{_tex(float(numbers.probabilities[k]))} - {numbers.truth[k]:.0f}"
        yield from _equation(_by("L", f"z_{{{k}}}"), difference, _tex(float(numbers.by_logit[k])))
    yield from _rest(worked.network.classes, MOST_NODES, "output")
    for depth in range(len(numbers.hidden) - 1, -1, -1):
        layer, above = worked.network.layers[depth], _sum(worked, depth + 1, "k")
        h, a = _source(depth + 1, "j"), _sum(worked, depth, "j")
        yield ""
        yield f"## Backward: {layer.name}"
        carried = rf"\sum_k {_by('L', above)} {_weight(depth + 1, 'j', 'k')}"
        yield from _equation(_by("L", h), carried)
        yield from _equation(_by("L", a), rf"{_by('L', h)} f'(a)")
        yield from _equation("f'(a)", _ACTIVATIONS[worked.network.activation][1])
        for j in range(min(layer.fan_out, MOST_NODES)):
            yield from _backward_node(worked, numbers, depth, j)
        yield from _rest(layer.fan_out, MOST_NODES, "node")


def _backward_node(worked: Worked, numbers: Numbers, depth: int, j: int) -> Iterator[str]:
    hidden, above = numbers.hidden[depth], worked.network.layers[depth + 1].block(worked.old)
    by_activation, slope = float(hidden.by_activation[j]), float(hidden.slopes[j])
    terms = _products(numbers.by_sum_of(depth + 1), above[j])
    yield from _equation(_by("L", _source(depth + 1, str(j))), terms, _tex(by_activation))
    product = rf"{_factor(by_activation)} \cdot {_factor(slope)}"
    yield from _equation(_by("L", _sum(worked, depth, str(j))), product, _tex(float(hidden.by_sum[j])))


def _sentences(worked: Worked) -> Iterator[str]:
    """The gradient and the change of the update, in words."""
    if not worked.is_single:
        yield f"The gradient of the update is {batch_sentence(worked)}."
    yield f"The change is {change_sentence(worked)}; new = old - change."


def _update(worked: Worked, numbers: Numbers) -> Iterator[str]:
    header = ["parameter", "gradient", "change", "old", "new"]
    rows = [[f"`{p.name}`", *_figures(worked, p.index)] for p in shown_parameters(worked)]
    if not worked.is_single:
        header.insert(1, "this sample's gradient")
        for row, p in zip(rows, shown_parameters(worked), strict=True):
            row.insert(1, number(float(numbers.gradient_by(p))))
    yield ""
    yield "## The update"
    yield ""
    yield "The gradient of a weight is its input times the derivative by the sum that it is in;"
    yield "of a bias it is that derivative alone."
    yield from _sentences(worked)
    yield ""
    yield from _table(header, rows)
    yield from _rest(worked.network.parameter_count, MOST_ROWS, "parameter")


def _figures(worked: Worked, k: int) -> list[str]:
    return [number(float(array[k])) for array in (worked.gradient, worked.change, worked.old, worked.new)]


def _chain(worked: Worked, chain: Chain) -> Iterator[str]:
    own = _symbol(chain.parameter)
    yield ""
    yield "## The sum over all paths"
    yield ""
    if not chain.paths:
        yield f"There are {chain.count:.3g} paths, more than {MOST_PATHS}: they are summed a layer at a time."
        yield from _equation(_by("L", own), repr(chain.total))
        return
    yield f"{counted(chain.count, 'path')} to the loss; along each, the product of the partial derivatives:"
    for path in chain.paths[:MOST_LISTED]:
        yield from _equation(_derivatives(worked, chain.parameter, path.nodes))
        yield from _equation(r" \cdot ".join(map(_factor, path.factors)), _tex(path.product))
    yield from _rest(chain.count, MOST_LISTED, "path")
    terms = " + ".join(_factor(path.product) for path in chain.paths[:MOST_TERMS])
    dots = r" + \dots" if chain.count > MOST_TERMS else ""
    yield from _equation(_by("L", own), terms + dots, repr(chain.total))


def _symbol(parameter: Parameter) -> str:
    if parameter.source is None:
        return _bias(parameter.depth, str(parameter.node))
    return _weight(parameter.depth, str(parameter.source), str(parameter.node))


def _derivatives(worked: Worked, parameter: Parameter, nodes: Sequence[int]) -> str:
    """The partial derivatives along a path, from the parameter to the loss."""
    names = [_symbol(parameter)]
    for depth, j in enumerate(nodes, parameter.depth):
        names.append(_sum(worked, depth, str(j)))
        if depth < len(worked.network.hidden):
            names.append(_source(depth + 1, str(j)))
    names.append("L")
    return r" \cdot ".join(_by(of, by) for by, of in pairwise(names))


def _ways(gradient: ExplainedGradient) -> Iterator[str]:
    rows = [["backpropagation", repr(gradient.value), ""]]
    for way in gradient.ways:
        cells = [way.note, ""] if way.value is None else [repr(way.value), f"{way.digits:.1f}"]
        rows.append([way.name, *cells])
    yield ""
    yield "## The same derivative by other ways"
    yield ""
    yield from _table(("way", "derivative", "digits in common with backpropagation's"), rows)
