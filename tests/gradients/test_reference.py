"""The 50-digit reference against central differences with 100 digits of another library."""

from itertools import product
from typing import Literal

import mpmath
import numpy as np
import pytest

from irisbp.gradients.bounds import rounding_bounds
from irisbp.gradients.reference import reference_gradient
from irisbp.nn.backprop import Objective
from irisbp.nn.network import Network
from irisbp.nn.types import Array, Indices

ACTIVATIONS = {
    "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "tanh": mpmath.tanh,
    "relu": lambda a: max(a, mpmath.mpf(0)),
    "leaky_relu": lambda a: a if a > 0 else mpmath.mpf(0.01) * a,
    "softplus": lambda a: mpmath.log(1 + mpmath.exp(a)),
    "identity": lambda a: a,
}


def _loss(
    network: Network, parameters: list[mpmath.mpf], inputs: Array, labels: Indices, objective: Objective
) -> mpmath.mpf:
    total = mpmath.mpf(0)
    for features, label in zip(inputs.tolist(), labels.tolist(), strict=True):
        values, at = [mpmath.mpf(x) for x in features], 0
        for depth, width in enumerate((*network.hidden, network.classes)):
            biases = parameters[at + len(values) * width :]
            sums = [
                mpmath.fsum(x * parameters[at + i * width + j] for i, x in enumerate(values)) + biases[j]
                for j in range(width)
            ]
            at += (len(values) + 1) * width
            values = (
                [ACTIVATIONS[network.activation](a) for a in sums] if depth < len(network.hidden) else sums
            )
        loss = mpmath.log(mpmath.fsum(mpmath.exp(z) for z in values)) - values[label]
        total += loss if objective.class_weight is None else mpmath.mpf(objective.class_weight[label]) * loss
    if objective.reduction == "mean":
        total /= len(labels)
    weights, at = [], 0
    for layer in network.layers:
        weights += parameters[at : at + layer.fan_in * layer.fan_out]
        at += layer.size
    return total + mpmath.mpf(objective.l2) / 2 * mpmath.fsum(w * w for w in weights)


@pytest.mark.parametrize(
    ("activation", "hidden"),
    [*product(ACTIVATIONS, [(3,), (3, 2)]), ("sigmoid", ()), ("tanh", (2, 2, 2))],
)
@pytest.mark.parametrize(
    "objective",
    [Objective(), Objective("sum", l2=0.3), Objective("mean", 0.0, (0.3, 5.0, 1.7))],
    ids=["mean", "sum-l2", "mean-weighted"],
)
def test_against_central_differences_to_30_digits(
    activation: str, hidden: tuple[int, ...], objective: Objective
) -> None:
    network = Network(2, hidden, 3, activation)
    draws = np.random.default_rng(4)
    parameters = draws.normal(size=network.parameter_count)
    inputs, labels = draws.normal(size=(2, 2)), np.array([2, 0])
    reference = reference_gradient(network, parameters, inputs, labels, objective)
    with mpmath.workdps(100):
        exact, h = [mpmath.mpf(p) for p in parameters.tolist()], mpmath.mpf(10) ** -25
        loss = _loss(network, exact, inputs, labels, objective)
        assert abs(mpmath.mpf(str(reference.loss)) / loss - 1) < mpmath.mpf(10) ** -45
        for k, entry in enumerate(reference.gradient):
            moved = [[*exact[:k], exact[k] + step, *exact[k + 1 :]] for step in (h, -h)]
            above, below = (_loss(network, p, inputs, labels, objective) for p in moved)
            difference = (above - below) / (2 * h)
            assert abs(mpmath.mpf(str(entry)) - difference) <= mpmath.mpf(10) ** -30 * abs(difference)


@pytest.mark.parametrize("scale", [1e-6, 1e-20, 1e-40, 1e-300])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_smallest_weights_have_their_digits_too(activation: str, scale: float) -> None:
    # 1-1-2: dL/dw = p x f'(a) (v_2 - v_1) with p = 1 / (1 + e^(z_1 - z_2)), whatever the scale.
    w, b, v, c = scale, 2 * scale, np.array([3.0, -1.0]) * scale, np.array([0.5, -0.25]) * scale
    network = Network(1, (1,), 2, activation)
    parameters = np.array([w, b, *v, *c])
    reference = reference_gradient(network, parameters, np.array([[0.75]]), np.array([0]), Objective())
    with mpmath.workdps(1000):
        a = mpmath.mpf(w) * mpmath.mpf(0.75) + mpmath.mpf(b)
        h, slope = (
            ACTIVATIONS[activation](a),
            mpmath.diff(ACTIVATIONS[activation], a, h=mpmath.mpf(10) ** -400),
        )
        logits = [mpmath.mpf(v[k]) * h + mpmath.mpf(c[k]) for k in range(2)]
        p = 1 / (1 + mpmath.exp(logits[0] - logits[1]))
        expected = {0: p * mpmath.mpf(0.75) * slope * (mpmath.mpf(v[1]) - mpmath.mpf(v[0])), 2: -p * h}
        for k, exact in expected.items():
            assert abs(mpmath.mpf(str(reference.gradient[k])) / exact - 1) < mpmath.mpf(10) ** -45


