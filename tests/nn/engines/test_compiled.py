"""The compiled loops against the plain one, mpmath and each other; skipped without llvmlite."""

import ctypes
from collections.abc import Callable, Iterator
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irisbp.nn.backprop import Objective
from irisbp.nn.codegen.structure import Structure
from irisbp.nn.engines.many.compiled import Ensemble, train_ensemble
from irisbp.nn.engines.one.compiled import CompiledLoop, is_faster
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.nn.network import Network
from irisbp.nn.optimizers import OPTIMIZERS, NormClipping, Optimizer
from irisbp.nn.types import Array, Indices

llvm = pytest.importorskip("llvmlite.binding")
ir = pytest.importorskip("llvmlite.ir")

CLOSE = 1e-12

# Optimizer, its options, hidden layers, activation, batch size, objective, clip_norm: each choice at
# least once, and few of them, since each structure is compiled.
STRUCTURES: list[tuple[str, dict[str, Any], tuple[int, ...], str, int, Objective, float | None]] = [
    ("sgd", {}, (3,), "sigmoid", 1, Objective(), None),
    ("sgd", {"momentum": 0.8}, (5, 4), "tanh", 7, Objective("sum"), None),
    ("sgd", {"momentum": 0.8, "nesterov": True}, (3,), "relu", 1, Objective(), 0.5),
    ("rmsprop", {"rho": 0.9}, (2, 2, 2), "leaky_relu", 10, Objective("mean", 0.1), None),
    ("adagrad", {}, (20,), "softplus", 1, Objective("mean", 0.01), None),
    ("adadelta", {"rho": 0.8}, (4,), "identity", 7, Objective("sum", 0.01), 0.3),
    ("adam", {"beta1": 0.8}, (3,), "sigmoid", 1, Objective(), None),
    ("adam", {"amsgrad": True}, (40, 20), "tanh", 16, Objective(), None),
    ("adamw", {"weight_decay": 0.2}, (), "sigmoid", 1, Objective(), None),
    ("adamw", {"amsgrad": True}, (3,), "softplus", 40, Objective(), 1.0),
    ("nadam", {"momentum_decay": 0.05}, (3,), "sigmoid", 7, Objective(), None),
    ("sgd", {}, (3,), "sigmoid", 1, Objective(class_weight=(0.1, 3.0, 1.5)), None),
    ("adam", {}, (40,), "tanh", 7, Objective("mean", 0.01, (0.1, 3.0, 1.5)), 0.5),
    ("sgd", {"momentum": 0.8}, (3,), "relu", 16, Objective("sum", 0.0, (2.0, 0.3, 1.0)), None),
]
few = settings(max_examples=15, deadline=None)


@pytest.fixture(autouse=True, scope="module")
def _no_cache() -> Iterator[None]:
    """The user's cache is not to be filled by tests."""
    from irisbp.nn.codegen import objects

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "code_cache", lambda: None)
        yield


def _optimizer(name: str, count: int, rate: float, options: dict[str, Any], limit: float | None) -> Optimizer:
    optimizer = OPTIMIZERS[name]((count,), **options)
    optimizer.learning_rate[...] = rate
    return optimizer if limit is None else NormClipping(optimizer, limit)


def _data(draws: np.random.Generator, count: int) -> tuple[Array, Indices]:
    return draws.normal(size=(count, 4)), draws.integers(0, 3, count)


