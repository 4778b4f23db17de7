"""The training loop as compiled code: forward, backward and the update, for runs side by side in lanes.

Branches depend on nothing in which the runs differ, and all numbers of a run are in its lane. The code is
written for one structure: widths are constants, and features that a structure does not have cost nothing.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from llvmlite import ir

from irisbp.nn.codegen.code import DOUBLE, WORD, Code, Index, Number, Variable
from irisbp.nn.codegen.functions import ACTIVATIONS, exp, log1p
from irisbp.nn.codegen.structure import ARGUMENTS, Structure

_WEIGHTS = 6  # where the classes' weights begin among the options
_WRITTEN_OUT = 512  # parameters; with more, loops are not written out, so that compiling is quick


@dataclass(frozen=True)
class _Layer:
    """The arrays of a layer's numbers; block is the index of its first weight among the parameters."""

    fan_in: int
    fan_out: int
    block: int
    inputs: ir.Value
    values: ir.Value
    slopes: ir.Value
    deltas: ir.Value


def write(structure: Structure, name: str, *, fuses: bool) -> str:
    """The training function as LLVM's text; fuses is True if the processor has fused multiply-add."""
    module = ir.Module(name)
    longest = 16 if structure.parameter_count <= _WRITTEN_OUT else 1
    code = Code(module, name, structure.lanes, ARGUMENTS, fuses=fuses, longest=longest)
    _Loop(code, structure).write()
    return str(module)


