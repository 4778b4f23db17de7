"""The house rules that a machine can check, read from the source of the whole package."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import irisbp

_PACKAGE = Path(irisbp.__file__).parent
_FILES = sorted(_PACKAGE.rglob("*.py"))

_PUBLIC_BY_CONVENTION = {"_asdict", "_fields", "_replace"}  # of named tuples, documented
_ALLOWED = {
    "os._exit",  # documented
    "hashlib._Hash",  # the type has no other name
    "numpy._core.multiarray",  # see the comment there
}


def _defined(tree: ast.Module) -> set[str]:
    """The names that a module defines: functions, classes, variables, and attributes of self."""
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own(node):
            names.add(node.attr)
    return names


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _private_uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the text of each use of a private name that the module does not define itself."""
    defined = _defined(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_own(node):
            if node.attr not in defined | _PUBLIC_BY_CONVENTION and ast.unparse(node) not in _ALLOWED:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module not in _ALLOWED:
            parts = [*(node.module or "").split("."), *(name.name for name in node.names)]
            if any(map(_is_private, parts)):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            name = ast.unparse(node.args[1]).strip("'\"")
            if _is_private(name) and name not in defined:
                yield node.lineno, ast.unparse(node)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.relative_to(_PACKAGE).as_posix())
def test_no_private_attribute_of_another_module_is_read(path: Path) -> None:
    assert list(_private_uses(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("optimizer._beta1", True),
        ("self.optimizer._beta1", True),
        ('getattr(optimizer, "_beta1")', True),
        ("from irisbp.nn.optimizers import _decay_square", True),
        ("from irisbp._private import name", True),
        ("optimizer._state = 1", True),
        ("self._beta1; cls._make", False),
        ("optimizer.beta1; x.__name__; row._asdict(); os._exit(1)", False),
        ("class A:\n def _own(self): ...\n def f(self, other): return other._own()", False),
    ],
)
def test_the_reading_of_a_private_attribute_is_found(source: str, found: bool) -> None:
    assert bool(list(_private_uses(ast.parse(source)))) == found


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict[str, list[str]](list)
    for path in _FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(_PACKAGE).as_posix())
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
