"""The numbers of rows at which training code changes its way, and those that a config's batches have."""

from collections.abc import Iterator
from dataclasses import dataclass

from irisbp.nn.activations import MANY as MANY_VALUES
from irisbp.nn.losses import MANY as MANY_POWERS
from irisbp.nn.network import Network
from irisbp.nn.numerics.portable.sizes import AT_ONCE, FEW_NUMBERS, FEW_RESULTS

BATCH = 7
"""The rows of a batch of a size that nothing depends on."""


@dataclass(frozen=True)
class Sizes:
    """Numbers of rows: near for batches of ordinary logits, far where logits need a shift."""

    near: tuple[int, ...] = ()
    far: tuple[int, ...] = ()


def sizes_of(network: Network, batch_size: int, samples: int) -> Sizes:
    """The config's batch size, its short last batch, and both sides of every size at which code changes.

    No batch is larger than an epoch, of so many samples; larger ones are left out.
    """
    own = {batch_size, samples % batch_size} - {0, 1}
    near = own | _both_sides(_turns(network), samples)
    far = own | _both_sides(_powers(network, 1), samples)
    return Sizes(tuple(sorted(near - {BATCH})), tuple(sorted(far)))


def _both_sides(turns: Iterator[int], samples: int) -> set[int]:
    return {rows for turn in turns for rows in (turn - 1, turn) if 1 < rows <= samples}


def _turns(network: Network) -> Iterator[int]:
    """The smallest number of rows for each way of the code but the first."""
    yield from _powers(network, 2)  # the sums of a near row are formed together, two for each
    if network.numerics == "portable":
        yield from _turns_of_portable(network)
    elif network.activation == "sigmoid":
        yield from (_at_least(MANY_VALUES, width) for width in network.hidden)


def _powers(network: Network, sums: int) -> Iterator[int]:
    yield _at_least(MANY_POWERS, sums * network.classes)


def _turns_of_portable(network: Network) -> Iterator[int]:
    for width in {*network.hidden, network.classes}:
        yield FEW_NUMBERS // width + 1  # exponentials of a layer
        yield FEW_RESULTS // width + 1  # results of its products, forwards and backwards
    yield FEW_NUMBERS + 1  # logarithms
    for layer in network.layers:
        block = layer.size
        if block <= FEW_RESULTS:
            yield AT_ONCE // block + 1  # products in a gradient's sums
        for terms, results in ((layer.fan_in + 1, layer.fan_out), (layer.fan_out, layer.fan_in)):
            rows = AT_ONCE // (terms * results) + 1  # products in a layer's sums
            if rows * results <= FEW_RESULTS:
                yield rows


def _at_least(entries: int, in_a_row: int) -> int:
    """The number of rows that have at least so many entries."""
    return -(-entries // in_a_row)
