"""The sum over all paths is backpropagation's gradient, and the whole graph's derivative."""

import sys
import time
from math import isfinite
from typing import Any

import numpy as np
import pytest

from irisbp.config.load import load_config
from irisbp.config.schema import Config
from irisbp.derivations.symbolic import HOW_TO_INSTALL
from irisbp.errors import Diverged
from irisbp.explanations.naming import all_parameters, find_parameter
from irisbp.explanations.paths import MOST_PATHS, Chain, chain_of, count_paths
from irisbp.explanations.ways import ways_to
from irisbp.explanations.whole_graph import symbolic_derivative
from irisbp.explanations.worked import Worked, work
from irisbp.nn.activations import ACTIVATIONS
from irisbp.nn.backprop import Backprop
from irisbp.nn.types import Array
from irisbp.runs.rewind import Place, state_before
from irisbp.training.setup import prepare


def worked_at(step: int, *overrides: str) -> Worked:
    return work(state_before(prepare(load_config(None, overrides)), Place(step=step)))


def backpropagated(worked: Worked) -> Array:
    """The gradient of the explained sample, by the code that trains."""
    gradient = np.full_like(worked.old, np.nan)
    row = np.append(worked.dataset.inputs[worked.sample], 1.0)[np.newaxis]
    with np.errstate(all="ignore"):
        Backprop(worked.network, worked.old, gradient).sample(row, row.T, worked.label)
    return gradient


def chain_for(worked: Worked, name: str) -> Chain:
    return chain_of(find_parameter(worked.network, name), worked.old, worked.of_sample)


def check(worked: Worked, name: str, *, symbolic: bool = True) -> float:
    """One parameter's chain against the gradient and the symbolic derivative; returns the gradient."""
    parameter, gradient = find_parameter(worked.network, name), backpropagated(worked)
    own: float = gradient[parameter.index].item()
    chain = chain_of(parameter, worked.old, worked.of_sample)
    assert len(chain.paths) == chain.count
    assert abs(chain.total - own) <= 1e-14 * chain.magnitude
    if symbolic:
        whole = symbolic_derivative(parameter, worked.old, worked.of_sample, worked.label)
        assert abs(whole - own) <= 1e-12 * chain.magnitude
    return own


def test_all_27_at_the_articles_first_sample() -> None:
    worked = worked_at(1)
    parameters = all_parameters(worked.network)
    assert len(parameters) == 27
    gradients = [check(worked, parameter.name) for parameter in parameters]
    assert gradients == worked.gradient.tolist()
    assert all(gradients)


def random_triple(k: int) -> tuple[Config, int, np.random.Generator]:
    """A config with the k-th combination of depth and activation, and a step of it."""
    draws = np.random.default_rng(k)
    activation, depth = list(ACTIVATIONS)[k % 6], 1 + k // 6 % 3
    config = {
        "network": {"activation": activation, "hidden": draws.integers(2, 5, depth).tolist()},
        "seed": int(draws.integers(1000)),
        "rng": "numpy",
        "learning_rate": float(draws.choice([0.01, 0.1])),
        "epochs": 4,
        "initializer": str(draws.choice(["normal", "glorot_uniform", "he_normal"])),
        "optimizer": str(draws.choice(["sgd", "adam", "nadam", "adagrad"])),
        "data": {"shuffle": str(draws.choice(["once", "every_epoch"]))},
    }
    return Config.model_validate(config), int(draws.integers(1, 601)), draws


def check_triples(numbers: range) -> None:
    gradients = []
    for k in numbers:
        config, step, draws = random_triple(k)
        try:
            worked = work(state_before(prepare(config), Place(step=step)))
        except Diverged:
            continue
        names = list(worked.network.parameter_names())
        gradients.append(check(worked, names[draws.integers(len(names))]))
    assert len(gradients) >= 0.95 * len(numbers)
    assert sum(map(bool, gradients)) >= 0.8 * len(numbers)  # a sleeping rectifier has no gradient


def test_50_random_triples() -> None:
    check_triples(range(50))


@pytest.mark.campaign
def test_very_many_random_triples() -> None:
    check_triples(range(50, 1500))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_parameter_of_a_deep_network(activation: str) -> None:
    worked = worked_at(200, "network.hidden=[3,4,2]", f"network.activation={activation}")
    for parameter in all_parameters(worked.network):
        check(worked, parameter.name, symbolic=False)


