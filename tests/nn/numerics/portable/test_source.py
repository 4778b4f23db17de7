"""The portable modules call nothing whose rounding is left to a library."""

import ast
from pathlib import Path

import pytest

import irisbp.nn.numerics.portable

_FILES = sorted(Path(irisbp.nn.numerics.portable.__file__).parent.glob("*.py"))

# What may be used of these two, all of it exact or correctly rounded, or in an order by definition.
_OF_MATH = {"copysign", "frexp", "fsum", "inf", "nan", "sqrt"}
_OF_NUMPY = {
    "abs", "add", "arange", "array", "asarray", "copysign", "divide", "empty", "empty_like", "fmax", "fmin",
    "frexp", "int64", "isnan", "maximum", "multiply", "newaxis", "random", "sqrt", "where",
}  # fmt: skip
_METHODS_NOT = {"sum", "mean", "std", "var", "dot", "prod", "cumsum", "normal", "uniform", "reduce", "trace"}


def _forbidden(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow | ast.MatMult):
            found.append(f"line {node.lineno}: an operator")
        if isinstance(node, ast.ImportFrom) and node.module == "math":
            found += [f"math.{name.name}" for name in node.names if name.name not in _OF_MATH]
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name != "numpy"]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            of_numpy = node.value.id == "np"
            if (of_numpy and node.attr not in _OF_NUMPY) or (not of_numpy and _is_method(node)):
                found.append(f"line {node.lineno}: {node.value.id}.{node.attr}")
        if isinstance(node, ast.Name) and node.id in ("sum", "pow"):
            found.append(f"line {node.lineno}: {node.id}")
    return found


def _is_method(node: ast.Attribute) -> bool:
    return node.attr in _METHODS_NOT and getattr(node.value, "id", "") not in ("self", "sums")


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_nothing_but_correctly_rounded_operations(path: Path) -> None:
    assert _forbidden(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "np.exp(x)", "x @ y", "x **= 2", "2.0**x", "from math import exp", "import math", "np.sum(x)",
        "x.dot(y)", "sum(x)", "np.linalg.norm(x)", "draws.normal(0, 1)", "np.einsum('i,i', x, y)",
    ],
)  # fmt: skip
def test_the_others_are_found(source: str) -> None:
    assert _forbidden(source)
