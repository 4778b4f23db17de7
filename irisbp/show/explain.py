"""One update, or one gradient, as text for a learner: 80 columns, and every line follows from those above."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from rich.console import Console

from irisbp.errors import literal
from irisbp.explanations.gradient import ExplainedGradient
from irisbp.explanations.naming import Parameter, all_parameters
from irisbp.explanations.paths import MOST_PATHS, Chain, sum_name
from irisbp.explanations.worked import Numbers, Worked
from irisbp.nn.network import Layer
from irisbp.nn.types import Array
from irisbp.show.console import print_lines
from irisbp.show.figures import counted

WIDTH = 80

# Of larger networks the first of a kind are shown, and what is left out is counted.
MOST_NODES = 8  # of a layer
MOST_TERMS = 12  # of a sum
MOST_ROWS = 80  # of a table
MOST_LISTED = 100  # paths

_LABELS, _NUMBER = 37, 10
_TERMS = _LABELS + 2 * _NUMBER + 7  # where a term's result begins

VALUES = {
    "sigmoid": "1 / (1 + e^-sum)",
    "tanh": "tanh(sum)",
    "relu": "sum where that is > 0, else 0",
    "leaky_relu": "sum where that is > 0, else 0.01 sum",
    "softplus": "log(1 + e^sum)",
    "identity": "sum",
}
SLOPES = {
    "sigmoid": "activation * (1 - activation)",
    "tanh": "1 - activation^2",
    "relu": "1 where sum > 0, else 0",
    "leaky_relu": "1 where sum > 0, else 0.01",
    "softplus": "1 / (1 + e^-sum)",
    "identity": "1",
}


def number(value: float) -> str:
    """A number in at most ten characters."""
    size = abs(value)
    if size == 0.0 or 1e-3 <= size < 99.0:
        return f"{value:.6f}" if size else "0"
    if 99.0 <= size < 99999.0:
        return f"{value:.3f}"
    return f"{value:.3e}" if 1e-99 < size < 9e99 else f"{value:.2e}"


def fit(text: str, width: int) -> str:
    """Text from outside, literal, and cut to a width."""
    text = literal(text)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def print_update(console: Console, worked: Worked) -> None:
    """Print one update with every number."""
    _print(console, update_lines(worked))


def print_gradient(console: Console, gradient: ExplainedGradient) -> None:
    """Print one gradient as the sum over its paths, beside other ways to it."""
    _print(console, gradient_lines(gradient))


def _print(console: Console, lines: Iterable[str]) -> None:
    """Print lines, those of a heading bold, and none of them longer than the width."""
    for line in lines:
        heading = line[:1].strip()
        indent = " " * (len(line) - len(line.lstrip()))
        for part in [line] if len(line) <= WIDTH else _wrapped(line.split(), " ", indent):
            print_lines(console, part, style="bold" if heading else "")


def update_lines(worked: Worked) -> Iterator[str]:
    """The lines of print_update, without styles."""
    yield from _head(worked)
    yield from _inputs(worked)
    numbers = worked.of_sample
    yield from _forward(worked, numbers)
    yield from _softmax(worked, numbers)
    yield from _backward(worked, numbers)
    yield from _gradients(worked)
    yield from _batch(worked)
    yield from _update(worked)


def _head(worked: Worked) -> Iterator[str]:
    network = worked.network
    widths = "-".join(map(str, (network.inputs, *network.hidden, network.classes)))
    if len(widths) > 30:
        widths = f"{network.inputs}-...-{network.classes}"
    kind = f"{network.activation} nodes, then softmax" if network.hidden else "softmax"
    what = f"sample {worked.sample}"
    if len(worked.rows) > 1:
        what = f"a batch of {len(worked.rows)}, explained at its sample {worked.sample}"
    yield f"step {worked.step}, epoch {worked.epoch}: {what}"
    yield f"    network {widths} ({kind}), {counted(network.parameter_count, 'parameter')}"
    yield f"    class {worked.label}: {fit(worked.dataset.classes[worked.label], 60)}"


def _inputs(worked: Worked) -> Iterator[str]:
    table, standardizer = worked.dataset.table, worked.dataset.standardizer
    measured, numbers = table.values[worked.sample], worked.of_sample
    yield ""
    yield "inputs: x = (measured - mean) / sd"
    yield f"    {'':6}{'':20}{'measured':>11}{'mean':>12}{'sd':>12}{'x':>12}"
    for i, name in enumerate(table.features[:MOST_ROWS]):
        figures = (measured[i], standardizer.mean[i], standardizer.sd[i], numbers.inputs[i])
        cells = "".join(f"{number(float(value)):>12}" for value in figures)
        yield f"    {f'x[{i}]':6}{fit(name, 18):19}{cells}"
    yield from _left_out(len(table.features), MOST_ROWS, "input")


def _left_out(count: int, shown: int, noun: str) -> Iterator[str]:
    if count > shown:
        yield f"    ... and {counted(count - shown, f'more {noun}')}, like these; --json has all"


def _forward(worked: Worked, numbers: Numbers) -> Iterator[str]:
    network = worked.network
    for depth, layer in enumerate(network.layers):
        hidden = depth < len(numbers.hidden)
        yield ""
        yield f"forward, {layer.name}: sum = each input times its weight, and the bias"
        if hidden:
            yield f"    activation = {network.activation}(sum) = {VALUES[network.activation]}"
        for j in range(min(layer.fan_out, MOST_NODES)):
            yield ""
            total = float((numbers.hidden[depth].sums if hidden else numbers.logits)[j])
            yield from _node(worked, numbers, depth, j, total)
            if hidden:
                value = float(numbers.hidden[depth].activations[j])
                yield _result(f"{layer.name}.activation[{j}] = {network.activation}(sum)", value)
        yield from _left_out(layer.fan_out, MOST_NODES, "node")


def _node(worked: Worked, numbers: Numbers, depth: int, j: int, total: float) -> Iterator[str]:
    """A node's weighted sum, a term a line."""
    layer = worked.network.layers[depth]
    block, inputs = layer.block(worked.old), numbers.inputs_of(depth)
    called = "x" if depth == 0 else "activation"
    labels = [f"{called}[{i}] * weight[{i},{j}]" for i in range(min(layer.fan_in, MOST_TERMS))]
    yield from _terms(labels, inputs, block[:-1, j], layer.fan_in)
    yield _result(f"bias[{j}]", float(block[-1, j]))
    yield _result(f"{sum_name(worked.network, depth, j)}, the sum", total)