def test_softmax_regression_has_one_path() -> None:
    worked = worked_at(7, "network.hidden=[]")
    assert check(worked, "output.weight[1,2]")
    chain = chain_of(find_parameter(worked.network, "output.bias[0]"), worked.old, worked.of_sample)
    assert [path.nodes for path in chain.paths] == [(0,)]
    assert chain.paths[0].factors == (1.0, worked.of_sample.by_logit[0])


def test_each_path_crosses_one_node_a_layer_and_none_is_missing() -> None:
    worked = worked_at(1, "network.hidden=[3,4,2]")
    parameter = find_parameter(worked.network, "hidden_1.weight[2,1]")
    chain = chain_of(parameter, worked.old, worked.of_sample)
    expected = {(1, a, b, c) for a in range(4) for b in range(2) for c in range(3)}
    assert {path.nodes for path in chain.paths} == expected
    assert len(chain.paths) == 24
    # 1 node's sum; 1 and 4 and 2 slopes; 4 and 8 and 6 weights; 3 outputs
    assert len(chain.factors) == 1 + (1 + 4 + 2) + (4 + 8 + 6) + 3
    assert all(len(path.factors) == 1 + 2 * 3 + 1 for path in chain.paths)


@pytest.mark.parametrize("hidden", ["[4,20,20]", "[50,50,50,50,50]", "[3,40,40]"])
def test_too_many_paths_are_summed_without_a_list(hidden: str) -> None:
    worked = worked_at(3, f"network.hidden={hidden}", "initializer=glorot_normal")
    parameter = find_parameter(worked.network, "hidden_1.weight[0,1]")
    started = time.perf_counter()
    chain = chain_of(parameter, worked.old, worked.of_sample)
    assert time.perf_counter() - started < 1.0
    assert chain.count == count_paths(parameter) > MOST_PATHS
    assert not chain.paths
    assert not chain.factors
    assert abs(chain.total - backpropagated(worked)[parameter.index]) <= 1e-14 * chain.magnitude


def test_other_ways_agree_as_far_as_they_can() -> None:
    worked = worked_at(1)
    ways = {way.name: way for way in ways_to(chain_for(worked, "x1a3"), worked)}
    least = {
        "sum over the paths": 15.0,
        "symbolic, whole graph": 15.0,
        "complex step": 14.0,
        "central difference": 7.0,
    }
    assert list(ways) == list(least)
    for name, way in ways.items():
        assert way.digits is not None
        assert least[name] <= way.digits <= 16.0
    assert ways["central difference"].digits < 13.0  # type: ignore[operator]


@pytest.mark.parametrize(
    "overrides",
    [
        ("network.activation=tanh", "initializer={name: normal, sd: 40}"),
        ("network.activation=sigmoid", "initializer={name: normal, sd: 100}"),
        ("network.activation=softplus", "initializer={name: normal, sd: 100}"),
        ("network.activation=identity", "initializer={name: normal, sd: 10}"),
    ],
)
def test_saturated_nodes_keep_their_digits(overrides: tuple[str, ...]) -> None:
    worked = worked_at(1, *overrides)
    for name in ("hidden_1.weight[0,0]", "hidden_1.bias[1]", "output.weight[2,0]"):
        parameter = find_parameter(worked.network, name)
        own = backpropagated(worked)[parameter.index].item()
        whole = symbolic_derivative(parameter, worked.old, worked.of_sample, worked.label)
        assert isfinite(whole)
        assert whole == pytest.approx(own, rel=1e-11, abs=1e-300)


def test_without_sympy_the_rest_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)
    monkeypatch.delitem(sys.modules, "irisbp.explanations.whole_graph", raising=False)
    worked = worked_at(1)
    along, symbolic, *others = ways_to(chain_for(worked, "x1a3"), worked)
    assert (symbolic.value, symbolic.note) == (None, HOW_TO_INSTALL)
    assert all(way.value for way in (along, *others))


def test_a_graph_that_is_too_large_to_write_out_is_not_tried() -> None:
    for hidden in ("[30,30,30]", "[" + ",".join(["1"] * 60) + "]"):
        worked = worked_at(1, f"network.hidden={hidden}")
        started = time.perf_counter()
        symbolic: Any = ways_to(chain_for(worked, "output.bias[0]"), worked)[1]
        assert time.perf_counter() - started < 1.0
        assert "too large" in symbolic.note
