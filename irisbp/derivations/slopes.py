"""A derivative in dual numbers, from both sides: where the two differ, the function has a kink."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isclose

from irisbp.derivations.arithmetic import DUALS, Arithmetic, Dual, evaluate_all
from irisbp.derivations.expressions import Expression, ExpressionError, Kind, Step

_SAME = 1e-12  # relative: sums of slopes are rounded differently to either side


class Kink(ExpressionError):
    """There is no derivative, but two: one from the left and one from the right."""

    def __init__(self, part: Expression, step: Step, derivative: str, left: float, right: float) -> None:
        sides = f"{derivative} is {number_text(left)} from the left and {number_text(right)} from the right"
        super().__init__(part.what, part.source, step.place, f"KINK of {step.text}: {sides}")
        self.left, self.right = left, right


def slope_of(parts: Mapping[str, Expression], at: Mapping[str, float], by: str, derivative: str) -> float:
    """The derivative of the last part by this name; Kink where it has two, ExpressionError where none.

    Parts may use the names of those before them. derivative is its name in messages.
    """
    left, right = evaluate_all(parts, seeded(at, by, -1.0), DUALS), evaluate_all(parts, seeded(at, by), DUALS)
    last = list(parts)[-1]
    if _differ(left[last], right[last]):
        name = next(name for name in parts if _differ(left[name], right[name]))
        step = next(step for step, *sides in _steps(parts[name], left, right) if _differ(*sides))
        raise Kink(parts[name], step, derivative, -left[last].slope, right[last].slope)
    return right[last].slope


def slope_with(
    arithmetic: Arithmetic[Dual], parts: Mapping[str, Expression], at: Mapping[str, float], by: str
) -> float:
    """The derivative of the last part from the right, in an arithmetic of dual numbers."""
    return evaluate_all(parts, seeded(at, by), arithmetic)[list(parts)[-1]].slope


def seeded(at: Mapping[str, float], by: str, slope: float = 1.0) -> dict[str, Dual]:
    """These values as constants, but for the one to derive by, which moves."""
    return {name: Dual(value, slope if name == by else 0.0, name == by) for name, value in at.items()}


def number_text(value: float) -> str:
    """All digits of a float64; a whole number without .0, and no -0."""
    value += 0.0
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)


def _differ(left: Dual, right: Dual) -> bool:
    return not isclose(-left.slope, right.slope, rel_tol=_SAME)


def _steps(
    part: Expression, left: Mapping[str, Dual], right: Mapping[str, Dual]
) -> Iterator[tuple[Step, Dual, Dual]]:
    """Each operation of a part with its result to either side: that of the steps up to it."""
    for k, step in enumerate(part.steps):
        if step.kind is Kind.OPERATION:
            begun = {"": replace(part, steps=part.steps[: k + 1])}
            yield step, evaluate_all(begun, left, DUALS)[""], evaluate_all(begun, right, DUALS)[""]