@pytest.mark.parametrize(
    ("name", "options", "hidden", "activation", "batch_size", "objective", "limit"), STRUCTURES
)
def test_follows_the_plain_loop(
    name: str,
    options: dict[str, Any],
    hidden: tuple[int, ...],
    activation: str,
    batch_size: int,
    objective: Objective,
    limit: float | None,
) -> None:
    network = Network(4, hidden, 3, activation)

    @few
    @given(st.integers(0, 10**6), st.sampled_from([1e-3, 0.01, 0.05]), st.sampled_from([0.1, 0.5, 1.0]))
    def check(seed: int, rate: float, spread: float) -> None:
        draws = np.random.default_rng(seed)
        start = draws.normal(0.0, spread, network.parameter_count)
        blocks = [_data(draws, 40) for _ in range(3)]  # most batch sizes leave a short batch
        seen = []
        for engine in (PlainLoop, CompiledLoop):
            parameters = start.copy()
            optimizer = _optimizer(name, len(start), rate, options, limit)
            loop = engine(network, parameters, optimizer, batch_size, objective)
            told = [loop.run(*block) for block in blocks]
            losses = np.concatenate([losses for losses, _ in told])
            seen.append((losses, [list(p) for _, p in told], parameters, optimizer.state))
        (losses, predictions, parameters, state), other = seen
        np.testing.assert_allclose(other[0], losses, CLOSE, CLOSE)
        assert other[1] == predictions
        np.testing.assert_allclose(other[2], parameters, CLOSE, CLOSE)
        assert state.keys() == other[3].keys()
        for key, array in state.items():
            np.testing.assert_allclose(other[3][key], array, CLOSE, CLOSE, err_msg=key)

    check()


def test_every_choice_is_among_the_structures() -> None:
    from irisbp.nn.activations import ACTIVATIONS

    assert {row[0] for row in STRUCTURES} == set(OPTIMIZERS)
    assert {row[3] for row in STRUCTURES} == set(ACTIVATIONS)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_loss_that_is_not_finite_ends_the_run_before_its_batch(batch_size: int) -> None:
    network = Network(2, (), 2)
    inputs = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5], [1e308, 1e308], [1.0, 2.0]])
    labels, start = np.array([0, 1, 0, 1, 0, 1]), np.array([-9.0, 9.0, -9.0, 9.0, 0.0, 0.0])
    seen = []
    for engine in (PlainLoop, CompiledLoop):
        parameters = start.copy()
        optimizer = _optimizer("adam", 6, 1e-6, {}, None)
        losses, predictions = engine(network, parameters, optimizer, batch_size).run(inputs, labels)
        seen.append((losses, predictions, parameters, optimizer.state["step"].item()))
    plain, compiled = seen
    assert len(compiled[0]) == len(compiled[1]) == len(plain[0]) == 5
    assert not np.isfinite(compiled[0][-1])
    np.testing.assert_allclose(compiled[2], plain[2], CLOSE)
    assert compiled[3] == plain[3] == 4 // batch_size


def _ensemble(
    name: str, runs: list[int], *, threads: int, batch_size: int = 1, orders: int = 1
) -> tuple[Ensemble, Array, list[Optimizer]]:
    """Some of many runs, each told by its seed alone."""
    inputs, labels = _data(np.random.default_rng(0), 30)
    draws = [np.random.default_rng(seed) for seed in runs]
    parameters = np.array([d.normal(size=27) for d in draws])
    rows = np.array([[d.permutation(30) for _ in range(orders)] for d in draws])
    rates = np.array([d.uniform(0.01, 0.3, 4) for d in draws])
    optimizers = [OPTIMIZERS[name]((27,)) for _ in runs]
    done = train_ensemble(
        Network(4, (3,), 3), parameters, optimizers, inputs, rows, labels[rows], rates,
        batch_size=batch_size, threads=threads,
    )  # fmt: skip
    return done, parameters, optimizers


