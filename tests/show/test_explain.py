"""What a learner reads: 80 columns, and arithmetic that can be followed line by line."""

import io
import re

import pytest
from rich.console import Console

from irisbp.config.load import load_config
from irisbp.explanations.gradient import ExplainedGradient, explain_gradient
from irisbp.explanations.naming import all_parameters, find_parameter
from irisbp.explanations.paths import chain_of
from irisbp.explanations.worked import Worked, work
from irisbp.runs.rewind import Place, state_before
from irisbp.show.explain import (
    gradient_lines,
    number,
    print_gradient,
    print_update,
    update_lines,
)
from irisbp.show.lesson import gradient_notes, update_notes
from irisbp.training.setup import prepare

CONFIGS = [
    (),
    ("network.hidden=[3,4,2]", "network.activation=tanh"),
    ("network.hidden=[2,2]", "network.activation=relu", "batch_size=4", "l2=0.01", "optimizer=adam"),
    ("network.hidden=[]", "batch_size=all", "reduction=sum", "clip_norm=1"),
    ("network.activation=leaky_relu", "l2=0.5"),
    ("network.activation=softplus", "initializer={name: normal, sd: 20}"),
    ("network.activation=identity", "batch_size=9", "class_weight={setosa: 0.4, versicolor: 2}"),
    ("network.hidden=[40,30]", "initializer=glorot_normal"),
    ("network.hidden=[1,1,1,1,1,1,1,1,1,1,1,1,1]",),
]


def worked_at(step: int, *overrides: str) -> Worked:
    return work(state_before(prepare(load_config(None, overrides)), Place(step=step)))


def printed_update(worked: Worked) -> list[str]:
    output = io.StringIO()
    print_update(Console(file=output, width=80, highlight=False, markup=False), worked)
    return output.getvalue().splitlines()


def printed_gradient(worked: Worked, name: str, others: bool = True) -> list[str]:
    output = io.StringIO()
    gradient = explain_gradient(worked, name) if others else gradient_for(worked, name)
    print_gradient(Console(file=output, width=80, highlight=False, markup=False), gradient)
    return output.getvalue().splitlines()


@pytest.mark.parametrize("overrides", CONFIGS)
def test_no_line_is_longer_than_80(overrides: tuple[str, ...]) -> None:
    worked = worked_at(1, *overrides)
    names = [parameter.name for parameter in all_parameters(worked.network)]
    lines = [
        *printed_update(worked),
        *printed_gradient(worked, names[0]),
        *printed_gradient(worked, names[-1]),
    ]
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    assert len(printed_update(worked)) < 700


def test_names_of_any_length_fit() -> None:
    worked = worked_at(1)
    table = worked.dataset.table
    object.__setattr__(table, "features", tuple(f"a\u202every {name} " * 20 for name in table.features))
    object.__setattr__(worked.dataset, "classes", tuple(f"[bold]{k}\x1b" * 40 for k in range(3)))
    lines = [*printed_update(worked), *printed_gradient(worked, "x1a1", others=False)]
    assert max(map(len, lines)) <= 80
    assert not {"\u202e", "\x1b"} & set("".join(lines))
    notes = "\n".join([*update_notes(worked), *gradient_notes(gradient_for(worked, "x1a1"))])
    assert not {"\u202e", "\x1b"} & set(notes)


def gradient_for(worked: Worked, name: str) -> ExplainedGradient:
    """Without the other ways to it, which take their time."""
    chain = chain_of(find_parameter(worked.network, name), worked.old, worked.of_sample)
    return ExplainedGradient(worked, chain, [])


def near(a: float, b: float, *factors: float) -> bool:
    """Whether a printed result can be that of printed numbers: each is off by half its last place."""
    size = max([1.0, *map(abs, factors)])
    return abs(a - b) <= 1e-3 * abs(b) * 2 + 1.5e-6 * size


_PRODUCT = re.compile(r"([-\d.e]+) ([*-]) +([-\d.e]+) += +([-\d.e]+)$")
_RESULT = re.compile(r"    (\S.*?) += +([-\d.e]+)$")


@pytest.mark.parametrize("overrides", CONFIGS[:7])
def test_each_line_follows_from_those_above(overrides: tuple[str, ...]) -> None:
    terms: list[float] = []
    products, sums, last, before = 0, 0, 0.0, 0.0
    for line in update_lines(worked_at(1, *overrides)):
        product, result = _PRODUCT.search(line), _RESULT.match(line)
        if product and " * " in line:
            a, _, b, c = product.groups()
            assert near(float(c), float(a) * float(b), float(a), float(b)), line
            terms.append(float(c))
            products += 1
        elif product:
            a, _, b, c = product.groups()
            assert near(float(c), float(a) - float(b)), line
        elif result:
            name, value = result[1], float(result[2])
            if name.endswith("the sum"):
                assert near(value, sum(terms), *terms), line
                sums += 1
            elif name.endswith("their product"):
                assert near(value, last * before, last, before), line
            terms = [*terms, value] if name.startswith("bias") else []
            before, last = last, value
    assert products >= 9
    assert sums >= 3


@pytest.mark.parametrize("overrides", CONFIGS[:3])
def test_tables_follow_too(overrides: tuple[str, ...]) -> None:
    worked, rows = worked_at(1, *overrides), 0
    for line in update_lines(worked):
        cells = line.split()
        if not line.startswith(("    hidden_", "    output.")) or "=" in line:
            continue
        if len(cells) == 5:
            gradient, change, old, new = map(float, cells[1:])
            assert near(new, old - change, old, change), line
            if worked.is_plain:
                assert near(change, worked.learning_rate * gradient), line
            rows += 1
        else:
            source, by_sum, gradient = map(float, cells[1:])
            assert near(gradient, source * by_sum, source, by_sum), line
            rows += 1
    assert rows == 2 * worked.network.parameter_count


