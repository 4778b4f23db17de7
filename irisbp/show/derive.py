"""An expression's derivative, and what writing out a derivative costs, as text in 80 columns."""

import re
from collections.abc import Sequence

from rich.console import Console

from irisbp.derivations.derivation import ChainPath, Derivation
from irisbp.derivations.growth import Growth
from irisbp.derivations.methods import SUM_OF_PATHS
from irisbp.derivations.slopes import number_text
from irisbp.derivations.system import WHOLE
from irisbp.show.console import print_lines
from irisbp.show.tables import fitted_table

_WIDTH = 80
_MOST_LINES = 12  # of one formula
_PIECE = re.compile(r"\w+(?:\.\w*)?\(?|\*\*|\s+|.")  # of a formula, not to be broken


def print_derivations(console: Console, derivations: Sequence[Derivation]) -> None:
    """Print the question, once; of each variable the chain, if there are parts, the whole, every method."""
    _print_question(console, derivations[0])
    for derivation in derivations:
        if derivation.partials:
            print_lines(console, "")
            _print_chain(console, derivation)
        print_lines(console, "")
        _print_whole(console, derivation)
        print_lines(console, "")
        _print_ways(console, derivation)


def print_growth(console: Console, rows: Sequence[Growth]) -> None:
    """The operations of one derivative written out and by the chain, for each network."""
    columns = {
        "hidden layers": [str(row.layers) for row in rows],
        "width": [str(row.width) for row in rows],
        "written out": [f"{row.written_out:,}" for row in rows],
        "chain": [f"{row.chain:,}" for row in rows],
        "ratio": [f"{row.written_out / row.chain:,.1f}" for row in rows],
        "parameters": [f"{row.parameters:,}" for row in rows],
        "all by chain": [f"{row.all_by_chain:,}" for row in rows],
    }
    print_lines(console, "operations for the derivative of the loss with respect to one first-layer weight")
    order = ("hidden layers", "width", "written out", "chain", "ratio", "all by chain", "parameters")
    console.print(fitted_table(columns, width=console.width, by_importance=order))
    print_lines(console, "")
    print_lines(console, "An operation is one + - * / or one exp, log or sigmoid. Written out, each node's")
    print_lines(console, "formula is repeated in full wherever it is used; the chain keeps each value and")
    print_lines(console, "reuses it. For little more work it gives the derivatives by all parameters.")


def _print_question(console: Console, derivation: Derivation) -> None:
    rows = [*derivation.definitions.items(), (WHOLE, derivation.expression)]
    label = max(len(name) for name, _ in rows)
    for name, source in rows:
        _print_labelled(console, name, " ".join(source.split()), label)
    at = ", ".join(f"{name} = {number_text(value)}" for name, value in derivation.at.items())
    _print_labelled(console, "at", at, label)
    print_lines(console, "")
    for name, value in derivation.values.items():
        print_lines(console, f"{name:<{label}}  = {number_text(value)}")


def _print_chain(console: Console, derivation: Derivation) -> None:
    """Print the factors with their values, then each path's product, then the sum."""
    print_lines(console, "the chain: each part's derivative with respect to what it uses, the rest fixed")
    label = max(len(partial.name) for partial in derivation.partials)
    for partial in derivation.partials:
        print_lines(console, f"{partial.name:<{label}}  = {number_text(partial.value)}")
        if partial.symbolic is not None:
            _print_formula(console, partial.symbolic, "    ")
    print_lines(console, "")
    for path in derivation.paths:
        _print_path(console, path)
    if derivation.path_count != 1:
        count = f"{derivation.path_count} paths"
        print_lines(console, f"sum over {count} = {number_text(derivation.sum_of_paths or 0.0)}")


def _print_path(console: Console, path: ChainPath) -> None:
    pieces = [f"{' * ' * (k > 0)}{factor}" for k, factor in enumerate(path.factors)]
    for k, line in enumerate(_filled(pieces, _WIDTH - 2)):
        print_lines(console, "  " * (k > 0) + line)
    print_lines(console, f"  = {number_text(path.product)}")


def _print_whole(console: Console, derivation: Derivation) -> None:
    put_in = ", with its definitions substituted" if derivation.definitions else ""
    print_lines(console, f"{derivation.name}, in symbols{put_in}")
    if derivation.symbolic is None:
        print_lines(console, f"    {derivation.note}")
    else:
        _print_formula(console, derivation.symbolic, "    ")


def _print_ways(console: Console, derivation: Derivation) -> None:
    shown = [way for way in derivation.ways if derivation.partials or way.method != SUM_OF_PATHS]
    names = {SUM_OF_PATHS: "product of the chain"} if derivation.path_count == 1 else {}
    columns = {
        derivation.name: [names.get(way.method, way.method) for way in shown],
        "value": ["-" if way.value is None else number_text(way.value) for way in shown],
        "digits in common": ["-" if way.digits is None else f"{way.digits:.1f}" for way in shown],
    }
    first = next(iter(columns))
    console.print(fitted_table(columns, width=console.width, by_importance=list(columns), names=[first]))


def _print_formula(console: Console, formula: str, indent: str) -> None:
    """A formula over as many lines as it takes, up to _MOST_LINES."""
    lines = _filled(_PIECE.findall(formula), _WIDTH - len(indent))
    for line in lines[:_MOST_LINES]:
        print_lines(console, indent + line)
    if len(lines) > _MOST_LINES:
        print_lines(console, f"{indent}... {len(lines) - _MOST_LINES} more lines; --json has all")


def _print_labelled(console: Console, name: str, text: str, label: int) -> None:
    lines = _filled(_PIECE.findall(text), _WIDTH - label - 2)
    for k, line in enumerate(lines):
        print_lines(console, f"{name if k == 0 else '':<{label}}  {line}")


def _filled(pieces: Sequence[str], width: int) -> list[str]:
    """Lines of whole pieces, each as full as it gets."""
    lines = [""]
    for piece in pieces:
        if len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]
