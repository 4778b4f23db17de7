"""`irisbp derive`: an expression's derivative, in symbols, in numbers and as a chain."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

import irisbp
from irisbp.cli.arguments import Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.errors import CheckFailed, IrisbpError
from irisbp.show.console import make_console
from irisbp.show.derive import print_derivations

_SHOWN = 60  # characters of an invalid argument
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

app = new_app()


@app.command()
def derive(
    expression: Annotated[
        str,
        typer.Argument(
            metavar="EXPRESSION",
            help="Numbers, names, + - * / **, brackets, and exp, log, sqrt, sin, cos, tan, atan, sinh, cosh,"
            " tanh, sigmoid, softplus, relu, abs. Put -- before one that begins with -.",
            show_default=False,
        ),
    ],
    wrt: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="The variable to differentiate with respect to. Repeatable.",
            show_default=False,
        ),
    ],
    at: Annotated[
        list[str],
        typer.Option(metavar="NAME=NUMBER,...", help="Every variable's value.", show_default=False),
    ],
    definitions: Annotated[
        list[str] | None,
        typer.Option(
            "--let",
            metavar="NAME=EXPRESSION",
            help="Name a part; later ones and the expression may use it. Repeatable, in order.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Derive an expression: in symbols, in numbers, and with --let as a chain of partial derivatives.

    Symbols need SymPy, which comes with pip install 'irisbp[symbolic]'; the rest works without.
    """
    names = _different(wrt)
    values, let = list(map(_value, _items(at))), list(map(_definition, definitions or []))
    derivations = [irisbp.derive(expression, wrt=name, at=values, let=let) for name in names]
    if as_json:
        found = [derivation.as_json() for derivation in derivations]
        print_json(found[0] if len(found) == 1 else {"derivations": found})
    else:
        print_derivations(make_console(), derivations)
    _check(derivations)


def _check(derivations: Sequence[irisbp.Derivation]) -> None:
    """Fail where two methods differ by more than their errors."""
    failed = [derivation for derivation in derivations if derivation.disagreement]
    if failed:
        raise CheckFailed(*(_failure(derivation) for derivation in failed))


def _failure(derivation: irisbp.Derivation) -> str:
    values = {way.method: way.value for way in derivation.ways}
    a, b = derivation.disagreement or ("", "")
    return (
        f"{derivation.name}: {a} ({values[a]!r}) and {b} ({values[b]!r})"
        " disagree by more than rounding and steps explain"
    )


def _different(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if names.count(name) > 1:
            raise IrisbpError(f"--wrt {name[:_SHOWN]}: given twice")
    return names


def _items(at: Iterable[str]) -> Iterable[str]:
    return (item for option in at for item in option.split(","))


def _value(item: str) -> tuple[str, float]:
    name, equals, text = (word.strip() for word in item.partition("="))
    if not equals or not _NUMBER.fullmatch(text):
        raise IrisbpError(f"--at {item[:_SHOWN]}: not of the form NAME=NUMBER, such as w=2.5")
    return name, float(text)


def _definition(text: str) -> tuple[str, str]:
    name, equals, source = text.partition("=")
    if not equals:
        raise IrisbpError(f"--let {text[:_SHOWN]}: not of the form NAME=EXPRESSION, such as a='w*x'")
    return name.strip(), source