def _terms(labels: Sequence[str], left: Array, right: Array, count: int) -> Iterator[str]:
    """Products of two numbers, one for each label; what is left of count is one line."""
    for label, a, b in zip(labels, left.tolist(), right.tolist(), strict=False):
        yield _term(label, f"{number(a):>{_NUMBER}} * {number(b):>{_NUMBER}}", a * b)
    shown = len(labels)
    if count > shown:
        rest = float((left[shown:] * right[shown:]).sum())
        yield _result(f"and {count - shown} more, in the same way", rest)


def _term(label: str, term: str, value: float) -> str:
    return f"    {label:{_LABELS - 2}}{term} ={number(value):>11}"


def _result(label: str, value: float) -> str:
    return f"    {label:{_TERMS - 6}} ={number(value):>11}"


def _softmax(worked: Worked, numbers: Numbers) -> Iterator[str]:
    largest = float(numbers.logits.max())
    powers = np.exp(numbers.logits - largest)
    yield ""
    yield "softmax: p = e^(logit - the largest logit), divided by their total"
    yield f"    {'':27}{'logit':>12}{'e^(...)':>12}{'p':>12}{'y':>4}"
    for k, name in enumerate(worked.dataset.classes[:MOST_ROWS]):
        figures = (numbers.logits[k], powers[k], numbers.probabilities[k])
        cells = "".join(f"{number(float(value)):>12}" for value in figures)
        yield f"    {f'[{k}]':6}{fit(name, 20):21}{cells}{numbers.truth[k]:4.0f}"
    yield from _left_out(len(worked.dataset.classes), MOST_ROWS, "class")
    yield f"    {'total':27}{'':12}{number(float(powers.sum())):>12}{number(1.0):>12}"
    yield f"    loss = -log p[{worked.label}] = {worked.loss!r}"
    if worked.recorded:
        yield "    steps.csv has the same loss, to the last bit"


