"""The derivative of a system's whole by every method, each with an estimate of its own error."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, log10
from random import Random

from irisbp.derivations.arithmetic import COMPLEXES, DUALS, FLOATS, Arithmetic, evaluate_all
from irisbp.derivations.rounding import ULP, rounding_error, shaken
from irisbp.derivations.slopes import slope_with
from irisbp.derivations.system import WHOLE, System
from irisbp.errors import IrisbpError

SUM_OF_PATHS = "sum of the paths"
_MOST_DIGITS = 16.0
_CUBE_ROOT_OF_EPSILON = 2.0**-17
_COMPLEX_STEP = 2.0**-70
_TINY = 2.0**-900  # steps do not vanish
_PLACES = (-1.0, -0.7, -0.4, -0.1, 0.1, 0.4, 0.7, 1.0)  # in units of a central difference's step


@dataclass(frozen=True)
class MethodResult:
    """The derivative of the whole by one method; value is None where the method gives none.

    error is an estimate of how far it may be off by rounding and by its step, None where there is none.
    """

    method: str
    value: float | None
    error: float | None = None
    digits: float | None = None  # in common with the first method that has a value


def results_of(
    system: System, exact: float | None, dual: float, sum_of_paths: float | None
) -> list[MethodResult]:
    """Every method's derivative, the most trustworthy first; exact is the symbolic one's value."""
    found: list[tuple[str, float | None, float]] = []
    if exact is not None:
        found.append(("symbolic", exact, ULP * abs(exact)))
    found.append(("dual numbers", dual, rounding_error(dual, lambda random: _dual(system, random))))
    if sum_of_paths is not None:
        error = rounding_error(sum_of_paths, lambda random: _sum_of_paths(system, random))
        found.append((SUM_OF_PATHS, sum_of_paths, error))
    found.append(("complex step", *_complex_step(system)))
    found.append(("central difference", *_central_difference(system)))
    return _compared(found)


def disagreement(results: Sequence[MethodResult]) -> tuple[str, str] | None:
    """The first two methods whose values are further apart than their errors, added; None if all agree."""
    for k, b in enumerate(results):
        for a in results[:k]:
            if a.value is None or b.value is None or a.error is None or b.error is None:
                continue
            if abs(a.value - b.value) > a.error + b.error:
                return a.method, b.method
    return None


def digits_in_common(a: float, b: float) -> float:
    """The number of leading decimal digits that two numbers share: -log10 of their relative distance."""
    if a == b:
        return _MOST_DIGITS
    distance = abs(a - b) / max(abs(a), abs(b))
    return max(0.0, min(_MOST_DIGITS, -log10(distance)))


def totals_of(wrt: str, factors: Iterable[tuple[str, str, float]]) -> dict[str, float]:
    """Each part's derivative by the variable, from its factors: the part, what it uses, the slope."""
    total = {wrt: 1.0}
    for name, by, slope in factors:  # in the order of the definitions
        total[name] = total.get(name, 0.0) + slope * total[by]
    return total


def _compared(found: Sequence[tuple[str, float | None, float]]) -> list[MethodResult]:
    """The results, without numbers that are not finite."""
    values = {method: value if value is not None and isfinite(value) else None for method, value, _ in found}
    first, best = next((method, value) for method, value in values.items() if value is not None)
    return [
        MethodResult(
            method,
            value := values[method],
            error if value is not None and isfinite(error) else None,
            None if value is None or method == first else digits_in_common(value, best),
        )
        for method, _, error in found
    ]


def _dual(system: System, random: Random) -> float:
    return slope_with(shaken(DUALS, random), system.parts, system.at, system.wrt)


def _sum_of_paths(system: System, random: Random) -> float:
    values = evaluate_all(system.parts, system.at, shaken(FLOATS, random))
    duals = shaken(DUALS, random)
    factors = [
        (name, by, slope_with(duals, {name: system.parts[name]}, values, by)) for name, by in system.factors()
    ]
    return totals_of(system.wrt, factors)[WHOLE]


def _complex_step(system: System) -> tuple[float | None, float]:
    """The derivative and its error; another step shows whether it depends on the step."""
    at = system.at[system.wrt]
    step = _COMPLEX_STEP * (max(abs(at), _TINY) if at else 1.0)
    try:
        value = _imaginary(system, step, COMPLEXES)
        by_step = 2 * abs(value - _imaginary(system, step / 16, COMPLEXES))
    except IrisbpError:
        return None, inf
    rounding = rounding_error(value, lambda random: _imaginary(system, step, shaken(COMPLEXES, random)), step)
    return value, by_step + rounding


def _imaginary(system: System, step: float, arithmetic: Arithmetic[complex]) -> float:
    moved = {name: complex(value) for name, value in system.at.items()}
    moved[system.wrt] += complex(0.0, step)
    return evaluate_all(system.parts, moved, arithmetic)[WHOLE].imag / step


def _central_difference(system: System) -> tuple[float | None, float]:
    """The derivative and its error: a mean of the slopes between the two places is one of them."""
    at = system.at[system.wrt]
    step = _CUBE_ROOT_OF_EPSILON * max(abs(at), 1.0)
    ends = [system.at | {system.wrt: moved} for moved in (at + step, at - step)]
    width = ends[0][system.wrt] - ends[1][system.wrt]
    try:
        above, below = (evaluate_all(system.parts, end, FLOATS)[WHOLE] for end in ends)
    except IrisbpError:
        return None, inf
    value = (above - below) / width
    rounding = sum(_error_of_value(system, end, y) for end, y in zip(ends, (above, below), strict=True))
    return value, 2 * _spread_of_slopes(system, step, value) + rounding / width + ULP * abs(value)


def _error_of_value(system: System, at: Mapping[str, float], value: float) -> float:
    return rounding_error(value, lambda random: evaluate_all(system.parts, at, shaken(FLOATS, random))[WHOLE])


def _spread_of_slopes(system: System, step: float, value: float) -> float:
    """The largest distance of a slope within the step from this value; inf where one has none."""
    at, wrt = system.at, system.wrt
    places = [at | {wrt: at[wrt] + part * step} for part in (*_PLACES, 0.0)]
    try:
        return max(abs(slope_with(DUALS, system.parts, place, wrt) - value) for place in places)
    except IrisbpError:
        return inf
