"""`irisbp derive` as its users run it."""

import json
import os
from pathlib import Path

import pytest

from irisbp.cli import app
from irisbp.errors import IrisbpError
from tests.conftest import Irisbp

LOGISTIC = (
    "(y-1/(1+exp(-part2)))**2", "--wrt", "w", "--at", "w=2.5,x=3.5,y=9.5",
    "--let", "part1=1/(1+exp(-w*x))", "--let", "part2=1/(1+exp(-part1))",
)  # fmt: skip


def test_the_articles_logistic_chain_gives_the_numbers_of_r(irisbp: Irisbp) -> None:
    """R's `deriv` and the product of its partial derivatives, to the last digit that R printed."""
    result = json.loads(irisbp("derive", *LOGISTIC, "--json").stdout)
    assert result["value"] == 77.880083254165754
    ways = {way["method"]: way["value"] for way in result["ways"]}
    assert ways["dual numbers"] == -0.00042208938728829145
    assert {partial["name"]: partial["value"] for partial in result["partials"]} == {
        "d expression/d part2": -3.87176565572477304755,
        "d part2/d part1": 0.19662632795604548241,
        "d part1/dw": 0.00055443890973450841,
    }
    assert result["sum_of_paths"] == -0.0004220893872882915
    # Computed with 40 digits by mpmath: -0.000422089387288291681234459118788796472
    assert ways["symbolic"] == result["derivative"] == -0.00042208938728829168
    assert ways["complex step"] == pytest.approx(ways["symbolic"], rel=1e-15)
    assert ways["central difference"] == pytest.approx(ways["symbolic"], rel=1e-5)


def test_without_parts_the_value_is_the_same(irisbp: Irisbp) -> None:
    nested = "(y-sigmoid(sigmoid(sigmoid(w*x))))**2"
    result = json.loads(
        irisbp("derive", nested, "--wrt", "w", "--at", "w=2.5,x=3.5", "--at", "y=9.5", "--json").stdout
    )
    assert result["value"] == pytest.approx(77.880083254165754, rel=1e-15)
    assert result["derivative"] == -0.00042208938728829168
    assert (result["partials"], result["paths"], result["sum_of_paths"]) == ([], [], None)


def test_the_articles_four_layers_of_multiplications(irisbp: Irisbp) -> None:
    done = irisbp(
        "derive", "w4*c", "--let", "a=w1*x", "--let", "b=w2*a", "--let", "c=w3*b",
        "--wrt", "w1", "--at", "w1=2,w2=3,w3=4,w4=5,x=6",
    )  # fmt: skip
    lines = done.stdout.splitlines()
    for factor, value, symbol in (
        ("d expression/d c", 5, "w4"), ("d c/d b", 4, "w3"), ("d b/d a", 3, "w2"), ("d a/dw1", 6, "x"),
    ):  # fmt: skip
        at = lines.index(f"{factor:<16}  = {value}")
        assert lines[at + 1] == f"    {symbol}"
    at = lines.index("d expression/d c * d c/d b * d b/d a * d a/dw1")
    assert lines[at + 1] == "  = 360"
    assert "    w2*w3*w4*x" in lines
    assert "product of the chain    360              16.0" in lines


def test_several_paths_are_summed(irisbp: Irisbp) -> None:
    """u = x^2, v = 3 u; u v + x has the paths u, v u and x itself: 12 * 4 + 4 * 3 * 4 + 1 at x = 2."""
    arguments = ("u*v+x", "--let", "u=x*x", "--let", "v=3*u", "--wrt", "x", "--at", "x=2")
    result = json.loads(irisbp("derive", *arguments, "--json").stdout)
    assert {" ".join(path["factors"]): path["product"] for path in result["paths"]} == {
        "d expression/d u d u/dx": 48.0,
        "d expression/d v d v/d u d u/dx": 48.0,
        "d expression/dx": 1.0,
    }
    assert result["sum_of_paths"] == result["derivative"] == 97.0
    assert "sum over 3 paths = 97" in irisbp("derive", *arguments).stdout


def test_it_reads_in_80_columns(irisbp: Irisbp) -> None:
    lines = irisbp("derive", *LOGISTIC).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_paths_by_the_million_are_added_but_not_listed(irisbp: Irisbp) -> None:
    """Each part uses the two before it, so that the paths are the Fibonacci numbers."""
    parts = ["d0=x*x", "d1=x+d0", *(f"d{k}=sin(d{k - 1})+cos(d{k - 2})/2" for k in range(2, 31))]
    options = [word for text in parts for word in ("--let", text)]
    result = json.loads(irisbp("derive", "d30", *options, "--wrt", "x", "--at", "x=0.5", "--json").stdout)
    assert (result["path_count"], result["paths"], result["symbolic"]) == (2_178_309, [], None)
    assert result["note"].startswith("left out: ")
    assert result["sum_of_paths"] == pytest.approx(result["derivative"], rel=1e-12)


