"""`irisbp derive`: an expression's derivative, in symbols, in numbers and as a chain."""

import re
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Annotated

import typer

from irisbp.cli.arguments import Json
from irisbp.cli.deferred import new_app
from irisbp.cli.output import print_json
from irisbp.errors import IrisbpError

if TYPE_CHECKING:
    from irisbp.derivations.derivation import System
    from irisbp.derivations.expressions import Expression

_MOST_DEFINITIONS = 50
_SHOWN = 60  # characters of an argument that is no definition
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


app = new_app()


@app.command()
def derive(
    expression: Annotated[
        str,
        typer.Argument(
            metavar="EXPRESSION",
            help="Numbers, names, + - * / **, brackets, and exp, log, sqrt, sin, cos, tan, atan, sinh, cosh,"
            " tanh, sigmoid, softplus, relu, abs. One that begins with - goes after a lone --.",
            show_default=False,
        ),
    ],
    wrt: Annotated[str, typer.Option(metavar="NAME", help="The variable to derive by.", show_default=False)],
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
    from irisbp.derivations.derivation import derive

    derivation = derive(_system(expression, wrt, at, definitions or []))
    if as_json:
        print_json(asdict(derivation))
    else:
        from irisbp.show.console import make_console
        from irisbp.show.derive import print_derivation

        print_derivation(make_console(), derivation)


def _system(expression: str, wrt: str, at: list[str], definitions: list[str]) -> "System":
    """What the arguments say, once they fit together."""
    from irisbp.derivations.arithmetic import refuse_huge_exponents
    from irisbp.derivations.derivation import WHOLE, System
    from irisbp.derivations.expressions import parse

    values = _values(at)
    if len(definitions) > _MOST_DEFINITIONS:
        raise IrisbpError(f"--let: {len(definitions)} definitions; there may be {_MOST_DEFINITIONS}")
    parts: dict[str, Expression] = {}
    for text in definitions:
        name, source = _definition(text)
        if name in parts:
            raise IrisbpError(f"--let {name}: defined twice")
        if name in values:
            raise IrisbpError(f"--at {name}: it is defined by --let, and has no value of its own")
        parts[name] = parse(source, f"--let {name}")
    parts[WHOLE] = parse(expression, WHOLE)
    for part in parts.values():
        refuse_huge_exponents(part)
    _check_names(parts, values, wrt)
    return System(parts, values, wrt)


def _values(at: list[str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for item in (item for option in at for item in option.split(",")):
        name, equals, text = (word.strip() for word in item.partition("="))
        if not equals or not _NUMBER.fullmatch(text):
            raise IrisbpError(f"--at {item[:_SHOWN]}: not of the form NAME=NUMBER, such as w=2.5")
        _check_name("--at", name)
        if name in values:
            raise IrisbpError(f"--at {name}: given twice")
        values[name] = float(text)
        if not isfinite(values[name]):
            raise IrisbpError(f"--at {name}: {text[:_SHOWN]} is out of the range of float64")
    return values


def _definition(text: str) -> tuple[str, str]:
    name, equals, source = text.partition("=")
    if not equals:
        raise IrisbpError(f"--let {text[:_SHOWN]}: not of the form NAME=EXPRESSION, such as a='w*x'")
    _check_name("--let", name.strip())
    return name.strip(), source


def _check_name(option: str, name: str) -> None:
    from irisbp.derivations.derivation import WHOLE
    from irisbp.derivations.expressions import FUNCTIONS, is_name

    if name in FUNCTIONS:
        raise IrisbpError(f"{option} {name}: {name} is a function")
    if name == WHOLE:
        raise IrisbpError(f"{option} {name}: that is what the whole is called")
    if not is_name(name):
        raise IrisbpError(f"{option}: {name[:_SHOWN] or 'nothing'} is not a name")


def _check_names(parts: dict[str, "Expression"], values: dict[str, float], wrt: str) -> None:
    """Every name that is used is known where it is used, and every name that is known is used."""
    from irisbp.derivations.derivation import WHOLE

    known = list(values)
    used: set[str] = set()
    for name, part in parts.items():
        for missing in (word for word in part.names if word not in known):
            raise part.error(part.place_of(missing), _why_unknown(missing, parts))
        used.update(part.names)
        known.append(name)
    for name in known:
        if name not in used and name != WHOLE:
            option = "--let" if name in parts else "--at"
            raise IrisbpError(f"{option} {name}: nothing uses it")
    if wrt in parts:
        raise IrisbpError(f"--wrt {wrt}: it is defined by --let; derive by one of {', '.join(values)}")
    if wrt not in values:
        raise IrisbpError(f"--wrt {wrt[:_SHOWN]}: no such variable; --at gives {', '.join(values)}")


def _why_unknown(name: str, parts: dict[str, "Expression"]) -> str:
    if name in parts:
        return f"{name} is defined only after this"
    return f"{name} has no value; give it one with --at {name}=NUMBER"
