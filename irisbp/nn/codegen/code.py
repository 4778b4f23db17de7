"""The means of writing compiled code: numbers whose operators write instructions instead of computing.

A `Number` is a vector with one lane for each of the runs trained side by side, or for a single run. No
operation mixes lanes, and none leaves a choice of rounding to the compiler, so that a run's numbers are the
same to the bit in any lane of a vector of any width.

Values known when code is written, such as the widths of layers, are plain Python: an `if` on them leaves out
code that is not needed, and `Code.repeat` writes a short loop's body once for each turn.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, TypeAlias

from llvmlite import ir

DOUBLE, WORD = ir.DoubleType(), ir.IntType(64)
POINTER = ir.PointerType()
Index: TypeAlias = "int | ir.Value"
_ABREAST = 4  # numbers of one lane that are computed together


def _in_lanes(kind: ir.Type, width: int) -> ir.Type:
    # One lane is a plain number, which the compiler may combine with its neighbours in memory.
    return ir.VectorType(kind, width) if width > 1 else kind


class Number:
    """A float64 in each lane of the running program; the other operand may be a plain number."""

    def __init__(self, code: "Code", value: ir.Value) -> None:
        self.code, self.value = code, value

    def __add__(self, other: "Number | float") -> "Number":
        return self._with("fadd", self, other)

    def __sub__(self, other: "Number | float") -> "Number":
        return self._with("fsub", self, other)

    def __rsub__(self, other: float) -> "Number":
        return self._with("fsub", other, self)

    def __mul__(self, other: "Number | float") -> "Number":
        return self._with("fmul", self, other)

    def __truediv__(self, other: "Number | float") -> "Number":
        return self._with("fdiv", self, other)

    def __rtruediv__(self, other: float) -> "Number":
        return self._with("fdiv", other, self)

    def _with(self, instruction: str, left: "Number | float", right: "Number | float") -> "Number":
        code = self.code
        build = getattr(code.builder, instruction)
        return Number(code, build(code.number(left).value, code.number(right).value))


class Variable:
    """A number that the running program changes, such as a sum in a loop."""

    def __init__(self, code: "Code", value: Number | float) -> None:
        self._code, self._place = code, code.room(1)
        self.set(value)

    def get(self) -> Number:
        """The value at this point of the code."""
        return self._code.load(self._place, 0)

    def set(self, value: Number | float) -> None:
        """Change the value from this point of the code on."""
        self._code.store(self._place, 0, self._code.number(value))


class Code:
    """A function that is being written, for numbers of `width` lanes; its body starts empty.

    It takes `arguments` pointers to arrays that do not overlap. fuses is True if the processor multiplies and
    adds in one rounding. Loops of up to `longest` turns are written out.
    """

    def __init__(
        self, module: ir.Module, name: str, width: int, arguments: int, *, fuses: bool, longest: int
    ) -> None:
        self.width, self._fuses, self._longest = width, fuses, longest
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER] * arguments), name)
        for argument in function.args:
            argument.add_attribute("noalias")
        self.arguments = function.args
        self._entry = function.append_basic_block("entry")
        self.builder = ir.IRBuilder(function.append_basic_block("start"))

    @property
    def _lanes(self) -> ir.Type:
        """The type of a number."""
        return _in_lanes(DOUBLE, self.width)

    @property
    def _words(self) -> ir.Type:
        """The type of a number's bits."""
        return _in_lanes(WORD, self.width)

    def finish(self) -> None:
        """End the function."""
        self.builder.ret_void()
        ir.IRBuilder(self._entry).branch(self._entry.function.blocks[1])

    # Numbers

    def number(self, value: Number | float) -> Number:
        """A plain number in all lanes; a Number is returned as it is."""
        if isinstance(value, Number):
            return value
        return Number(self, self._constant(self._lanes, float(value)))

    def spread(self, value: ir.Value) -> Number:
        """A float64 of the running program, copied to all lanes."""
        if self.width == 1:
            return Number(self, value)
        nothing, zero = ir.Constant(self._lanes, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        first = self.builder.insert_element(nothing, value, zero)
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        return Number(self, self.builder.shuffle_vector(first, nothing, zeros))

    def counted(self, index: Index) -> Number:
        """An index as a number in all lanes."""
        if isinstance(index, int):
            return self.number(float(index))
        return self.spread(self.builder.sitofp(index, DOUBLE))

    def fma(self, a: Number, b: Number | float, c: Number | float) -> Number:
        """`a * b + c`, rounded once where the processor can."""
        if not self._fuses:
            return a * b + c
        return self._call("fma", a, self.number(b), self.number(c))

    def sqrt(self, x: Number) -> Number:
        """The square root."""
        return self._call("sqrt", x)

    def absolute(self, x: Number) -> Number:
        """The magnitude."""
        return self._call("fabs", x)

    def _call(self, name: str, *operands: Number) -> Number:
        full = f"llvm.{name}.v{self.width}f64" if self.width > 1 else f"llvm.{name}.f64"
        module = self.builder.module
        function = module.globals.get(full) or ir.Function(
            module, ir.FunctionType(self._lanes, [self._lanes] * len(operands)), full
        )
        return Number(self, self.builder.call(function, [operand.value for operand in operands]))

    def where_greater(
        self, a: Number | float, b: Number | float, x: Number | float, y: Number | float
    ) -> Number:
        """`x` where a > b, else `y`, also where a or b is not a number."""
        return self._where(">", a, b, x, y)

    def where_equal(
        self, a: Number | float, b: Number | float, x: Number | float, y: Number | float
    ) -> Number:
        """`x` where a == b, else `y`, also where a or b is not a number."""
        return self._where("==", a, b, x, y)

    def _where(self, comparison: str, *operands: Number | float) -> Number:
        a, b, x, y = (self.number(operand).value for operand in operands)
        return Number(self, self.builder.select(self.builder.fcmp_ordered(comparison, a, b), x, y))

    def each(
        self, function: Callable[[Number], tuple[Number, ...]], numbers: list[Number]
    ) -> list[tuple[Number, ...]]:
        """The function of each number; with one lane, up to four numbers are computed side by side."""
        if self.width > 1 or len(numbers) == 1:
            return [function(number) for number in numbers]
        return [
            result
            for start in range(0, len(numbers), _ABREAST)
            for result in self._abreast(function, numbers[start : start + _ABREAST])
        ]

    def _abreast(
        self, function: Callable[[Number], tuple[Number, ...]], numbers: list[Number]
    ) -> list[tuple[Number, ...]]:
        wide, build, place = copy(self), self.builder, ir.IntType(32)
        wide.width = _ABREAST
        together = wide.number(0.0)
        for k, number in enumerate(numbers):
            together = wide.lane_of(together, k, number.value)
        results = function(together)
        return [
            tuple(
                Number(self, build.extract_element(result.value, ir.Constant(place, k))) for result in results
            )
            for k in range(len(numbers))
        ]

    # The bits of numbers

    def power_of_two(self, shifted: Number) -> Number:
        """2^k for the whole number k from -1022 to 1023 in the last bits of 1.5 * 2^52 + k."""
        build = self.builder
        bits = build.add(build.bitcast(shifted.value, self._words), self._word(1023))
        return Number(self, build.bitcast(build.shl(bits, self._word(52)), self._lanes))

    def exponent(self, x: Number) -> Number:
        """The k of a normal, positive number 2^k f with 1 <= f < 2."""
        build = self.builder
        biased = build.lshr(build.bitcast(x.value, self._words), self._word(52))
        # With k as its last bits, the float 2^52 becomes 2^52 + k.
        known = build.bitcast(build.or_(biased, self._word(0x433 << 52)), self._lanes)
        return Number(self, known) - (2.0**52 + 1023)

    def fraction(self, x: Number) -> Number:
        """The f of a normal, positive number 2^k f with 1 <= f < 2."""
        build = self.builder
        bits = build.and_(build.bitcast(x.value, self._words), self._word(2**52 - 1))
        return Number(self, build.bitcast(build.or_(bits, self._word(1023 << 52)), self._lanes))

    def _word(self, value: int) -> ir.Constant:
        return self._constant(self._words, value)

    def _constant(self, kind: ir.Type, value: float) -> ir.Constant:
        return ir.Constant(kind, [value] * self.width if self.width > 1 else value)

    # Memory: an index counts numbers, so that lane r of number k is array[k * width + r].

    def room(self, count: int) -> ir.Value:
        """An array of `count` numbers on the stack, for the duration of the call."""
        with self.builder.goto_block(self._entry):
            return self.builder.alloca(self._lanes, count)

    def load(self, array: ir.Value, index: Index) -> Number:
        """Read a number from an array."""
        place = self.builder.gep(array, [self.index(index)], source_etype=self._lanes)
        return Number(self, self.builder.load(place, align=8, typ=self._lanes))

    def store(self, array: ir.Value, index: Index, value: Number) -> None:
        """Write a number into an array."""
        place = self.builder.gep(array, [self.index(index)], source_etype=self._lanes)
        self.builder.store(value.value, place, align=8)

    def lane_of(self, value: Number, lane: int, single: ir.Value) -> Number:
        """The number with one lane replaced by a float64."""
        if self.width == 1:
            return Number(self, single)
        place = ir.Constant(ir.IntType(32), lane)
        return Number(self, self.builder.insert_element(value.value, single, place))

    def read(self, array: ir.Value, index: Index, kind: ir.Type) -> ir.Value:
        """Read an int64 or a float64 from an array that has no lanes."""
        place = self.builder.gep(array, [self.index(index)], source_etype=kind)
        return self.builder.load(place, align=8, typ=kind)

    # Indices, loops and branches

    def index(self, value: Index) -> ir.Value:
        """An index as a value of the running program."""
        return ir.Constant(WORD, value) if isinstance(value, int) else value

    def plus(self, a: Index, b: Index) -> Index:
        """The sum of two indices."""
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        return self.builder.add(self.index(a), self.index(b))

    def times(self, a: Index, b: Index) -> Index:
        """The product of two indices."""
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        return self.builder.mul(self.index(a), self.index(b))

    def is_written_out(self, count: int) -> bool:
        """Return whether a loop of so many turns is written out turn by turn."""
        return count <= self._longest

    def repeat(self, count: int, body: Callable[[Any], None], start: int = 0) -> None:
        """Call body(start), ... body(count - 1), each of which writes code, or write a loop with one body."""
        if self.is_written_out(count - start):
            for k in range(start, count):
                body(k)
        else:
            with self.loop(count, start) as k:
                body(k)

    @contextmanager
    def loop(self, count: Index, start: Index = 0, by: Index = 1) -> Iterator[ir.Value]:
        """A loop of the running program: the code written inside is its body; yields its index."""
        build, bound, first = self.builder, self.index(count), self.index(start)
        before, function = build.block, build.function
        body, after = function.append_basic_block("body"), function.append_basic_block("after")
        build.cbranch(build.icmp_signed("<", first, bound), body, after)
        build.position_at_end(body)
        k = build.phi(WORD)
        k.add_incoming(first, before)
        yield k
        following = build.add(k, self.index(by))
        k.add_incoming(following, build.block)
        build.cbranch(build.icmp_signed("<", following, bound), body, after)
        build.position_at_end(after)

    @contextmanager
    def unless_all_finite(self, x: Number) -> Iterator[None]:
        """A branch: the code written inside runs if a lane is infinite or not a number."""
        zero = (x - x).value
        finite = self.builder.fcmp_ordered("==", zero, self.number(0.0).value)
        with self.builder.if_then(self.builder.not_(self._all(finite)), likely=False):
            yield

    @contextmanager
    def unless_all_above(self, x: Number, bound: float) -> Iterator[None]:
        """A branch: the code written inside runs if a lane is not above a bound."""
        above = self.builder.fcmp_ordered(">", x.value, self.number(bound).value)
        with self.builder.if_then(self.builder.not_(self._all(above)), likely=False):
            yield

    @contextmanager
    def unless_any_above(self, x: Number, bound: float) -> Iterator[None]:
        """A branch: the code written inside runs if no lane is above a bound."""
        above = self.builder.fcmp_ordered(">", x.value, self.number(bound).value)
        with self.builder.if_then(self._all(self.builder.not_(above)), likely=False):
            yield

    def _all(self, flags: ir.Value) -> ir.Value:
        if self.width == 1:
            return flags
        kind = ir.IntType(self.width)
        return self.builder.icmp_unsigned("==", self.builder.bitcast(flags, kind), ir.Constant(kind, -1))