def test_the_paths_of_the_article() -> None:
    lines = printed_gradient(worked_at(1), "x1a3")
    assert lines[0] == "d loss/d hidden_1.weight[0,2] (x1a3 in the article)"
    assert lines[1] == "    the weight from input 0 (sepal_length) to node 2 of hidden_1"
    k = lines.index("3 paths to the loss: along each, the product of its factors above")
    assert [line.strip().split(":")[0] for line in lines[k + 1 : k + 7 : 2]] == ["1", "2", "3"]
    total = 0.0
    for line in lines[k + 2 : k + 8 : 2]:
        left, right = line.split(" = ")
        product = 1.0
        for factor in left.split(" * "):
            product *= float(factor)
        assert product == pytest.approx(float(right), rel=1e-3)
        total += float(right)
    assert lines[k + 7].startswith("    their sum = ")
    assert float(lines[k + 7].split("=")[1]) == pytest.approx(total, abs=2e-6)


def test_what_is_not_the_samples_alone_is_said() -> None:
    batch = worked_at(2, "batch_size=4", "l2=0.01", "optimizer=adam")
    text = " ".join(" ".join(printed_update(batch)).split())
    assert "a batch of 4, explained at its sample" in text
    assert "the mean of its 4 samples' gradients, and for weights 0.01 (l2) * the weight" in text
    assert "what adam made of the gradient, as applied" in text
    single = " ".join(printed_update(worked_at(2)))
    assert "0.1 (learning rate) * gradient" in single
    assert "batch" not in single


def test_the_batchs_gradient_follows_from_its_samples() -> None:
    worked = worked_at(2, "batch_size=4", "l2=0.01", "optimizer=adam")
    text = " ".join(" ".join(printed_gradient(worked, "x2a1", others=False)).split())
    listed = re.search(r"as above: (.*?) their mean = (\S+) 0.01 \(l2\) \* \S+ \(the weight\) = (\S+)", text)
    assert listed
    gradients = [float(part.split(": ")[1]) for part in listed[1].split(", ")]
    assert float(listed[2]) == pytest.approx(sum(gradients) / 4, abs=2e-6)
    gradient = worked.gradient[find_parameter(worked.network, "x2a1").index]
    assert float(listed[2]) + float(listed[3]) == pytest.approx(gradient, abs=2e-6)


def test_the_weights_of_classes_are_said() -> None:
    weights = "class_weight={setosa: 3, virginica: 0.7}"
    single = worked_at(1, weights)
    text = " ".join(" ".join(printed_update(single)).split())
    assert "the gradient of the update: 0.7 (the weight of its class) * the sample's" in text  # a virginica
    assert "setosa: 3.000000" in text
    assert "virginica: 0.700000" in text
    text = " ".join(" ".join(printed_gradient(single, "x2a1", others=False)).split())
    k = find_parameter(single.network, "x2a1").index
    found = re.search(r"0.7 \(weight\) \* the sample's = (\S+)", text)
    assert found
    assert float(found[1]) == pytest.approx(single.gradient[k], abs=2e-6)
    batch = worked_at(2, weights, "batch_size=4")
    text = " ".join(" ".join(printed_gradient(batch, "x2a1", others=False)).split())
    assert "the mean of its 4 samples' gradients, each times the weight of its class" in text
    found = re.search(r"their mean, with these weights = (\S+)", text)
    assert found
    assert float(found[1]) == pytest.approx(batch.gradient[k], abs=2e-6)
    assert "weight of its class" in "\n".join(update_notes(single))
    assert "weight of its class" not in "\n".join(update_notes(worked_at(1)))


def test_numbers_keep_to_their_room() -> None:
    for value in (0.0, 1e-300, -1e-300, 5e-324, 1.0, -99.9999999, 99999.9999, -99999.9999, -1e300, 1e-3):
        assert len(number(value)) <= 10
        assert float(number(value)) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize("overrides", CONFIGS)
def test_notes_are_balanced_latex(overrides: tuple[str, ...]) -> None:
    worked = worked_at(1, *overrides)
    names = list(worked.network.parameter_names())
    notes = [*update_notes(worked), *gradient_notes(gradient_for(worked, names[0]))]
    equations = [line for line in notes if "$$" in line]
    assert len(equations) >= 8
    for line in equations:
        assert line.startswith("$$")
        assert line.endswith("$$")
        assert line.count("$$") == 2
        assert line.count("{") == line.count("}")
        assert not re.search(r"\d[eE][-+]?\d", line.split("=")[0])
    header = [line.count("|") for line in notes if line.startswith("| ")]
    assert header
    assert all(
        notes[k - 1] in ("",) or notes[k - 1].startswith("|")
        for k, line in enumerate(notes)
        if line[:1] == "|"
    )


def test_notes_hold_the_same_numbers() -> None:
    worked = worked_at(1)
    text = "\n".join(gradient_lines(gradient_for(worked, "x1a3")))
    notes = "\n".join(gradient_notes(gradient_for(worked, "x1a3")))
    for figure in re.findall(r"\d\.\d{6}\b", text):
        assert figure in notes
    assert r"\frac{\partial L}{\partial w^{(1)}_{0,2}}" in notes
