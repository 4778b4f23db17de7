"""Derives an expression: the verb of the library, for which the command line is a shell."""

from irisbp.derivations.derivation import Derivation, derivation_of
from irisbp.derivations.system import Pairs, system_of


def derive(expression: str, *, wrt: str, at: Pairs, let: Pairs | None = None) -> Derivation:
    """Derive an expression by the variable wrt: in symbols, in numbers, and along its definitions.

    An expression has numbers, names, `+ - * / **`, brackets and the functions exp, log, sqrt, sin, cos, tan,
    atan, sinh, cosh, tanh, sigmoid, softplus, relu and abs. at gives each variable a value. let names parts,
    which later parts and the expression may use: `let={"a": "w*x"}`. Nothing is run as Python.

    IrisbpError says what does not fit, or what has no value or no derivative there. At a kink of relu or abs,
    where the derivative from the left is not that from the right, it has both as `left` and `right`. The
    result's `disagreement` names two methods that are further apart than their errors, or is None. Without
    SymPy there are no symbols.
    """
    return derivation_of(system_of(expression, wrt, at, {} if let is None else let))