@pytest.mark.parametrize("logit", [-800.0, -40.0, 40.0, 800.0])
def test_far_out_where_probabilities_round(logit: float) -> None:
    network = Network(1, (), 2)
    parameters = np.array([0.0, 0.0, logit, 0.0])  # the biases are the logits
    reference = reference_gradient(network, parameters, np.zeros((1, 1)), np.array([0]), Objective())
    with mpmath.workdps(400):
        loss = mpmath.log(1 + mpmath.exp(-mpmath.mpf(logit)))
        other = mpmath.exp(-mpmath.mpf(logit)) / (1 + mpmath.exp(-mpmath.mpf(logit)))
    with mpmath.workdps(60):
        assert abs(mpmath.mpf(str(reference.loss)) / loss - 1) < mpmath.mpf(10) ** -47
        assert abs(mpmath.mpf(str(reference.gradient[2])) / -other - 1) < mpmath.mpf(10) ** -47
        assert abs(mpmath.mpf(str(reference.gradient[3])) / other - 1) < mpmath.mpf(10) ** -47


def test_errors_are_measured_below_float64s_own_digits() -> None:
    network = Network(1, (), 2)
    reference = reference_gradient(
        network, np.array([0.1, 0.2, 0.3, 0.4]), np.array([[0.7]]), np.array([0]), Objective()
    )
    gradient = reference.rounded.copy()
    with mpmath.workdps(60):
        expected = [
            abs(mpmath.mpf(float(g)) - mpmath.mpf(str(r)))
            for g, r in zip(gradient, reference.gradient, strict=True)
        ]
    assert reference.errors(gradient) == pytest.approx([float(e) for e in expected], rel=1e-10, abs=0.0)
    assert (reference.errors(gradient) < 2.0**-53 * np.abs(gradient)).all()


def test_logits_beyond_all_bounds_have_a_gradient() -> None:
    network = Network(1, (), 2)
    parameters = np.array([0.0, 0.0, 1e300, -1e300])
    reference = reference_gradient(network, parameters, np.zeros((1, 1)), np.array([1]), Objective())
    assert float(reference.loss) == 2e300
    assert reference.rounded[2:].tolist() == [1.0, -1.0]


def test_there_is_no_floor_under_the_tolerance() -> None:
    # Everything on the way to the hidden weights is tiny, and so is what may be wrong with them.
    network = Network(2, (2,), 2, "sigmoid")
    parameters = np.random.default_rng(3).normal(size=network.parameter_count) * 1e-100
    inputs, labels = np.array([[0.5, 0.25]]), np.array([1])
    bounds = rounding_bounds(network, parameters, inputs, labels, Objective())
    reference = reference_gradient(network, parameters, inputs, labels, Objective())
    hidden = np.abs(reference.rounded[:6])
    assert (hidden < 1e-99).all()
    assert (bounds.gradient[:6] < 1e-12 * hidden).all()


def test_the_bound_grows_with_the_batch() -> None:
    network = Network(2, (), 2)
    parameters = np.zeros(network.parameter_count)
    # Many equal samples: their gradients add up, and every addition may round.
    sizes = {}
    for rows in (1, 100):
        inputs, labels = np.ones((rows, 2)), np.zeros(rows, dtype=np.int64)
        bounds = rounding_bounds(network, parameters, inputs, labels, Objective("sum"))
        sizes[rows] = bounds.gradient / rows
    assert (sizes[100] > sizes[1] + 90 * 2.0**-53 * 0.5).all()


def test_where_the_bound_is_zero_the_gradient_is() -> None:
    # The only hidden node is dead, so nothing can round on the way to its weights.
    network = Network(2, (1,), 2, "relu")
    parameters = np.array([1.0, 1.0, -5.0, 0.3, -0.3, 0.1, 0.2])
    inputs, labels = np.array([[0.5, 0.25]]), np.array([1])
    bounds = rounding_bounds(network, parameters, inputs, labels, Objective())
    assert bounds.gradient[:3].tolist() == [0.0, 0.0, 0.0]
    assert (bounds.gradient[5:] > 0.0).all()
    reference = reference_gradient(network, parameters, inputs, labels, Objective())
    assert [float(g) for g in reference.gradient[:5]] == [0.0] * 5


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_bounds_grow_with_the_weights(rows: int, reduction: Literal["mean", "sum"]) -> None:
    # A weight of 1024 shifts exponents only; a bound need not know that, and may have room for a rounding.
    network, draws = Network(4, (3,), 3), np.random.default_rng(7)
    parameters, inputs = draws.normal(size=network.parameter_count), draws.normal(size=(rows, 4))
    labels = draws.integers(3, size=rows)
    sample = network, parameters, inputs, labels
    plain = rounding_bounds(*sample, Objective(reduction))
    weighted = rounding_bounds(*sample, Objective(reduction, class_weight=(1024.0, 1024.0, 1024.0)))
    assert (weighted.gradient >= 1024.0 * plain.gradient).all()
    assert (weighted.gradient <= 1.5 * 1024.0 * plain.gradient).all()
    assert 1024.0 * plain.loss <= weighted.loss <= 1.5 * 1024.0 * plain.loss