class _Loop:
    """Writes the loop into a function, whose arguments are arrays in C order.

    plan         int64: epochs, samples, batch size, and 1 if each epoch has its own rows, else 0
    rows         int64: each sample's row of the inputs, (epochs or 1, samples, lanes);
                 for one lane, sample k is row k, and this is not read
    labels       int64: the samples' classes, likewise (samples,) for one lane
    inputs       (rows, features)
    rates        the learning rates, (epochs, lanes)
    options      l2, the limit of the norm, epsilon, the optimizer's two decays, weight_decay, and the
                 classes' weights if there are any, (6 + classes, lanes)
    corrections  the optimizer's factors of each step, (steps, 3), see `structure.corrections_of`
    parameters   (parameters, lanes), changed in place
    memory       the optimizer's, (3, parameters, lanes), changed in place
    results      the number of samples up to and including the first whose loss was not finite, 0 if all were
                 finite, (lanes,); then for one lane each sample's loss and predicted class, (samples, 2),
                 for several each epoch's sum of losses and of hits, (epochs, 2, lanes)
    """

    def __init__(self, code: Code, structure: Structure) -> None:
        self._code, self._structure = code, structure
        (
            self._plan, self._rows, self._labels, self._inputs, self._rates, self._options,
            self._corrections, self._parameters, self._memory, self._results,
        ) = code.arguments  # fmt: skip
        self._count = structure.parameter_count
        self._layers = list(self._make_layers())
        self._at_once = structure.single_samples and not structure.is_clipped
        self._is_plain_descent = (
            structure.optimizer == "sgd" and not structure.variant and not structure.has_penalty
        )
        self._gradient = None if self._at_once else code.room(self._count)
        self._kept = code.room(4 * self._count) if structure.lanes > 1 else None
        self._step = code.builder.alloca(WORD)

    def _make_layers(self) -> "list[_Layer]":
        code, widths, block = self._code, self._structure.widths, 0
        inputs, layers = code.room(widths[0]), []
        for fan_in, fan_out in itertools.pairwise(widths):
            values, slopes, deltas = (code.room(fan_out) for _ in range(3))
            layers.append(_Layer(fan_in, fan_out, block, inputs, values, slopes, deltas))
            inputs, block = values, block + (fan_in + 1) * fan_out
        return layers

    def write(self) -> None:
        """Write the whole function."""
        code, build = self._code, self._code.builder
        epochs, samples, size, has_rows = (code.read(self._plan, k, WORD) for k in range(4))
        build.store(ir.Constant(WORD, 0), self._step)
        self._alive, self._end = Variable(code, 1.0), Variable(code, 0.0)
        self._loss_sum, self._hits = Variable(code, 0.0), Variable(code, 0.0)
        out = build.function.append_basic_block("out")
        with code.loop(epochs) as epoch:
            self._rate = code.load(self._rates, epoch)
            self._downhill = 0.0 - self._rate
            self._loss_sum.set(0.0)
            self._hits.set(0.0)
            first = code.times(code.times(epoch, samples), has_rows)
            done = code.times(epoch, samples)
            if self._structure.single_samples:
                with code.loop(samples) as sample:
                    self._sample(code.plus(first, sample), code.plus(done, sample), epoch, out)
                    self._end_of_batch()
            else:
                with code.loop(samples, by=size) as start:
                    left = build.sub(samples, start)
                    rows = build.select(build.icmp_signed("<", left, size), left, size)
                    self._batch(code.plus(first, start), code.plus(done, start), rows, epoch, out)
            self._write_epoch(epoch)
        build.branch(out)
        build.position_at_end(out)
        code.store(self._results, 0, self._end.get())
        code.finish()

    def _write_epoch(self, epoch: Index) -> None:
        if self._structure.lanes > 1:
            place = self._code.plus(self._code.times(epoch, 2), 1)
            self._code.store(self._results, place, self._loss_sum.get())
            self._code.store(self._results, self._code.plus(place, 1), self._hits.get())

    def _batch(self, at: Index, done: Index, rows: ir.Value, epoch: Index, out: ir.Block) -> None:
        code, gradient = self._code, self._gradient
        self._rows_in_batch = code.counted(rows)
        code.repeat(self._count, lambda n: code.store(gradient, n, code.number(0.0)))
        with code.loop(rows) as k:
            self._sample(code.plus(at, k), code.plus(done, k), epoch, out)
        self._end_of_batch()

    # One sample

    def _sample(self, at: Index, done: Index, epoch: Index, out: ir.Block) -> None:
        """Forward and backward for the sample at a place of the order, after `done` others."""
        code, structure = self._code, self._structure
        label = self._read_sample(at)
        self._forward()
        loss, predicted = self._cross_entropy(label)
        if structure.lanes == 1:
            place = code.plus(code.times(at, 2), 1)
            code.store(self._results, place, loss)
            code.store(self._results, code.plus(place, 1), predicted)
        with code.unless_all_finite(loss):
            self._end_runs(loss, code.counted(code.plus(done, 1)), epoch, out)
        if structure.lanes > 1:
            alive = self._alive.get()
            counted = code.where_greater(alive, 0.5, loss, 0.0)
            self._loss_sum.set(self._loss_sum.get() + counted)
            hit = code.where_equal(predicted, label, alive, 0.0)
            self._hits.set(self._hits.get() + hit)
            if self._at_once:
                self._keep()
        if structure.is_weighted:
            self._weigh(label)
        if structure.is_mean and not structure.single_samples:
            deltas = self._layers[-1].deltas
            code.repeat(
                structure.widths[-1],
                lambda k: code.store(deltas, k, code.load(deltas, k) / self._rows_in_batch),
            )
        self._backward()

    def _read_sample(self, at: Index) -> Number:
        """Copy the inputs to where the first layer reads them; returns the label."""
        code, features = self._code, self._structure.widths[0]
        label, numbers = code.number(0.0), [code.number(0.0)] * features
        inputs = self._layers[0].inputs
        for lane in range(code.width):
            place = code.plus(code.times(at, code.width), lane)
            row = at if code.width == 1 else code.read(self._rows, place, WORD)
            of_row = code.times(row, features)
            label = code.lane_of(
                label, lane, code.builder.sitofp(code.read(self._labels, place, WORD), DOUBLE)
            )
            for i in range(features):
                number = code.read(self._inputs, code.plus(of_row, i), DOUBLE)
                numbers[i] = code.lane_of(numbers[i], lane, number)
        for i in range(features):
            code.store(inputs, i, numbers[i])
        return label

    def _forward(self) -> None:
        """Compute values and slopes of the hidden layers, and the logits."""
        for layer in self._layers:
            self._for_nodes(layer.fan_out, partial(self._nodes, layer))

    def _nodes(self, layer: _Layer, places: Sequence[Index]) -> None:
        code, activate = self._code, ACTIVATIONS[self._structure.activation]
        sums = [self._weighted_sum(layer, j) for j in places]
        if layer is self._layers[-1]:
            for j, total in zip(places, sums, strict=True):
                code.store(layer.values, j, total)
            return
        for j, (value, slope) in zip(places, code.each(activate, sums), strict=True):
            code.store(layer.values, j, value)
            code.store(layer.slopes, j, slope)

    def _for_nodes(self, count: int, body: Callable[[Sequence[Index]], None]) -> None:
        """Write the body for all nodes at once or, in a wide layer, in a loop for one node each."""
        if self._code.is_written_out(count):
            body(range(count))
        else:
            self._code.repeat(count, lambda k: body([k]))

    def _weighted_sum(self, layer: _Layer, j: Index) -> Number:
        code = self._code
        total = Variable(code, code.load(self._parameters, self._place(layer, layer.fan_in, j)))

        def add(i: Index) -> None:
            weight = code.load(self._parameters, self._place(layer, i, j))
            total.set(code.fma(code.load(layer.inputs, i), weight, total.get()))

        code.repeat(layer.fan_in, add)
        return total.get()

    def _place(self, layer: _Layer, i: Index, j: Index) -> Index:
        """The index of the weight from i to j among the parameters; for i = fan_in, of j's bias."""
        code = self._code
        return code.plus(code.plus(code.times(i, layer.fan_out), j), layer.block)

    def _cross_entropy(self, label: Number) -> tuple[Number, Number]:
        """Loss and predicted class, as in `irisbp.nn.losses`; `deltas` becomes the gradient at the logits."""
        code, classes = self._code, self._structure.widths[-1]
        logits, deltas = self._layers[-1].values, self._layers[-1].deltas
        largest, predicted = Variable(code, code.load(logits, 0)), Variable(code, 0.0)
        own = Variable(code, code.load(logits, 0))

        def compare(k: Index) -> None:
            z, number = code.load(logits, k), code.counted(k)
            predicted.set(code.where_greater(z, largest.get(), number, predicted.get()))
            largest.set(code.where_greater(z, largest.get(), z, largest.get()))
            own.set(code.where_equal(label, number, z, own.get()))

        code.repeat(classes, compare, start=1)
        # All, all but the largest, and all but the label's.
        total, others, rest = Variable(code, -0.0), Variable(code, -0.0), Variable(code, -0.0)

        def add(places: Sequence[Index]) -> None:
            distances = [code.load(logits, k) - largest.get() for k in places]
            for k, (power,) in zip(places, code.each(lambda x: (exp(x),), distances), strict=True):
                number = code.counted(k)
                others.set(others.get() + code.where_equal(predicted.get(), number, 0.0, power))
                total.set(total.get() + power)
                rest.set(rest.get() + code.where_equal(label, number, 0.0, power))
                code.store(deltas, k, power)

        self._for_nodes(classes, add)
        inverse, of_label = 1.0 / total.get(), 0.0 - rest.get()

        def derive(k: Index) -> None:
            power = code.where_equal(label, code.counted(k), of_label, code.load(deltas, k))
            code.store(deltas, k, power * inverse)

        code.repeat(classes, derive)
        loss = log1p(others.get(), others.get() + 1.0, inverse)
        distance = code.where_equal(predicted.get(), label, 0.0, largest.get() - own.get())
        return loss + distance, predicted.get()

    def _weigh(self, label: Number) -> None:
        """Multiply the gradient at the logits by the weight of the sample's class."""
        code, deltas, classes = self._code, self._layers[-1].deltas, self._structure.widths[-1]
        weight = Variable(code, self._option(_WEIGHTS))

        def choose(k: Index) -> None:
            of_class = code.load(self._options, code.plus(k, _WEIGHTS))
            weight.set(code.where_equal(label, code.counted(k), of_class, weight.get()))

        code.repeat(classes, choose, start=1)
        code.repeat(classes, lambda k: code.store(deltas, k, code.load(deltas, k) * weight.get()))

    def _end_runs(self, loss: Number, taken: Number, epoch: Index, out: ir.Block) -> None:
        """Record the end of runs whose loss is not finite, and leave the function if no other is left."""
        code, alive = self._code, self._alive.get()
        still = code.where_equal(loss - loss, 0.0, alive, 0.0)
        ends_here = alive - still
        self._end.set(code.where_greater(ends_here, 0.5, taken, self._end.get()))
        self._alive.set(still)
        with code.unless_any_above(still, 0.5):
            self._write_epoch(epoch)
            code.builder.branch(out)

    def _backward(self) -> None:
        """Form the sample's gradient, layer by layer from the output down."""
        for layer in reversed(self._layers):
            if layer is not self._layers[0]:
                self._carry_down(layer, self._layers[self._layers.index(layer) - 1])
            self._take_gradient(layer)

    def _carry_down(self, layer: _Layer, below: _Layer) -> None:
        """Form the deltas of the layer below: these times the weights, times the slopes."""
        code = self._code

        def node(i: Index) -> None:
            total = Variable(code, -0.0)

            def add(j: Index) -> None:
                weight = code.load(self._parameters, self._place(layer, i, j))
                total.set(code.fma(code.load(layer.deltas, j), weight, total.get()))

            code.repeat(layer.fan_out, add)
            code.store(below.deltas, i, total.get() * code.load(below.slopes, i))

        code.repeat(layer.fan_in, node)

    def _take_gradient(self, layer: _Layer) -> None:
        """Add a layer's gradient to the batch's or, for single samples, update the parameters at once."""
        code = self._code

        def take(n: Index, gradient: Number, is_weight: bool) -> None:
            if self._at_once:
                self._update(n, gradient, is_weight)
            elif self._structure.single_samples:
                code.store(self._gradient, n, gradient)
            else:
                code.store(self._gradient, n, code.load(self._gradient, n) + gradient)

        if self._at_once and self._is_plain_descent:
            self._descend(layer)
            return

        def of_input(i: Index) -> None:
            x = code.load(layer.inputs, i)
            code.repeat(
                layer.fan_out,
                lambda j: take(self._place(layer, i, j), x * code.load(layer.deltas, j), True),
            )

        code.repeat(layer.fan_in, of_input)
        code.repeat(
            layer.fan_out,
            lambda j: take(self._place(layer, layer.fan_in, j), code.load(layer.deltas, j), False),
        )

    def _descend(self, layer: _Layer) -> None:
        """Plain gradient descent: a multiply-add for each parameter, once the deltas are known.

        The rate is multiplied last, as in the plain loop: with the largest rates the order decides which
        product overflows.
        """
        code = self._code

        def change(n: Index, gradient: Number) -> None:
            changed = code.fma(gradient, self._downhill, code.load(self._parameters, n))
            code.store(self._parameters, n, changed)

        def of_input(i: Index) -> None:
            x = code.load(layer.inputs, i)
            code.repeat(
                layer.fan_out,
                lambda j: change(self._place(layer, i, j), x * code.load(layer.deltas, j)),
            )

        code.repeat(layer.fan_in, of_input)
        code.repeat(
            layer.fan_out,
            lambda j: change(self._place(layer, layer.fan_in, j), code.load(layer.deltas, j)),
        )

    # The update

    def _end_of_batch(self) -> None:
        """Update the parameters by the batch's gradient, unless that is already done; count the step."""
        code, build = self._code, self._code.builder
        if not self._at_once:
            self._keep()
            if self._structure.is_clipped:
                self._clip()
            for layer in self._layers:
                biases = layer.block + layer.fan_in * layer.fan_out
                code.repeat(biases, partial(self._update_from_batch, is_weight=True), start=layer.block)
                end = biases + layer.fan_out
                code.repeat(end, partial(self._update_from_batch, is_weight=False), start=biases)
        self._restore()
        build.store(build.add(build.load(self._step, typ=WORD), ir.Constant(WORD, 1)), self._step)

    def _update_from_batch(self, n: Index, is_weight: bool) -> None:
        self._update(n, self._code.load(self._gradient, n), is_weight)

    def _keep(self) -> None:
        """Save the state of runs that have ended: their lanes compute on with the others."""
        code = self._code
        if self._kept is None:
            return
        with code.unless_all_above(self._alive.get(), 0.5):
            self._copy(self._parameters, 0, self._kept, 0, self._count)
            self._copy(self._memory, 0, self._kept, self._count, 3 * self._count)

    def _restore(self) -> None:
        """Put back the state of runs that have ended."""
        code = self._code
        if self._kept is None:
            return
        with code.unless_all_above(self._alive.get(), 0.5):
            for target, start, count in (
                (self._parameters, 0, self._count),
                (self._memory, self._count, 3 * self._count),
            ):
                with code.loop(count) as n:
                    kept = code.load(self._kept, code.plus(n, start))
                    now = code.load(target, n)
                    code.store(target, n, code.where_greater(self._alive.get(), 0.5, now, kept))

    def _copy(self, source: ir.Value, start: int, target: ir.Value, to: int, count: int) -> None:
        code = self._code
        with code.loop(count) as n:
            code.store(target, code.plus(n, to), code.load(source, code.plus(n, start)))

    def _clip(self) -> None:
        """Scale the gradient down to the limit of its norm, as `irisbp.nn.optimizers.NormClipping` does."""
        code, gradient = self._code, self._gradient
        limit = code.load(self._options, 1)
        scale = Variable(code, 1.0)
        self._penalized()
        length = Variable(code, self._norm(scale))
        with code.unless_all_finite(length.get()):
            # The squares may overflow where the norm does not.
            largest = Variable(code, 0.0)
            with code.loop(self._count) as n:
                g = code.absolute(code.load(gradient, n))
                largest.set(code.where_greater(g, largest.get(), g, largest.get()))
            scale.set(code.where_equal(length.get(), inf, largest.get(), 1.0))
            length.set(self._norm(scale))
        factor = code.where_greater(length.get(), limit / scale.get(), limit / length.get(), scale.get())
        with code.loop(self._count) as n:
            code.store(gradient, n, code.load(gradient, n) / scale.get() * factor)

    def _norm(self, scale: Variable) -> Number:
        code, total = self._code, Variable(self._code, 0.0)
        with code.loop(self._count) as n:
            g = code.load(self._gradient, n) / scale.get()
            total.set(code.fma(g, g, total.get()))
        return code.sqrt(total.get())

    def _penalized(self) -> None:
        """Add the penalty's gradient, for weights only."""
        code, gradient = self._code, self._gradient
        if not self._structure.has_penalty:
            return
        l2 = code.load(self._options, 0)
        for layer in self._layers:
            with code.loop(layer.block + layer.fan_in * layer.fan_out, start=layer.block) as n:
                penalty = code.load(self._parameters, n) * l2
                code.store(gradient, n, code.load(gradient, n) + penalty)

    def _update(self, n: Index, gradient: Number, is_weight: bool) -> None:
        """Update the n-th parameter and the optimizer's memory of it, as in `irisbp.nn.optimizers`."""
        code, structure = self._code, self._structure
        parameter = code.load(self._parameters, n)
        if structure.has_penalty and is_weight and not structure.is_clipped:
            gradient = gradient + parameter * code.load(self._options, 0)
        change = getattr(self, f"_{structure.optimizer}")(n, gradient)
        if structure.optimizer == "adamw":
            parameter = parameter - parameter * (self._rate * code.load(self._options, 5))
        code.store(self._parameters, n, parameter - change)

    def _option(self, k: int) -> Number:
        return self._code.load(self._options, k)

    def _correction(self, k: int) -> Number:
        code = self._code
        step = code.builder.load(self._step, typ=WORD)
        return code.spread(code.read(self._corrections, code.plus(code.times(step, 3), k), DOUBLE))

    def _remembered(self, which: int, n: Index) -> Index:
        return self._code.plus(n, which * self._count)

    def _decayed(self, which: int, n: Index, value: Number, keep: Number) -> Number:
        code, place = self._code, self._remembered(which, n)
        mean = code.load(self._memory, place) * keep + value * (1.0 - keep)
        code.store(self._memory, place, mean)
        return mean

    def _sgd(self, n: Index, g: Number) -> Number:
        if self._structure.variant:
            momentum = self._option(3)
            velocity = self._code.load(self._memory, n) * momentum + g
            self._code.store(self._memory, n, velocity)
            g = velocity * momentum + g if self._structure.variant == "nesterov" else velocity
        return g * self._rate

    def _rmsprop(self, n: Index, g: Number) -> Number:
        square = self._decayed(0, n, g * g, self._option(3))
        return g * self._rate / (self._code.sqrt(square) + self._option(2))

    def _adagrad(self, n: Index, g: Number) -> Number:
        square = self._code.load(self._memory, n) + g * g
        self._code.store(self._memory, n, square)
        return g * self._rate / (self._code.sqrt(square) + self._option(2))

    def _adadelta(self, n: Index, g: Number) -> Number:
        code, epsilon, rho = self._code, self._option(2), self._option(3)
        root = code.sqrt(self._decayed(0, n, g * g, rho) + epsilon)
        moved = code.load(self._memory, self._remembered(1, n))
        change = code.sqrt(moved + epsilon) / root * g
        self._decayed(1, n, change * change, rho)
        return change * self._rate

    def _moments(self, n: Index, g: Number) -> tuple[Number, Number]:
        """Adam's mean of gradients, and the divisor from the mean of their squares."""
        code = self._code
        mean = self._decayed(0, n, g, self._option(3))
        square = self._decayed(1, n, g * g, self._option(4))
        if self._structure.variant == "amsgrad":
            place = self._remembered(2, n)
            most = code.load(self._memory, place)
            square = code.where_greater(most, square, most, square)
            code.store(self._memory, place, square)
        return mean, code.sqrt(square / self._correction(1)) + self._option(2)

    def _adam(self, n: Index, g: Number) -> Number:
        mean, root = self._moments(n, g)
        return mean / self._correction(0) * self._rate / root

    _adamw = _adam

    def _nadam(self, n: Index, g: Number) -> Number:
        mean, root = self._moments(n, g)
        return (g * self._correction(0) + mean * self._correction(2)) * self._rate / root