def _backward(worked: Worked, numbers: Numbers) -> Iterator[str]:
    yield ""
    yield "backward, output: d loss/d logit = p - y"
    if worked.network.classes > 1:
        yield "    (where y is 1: minus the sum of the other p, the same with all its digits)"
    for k in range(min(worked.network.classes, MOST_ROWS)):
        p, y = float(numbers.probabilities[k]), float(numbers.truth[k])
        label = f"d loss/d logit[{k}] = p[{k}] - y[{k}]"
        yield _term(label, f"{number(p):>{_NUMBER}} - {y:<{_NUMBER}.0f}", float(numbers.by_logit[k]))
    yield from _left_out(worked.network.classes, MOST_ROWS, "output")
    for depth in range(len(numbers.hidden) - 1, -1, -1):
        yield from _backward_layer(worked, numbers, depth)


def _backward_layer(worked: Worked, numbers: Numbers, depth: int) -> Iterator[str]:
    network, layer = worked.network, worked.network.layers[depth]
    yield ""
    yield f"backward, {layer.name}: d loss/d activation = the sum over the nodes that it feeds"
    yield f"    slope of {network.activation} = {SLOPES[network.activation]}"
    yield "    d loss/d sum = d loss/d activation * slope"
    for j in range(min(layer.fan_out, MOST_NODES)):
        yield ""
        yield from _backward_node(worked, numbers, depth, j)
    yield from _left_out(layer.fan_out, MOST_NODES, "node")


def _backward_node(worked: Worked, numbers: Numbers, depth: int, j: int) -> Iterator[str]:
    network, layer, above = worked.network, worked.network.layers[depth], worked.network.layers[depth + 1]
    hidden, short = numbers.hidden[depth], "sum" if depth + 1 < len(numbers.hidden) else "logit"
    labels = [f"d loss/d {short}[{k}] * weight[{j},{k}]" for k in range(min(above.fan_out, MOST_TERMS))]
    weights = above.block(worked.old)[j]
    yield from _terms(labels, numbers.by_sum_of(depth + 1), weights, above.fan_out)
    by_activation, slope = float(hidden.by_activation[j]), float(hidden.slopes[j])
    yield _result(f"d loss/d {layer.name}.activation[{j}], the sum", by_activation)
    yield _result(f"slope[{j}]", slope)
    yield _result(f"d loss/d {sum_name(network, depth, j)}, their product", float(hidden.by_sum[j]))


def _name_width(layers: Iterable[Layer]) -> int:
    return max(len(f"{layer.name}.weight[{layer.fan_in - 1},{layer.fan_out - 1}]") for layer in layers)


def shown_parameters(worked: Worked) -> list[Parameter]:
    """All parameters or, of many, the first of each layer."""
    if worked.network.parameter_count <= MOST_ROWS:
        return all_parameters(worked.network)
    return list(islice(_in_turn(worked), MOST_ROWS))