@pytest.mark.parametrize(("name", "batch_size", "orders"), [("sgd", 1, 1), ("nadam", 7, 4)])
def test_a_run_is_the_same_to_the_bit_in_any_company(name: str, batch_size: int, orders: int) -> None:
    inputs, labels = _data(np.random.default_rng(0), 30)
    many, parameters, optimizers = _ensemble(
        name, list(range(21)), threads=2, batch_size=batch_size, orders=orders
    )
    few_of_them, own, _ = _ensemble(name, [17, 3], threads=1, batch_size=batch_size, orders=orders)
    np.testing.assert_array_equal(own, parameters[[17, 3]])
    np.testing.assert_array_equal(few_of_them.losses, many.losses[[17, 3]])
    # And alone, in the engine for one run.
    draws = np.random.default_rng(17)
    alone = draws.normal(size=27)
    rows = [draws.permutation(30) for _ in range(orders)] * (4 // orders)
    optimizer = OPTIMIZERS[name]((27,))
    loop = CompiledLoop(Network(4, (3,), 3), alone, optimizer, batch_size)
    for epoch, rate in enumerate(draws.uniform(0.01, 0.3, 4)):
        optimizer.learning_rate[()] = rate
        losses, predictions = loop.run(inputs[rows[epoch]], labels[rows[epoch]])
        assert sum(losses) == pytest.approx(many.losses[17, epoch], rel=CLOSE)
        assert np.equal(predictions, labels[rows[epoch]]).sum() == many.hits[17, epoch]
    np.testing.assert_array_equal(alone, parameters[17])
    for key, array in optimizer.state.items():
        np.testing.assert_array_equal(array, optimizers[17].state[key])


def test_a_run_that_diverges_ends_where_it_does_alone_and_leaves_the_others_alone() -> None:
    inputs, labels = _data(np.random.default_rng(0), 30)
    runs, diverging = 10, 4
    draws = np.random.default_rng(1)
    start, rows = draws.normal(size=(runs, 27)), np.tile(np.arange(30), (runs, 1, 1))
    rates = np.full((runs, 3), 0.1)
    calm = start.copy()

    def train(parameters: Array) -> Ensemble:
        optimizers = [OPTIMIZERS["sgd"]((27,), momentum=0.5) for _ in range(runs)]
        return train_ensemble(Network(4, (3,), 3), parameters, optimizers, inputs, rows, labels[rows], rates)

    quiet = train(calm)
    start[diverging], rates[diverging] = start[diverging] * 0.5, 1e308
    ended = train(start)
    alone = start.copy()[diverging]
    others = [run for run in range(runs) if run != diverging]
    np.testing.assert_array_equal(start[others], calm[others])
    np.testing.assert_array_equal(ended.losses[others], quiet.losses[others])
    assert not quiet.ends.any()
    assert not ended.ends[others].any()
    draws = np.random.default_rng(1)
    alone = draws.normal(size=(runs, 27))[diverging] * 0.5
    optimizer = _optimizer("sgd", 27, 1e308, {"momentum": 0.5}, None)
    losses, _ = CompiledLoop(Network(4, (3,), 3), alone, optimizer).run(inputs, labels)
    assert len(losses) == ended.ends[diverging] < 30
    assert ended.losses[diverging, 0] == pytest.approx(sum(losses[:-1]), rel=CLOSE)
    assert not ended.losses[diverging, 1:].any()
    np.testing.assert_array_equal(start[diverging], alone)


def _compiled(write: Callable[[Any], tuple[Any, ...]], results: int) -> Callable[[float], tuple[float, ...]]:
    """A function of numbers as compiled code: for one lane and, to the same bits, for eight."""
    from irisbp.nn.codegen import objects
    from irisbp.nn.codegen.code import Code

    functions = []
    for width in (1, 8):
        module = ir.Module()
        code = Code(module, "f", width, 2, fuses=True, longest=16)
        for k, result in enumerate(write(code.load(code.arguments[0], 0))):
            code.store(code.arguments[1], k, result)
        code.finish()
        machine = objects._machine(width)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(str(module)), machine)
        engine.finalize_object()
        call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(engine.get_function_address("f"))
        functions.append((width, engine, call))

    def f(x: float) -> tuple[float, ...]:
        seen = []
        for width, _, call in functions:
            inputs, found = np.full(width, x), np.zeros((results, width))
            call(inputs.ctypes.data, found.ctypes.data)
            np.testing.assert_array_equal(found, found[:, :1].repeat(width, axis=1))
            seen.append(found[:, 0])
        np.testing.assert_array_equal(seen[0], seen[1])
        return tuple(seen[0].tolist())

    return f


def _ulps(value: float, exact: Any) -> float:
    nearest = float(exact)
    return float(abs(mpmath.mpf(value) - exact) / mpmath.mpf(float(np.spacing(abs(nearest)))))


