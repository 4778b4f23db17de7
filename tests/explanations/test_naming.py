"""A parameter is found by either of its names."""

import numpy as np
import pytest

from irisbp.errors import IrisbpError
from irisbp.explanations.naming import all_parameters, find_parameter
from irisbp.nn.network import Network

ARTICLE = Network(4, (3,), 3)
DEEP = Network(4, (3, 2), 3)


@pytest.mark.parametrize("network", [ARTICLE, DEEP, Network(2, (), 3), Network(11, (12,), 13)])
def test_every_name_leads_back(network: Network) -> None:
    parameters = all_parameters(network)
    assert [parameter.name for parameter in parameters] == list(network.parameter_names())
    assert [parameter.index for parameter in parameters] == list(range(network.parameter_count))
    for parameter in parameters:
        assert find_parameter(network, parameter.name) == parameter
        if parameter.article_name is not None:
            assert find_parameter(network, parameter.article_name) == parameter
    assert all((p.article_name is not None) == (len(network.hidden) == 1) for p in parameters)


@pytest.mark.parametrize(
    ("article", "own"),
    [
        ("x1a1", "hidden_1.weight[0,0]"),
        ("x1a3", "hidden_1.weight[0,2]"),
        ("x4a3", "hidden_1.weight[3,2]"),
        ("ba1", "hidden_1.bias[0]"),
        ("a1z1", "output.weight[0,0]"),
        ("a3z2", "output.weight[2,1]"),
        ("bz3", "output.bias[2]"),
        ("hidden_1.weight[ 0, 2 ]", "hidden_1.weight[0,2]"),
    ],
)
def test_the_articles_names_count_from_1(article: str, own: str) -> None:
    assert find_parameter(ARTICLE, article).name == own


def test_the_place_is_that_of_the_view() -> None:
    vector = np.arange(float(DEEP.parameter_count))
    assert (
        vector[find_parameter(DEEP, "hidden_2.weight[2,1]").index]
        == DEEP.views(vector)["hidden_2.weight"][2, 1]
    )
    assert vector[find_parameter(DEEP, "output.bias[1]").index] == DEEP.views(vector)["output.bias"][1]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hidden_1.weight[4,0]", "there are hidden_1.weight[0,0] to hidden_1.weight[3,2] (x1a1 to x4a3)"),
        ("hidden_1.weight[0,3]", "hidden_1.weight[3,2]"),
        ("output.bias[3]", "there are output.bias[0] to output.bias[2] (bz1 to bz3)"),
        ("output.bias[" + "9" * 5000 + "]", "there are output.bias[0]"),
        ("x5a1", "(x1a1 to x4a3)"),
        ("x0a1", "(x1a1 to x4a3)"),
        ("a1z0", "(a1z1 to a3z3)"),
        ("ba4", "(ba1 to ba3)"),
        ("hidden_2.bias[0]", "the layers are hidden_1, output"),
        ("x1z1", "not the name of a parameter"),
        ("hidden_1.weight[0]", "not the name of a parameter"),
        ("hidden_1.weight[-1,0]", "not the name of a parameter"),
        ("", "not the name of a parameter"),
    ],
)
def test_others_are_refused(name: str, told: str) -> None:
    with pytest.raises(IrisbpError) as error:
        find_parameter(ARTICLE, name)
    assert told in str(error.value)


def test_the_articles_names_are_for_one_hidden_layer() -> None:
    with pytest.raises(IrisbpError, match="for one hidden layer"):
        find_parameter(DEEP, "x1a1")
