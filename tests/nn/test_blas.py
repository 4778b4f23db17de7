"""Numbers do not depend on how many threads BLAS would use; small products never use more than one."""

import subprocess
import sys
from collections.abc import Iterator
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import ThreadpoolController

from irisbp.nn.backprop import Objective
from irisbp.nn.engines.one.plain import PlainLoop
from irisbp.nn.network import Network, fixed_threads
from irisbp.nn.optimizers import NormClipping, Sgd, native_norm
from irisbp.training.evaluation import probabilities
from tests.conftest import CONFIGS

BLAS = ThreadpoolController().select(user_api="blas")
ROWS = 64
LARGE = Network(4, (300, 200), 3)


def _counts() -> set[int]:
    return {library.num_threads for library in BLAS.lib_controllers}


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    (before,) = _counts()
    _set(3)
    yield
    _set(before)


def _set(count: int) -> None:
    """Set it from a thread that ends: with threadpoolctl 3.8, no other may set it before."""
    for library in BLAS.lib_controllers:
        setting = Thread(target=library.set_num_threads, args=(count,))
        setting.start()
        setting.join()


def _trained(network: Network, rows: int = ROWS, updates: int = 2) -> bytes:
    """The parameters, losses and probabilities of a few updates, with clipping, which takes a norm."""
    draws = np.random.default_rng(0)
    parameters = 0.3 * draws.normal(size=network.parameter_count)
    inputs = draws.normal(size=(rows * updates, network.inputs))
    labels = draws.integers(0, network.classes, rows * updates)
    optimizer = NormClipping(Sgd(parameters.shape), 1.0, native_norm)
    optimizer.learning_rate[()] = 0.1
    loop = PlainLoop(network, parameters, optimizer, rows, Objective())
    losses: list[float] = []
    for start in range(0, len(labels), loop.block):
        block = slice(start, start + loop.block)
        losses += loop.run(inputs[block], labels[block])[0]
    return (
        parameters.tobytes()
        + np.array(losses).tobytes()
        + probabilities(network, parameters, inputs).tobytes()
    )


def _with_blas(count: int, network: Network, rows: int) -> bytes:
    with BLAS.limit(limits=count):
        return _trained(network, rows)


def test_the_bytes_are_those_of_the_networks_threads_whatever_blas_has() -> None:
    assert len({_with_blas(count, LARGE, ROWS) for count in (1, 2, 4)}) == 1
    two = Network(4, (300, 200), 3, threads=2)
    assert {_with_blas(count, two, ROWS) for count in (1, 2, 4)} == {_trained(two)}


def test_without_it_they_would_be_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Network, "may_be_cut", lambda network, rows: False)
    assert _with_blas(1, LARGE, ROWS) != _with_blas(2, LARGE, ROWS)


@given(
    st.integers(1, 60), st.lists(st.integers(1, 60), max_size=3), st.integers(2, 9), st.integers(1, 300)
)  # fmt: skip
def test_what_is_never_cut_has_the_same_bytes_with_any_number(
    inputs: int, hidden: list[int], classes: int, rows: int
) -> None:
    network = Network(inputs, tuple(hidden), classes)
    if not network.may_be_cut(rows):
        assert _with_blas(1, network, rows) == _with_blas(4, network, rows)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_blas_has_the_threads_meanwhile_and_its_own_before_and_after(count: int) -> None:
    network = Network(4, (300, 200), 3, threads=count)
    with fixed_threads(network, 1):
        assert _counts() == {count}
        with fixed_threads(network, ROWS):
            assert _counts() == {count}
        assert _counts() == {count}
    assert _counts() == {3}
    with pytest.raises(ZeroDivisionError), fixed_threads(network, 1):
        raise ZeroDivisionError
    assert _counts() == {3}


def test_a_small_network_leaves_blas_alone() -> None:
    assert not Network(4, (3,), 3).may_be_cut(303)  # 27 * 303 = 8181
    assert Network(4, (3,), 3).may_be_cut(304)  # 27 * 304 = 8208
    with fixed_threads(Network(4, (3,), 3), 150):
        assert _counts() == {3}


def test_more_threads_than_blas_takes() -> None:
    with pytest.raises(ValueError, match=r"this machine's BLAS takes at most \d+"):
        fixed_threads(Network(4, (300, 200), 3, threads=100_000), 1).__enter__()
    assert _counts() == {3}
    with fixed_threads(LARGE, 1):
        assert _counts() == {1}


def test_another_python_thread_waits_until_blas_is_free() -> None:
    two, found = Network(4, (300, 200), 3, threads=2), list[object]()

    def other() -> None:
        with fixed_threads(two, 1):
            found.append(_counts())
        found.append(_counts())
        found.append(_trained(LARGE))

    waiting = Thread(target=other)
    with fixed_threads(LARGE, 1):
        waiting.start()
        waiting.join(0.05)
        assert found == []
        assert _counts() == {1}
    waiting.join(30)
    assert found == [{2}, {3}, _trained(LARGE)]
    assert _counts() == {3}


_LOADED = """
import sys, irisbp
irisbp.train(sys.argv[1], epochs=2).evaluate()
assert not {"threadpoolctl", "irisbp.nn.blas"} & set(sys.modules)
irisbp.train(sys.argv[1], epochs=1, network={"hidden": [300]})
assert {"threadpoolctl", "irisbp.nn.blas"} <= set(sys.modules)
"""


def test_the_articles_run_does_without_threadpoolctl() -> None:
    subprocess.run([sys.executable, "-c", _LOADED, str(CONFIGS / "article.yaml")], check=True)