def _arguments() -> list[float]:
    draws = np.random.default_rng(5)
    near = draws.normal(0.0, 1.0, 100) * 10.0 ** draws.uniform(-12, 2.8, 100)
    edges = [0.0, 1e-300, -1e-300, 0.34657359, 1.0, -1.0, 36.7, 40.0, -40.0, 354.0, -354.0, 700.0, -700.0]
    return [*near.clip(-700, 700).tolist(), *edges]


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu", "softplus", "identity"])
def test_activations_and_slopes_are_right_to_a_few_ulps(name: str) -> None:
    from irisbp.nn.codegen.functions import ACTIVATIONS

    def exact(a: Any) -> tuple[Any, Any]:
        one = mpmath.mpf(1)
        logistic = one / (1 + mpmath.exp(-a))
        return {
            "sigmoid": (logistic, logistic / (1 + mpmath.exp(a))),
            "tanh": (mpmath.tanh(a), mpmath.sech(a) ** 2),
            "relu": (max(a, 0), mpmath.mpf(a > 0)),
            "leaky_relu": (a if a > 0 else a * mpmath.mpf(0.01), one if a > 0 else mpmath.mpf(0.01)),
            "softplus": (mpmath.log1p(mpmath.exp(a)), logistic),
            "identity": (a, one),
        }[name]

    f = _compiled(ACTIVATIONS[name], 2)
    with mpmath.workdps(700):
        for a in _arguments():
            for found, right in zip(f(a), exact(mpmath.mpf(a)), strict=True):
                assert _ulps(found, right) <= 4.0, (a, found)
    for edge in (inf, -inf):
        assert not any(map(isnan, f(edge)))
    assert isnan(f(nan)[0])


def test_exp_and_log1p_are_right_to_an_ulp_or_so() -> None:
    from irisbp.nn.codegen.functions import exp, log1p

    f = _compiled(lambda x: (exp(x),), 1)
    g = _compiled(lambda x: (log1p(x, x + 1.0, 1.0 / (x + 1.0)),), 1)
    for x in _arguments():
        (power,), (logarithm,) = f(-abs(x)), g(abs(x))
        assert _ulps(power, mpmath.exp(-abs(mpmath.mpf(x)))) <= 1.5, x
        with mpmath.workdps(340):
            assert _ulps(logarithm, mpmath.log1p(abs(mpmath.mpf(x)))) <= 1.5, x
    for x in (-708.5, -720.0, -744.0, -745.1):  # below the smallest normal number
        assert f(x)[0] == pytest.approx(float(mpmath.exp(x)), abs=5e-324)
    assert f(-746.0) == f(-1e300) == f(-inf) == (0.0,)
    assert f(0.0) == (1.0,)
    assert isnan(f(nan)[0])
    assert isnan(g(nan)[0])


def test_large_networks_stay_with_the_plain_loop() -> None:
    assert is_faster(Network(4, (3,), 3), 1)
    assert is_faster(Network(4, (3,), 3), 150)
    assert not is_faster(Network(64, (256, 256), 10), 128)
    assert not is_faster(Network(4, (3,) * 50, 3), 1)


def test_kept_code_is_used_unless_it_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from irisbp.nn.codegen import cache, objects

    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(objects, "code_cache", cache.find_cache)
    structure = Structure((1, 2), "sigmoid", "sgd", "", True, False, False, False, False, 1)
    uncached = objects.function.__wrapped__
    uncached(structure)
    (kept,) = (tmp_path / "irisbp").iterdir()
    whole, compiled = kept.read_bytes(), list[int]()

    def compile_(*_: object) -> bytes:
        compiled.append(1)
        return whole[whole.index(b"\x7fELF") :]

    monkeypatch.setattr(objects, "_compile", compile_)
    uncached(structure)
    assert not compiled
    for damaged in (b"", whole[:-1], whole[:100] + b"?" + whole[101:]):
        kept.write_bytes(damaged)
        compiled.clear()
        uncached(structure)
        assert compiled
