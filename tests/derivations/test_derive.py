"""irisbp.derive: the command's numbers, its checks in words for both, and the forms that a result takes."""

import signal
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import irisbp
from tests.test_library import as_printed, printed

LINE: dict[str, Any] = {"wrt": "w", "at": {"w": 2.5, "x": 3.5, "y": 9.5}}
NUMBERS = st.floats(-4, 4).map(lambda x: x + 0.0)
EXPRESSIONS = st.sampled_from(["a*b+w", "(b-sigmoid(a))**2", "sin(a)*cos(b)", "b/(3+tanh(a))", "relu(a)*b*w"])


@settings(max_examples=15)
@given(EXPRESSIONS, NUMBERS, NUMBERS)
def test_the_command_prints_what_the_call_returns(expression: str, w: float, x: float) -> None:
    let = {"a": "w*x-0.5", "b": "a*a+w"}
    options = [f"--let={name}={source}" for name, source in let.items()]
    told = printed("derive", expression, *options, "--wrt", "w", "--at", f"w={w!r},x={x!r}", "--json")
    found = irisbp.derive(expression, wrt="w", at={"w": w, "x": x}, let=let)
    assert as_printed(found.as_json()) == told


def test_the_derivative_of_a_square() -> None:
    """d/dw (y - w x)^2 = -2 x (y - w x) = -7 * (9.5 - 8.75)"""
    for source, let in (("(y-w*x)**2", None), ("(y-a)**2", {"a": "w*x"})):
        found = irisbp.derive(source, let=let, **LINE)
        assert (found.value, found.derivative) == (0.5625, -5.25)
    assert [path.product for path in found.paths] == [-5.25]


@pytest.mark.parametrize("number", [2, np.int64(2), np.float32(2), Fraction(4, 2)])
def test_numbers_of_any_kind(number: Any) -> None:
    found = irisbp.derive("x**3", wrt="x", at={"x": number})
    assert (found.derivative, found.at) == (12.0, {"x": 2.0})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": {"x": "2"}}, "at x: '2' is not a number"),
        ({"at": {"x": True}}, "at x: True is not a number"),
        ({"at": {"x": 1j}}, "at x: 1j is not a number"),
        ({"at": {"x": float("nan")}}, "at x: the value must be finite"),
        ({"at": {"x": 10**400}}, "at x: the value must be finite"),
        ({"at": {1: 2.0}}, "at: 1 is not a name"),
        ({"at": [("x", 1.0), ("x", 2.0)]}, "at x: given twice"),
        ({"at": {}}, "expression: x has no value; at must give one"),
        ({"let": {"a": 2.0}}, "let a: 2.0 is not a text, such as 'w*x'"),
        ({"let": {"": "x"}}, "let: an empty text is not a name"),
        ({"let": {f"a{k}": "x" for k in range(51)}}, "let: 51 definitions; at most 50 are allowed"),
        ({"expression": 3}, "expression: 3 is not a text"),
        ({"wrt": "y"}, "wrt y: no such variable; at gives x"),
        ({"wrt": ["x"]}, "wrt: ['x'] is not a name; at gives x"),
    ],
)
def test_what_does_not_fit(arguments: dict[str, Any], message: str) -> None:
    asked = {"expression": "x*x", "wrt": "x", "at": {"x": 1.5}} | arguments
    with pytest.raises(irisbp.IrisbpError) as raised:
        irisbp.derive(asked.pop("expression"), **asked)
    assert message in str(raised.value)


def test_a_result_shows_itself() -> None:
    found = irisbp.derive("(y-a)**2", let={"a": "w*x"}, **LINE)
    assert repr(found) == "<Derivation d expression/dw = -5.25 at w=2.5, x=3.5, y=9.5>"
    html = found._repr_html_()
    for cell in ("(y-a)**2", "w*x", "sum of the paths", "central difference"):
        assert f">{cell}</td>" in html
    assert html.count("<tr>") == 1 + 5 + len(found.ways)
    many = {f"x{k}": k / 7 for k in range(30)}
    assert len(repr(irisbp.derive("+".join(many), wrt="x3", at=many))) < 140


def test_without_timers_and_in_threads_there_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = irisbp.derive("(y-w*x)**2", **LINE)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(irisbp.derive, "(y-w*x)**2", **LINE).result() == expected
    monkeypatch.delattr(signal, "setitimer")
    monkeypatch.delattr(signal, "SIGALRM")
    assert irisbp.derive("(y-w*x)**2", **LINE) == expected


def test_a_timer_of_the_callers_is_left_alone() -> None:
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 500)
    try:
        irisbp.derive("(y-w*x)**2", **LINE)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 400
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