def test_without_sympy_the_rest_works(irisbp: Irisbp, tmp_path: Path) -> None:
    whole = json.loads(irisbp("derive", *LOGISTIC, "--json").stdout)
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['sympy'] = None\n")
    without = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = irisbp("derive", *LOGISTIC, env=without)
    assert (done.returncode, done.stderr) == (0, "")
    assert "    needs SymPy: pip install 'irisbp[symbolic]'" in done.stdout.splitlines()
    assert "d part1/dw            = 0.0005544389097345084" in done.stdout.splitlines()
    result = json.loads(irisbp("derive", *LOGISTIC, "--json", env=without).stdout)
    assert result["symbolic"] is None
    assert result["ways"][0]["method"] == "dual numbers"
    assert result["sum_of_paths"] == whole["sum_of_paths"]


X = ("--wrt", "x", "--at", "x=1.5")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x*y", *X), "expression: y has no value; at must give one\n  x*y\n    ^"),
        (("x", *X, "--at", "y=2"), "at y: nothing uses it"),
        (("x", *X, "--let", "a=x"), "let a: nothing uses it"),
        (("x", "--wrt", "z", "--at", "x=1"), "wrt z: no such variable; at gives x"),
        (("a", "--wrt", "a", "--at", "x=1", "--let", "a=x"), "wrt a: it is defined by let"),
        (("a", *X, "--at", "a=3", "--let", "a=x"), "at a: it is defined by let"),
        (("a", *X, "--let", "a=b", "--let", "b=x"), "let a: b is defined only after this\n  b\n  ^"),
        (("a", *X, "--let", "a=x", "--let", "a=x"), "let a: defined twice"),
        (("a", *X, "--let", "a"), "--let a: not of the form NAME=EXPRESSION"),
        (("a", *X, "--let", "exp=x"), "let exp: exp is a function"),
        (("a", *X, "--let", "expression=x"), "let expression: this name stands for the whole expression"),
        (("a", *X, "--let", "a\x1b[1m=x"), "let: a\\x1b[1m is not a name"),
        (("x", "--wrt", "x", "--at", "x"), "--at x: not of the form NAME=NUMBER"),
        (("x", "--wrt", "x", "--at", "x=1,x=2"), "at x: given twice"),
        (("x", "--wrt", "x", "--at", "x=nan"), "--at x=nan: not of the form"),
        (
            ("x", "--wrt", "x", "--at", "x=1e999"),
            "at x: the value must be finite, and within the range of float64",
        ),
        (("x", "--wrt", "x", "--at", "x=\N{FULLWIDTH DIGIT ONE}"), "not of the form NAME=NUMBER"),
    ],
)
def test_arguments_that_do_not_fit(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(IrisbpError) as caught:
        app(["derive", *arguments], prog_name="irisbp", standalone_mode=False)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_argument_that_does_not_fit_ends_the_process(irisbp: Irisbp) -> None:
    done = irisbp("derive", "x*y", *X)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("irisbp: expression: y has no value")


def _seconds_of_children() -> float:
    """Of computing: what else the machine does is no fault of theirs."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.parametrize(
    "expression",
    [
        "x.__class__.__mro__",
        "__import__('os').system('ls')",
        "eval(x)",
        "lambda: x",
        "9**9**9**9",
        "x**(9**9)",
        "exp(exp(exp(exp(exp(x)))))",
        "(" * 10_000 + "x" + ")" * 10_000,
        "(" * 400 + "x" + ")" * 400,
        "exp(" * 200 + "x" + ")" * 200,
        "x**" * 300 + "x",
        "x+" * 50_000 + "x",
        "9" * 900,
        "x+unknown",
        "\N{FULLWIDTH LATIN SMALL LETTER E}xp(x)",
        "x\N{RIGHT-TO-LEFT OVERRIDE}+1",
        "x\x1b[31m\x07",
        "x\udcff",
    ],
)
def test_hostile_expressions_are_refused_at_once(irisbp: Irisbp, expression: str) -> None:
    before = _seconds_of_children()
    done = irisbp("derive", expression, *X)
    took = _seconds_of_children() - before
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("irisbp: expression: ")
    assert len(done.stderr.splitlines()) <= 3
    assert max(map(len, done.stderr.splitlines())) < 150
    assert done.stderr.replace("\n", "").isprintable()
    assert took < 1


@pytest.mark.parametrize(
    ("expression", "definitions"),
    [
        ("9**n*x", ["n=-(9**9)"]),
        ("((((0.5*x)**1000)**1000)**1000)**1000", []),
        ("exp(-100*100*100*100*100*log(9*x))*x", []),
        ("b*x", ["n=x-x-99999999", "b=9**n"]),
        ("sinh(sqrt(softplus(2+x))**(-1000))", []),
        ("sin(" * 45 + "x*x" + ")" * 45, []),
        ("+".join(["sin(x)/(1+x)*tanh(x)"] * 40), []),
    ],
)
def test_what_could_grow_without_end_does_not(
    irisbp: Irisbp, expression: str, definitions: list[str]
) -> None:
    options = [word for text in definitions for word in ("--let", text)]
    before = _seconds_of_children()
    done = irisbp("derive", expression, *options, *X)
    assert (done.returncode, done.stderr) == (0, "")
    assert _seconds_of_children() - before < 5


@pytest.mark.parametrize("expression", ["sqrt(x**2)", "(x**2)**0.5", "sqrt(x**2+y**2)", "3*sqrt(x*y)"])
def test_an_infinite_slope_times_0_is_no_derivative(irisbp: Irisbp, expression: str) -> None:
    at = "x=0,y=0" if "y" in expression else "x=0"
    done = irisbp("derive", expression, "--wrt", "x", "--at", at)
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no derivative here: its slope is infinite, and infinity times 0 is no number" in done.stderr


@pytest.mark.parametrize(
    ("expression", "place", "sides"),
    [
        ("abs(x)", 0, "-1 from the left and 1 from the right"),
        ("1-2*relu(3*x)", 4, "0 from the left and -6 from the right"),
        ("x+abs(sin(x))", 2, "0 from the left and 2 from the right"),
    ],
)
def test_a_kink_is_told_with_its_two_sides(irisbp: Irisbp, expression: str, place: int, sides: str) -> None:
    done = irisbp("derive", expression, "--wrt", "x", "--at", "x=0")
    name = expression[place:].partition("(")[0]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"irisbp: expression: KINK of {name}: d expression/dx is {sides}",
        f"  {expression}",
        f"  {' ' * place}^",
    ]
    done = irisbp("derive", "b+1", "--let", f"b={expression}", "--wrt", "x", "--at", "x=0")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"let b: KINK of {name}: d expression/dx is {sides}" in done.stderr


@pytest.mark.parametrize(
    ("expression", "slope"),
    [
        ("abs(x)*x", 0),
        ("relu(x)-relu(-x)", 1),
        ("abs(x**2)+5*x", 5),
        ("relu(y)*x", 0),
        ("abs(y)+sqrt(y)+x", 1),
    ],
)
def test_where_both_sides_agree_there_is_a_derivative(irisbp: Irisbp, expression: str, slope: float) -> None:
    """x |x| and x^2 are flat at 0, relu(x) - relu(-x) is x, and y does not move."""
    at = ("--wrt", "x", "--at", "x=0,y=0" if "y" in expression else "x=0")
    done = irisbp("derive", expression, *at, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert (result["derivative"], result["disagreement"]) == (slope, None)


def test_methods_that_disagree_fail(irisbp: Irisbp) -> None:
    """The slope of 1e-200 * 1e-200 * 1e300 x is 1e-100; in float64 the first product is 0."""
    arguments = ("x*1e-200*1e-200*1e300", "--wrt", "x", "--at", "x=1")
    done = irisbp("derive", *arguments)
    assert done.returncode == 3
    assert "symbolic" in done.stdout
    assert done.stderr.splitlines() == [
        "irisbp: d expression/dx: symbolic (1e-100) and dual numbers (0.0)"
        " disagree by more than rounding and steps explain"
    ]
    done = irisbp("derive", *arguments, "--json")
    assert (done.returncode, json.loads(done.stdout)["disagreement"]) == (3, ["symbolic", "dual numbers"])


def test_several_variables_give_their_derivatives(irisbp: Irisbp) -> None:
    """d (x^2 y)/dx = 2 x y and d/dy = x^2, at x = 3 and y = 5."""
    arguments = ("a*y", "--let", "a=x**2", "--wrt", "x", "--wrt", "y", "--at", "x=3,y=5")
    lines = irisbp("derive", *arguments).stdout.splitlines()
    assert sum(line.startswith("at ") for line in lines) == 1
    for name in ("x", "y"):
        assert f"d expression/d{name}, in symbols, with its definitions substituted" in lines
    derivations = json.loads(irisbp("derive", *arguments, "--json").stdout)["derivations"]
    assert {one["wrt"]: one["derivative"] for one in derivations} == {"x": 30.0, "y": 9.0}
    again = irisbp("derive", "x*y", "--wrt", "x", "--wrt", "x", "--at", "x=3,y=5")
    assert (again.returncode, again.stderr) == (2, "irisbp: --wrt x: given twice\n")