def _in_turn(worked: Worked) -> Iterator[Parameter]:
    """The first parameters of each layer, as many of each."""
    each = max(1, MOST_ROWS // len(worked.network.layers))
    for depth, layer in enumerate(worked.network.layers):
        for k in range(min(each, layer.size)):
            row, node = divmod(k, layer.fan_out)
            yield Parameter(worked.network, depth, None if row == layer.fan_in else row, node)


def _gradients(worked: Worked) -> Iterator[str]:
    numbers, width = worked.of_sample, _name_width(worked.network.layers)
    whose = "gradient" if worked.is_single else "this sample's gradient"
    yield ""
    yield f"{whose}: of a weight, its input * d loss/d the sum that it is in"
    yield "    (of a bias, d loss/d the sum alone)"
    yield f"    {'':{width}}{'input':>12}{'d loss/d sum':>14}{'gradient':>12}"
    for parameter in shown_parameters(worked):
        factor = "1"
        if parameter.source is not None:
            factor = number(float(numbers.inputs_of(parameter.depth)[parameter.source]))
        by_sum = number(float(numbers.by_sum_of(parameter.depth)[parameter.node]))
        gradient = number(float(numbers.gradient_by(parameter)))
        yield f"    {parameter.name:{width}}{factor:>12}{by_sum:>14}{gradient:>12}"
    yield from _left_out(worked.network.parameter_count, MOST_ROWS, "parameter")


def batch_sentence(worked: Worked) -> str:
    """The update's gradient in terms of the samples'; empty if it is the sample's own."""
    count, l2 = len(worked.rows), worked.config.l2
    if worked.is_single:
        return ""
    weighted = worked.objective.class_weight is not None
    if count > 1:
        each = ", each times the weight of its class" if weighted else ""
        text = f"the {worked.config.reduction} of its {count} samples' gradients{each}"
    else:
        text = f"{worked.weight!r} (the weight of its class) * the sample's" if weighted else "the sample's"
    return text + (f", and for weights {l2!r} (l2) * the weight" if l2 else "")


def _batch(worked: Worked) -> Iterator[str]:
    if worked.is_single:
        return
    yield ""
    yield f"the gradient of the update: {batch_sentence(worked)}"
    if len(worked.rows) > 1:
        what = "losses" if worked.objective.class_weight is None else "losses, without weights"
        yield f"    the batch's samples (rows of the table) and their {what}:"
        shown = list(zip(worked.rows, worked.losses, strict=True))[:MOST_ROWS]
        yield from _wrapped([f"{row}: {number(loss)}" for row, loss in shown], ", ", "    ")
        yield from _left_out(len(worked.rows), MOST_ROWS, "sample")
    yield from _class_weights(worked)


def _class_weights(worked: Worked) -> Iterator[str]:
    """The weights of the classes, if there are any."""
    weights, names = worked.objective.class_weight, worked.dataset.classes
    if weights is not None:
        yield "    the classes and their weights:"
        shown = [f"{fit(name, 30)}: {number(w)}" for name, w in zip(names, weights, strict=True)]
        yield from _wrapped(shown[:MOST_ROWS], ", ", "    ")
        yield from _left_out(len(names), MOST_ROWS, "class")


def change_sentence(worked: Worked) -> str:
    """The change of a parameter, in words."""
    if worked.is_plain:
        return f"{worked.learning_rate!r} (learning rate) * gradient"
    gradient = "gradient" if worked.config.clip_norm is None else "gradient, clipped"
    return f"what {worked.config.optimizer.name} made of the {gradient}, as applied"


def _update(worked: Worked) -> Iterator[str]:
    width = _name_width(worked.network.layers)
    yield ""
    yield "update: new = old - change"
    yield f"    change = {change_sentence(worked)}"
    yield f"    {'':{width}}{'gradient':>12}{'change':>12}{'old':>12}{'new':>12}"
    for parameter in shown_parameters(worked):
        yield f"    {parameter.name:{width}}{_update_cells(worked, parameter.index)}"
    yield from _left_out(worked.network.parameter_count, MOST_ROWS, "parameter")


def _update_cells(worked: Worked, k: int) -> str:
    figures = (worked.gradient[k], worked.change[k], worked.old[k], worked.new[k])
    return "".join(f"{number(float(value)):>12}" for value in figures)


def gradient_lines(gradient: ExplainedGradient) -> Iterator[str]:
    """The lines of print_gradient, without styles."""
    worked, chain = gradient.worked, gradient.chain
    also = f" ({chain.parameter.article_name} in the article)" if chain.parameter.article_name else ""
    yield f"d loss/d {chain.parameter.name}{also}"
    yield from _wrapped(describe(worked, chain.parameter).split(" "), " ", "    ")
    yield ""
    yield from _head(worked)
    yield f"    loss {worked.loss!r}"
    if worked.recorded:
        yield "    steps.csv has the same loss, to the last bit"
    yield from _factors(chain)
    yield from _paths(chain)
    yield from _ways(gradient)
    yield from _parameter_update(worked, chain.parameter)


def describe(worked: Worked, parameter: Parameter) -> str:
    """A parameter in words: the nodes that it connects."""
    kind = f"node {parameter.node} of {parameter.layer.name}"
    if parameter.source is None:
        return f"the bias of {kind}"
    return f"the weight from {_source_in_words(worked, parameter)} to {kind}"


def _source_in_words(worked: Worked, parameter: Parameter) -> str:
    if parameter.depth:
        return f"node {parameter.source} of {parameter.network.layers[parameter.depth - 1].name}"
    assert parameter.source is not None
    return f"input {parameter.source} ({fit(worked.dataset.table.features[parameter.source], 24)})"


def _factors(chain: Chain) -> Iterator[str]:
    if not chain.factors:
        return
    yield ""
    yield "the factors: one partial derivative for each step towards the loss"
    for factor in chain.factors[:MOST_ROWS]:
        left = f"d {factor.of}/d {factor.by}"
        if len(left) + len(factor.called) <= 57:
            yield f"    {left} = {factor.called:<{57 - len(left)}} = {number(factor.value):>{_NUMBER}}"
        else:
            yield f"    {left}"
            yield f"    {'':3}= {factor.called:<55} = {number(factor.value):>{_NUMBER}}"
    yield from _left_out(len(chain.factors), MOST_ROWS, "factor")


def _paths(chain: Chain) -> Iterator[str]:
    yield ""
    count = counted(chain.count, "path")
    if not chain.paths:
        yield f"{count if chain.count < 10**9 else f'{chain.count:.1e} paths'}: too many to list"
        yield f"    (more than {MOST_PATHS}); summed a layer at a time, common factors taken out"
        yield f"    their sum = {chain.total!r}"
        return
    yield f"{count} to the loss: along each, the product of its factors above"
    for k, path in enumerate(chain.paths[:MOST_LISTED], 1):
        names = (
            sum_name(chain.parameter.network, depth, j)
            for depth, j in enumerate(path.nodes, chain.parameter.depth)
        )
        yield from _wrapped([f"{k}: {next(names)}", *names, "loss"], " -> ", "    ")
        yield from _wrapped(
            [*map(number, path.factors[:-1]), f"{number(path.factors[-1])} = {number(path.product)}"],
            " * ",
            "        ",
        )
    yield from _left_out(len(chain.paths), MOST_LISTED, "path")
    yield f"    their sum = {chain.total!r}"


def _wrapped(parts: Sequence[str], joiner: str, indent: str) -> Iterator[str]:
    """Parts joined, on as many lines as they need; a line that is continued ends in the joiner."""
    line = indent
    for k, part in enumerate(parts):
        piece = part + (joiner if k + 1 < len(parts) else "")
        if len(line) + len(piece.rstrip()) > WIDTH and line.strip():
            yield line.rstrip()
            line = f"{indent}    "
        line += piece
    yield line.rstrip()


def _ways(gradient: ExplainedGradient) -> Iterator[str]:
    yield ""
    yield "the same derivative by other ways, and its digits in common with the first"
    yield f"    {'backpropagation':28}{gradient.value!r:>26}"
    for way in gradient.ways:
        if way.value is None or way.digits is None:
            yield from _wrapped([f"{way.name}:", *way.note.split(" ")], " ", "    ")
        else:
            yield f"    {way.name:28}{way.value!r:>26}{way.digits:10.1f}"
    yield "    (16 digits are all there are)"


def _parameter_update(worked: Worked, parameter: Parameter) -> Iterator[str]:
    yield ""
    yield "the update: new = old - change"
    if not worked.is_single:
        yield f"    gradient = {batch_sentence(worked)}"
        yield from _batch_gradient(worked, parameter)
    yield f"    change = {change_sentence(worked)}"
    names = ("gradient", "change", "old", "new")
    yield "    " + "".join(f"{name:>12}" for name in names)
    yield f"    {_update_cells(worked, parameter.index)}"


def _reduced_label(worked: Worked) -> str:
    """The sum of the samples' gradients, in words."""
    unweighted = worked.objective.class_weight is None
    if len(worked.rows) > 1:
        return f"    their {worked.config.reduction}{'' if unweighted else ', with these weights'}"
    return "    the sample's" if unweighted else f"    {worked.weight!r} (weight) * the sample's"


def _batch_gradient(worked: Worked, parameter: Parameter) -> Iterator[str]:
    """The samples' gradients, what they come to, and the penalty's."""
    gradients, config = worked.numbers.gradient_by(parameter), worked.config
    if len(worked.rows) > 1:
        yield "        the samples (rows of the table) and their gradients, as above:"
        shown = list(zip(worked.rows, gradients.tolist(), strict=True))[:MOST_ROWS]
        yield from _wrapped([f"{row}: {number(gradient)}" for row, gradient in shown], ", ", "        ")
        yield from _left_out(len(worked.rows), MOST_ROWS, "sample")
        yield from _class_weights(worked)
    weighted = worked.weights * gradients
    reduced = float(weighted.mean() if config.reduction == "mean" else weighted.sum())
    yield _result(_reduced_label(worked), reduced)
    if config.l2 and parameter.source is not None:
        old = worked.old[parameter.index].item()
        yield _result(f"    {config.l2!r} (l2) * {number(old)} (the weight)", config.l2 * old)
